"""What cannot be used, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from stream_monitor import blocks
from tests.intake.deployment import MINIMAL, TIME, Deployment, prediction, reason
from tests.intake.strategies import texts


@pytest.mark.parametrize("time", ["1969-12-31T23:59:59Z", -1, True, "yesterday", "NaT", float("nan"), float("inf"), [], 10**30])
def test_nonsense_is_no_time(time: Any) -> None:
    assert reason(prediction(time=time)) == "invalid_time"


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (b"{", "invalid_json"),
        (b'{"prediction_id":"\xff"}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"7", "invalid_event"),
        (b'{"prediction_id":1e999}', "invalid_prediction_id"),
        (None, "empty_record"),
        ({}, "missing_prediction_id"),
        (prediction(""), "missing_prediction_id"),
        (prediction() | {"prediction_id": 1.5}, "invalid_prediction_id"),
        (prediction() | {"prediction_id": True}, "invalid_prediction_id"),
        (prediction() | {"time": None}, "missing_time"),
        (prediction(prediction=None), "missing_prediction"),
        (prediction(prediction=[1, 2]), "invalid_prediction"),
        (prediction(prediction=float("inf")), "invalid_prediction"),
        (prediction(weight=-1), "invalid_weight"),
        (prediction(weight="heavy"), "invalid_weight"),
        (prediction(version=[1]), "invalid_version"),
    ],
)
def test_what_cannot_be_a_prediction_says_why(event: Any, why: str) -> None:
    assert reason(event) == why


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"prediction_id": "a"}, "missing_label"),
        ({"prediction_id": "a", "label": None}, "missing_label"),
        ({"prediction_id": "a", "label": ""}, "missing_label"),
        ({"prediction_id": "a", "label": [1]}, "invalid_label"),
        ({"prediction_id": "a", "op": "drop"}, "invalid_op"),
        ({"prediction_id": "a", "label": 1, "inclusion_probability": 0}, "invalid_inclusion_probability"),
        ({"prediction_id": "a", "label": 1, "inclusion_probability": 1.5}, "invalid_inclusion_probability"),
        ({"prediction_id": "a", "label": 1, "time": "soon"}, "invalid_time"),
    ],
)
def test_what_cannot_be_a_label_says_why(event: Any, why: str) -> None:
    assert reason(event, "l") == why


def test_a_bad_event_in_a_list_leaves_its_neighbours() -> None:
    deployment = Deployment()
    deployment.give(
        "p", [prediction("a"), {"prediction_id": "b"}, prediction("c", features={"x": float("nan")})], [prediction("d"), 7]
    )
    deployment.run()
    (section,) = deployment.sections("predictions")
    assert section.rows is not None
    assert section.rows.names == ("a", "c", "d")
    assert [(letter.data.offset, letter.data.index) for letter in deployment.dead_letters] == [(0, 1), (1, 1)]
    assert (section.dead, dict(section.reasons)) == (2, {"missing_time": 1, "invalid_event": 1})


def test_a_dead_letter_carries_no_value_unless_it_may() -> None:
    deployment = Deployment()
    deployment.give("p", prediction("secret-id", time="secret", features={"x": "secret"}))
    deployment.run()
    assert not any(b"secret" in value for value in deployment.memory.values("stream-monitor.dead-letters"))
    assert not any(b"secret" in value for value in deployment.memory.values("stream-monitor.blocks"))


def test_a_dead_letter_carries_the_event_where_it_may() -> None:
    deployment = Deployment("dead_letters: {payload: full}" + MINIMAL)
    deployment.give("p", [prediction(), {"prediction_id": "b"}], b"\xff")
    deployment.run()
    letters = [letter.data for letter in deployment.dead_letters]
    assert [(letter.payload, letter.payload_base64) for letter in letters] == [('{"prediction_id": "b"}', None), (None, "/w==")]


@pytest.mark.parametrize(
    "event", [prediction(features={"text": "x" * 10_000_000}), prediction("x" * 10_000_000), prediction(model="é" * 5_000_000)]
)
def test_an_event_that_is_too_large_is_a_dead_letter(event: Any) -> None:
    assert reason(event) in ("too_large", "invalid_prediction_id")


def test_an_event_that_is_too_large_leaves_its_neighbours() -> None:
    deployment = Deployment()
    deployment.give("p", *(prediction(f"p{i}", features={"text": "x"}) for i in range(100)))
    deployment.give("p", *(prediction(f"q{i}", features={"text": "x" * (1_000_000 if i == 3 else 300_000)}) for i in range(7)))
    deployment.run()
    names = [name for section in deployment.sections("predictions") if section.rows for name in section.rows.names]
    assert names == [*(f"p{i}" for i in range(100)), *(f"q{i}" for i in range(7) if i != 3)]
    assert [letter.data.reason for letter in deployment.dead_letters] == ["too_large"]
    assert max(map(len, deployment.memory.values("stream-monitor.blocks"))) < blocks.LIMIT


def test_an_impossible_time_among_many_good_ones_is_one_dead_letter() -> None:
    deployment = Deployment()
    deployment.give("p", *(prediction(f"p{i}", time="1960-01-01T00:00:00Z" if i in (70, 80) else TIME) for i in range(100)))
    deployment.run()
    assert [letter.data.offset for letter in deployment.dead_letters] == [70, 80]
    assert sum(len(section.rows or ()) for section in deployment.sections("predictions")) == 98


@settings(max_examples=100, deadline=None)
@given(event=texts("predictions"))
def test_whatever_comes_is_a_row_or_a_dead_letter(event: bytes) -> None:
    deployment = Deployment()
    deployment.give("p", event)
    deployment.run()
    (section,) = deployment.sections("predictions")
    assert len(section.rows or ()) + section.dead == 1 == len(section.rows or ()) + len(deployment.dead_letters)
