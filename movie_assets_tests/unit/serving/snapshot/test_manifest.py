from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from movie_assets.serving.snapshot import Manifest, SnapshotError, layout
from movie_assets.serving.snapshot.manifest import FileEntry, read_manifest

FOLDER = Path("published/x")
FILES = {
    "films.arrow": FileEntry(bytes=10, blake3="a" * 64),
    "titles/index": FileEntry(bytes=3, blake3="b" * 64),
}


def manifest_of(**other: Any) -> Manifest:
    values = {
        "format": layout.FORMAT,
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "films": 1, "pairs": 2, "terms": 3, "reasons": 4, "fields": ("text",),
        "genres": ("Drama",), "languages": ("en",), "signals": (), "titles_format": 1,
        "files": FILES,
    }  # fmt: skip
    return Manifest(**(values | other)).sealed()


def raw(tmp_path: Path, manifest: Manifest) -> dict[str, Any]:
    manifest.write(tmp_path)
    found: dict[str, Any] = json.loads((tmp_path / "manifest.json").read_bytes())
    return found


def test_what_is_written_is_read(tmp_path: Path) -> None:
    manifest = manifest_of(run_id="a run", refreshed_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert read_manifest(FOLDER, json.dumps(raw(tmp_path, manifest)).encode()) == manifest
    assert manifest.bytes == 13


def test_the_name_is_of_the_content_alone() -> None:
    name = manifest_of().name
    assert layout.NAME.fullmatch(name)
    later = manifest_of(created_at=datetime(2027, 1, 1, tzinfo=UTC), run_id="another")
    index = FileEntry(bytes=4, blake3="c" * 64)
    assert later.name == manifest_of(files=FILES | {"titles/index": index}).name == name
    others = [
        manifest_of(files=FILES | {"films.arrow": FileEntry(bytes=10, blake3="d" * 64)}),
        manifest_of(files=FILES | {"more.npy": FileEntry(bytes=1, blake3="a" * 64)}),
        manifest_of(titles_format=2),
        manifest_of(fields=("genres",)),
    ]
    assert len({name, *(other.name for other in others)}) == 5


@pytest.mark.parametrize("version", [layout.FORMAT + 1, 99])
def test_a_newer_format_asks_for_an_upgrade_whatever_else_it_says(version: int) -> None:
    text = json.dumps({"format": version, "quite": "another shape"}).encode()
    with pytest.raises(SnapshotError, match="upgrade movie_assets"):
        read_manifest(FOLDER, text)


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5])
def test_another_format_is_to_be_published_again(version: object) -> None:
    with pytest.raises(SnapshotError, match=r"of format .*movie-assets build"):
        read_manifest(FOLDER, json.dumps({"format": version}).encode())


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'{"films": 1}', b"\xff\xfe", b"[" * 100_000, b"\0" * 9]
)
def test_what_is_no_manifest_is_damaged(text: bytes) -> None:
    with pytest.raises(SnapshotError, match=r"manifest.json is damaged.*movie-assets build"):
        read_manifest(FOLDER, text)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("films", 2, "checksum"),
        ("run_id", "somebody", "checksum"),
        ("created_at", "2026-01-02T00:00:00Z", None),
        ("created_at", "2026-01-02T00:00:00", "created_at"),
        ("films", -1, "films"),
        ("files", {"a": {"bytes": 1, "blake3": "no"}}, "files"),
        ("checksum", "0" * 64, "checksum"),
    ],
)
def test_what_was_changed_is_damaged(
    tmp_path: Path, field: str, value: object, words: str | None
) -> None:
    text = json.dumps(raw(tmp_path, manifest_of()) | {field: value}).encode()
    if words is None:  # the same in other words
        assert read_manifest(FOLDER, text) == manifest_of()
        return
    with pytest.raises(SnapshotError, match=f"damaged.*{words}"):
        read_manifest(FOLDER, text)
