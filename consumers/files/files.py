"""Events in files: JSON lines, CSV and Parquet, as the JSON of one event after the other."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from consumers.wire.event import GROUPS, STRUCTS
from stream_monitor.config.deployment import Config
from stream_monitor.config.stream import StreamConfig

Cells = Callable[[dict[str, Any]], dict[str, Any]]

FORMATS = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".csv", ".csv.gz", ".parquet")
_ROWS = 1_000
_FIELDS = frozenset(name for struct in STRUCTS.values() for name in struct.__struct_fields__)
_TEXTS = frozenset({"prediction_id", "model", "version", "origin", "op", "status"})
"""Columns whose cells are not numbers, whatever they look like."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {
    "true": True,
    "false": False,
    "nan": None,
    "inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "-infinity": -math.inf,
}
_ENCODING = "not in UTF-8, the one encoding that is read; convert it first"
_MEMBER = re.compile(r"(features?|scores|segments?)[:.](.+)", re.DOTALL)
_GROUP_OF = {"feature": "features", "segment": "segments"}


class FileError(ValueError):
    """A file that cannot be read, and why."""


def events(path: Path | str, mapped: bool = False) -> Iterator[bytes]:
    """The events of a file, one by one, each as JSON.

    In tables, columns that are no field of ours are features, empty cells are missing, and `feature:x`, `segment:x` and
    `scores:x` say where they belong; if `mapped`, the columns stay as they are, because the configuration says where to look.
    Raises FileError.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: {'a directory, and not a file' if path.is_dir() else 'no such file'}")
    name = path.name.lower()
    if not name.endswith(FORMATS):
        raise FileError(f"{path}: not a file of events; they end in {', '.join(FORMATS)}")
    placed: Cells = (lambda cells: cells) if mapped else _placed
    if name.endswith(".parquet"):
        return _parquet(path, placed)
    return _csv(path, placed) if ".csv" in name else _lines(path)


def references(config: Config) -> dict[str, Iterator[bytes]]:
    """The events of the reference files of all streams that have one; raises FileError."""
    return {name: reference_of(name, stream) for name, stream in config.streams.items() if stream.reference.file is not None}


def reference_of(name: str, stream: StreamConfig) -> Iterator[bytes]:
    """The events of the reference file of a stream that has one; raises FileError."""
    try:
        return events(str(stream.reference.file), bool(stream.predictions.fields))
    except (FileError, OSError) as error:
        raise FileError(f"streams.{name}.reference.file: cannot be read: {_why(error, stream)}") from None


def unreadable(config: Config) -> Iterator[tuple[str, str]]:
    """Each stream whose reference file cannot be read, and why; nothing but its first row is tried."""
    for name, stream in config.streams.items():
        if stream.reference.file is not None:
            try:
                next(events(stream.reference.file, bool(stream.predictions.fields)), None)
            except (FileError, OSError) as error:
                yield name, _why(error, stream)


def _why(error: Exception, stream: StreamConfig) -> str:
    """What is wrong with a reference file, without its name, which a variable may hold."""
    return getattr(error, "strerror", None) or str(error).removeprefix(f"{Path(str(stream.reference.file))}: ")


def _open(path: Path) -> BinaryIO:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]  # it is one


def _lines(path: Path) -> Iterator[bytes]:
    with _open(path) as file:
        try:
            for number, line in enumerate(file):
                if number == 0 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise FileError(f"{path}: {_ENCODING}")
                if text := (line if number else line.removeprefix(codecs.BOM_UTF8)).strip():
                    yield text
        except (OSError, EOFError) as error:
            raise FileError(f"{path}: {error}") from None


def _csv(path: Path, placed: Cells) -> Iterator[bytes]:
    """Rows of a table; a row that is not as wide as the table is passed on as it is, which is no event."""
    with _open(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            columns = next(rows, [])
            if len(columns) == 1 and (other := next((one for one in ";\t|" if one in columns[0]), None)):
                raise FileError(f"{path}: columns are separated by {other!r}; it takes commas")
            for row in rows:
                if len(row) == len(columns):
                    yield _json(placed({name: _cell(name, text) for name, text in zip(columns, row) if text != ""}))
                elif row:
                    yield ",".join(row).encode()
        except UnicodeDecodeError:
            raise FileError(f"{path}: {_ENCODING}") from None
        except (csv.Error, OSError, EOFError) as error:
            raise FileError(f"{path}: line {rows.line_num}: {type(error).__name__}: {error}") from None


def _parquet(path: Path, placed: Cells) -> Iterator[bytes]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise FileError(f"{path}: Parquet needs pyarrow; install stream-monitor[parquet]") from None
    try:
        with closing(parquet.ParquetFile(path)) as file:
            for batch in file.iter_batches(_ROWS):
                for row in batch.to_pylist():
                    yield _json(placed({name: value for name, value in map(_plain, row.items()) if value is not None}))
    except (ArrowException, OSError) as error:
        raise FileError(f"{path}: {str(error).splitlines()[0]}") from None


def _placed(cells: dict[str, Any]) -> dict[str, Any]:
    """The cells of a row where an event has them."""
    event: dict[str, Any] = {name: dict(cells[name]) for name in GROUPS if isinstance(cells.get(name), dict)}
    for name, value in cells.items():
        if name in event:
            continue
        if member := _MEMBER.fullmatch(name):
            event.setdefault(_GROUP_OF.get(member[1], member[1]), {})[member[2]] = value
        elif name in _FIELDS:
            event[name] = value
        else:
            event.setdefault("features", {})[name] = value
    return event


def _cell(column: str, text: str) -> Any:
    """What a cell says: a number, a truth value or a text."""
    if column in _TEXTS or column.startswith("segment"):
        return text
    if _NUMBER.fullmatch(text):
        return json.loads(text)
    return _WORDS.get(text.lower(), text)


def _plain(item: tuple[str, Any]) -> tuple[str, Any]:
    """A value as JSON has it; times of Parquet become texts, decimals numbers, NaN nothing."""
    name, value = item
    if isinstance(value, datetime | date):
        return name, value.isoformat()
    if isinstance(value, Decimal):
        return name, float(value)
    if isinstance(value, dict):
        return name, dict(map(_plain, value.items()))
    return name, None if value != value else value


def _json(event: dict[str, Any]) -> bytes:
    """As quick as can be, but infinity is only written by the slower one."""
    if math.inf in _numbers(event) or -math.inf in _numbers(event):
        return json.dumps(event, default=str).encode()
    return msgspec.json.encode(event)


def _numbers(event: dict[str, Any]) -> Sequence[Any]:
    features = event.get("features")
    return [*event.values(), *(features.values() if isinstance(features, dict) else ())]
