"""What intake says of values that cannot be read, and of fields that no event has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.intake.deployment import Deployment, prediction, read

MAPPED = "streams: {s: {predictions: {topic: p, fields: {score: proba, features: inputs, segments.region: region}}}}"


def status(event: dict[str, Any], text: str = "streams: {s: {predictions: {topic: p}}}", n: int = 100) -> dict[str, Any]:
    deployment = Deployment(text)
    for _ in range(n):
        deployment.give("p", event)
    deployment.run()
    return deployment.intake.status()


@pytest.mark.parametrize("text", ["streams: {s: {predictions: {topic: p}}}", MAPPED])
def test_values_that_cannot_be_read_are_counted_by_field(text: str) -> None:
    event = prediction(
        latency_ms="soon", scores=[0.1, 0.9], features={"x": [1], "y": {"z": 1}, "w": 1}, proba=1, inputs={"x": []}
    )
    counted = status(event, text)["unreadable"]["s"]
    assert counted == {"latency_ms": 100, "scores": 100, "features": 100 if text == MAPPED else 200}


def test_fields_that_no_event_has_are_named() -> None:
    assert status(prediction(region="eu"), MAPPED)["not_found"] == {"s": {"predictions": ["inputs", "proba"]}}
    assert status(prediction(region="eu", proba=0.5, inputs={"x": 1}), MAPPED)["not_found"] == {}
    everything = MAPPED.replace("inputs", '"*"')
    assert status(prediction(region="eu", proba=0.5), everything)["not_found"] == {"s": {"predictions": ["*"]}}


def test_nothing_is_missed_before_there_is_an_event() -> None:
    assert status(prediction(), MAPPED, 0)["not_found"] == {}


def test_an_item_of_a_list_is_found_by_its_place() -> None:
    text = "streams: {s: {predictions: {topic: p, fields: {score: out.proba.1, scores.a: out.proba.0, scores.c: out.proba.2}}}}"
    row = read(prediction(out={"proba": [0.25, 0.75]}), text=text)
    assert (row["score"], row["scores:a"]) == (0.75, 0.25)
    assert "scores:c" not in row
