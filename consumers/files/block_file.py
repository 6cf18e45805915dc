"""Records of the blocks topic in a file, so that what was watched can be watched again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from consumers.files.files import FileError

_MAGIC = b"stream-monitor blocks 1\n"
_RECORD = struct.Struct("<IQI")


class BlockRecord(NamedTuple):
    """A record of blocks and where it was."""

    partition: int
    offset: int
    value: bytes


class BlockFile:
    """Writes records, in order within each partition."""

    def __init__(self, path: Path | str) -> None:
        self._file = Path(path).open("wb")  # noqa: SIM115  # closed by __exit__
        self._file.write(_MAGIC)

    def __enter__(self) -> BlockFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def write(self, record: BlockRecord) -> None:
        """Appends a record: partition, offset, length and bytes."""
        self._file.write(_RECORD.pack(record.partition, record.offset, len(record.value)))
        self._file.write(record.value)


def block_records(path: Path | str) -> Iterator[BlockRecord]:
    """The records of a file; raises FileError where it is none or ends within a record."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise FileError(f"{path}: not a file of blocks")
            while head := file.read(_RECORD.size):
                yield _record(path, head, file)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None


def _record(path: Path | str, head: bytes, file: BinaryIO) -> BlockRecord:
    if len(head) == _RECORD.size:
        partition, offset, length = _RECORD.unpack(head)
        value = file.read(length)
        if len(value) == length:
            return BlockRecord(partition, offset, value)
    raise FileError(f"{path}: ends within a record")
