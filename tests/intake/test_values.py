"""What the fields of an event become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.intake.deployment import START, Deployment, cells, prediction, read


def test_a_prediction_becomes_a_row_of_columns() -> None:
    event = prediction(
        model="m", version=7.0, score=0.25, scores={"a": 0.7}, features={"x": 12.5, "c": "PT", "new": True, "gone": None},
        latency_ms=3, segments={"region": "eu"}, weight=2,
    )  # fmt: skip
    assert read(event) == {
        "time": START, "prediction": 1.0, "model": "m", "version": "7",
        "feature:x": 12.5, "feature:c": "PT", "feature:new": 1.0,
        "score": 0.25, "scores:a": 0.7, "latency_ms": 3.0, "segment:region": "eu", "weight": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", True])
def test_one_outcome_has_one_form(value: Any) -> None:
    assert read(prediction(prediction=value))["prediction"] == 1.0
    assert read({"prediction_id": "a", "label": value}, "l")["label"] == 1.0


@pytest.mark.parametrize("value", ["fraud", "01", "1e3", "١", "", "12345678901234567"])
def test_other_texts_are_classes(value: str) -> None:
    assert read(prediction(prediction=value))["prediction"] == value


def test_a_measure_may_be_the_text_of_a_number() -> None:
    row = read(prediction(score="0.9300000000000001", scores={"a": "1e-05", "b": 1}, latency_ms="12.5", weight="2"))
    assert row["score"] == 0.9300000000000001
    assert (row["scores:a"], row["scores:b"], row["latency_ms"], row["weight"]) == (1e-05, 1.0, 12.5, 2.0)
    label = {"prediction_id": "a", "label": 1, "inclusion_probability": "0.1"}
    assert read(label, "l")["inclusion_probability"] == 0.1


@pytest.mark.parametrize("odd", ["0,93", "high", "", [0.07, 0.93], {"b": 1}])
def test_a_measure_that_is_no_number_is_left_out_and_counted(odd: Any) -> None:
    deployment = Deployment("streams: {s: {predictions: {topic: p}}}")
    for _ in range(100):
        deployment.give("p", prediction(score=odd, latency_ms=odd))
    deployment.run()
    sections = deployment.sections("predictions")
    assert sum(section.left_out for section in sections) == 200
    assert set(cells(sections[-1])[0]) == {"time", "prediction"}


def test_a_text_feature_stays_a_text_unless_it_is_declared_numeric() -> None:
    declared = "streams: {s: {predictions: {topic: p}, features: {types: {zip: categorical, sum: numeric}}}}"
    event = prediction(features={"zip": 7.0, "sum": "12", "code": "12"})
    row = read(event, text=declared)
    assert (row["feature:zip"], row["feature:sum"], row["feature:code"]) == ("7", 12.0, "12")


def test_only_the_chosen_features_are_kept() -> None:
    chosen = "streams: {s: {predictions: {topic: p}, features: {include: [a, b], exclude: [b]}}}"
    assert set(read(prediction(features={"a": 1, "b": 2, "c": [3]}), text=chosen)) == {"time", "prediction", "feature:a"}


def test_too_many_features_are_left_out_by_name_and_counted() -> None:
    deployment = Deployment("limits: {features: 2}\nstreams: {s: {predictions: {topic: p}}}")
    deployment.give("p", prediction(features={"d": 1, "c": 1, "b": None, "a": [1], "e": 1}))
    deployment.run()
    (section,) = deployment.sections("predictions")
    assert section.left_out == 3
    assert set(cells(section)[0]) == {"time", "prediction", "feature:c"}


@pytest.mark.parametrize(
    ("time", "micros"),
    [
        ("2026-05-01T10:00:00Z", START),
        ("2026-05-01T12:00:00+02:00", START),
        ("2026-05-01 10:00", START),
        ("2026-05-01T10:00:00.000001Z", START + 1),
        (1_777_629_600, START),
        (1_777_629_600.5, START + 500_000),
        (1_777_629_600_000, START),
        (1_777_629_600_000_000, START),
        (1_777_629_600_000_000_999, START),
        ("1777629600", START),
        ("1777629600.5", START + 500_000),
        ("1777629600000", START),
        ("1777629600000000", START),
        ("1777629600000000999", START),
    ],
)
def test_times_come_in_many_forms(time: Any, micros: int) -> None:
    assert read(prediction(time=time))["time"] == micros


def test_the_zone_of_times_without_one_is_configured() -> None:
    lisbon = "streams: {s: {predictions: {topic: p, zone: Europe/Lisbon}}}"
    assert read(prediction(time="2026-05-01T11:00:00"), text=lisbon)["time"] == START


def test_labels_are_renamed_in_canonical_form() -> None:
    renamed = 'streams: {s: {predictions: {topic: p}, labels: {topic: l, values: {"1": fraud, chargeback: fraud}}}}'
    labels = [read({"prediction_id": "a", "label": label}, "l", renamed)["label"] for label in (True, "1.0", "chargeback", 2)]
    assert labels == ["fraud", "fraud", "fraud", 2.0]


def test_an_empty_label_is_none_unless_it_is_renamed() -> None:
    renamed = 'streams: {s: {predictions: {topic: p}, labels: {topic: l, values: {"": ok}}}}'
    assert read({"prediction_id": "a", "label": ""}, "l", renamed)["label"] == "ok"


def test_fields_are_found_where_they_are_configured_to_be() -> None:
    mapped = """
streams:
  s:
    predictions:
      topic: p
      fields: {prediction_id: meta.id, time: at, prediction: out.class, segments.region: meta.region, features: "*"}
"""
    event = {
        "meta": {"id": 9, "region": "eu"},
        "at": 1_777_629_600,
        "out": {"class": "x"},
        "amount": 3,
        "version": "2",
        "f.g": "t",
    }
    assert read(event, text=mapped) == {
        "time": START, "prediction": "x", "segment:region": "eu", "feature:amount": 3.0, "feature:f.g": "t", "version": "2",
    }  # fmt: skip


@pytest.mark.parametrize("before", [0, 200])
def test_a_number_too_large_for_double_precision_is_infinite(before: int) -> None:
    deployment = Deployment("streams: {s: {predictions: {topic: p}}}")
    deployment.give("p", *(prediction(f"{i}", features={"a": 1.5}) for i in range(before)))
    text = json.dumps(prediction(features={"a": "A", "b": "B"}))
    large = text.replace('"A"', "1e999").replace('"B"', "-2E+400")
    deployment.give("p", large.encode(), f"[{large}, 7]".encode())
    deployment.run()
    rows = [row for section in deployment.sections("predictions") for row in cells(section)]
    assert [(row["feature:a"], row["feature:b"]) for row in rows[before:]] == [(float("inf"), -float("inf"))] * 2
    assert len(deployment.dead_letters) == 1


def test_not_a_number_is_missing_and_infinity_is_kept() -> None:
    row = read(prediction(features={"a": float("nan"), "b": float("inf"), "c": -float("inf"), "d": 1}))
    assert {name: row[name] for name in row if name.startswith("feature")} == {
        "feature:b": float("inf"), "feature:c": -float("inf"), "feature:d": 1.0,
    }  # fmt: skip
