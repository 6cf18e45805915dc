"""Files of events in every format."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from consumers.files.files import FileError, events


def read(path: Path, mapped: bool = False) -> list[Any]:
    return [json.loads(event) for event in events(path, mapped)]


def test_lines_are_passed_on_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a":1}\n\n  {broken\r\n')
    assert list(events(path)) == [b'{"a":1}', b"{broken"]


def test_files_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n'))
    assert read(path) == [{"a": 1}]


def test_columns_that_are_no_field_of_ours_are_features(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        "prediction_id,time,prediction,score,version,amount,new,country,feature:time,segment:region,scores.a\n"
        "007,2026-05-01T10:00:00Z,1,0.5,1.10,12.5,True,,1e3,01,0.7\n"
    )
    assert read(path) == [
        {
            "prediction_id": "007", "time": "2026-05-01T10:00:00Z", "prediction": 1, "score": 0.5, "version": "1.10",
            "features": {"amount": 12.5, "new": True, "time": 1000.0}, "segments": {"region": "01"}, "scores": {"a": 0.7},
        }
    ]  # fmt: skip


def test_cells_are_numbers_only_where_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text('a,b,c,d,e\n007,nan,inf,"x,y",-0.5\n')
    assert read(path) == [{"features": {"a": "007", "b": None, "c": float("inf"), "d": "x,y", "e": -0.5}}]


def test_a_row_of_another_width_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("prediction_id,x\na,1,2\nb,1\n")
    assert list(events(path)) == [b"a,1,2", b'{"prediction_id":"b","features":{"x":1}}']


def test_columns_stay_where_they_are_if_the_configuration_says_where_to_look(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("request.id,ts\n1,2\n")
    assert read(path, mapped=True) == [{"request.id": 1, "ts": 2}]


def test_parquet_has_types_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    table = pa.table(
        {
            "prediction_id": ["a", "b"],
            "time": [datetime(2026, 5, 1, 10, tzinfo=UTC)] * 2,
            "x": [1.5, float("nan")],
            "features": [{"y": 1, "z": "t"}, {"y": None, "z": "u"}],
        }
    )
    parquet.write_table(table, path)
    time = "2026-05-01T10:00:00+00:00"
    assert read(path) == [
        {"prediction_id": "a", "time": time, "features": {"y": 1, "z": "t", "x": 1.5}},
        {"prediction_id": "b", "time": time, "features": {"y": None, "z": "u"}},
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.jsonl", None, "no such file"),
        ("", None, "a directory, and not a file"),
        ("p.csv", b"prediction_id;time\na;1\n", "separated by ';'; it takes commas"),
        ("p.txt", b"", "not a file of events"),
        ("p.jsonl.gz", b"not compressed", "gzip"),
        ("p.csv", b"a\n\xff\n", "not in UTF-8"),
        ("p.jsonl", '{"a": 1}\n'.encode("utf-16"), "not in UTF-8"),
        ("p.parquet", b"no", "arquet"),
    ],
)
def test_a_file_that_cannot_be_read_says_so_in_a_line(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=message) as raised:
        list(events(path))
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
