"""What intake says about the order in which its topics are to be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumers.intake.intake import Intake
from consumers.memory import Stored
from stream_monitor.config.deployment import Config


def intake(**streams: Any) -> Intake:
    return Intake(Config.model_validate({"streams": streams}))


def stream(predictions: str, labels: str | None = None, **fields: str) -> dict[str, Any]:
    told: dict[str, Any] = {"predictions": {"topic": predictions, "fields": fields}}
    return told | ({"labels": {"topic": labels}} if labels else {})


def test_topics_of_streams_that_share_one_keep_step_and_others_do_not_wait_for_them() -> None:
    made = intake(a=stream("p", "l"), b=stream("q", "l"), c=stream("r"))
    assert sorted(map(sorted, made.together())) == [["l", "p", "q"], ["r"]]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"time": 1_700_000_000}, 1_700_000_000_000_000),
        ({"time": "2026-01-01T00:00:00Z"}, 1_767_225_600_000_000),
        ({"time": "soon"}, 5_000),
        ({}, 5_000),
        ([{"time": 1_700_000_000}], 5_000),
    ],
)
def test_an_event_keeps_step_by_its_own_time_or_else_by_when_it_was_appended(event: Any, expected: int) -> None:
    assert intake(a=stream("p")).time("p", Stored(0, 5, None, json.dumps(event).encode())) == expected


def test_what_is_no_event_keeps_step_by_when_it_was_appended() -> None:
    made = intake(a=stream("p"))
    assert [made.time("p", Stored(0, 5, None, value)) for value in (None, b"", b"{", b"\xff")] == [5_000] * 4


def test_a_time_of_another_name_is_found() -> None:
    made = intake(a=stream("p", time="meta.at"))
    assert made.time("p", Stored(0, 5, None, b'{"meta": {"at": 1700000000}}')) == 1_700_000_000_000_000
