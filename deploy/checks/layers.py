"""What is in an image, layer by layer: nothing that must not be there, and the settings it needs.

Its programs and libraries must be for the processor that it says it is for.

Reads an archive as ``buildah push IMAGE docker-archive:FILE`` or ``docker save`` writes it. Whether
the image runs is for ``running.py``.

    layers.py IMAGE.tar BASE_LAYERS CANARY [CANARY ...]

BASE_LAYERS says how many layers are the base image's, which is not ours to judge. Each CANARY is
text that lay around when the image was built, and must be in no layer.
"""

from __future__ import annotations

import json
import re
import stat
import sys
import tarfile
from pathlib import PurePosixPath
from typing import Any

#: Files that hold what is nobody else's business.
_PRIVATE = {".env", ".git", ".netrc", ".npmrc", ".pypirc", "id_ed25519", "id_rsa", "pip.conf"}
_WRITABLE = {"data", "data/published", "var/cache/movie-assets"}
_LABELS = ("title", "description", "licenses", "version", "revision", "documentation")
_CHUNK = 1 << 20
_ELF_HEADER = 64
#: What the ELF header says, by the name that images have for a processor.
_MACHINES = {"amd64": 62, "arm64": 183}
#: debugpy brings these to every processor, and loads them by name on their own only.
_FOR_ANY = re.compile(r"debugpy/.*/attach_linux_\w+\.so$")


def main(archive: str, base_layers: str, *canaries: str) -> int:
    """Check an archive and print what was found.

    Returns:
        The exit code: 1 where anything is wrong.
    """
    wrong: list[str] = []
    with tarfile.open(archive) as outer:
        manifest = _json(outer, "manifest.json")[0]
        image = _json(outer, manifest["Config"])
        wrong += _wrong_settings(image["config"])
        machine = _MACHINES[image["architecture"]]
        total = 0
        for number, name in enumerate(manifest["Layers"]):
            layer = outer.extractfile(name)
            assert layer is not None
            with tarfile.open(fileobj=layer, mode="r|*") as inner:
                size, found = _look(inner, canaries, machine, ours=number >= int(base_layers))
            total += size
            wrong += [f"layer {number}: {what}" for what in found]
            print(f"  layer {number}: {size / 1e6:,.0f} MB")
    for what in wrong:
        print(f"WRONG {what}", file=sys.stderr)
    if not wrong:
        print(f"ok    {total / 1e6:,.0f} MB, nothing in a layer that must not be there")
    return 1 if wrong else 0


def _json(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None
    return json.load(file)


def _wrong_settings(config: dict[str, Any]) -> list[str]:
    user, _, group = config.get("User", "").partition(":")
    labels = config.get("Labels") or {}
    return [
        what
        for what, is_wrong in {
            "the user is no number, or root": not (
                user.isdigit() and group.isdigit() and int(user)
            ),
            "there is no health check": not (config.get("Healthcheck") or {}).get("Test"),
            "there is no command": not config.get("Cmd"),
            "port 8000 is not exposed": "8000/tcp" not in config.get("ExposedPorts", {}),
            "a label is missing": any(
                not labels.get(f"org.opencontainers.image.{label}") for label in _LABELS
            ),
            "a variable looks like a secret": any(
                word in variable.partition("=")[0]
                for variable in config.get("Env", ())
                for word in ("KEY", "TOKEN", "SECRET", "PASSWORD", "WEBHOOK")
            ),
        }.items()
        if is_wrong
    ]


def _look(
    layer: tarfile.TarFile, canaries: tuple[str, ...], machine: int, *, ours: bool
) -> tuple[int, list[str]]:
    size, wrong = 0, []
    for member in layer:
        name = member.name.removeprefix("./").rstrip("/")
        if ours:
            wrong += [f"/{name} {what}" for what in _wrong_entry(member, name)]
        if member.isfile():
            size += member.size
            content = layer.extractfile(member)
            assert content is not None
            start = content.read(_ELF_HEADER)
            if _is_foreign(start, machine) and not _FOR_ANY.search(name):
                wrong.append(f"/{name} is for another processor")
            wrong += [f"/{name} holds {canary!r}" for canary in _held(start, content, canaries)]
    return size, wrong


def _wrong_entry(member: tarfile.TarInfo, name: str) -> list[str]:
    wrong = []
    if PurePosixPath(name).name in _PRIVATE or name.startswith(("src/", "root/.", "run/secrets/")):
        wrong.append("must not be in the image")
    if member.mode & (stat.S_ISUID | stat.S_ISGID) and member.isfile():
        wrong.append("runs as another user than who starts it")
    if member.mode & stat.S_IWOTH and not member.issym() and name != "tmp":
        wrong.append("can be written by everybody")
    if (member.uid or member.gid) and name not in _WRITABLE and not name.startswith("etc/"):
        wrong.append(f"belongs to {member.uid}:{member.gid}, who runs the image")
    return wrong


def _is_foreign(start: bytes, machine: int) -> bool:
    return start[:4] == b"\x7fELF" and int.from_bytes(start[18:20], "little") != machine


def _held(start: bytes, content: Any, canaries: tuple[str, ...]) -> list[str]:
    """The canaries in a file, whose start was read; also where one stands across two chunks."""
    found: set[str] = set()
    longest = max((len(canary) for canary in canaries), default=1)
    window = start
    while True:
        found |= {canary for canary in canaries if canary.encode() in window}
        if not (chunk := content.read(_CHUNK)):
            return sorted(found)
        window = window[-longest:] + chunk


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
