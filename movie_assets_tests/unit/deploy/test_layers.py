"""What deploy/checks/layers.py finds in an image's archive."""

from __future__ import annotations

import io
import json
import runpy
import tarfile
from pathlib import Path
from typing import Any

import pytest

LAYERS = Path(__file__).parents[3] / "deploy/checks/layers.py"
CANARY = "a-canary"
CONFIG: dict[str, Any] = {
    "User": "10001:10001",
    "Healthcheck": {"Test": ["CMD", "true"]},
    "Cmd": ["movie-assets"],
    "ExposedPorts": {"8000/tcp": {}},
    "Env": ["PATH=/bin"],
    "Labels": {
        f"org.opencontainers.image.{label}": "x"
        for label in ("title", "description", "licenses", "version", "revision", "documentation")
    },
}


def added(archive: tarfile.TarFile, name: str, content: bytes, **attributes: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    archive.addfile(member, io.BytesIO(content))


def layer(*files: tuple[str, bytes, dict[str, int]]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text, attributes in files:
            added(archive, name, text, **attributes)
    return content.getvalue()


def elf(machine: int) -> bytes:
    """The start of a program or library for a processor, by its number in ELF headers."""
    return b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + machine.to_bytes(2, "little") + bytes(44)


def judged(
    folder: Path, config: dict[str, Any], *layers: bytes, architecture: str = "amd64"
) -> int:
    """The exit code for an image of these layers, the first being its base."""
    file = folder / "image.tar"
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    with tarfile.open(file, "w") as archive:
        added(
            archive,
            "config.json",
            json.dumps({"config": config, "architecture": architecture}).encode(),
        )
        manifest = [{"Config": "config.json", "Layers": names}]
        added(archive, "manifest.json", json.dumps(manifest).encode())
        for name, content in zip(names, layers, strict=True):
            added(archive, name, content)
    code: int = runpy.run_path(str(LAYERS))["main"](str(file), "1", CANARY)
    return code


BASE = layer(("usr/bin/su", b"", {"mode": 0o4755}), ("root/.profile", b"", {}))


def test_an_image_without_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = layer(("opt/x.py", b"x = 1", {}), ("data", b"", {"uid": 10001, "gid": 10001}))
    assert judged(tmp_path, CONFIG, BASE, ours) == 0
    assert "nothing in a layer that must not be there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (("opt/x.py", b"key = 'a-canary'", {}), "/opt/x.py holds 'a-canary'"),
        (("opt/big", b"." * ((1 << 20) - 3) + b"a-canary", {}), "/opt/big holds 'a-canary'"),
        (("app/.env", b"", {}), "/app/.env must not be in the image"),
        (("etc/pip.conf", b"", {}), "/etc/pip.conf must not be in the image"),
        (("src/setup.cfg", b"", {}), "/src/setup.cfg must not be in the image"),
        (("opt/su", b"", {"mode": 0o4755}), "/opt/su runs as another user"),
        (("opt/x", b"", {"mode": 0o666}), "/opt/x can be written by everybody"),
        (("opt/x", b"", {"uid": 10001}), "/opt/x belongs to 10001:0"),
    ],
)
def test_a_file_that_must_not_be_there(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: tuple[str, bytes, dict[str, int]],
    told: str,
) -> None:
    assert judged(tmp_path, CONFIG, BASE, layer(file)) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"User": ""}, "the user is no number, or root"),
        ({"User": "movies"}, "the user is no number, or root"),
        ({"User": "0:0"}, "the user is no number, or root"),
        ({"Healthcheck": None}, "there is no health check"),
        ({"Cmd": None}, "there is no command"),
        ({"ExposedPorts": {}}, "port 8000 is not exposed"),
        ({"Labels": None}, "a label is missing"),
        ({"Env": ["TMDB_API_KEY=k3y"]}, "a variable looks like a secret"),
    ],
)
def test_settings_that_are_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], told: str
) -> None:
    assert judged(tmp_path, CONFIG | change, BASE, layer()) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("architecture", "other", "exit_code"),
    [("amd64", 62, 0), ("amd64", 183, 1), ("arm64", 183, 0), ("arm64", 62, 1)],
)
def test_what_is_for_another_processor(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    architecture: str,
    other: int,
    exit_code: int,
) -> None:
    debugger = "opt/debugpy/_vendored/pydevd/attach_linux_amd64.so"  # the same for all
    ours = layer(("opt/x.so", elf(other), {}), (debugger, elf(62), {}))
    assert judged(tmp_path, CONFIG, layer(), ours, architecture=architecture) == exit_code
    told = capsys.readouterr().err
    assert ("/opt/x.so is for another processor" in told) == bool(exit_code)
    assert "attach_linux" not in told


def test_a_secret_in_the_base_is_found_too(tmp_path: Path) -> None:
    assert judged(tmp_path, CONFIG, layer(("x", b"a-canary", {})), layer()) == 1
