"""From the bytes of a zip to those of its files, in memory only and within limits.

Nothing is ever written: a name is a label here and no path. Which of the files are of use is for
the caller to say; the others are never unpacked.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from movie_assets.serving.imports.errors import (
    DamagedExportError,
    EncryptedExportError,
    ExportTooLargeError,
)
from movie_assets.serving.imports.values import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from movie_assets.serving.imports.entries import Limits

_ENTRY_OF_DIRECTORY = b"PK\x01\x02"
_BLOCK = 65_536
_RATIO_FROM = 1_000_000  # bytes: below, even the worst ratio does no harm
#: What the standard library raises of zips that are cut, changed or of unknown kinds.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # zipfile's word for a way of packing that it does not know
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def is_zip(data: bytes) -> bool:
    """Whether a file is meant to be a zip, be it damaged."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


class Archive:
    """A zip.

    Attributes:
        names: of its files, with slashes, those left out that point out of the folder.
    """

    def __init__(self, data: bytes, file: str, limits: Limits) -> None:
        """Read the list of files.

        Raises:
            DamagedExportError: where it is no whole zip.
            ExportTooLargeError: where it has more files than ``limits.files``.
        """
        self._file, self._limits = file, limits
        # Before the list is read: each entry takes a hundred times the bytes of its signature.
        if data.count(_ENTRY_OF_DIRECTORY) > limits.files:
            raise ExportTooLargeError(f"{file} has more than {limits.files:,} files.")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as error:
            raise self._damaged(error) from None
        self._members = {
            name: member
            for member in self._zip.infolist()
            if (name := _safe_name(member)) is not None
        }
        self.names = tuple(self._members)

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Unpack files of ``names``, one after the other.

        Raises:
            DamagedExportError: where one cannot be unpacked.
            EncryptedExportError: where one has a password.
            ExportTooLargeError: where they unpack to more than the limits, or are packed more
                tightly than any text is.
        """
        left = self._limits.unpacked_bytes
        for name in names:
            data = self._unpacked(name, self._members[name], left)
            left -= len(data)
            yield name, data

    def _unpacked(self, name: str, member: zipfile.ZipInfo, left: int) -> bytes:
        if member.flag_bits & 0x1:
            raise EncryptedExportError(f"{self._file} has a password. Send it without one.")
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise DamagedExportError(
                f"{shortened(name)} in {self._file} is packed in an unusual way. Unpack the zip "
                "and send the csv."
            )
        blocks, size = [], 0
        most = max(_RATIO_FROM, self._limits.ratio * member.compress_size)
        try:
            with self._zip.open(member) as packed:
                while block := packed.read(_BLOCK):
                    blocks.append(block)
                    size += len(block)
                    if size > min(left, most):
                        break
        except _DAMAGE as error:
            raise self._damaged(error) from None
        if size > left:
            raise ExportTooLargeError(
                f"{self._file} unpacks to more than {self._limits.unpacked_bytes:,} bytes."
            )
        if size > most:
            raise ExportTooLargeError(
                f"{shortened(name)} in {self._file} unpacks to more than {self._limits.ratio} "
                "times its size: no export does."
            )
        return b"".join(blocks)

    def _damaged(self, error: BaseException) -> DamagedExportError:
        reason = shortened(str(error)) or type(error).__name__
        return DamagedExportError(
            f"{self._file} is a damaged zip ({reason}). Download the export again."
        )


def _safe_name(member: zipfile.ZipInfo) -> str | None:
    """A file's path with slashes; None for folders and for what points out of the zip's folder."""
    name = member.filename.replace("\\", "/")
    parts = name.split("/")
    if name.endswith("/") or name.startswith("/") or ".." in parts or ":" in parts[0]:
        return None
    return name
