"""What intake says about the order in which its topics are to be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumers.intake.intake import Intake
from consumers.memory import Stored
from stream_monitor.config.deployment import Config

NOW = 1_795_000_000_000
"""When records were appended, in milliseconds."""


def intake(**streams: Any) -> Intake:
    return Intake(Config.model_validate({"streams": streams}))


def stream(predictions: str, labels: str | None = None, **fields: str) -> dict[str, Any]:
    told: dict[str, Any] = {"predictions": {"topic": predictions, "fields": fields}}
    return told | ({"labels": {"topic": labels}} if labels else {})


def test_topics_of_streams_that_share_one_keep_step_and_others_do_not_wait_for_them() -> None:
    made = intake(a=stream("p", "l"), b=stream("q", "l"), c=stream("r"))
    assert sorted(map(sorted, made.in_step())) == [["l", "p", "q"], ["r"]]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"time": 1_700_000_000}, 1_700_000_000_000_000),
        ({"time": "2026-01-01T00:00:00Z"}, 1_767_225_600_000_000),
        ({"time": "soon"}, None),
        ({"time": "2099-01-01T00:00:00Z"}, None),
        ({}, None),
        ([{"time": 1_600_000_000}, {"time": 1_700_000_000}], 1_700_000_000_000_000),
        ([], None),
        ([1], None),
    ],
)
def test_an_event_keeps_step_by_its_own_time_if_that_can_be(event: Any, expected: int | None) -> None:
    assert intake(a=stream("p")).time("p", Stored(0, NOW, None, json.dumps(event).encode())) == expected


def test_what_is_no_event_has_no_time() -> None:
    made = intake(a=stream("p"))
    assert [made.time("p", Stored(0, NOW, None, value)) for value in (None, b"", b"{", b"\xff")] == [None] * 4


@pytest.mark.parametrize("value", [b'{"meta": {"at": 1700000000}}', b' [{"meta": {"at": 1}}, {"meta": {"at": 1700000000}}]'])
def test_a_time_of_another_name_is_found(value: bytes) -> None:
    made = intake(a=stream("p", time="meta.at"))
    assert made.time("p", Stored(0, NOW, None, value)) == 1_700_000_000_000_000


def test_rows_are_in_order_but_for_what_no_label_and_no_window_would_notice() -> None:
    def span(wait: str, grace: str, window: str = "1h", **labels: Any) -> int:
        config = {
            "predictions": {"topic": "p"}, "labels": {"topic": "l", "wait": wait, **labels},
            "metrics": {"grace": grace, "window": window},
        }  # fmt: skip
        made = Intake(Config.model_validate({"streams": {"a": stream("q"), "b": config}}))
        assert made.in_step()[frozenset({"q"})] == 30_000_000
        return made.in_step()[frozenset({"p", "l"})]

    assert span("7d", "1h") == 30_000_000
    assert span("7d", "20s") == 10_000_000
    assert span("1m", "1h") == 3_000_000
    assert span("7d", "1h", absent={"label": 0, "after": "5m"}) == 15_000_000
    assert span("7d", "0s") == 1_000_000
    assert span("7d", "1h", "1m") == 6_000_000
