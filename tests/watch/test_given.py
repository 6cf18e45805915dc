"""A reference that is given, with labels: metrics are compared with it and estimates made from it before any label comes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from consumers.wire import columns
from consumers.wire.event import Event
from stream_monitor.blocks import Block, Section

from .worlds import CONFIG, SECOND, START, arrivals, block, configuration, cut, drained, labels, predictions, run, value

Floats = np.ndarray[Any, Any]
CLASSES = ("low", "middle", "high")
QUIET: dict[str, Any] = {"detectors": {"features": {}, "score": {}, "loss": {}}, "segments": {}}
TEXTS: dict[str, Any] = {"detectors": {"features": {}, "score": {}, "loss": {}}}


def binary(seed: int, n: int, sharp: float = 1.5) -> tuple[Floats, Floats, Floats]:
    """Scores that are the chance of a 1, labels and predictions; the sharper, the easier."""
    rng = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-sharp * rng.normal(size=n)))
    return score, (rng.random(n) < score).astype(float), (score > 0.5).astype(float)


def given(n: int, digest: str, config: dict[str, Any], score: Floats, label: Floats, predicted: Floats) -> list[Block]:
    """A configuration and a reference in two sections."""
    rows = predictions(
        [f"r{i}" for i in range(n)], [i - 86_400.0 for i in range(n)], predicted.tolist(), {"x": score.tolist()},
        score=score.tolist(), more={"label": label.tolist()},
    )  # fmt: skip
    document = json.dumps({"sha256": digest, "rows": n}).encode()
    both = [
        piece._replace(kind="reference", document=document, first=at, last=at + n // 2 - 1)
        for at, piece in zip((0, n // 2), _halves(rows, n // 2))
    ]
    return [block(configuration(config=QUIET | config), *both, at=0)]


def _halves(rows: Section, size: int) -> list[Section]:
    return [one.sections[0] for one in cut([block(rows, at=0)], size)]


def stream(seed: int, n: int, sharp: float, late: float, lots: int | None = None, later: float | None = None) -> list[Block]:
    """Predictions, one a second, whose labels come late, of the second half even later; from some on half are drawn by lot."""
    score, label, predicted = binary(seed, n, sharp)
    by_lot = np.random.default_rng([seed, 1]).integers(0, 4, n)
    label = np.where((np.arange(n) >= (n if lots is None else lots)) & (by_lot < 2), by_lot, label)
    blocks, size = [], 100
    for at in range(0, n, size):
        ids, seconds = [f"p{i}" for i in range(at, at + size)], [60.0 + i for i in range(at, at + size)]
        part = slice(at, at + size)
        blocks.append(
            block(predictions(ids, seconds, predicted[part].tolist(), {"x": score[part].tolist()}, score=score[part].tolist()))
        )
        delay = later if later is not None and at >= n / 2 else late
        blocks.append(block(labels(ids, [s + delay for s in seconds], label[part].tolist()), at=seconds[-1] + delay))
    return [*sorted(blocks, key=lambda one: one.arrived), drained(n + max(late, later or 0.0) + 10_000)]


WAIT = {"labels": {"topic": "l", "wait": "6h"}}


def test_performance_is_estimated_from_the_first_window_on() -> None:
    score, label, predicted = binary(1, 2_000)
    said = run(given(2_000, "a", WAIT, score, label, predicted) + stream(2, 1_500, 0.7, late=18_000.0))
    first = arrivals(said, "2026-01-01T00:00")[0]
    assert first["performance"]["outcomes"] == 0
    estimated = first["estimated"]["metrics"]["accuracy"]
    truth = binary(2, 1_500, 0.7)
    realised = float((truth[1] == truth[2])[:240].mean())
    assert first["estimated"]["learnt_from"] == 2_000
    assert estimated["low"] < realised < estimated["high"]
    assert estimated["high"] < (label == predicted).mean()


def test_metrics_are_compared_with_the_reference_that_was_given() -> None:
    config: dict[str, Any] = WAIT | {
        "performance": {"against_reference": {"metrics": ["roc_auc"], "windows": 2}}, "reference": {"rows": 500},
    }  # fmt: skip
    score, label, predicted = binary(3, 2_000, 4.0)
    worse = stream(4, 3_000, 0.3, late=5.0)
    said = run(given(2_000, "a", config, score, label, predicted) + worse)
    assert {one["data"]["labels"]["alertname"] for one in said["alerts"]} == {"PerformanceDrop"}
    (change,) = [one["data"]["change"] for one in said["alerts"] if one["data"]["transition"] == "opened"]
    assert change["before"] == pytest.approx(roc_auc_score(label, score), abs=0.005)
    assert not run([block(configuration(config=QUIET | config), at=0), *worse])["alerts"]


def test_another_file_is_taken_by_the_versions_that_are_live() -> None:
    config: dict[str, Any] = {"labels": {"topic": "l", "wait": "30m"}, "reference": {"file": "one.jsonl"}}
    changed = configuration(config=QUIET | config | {"reference": {"file": "two.jsonl"}}, revision=1)
    begun = stream(5, 1_200, 1.5, late=100.0)
    half = next(i for i, one in enumerate(begun) if one.sections and one.sections[0].rows is not None and i > 12)
    two = given(1_000, "two", config, *binary(7, 1_000, 0.1))[0].sections[1:]
    at = begun[half].arrived
    switched = [*begun[:half], block(changed, *two, at=0)._replace(arrived=at), *begun[half:]]
    said = run(given(1_000, "one", config, *binary(6, 1_000, 3.0)) + switched)
    known = [one["performance"]["reference"]["accuracy"] for one in arrivals(said) if one["performance"]["outcomes"]]
    first, second = ((label == predicted).mean() for _, label, predicted in (binary(6, 1_000, 3.0), binary(7, 1_000, 0.1)))
    assert known[0] == pytest.approx(first, abs=1e-4)
    assert known[-1] == pytest.approx(second, abs=1e-4)


def test_losses_go_on_from_it_when_labels_come_later_than_before() -> None:
    score, label, predicted = binary(9, 1_000, 3.0)
    config = {"labels": {"topic": "l", "wait": "2h"}, "detectors": {"features": {}, "score": {}, "loss": {"scan": {}}}}
    said = run(given(1_000, "a", config, score, label, predicted) + stream(10, 6_000, 3.0, late=50.0, later=600.0))
    shown = [one["performance"]["reference"]["accuracy"] for one in arrivals(said) if one["performance"]["outcomes"]]
    assert shown == [pytest.approx((label == predicted).mean(), abs=1e-4)] * len(shown)


def test_a_reference_of_many_classes_is_learnt_from() -> None:
    rng = np.random.default_rng(8)
    n = 1_500
    scores = rng.dirichlet((1.0, 1.0, 1.0), 2 * n)
    truth = (scores.cumsum(axis=1) > rng.random((2 * n, 1))).argmax(axis=1)
    predicted = scores.argmax(axis=1)

    def rows(part: slice, name: str, seconds: float, **more: Any) -> Section:
        columns = {f"scores:{one}": scores[part, i].tolist() for i, one in enumerate(CLASSES)}
        ids = [f"{name}{i}" for i in range(n)]
        times = [seconds + i / 10 for i in range(n)]
        return predictions(ids, times, [CLASSES[i] for i in predicted[part]], more=columns | more)

    document = json.dumps({"sha256": "a", "rows": n}).encode()
    reference = rows(slice(n), "r", -9_000.0, label=[CLASSES[i] for i in truth[:n]])
    reference = reference._replace(kind="reference", document=document, first=0, last=n - 1)
    begun = block(configuration(config=QUIET | WAIT | {"segments": {}}), reference, at=0)
    said = run([begun, block(rows(slice(n, 2 * n), "p", 0.0)), drained(9_000)])
    first = arrivals(said)[0]["estimated"]["metrics"]["accuracy"]
    assert first["low"] < (truth == predicted)[n:].mean() < first["high"]


@pytest.mark.parametrize("restarts", [[1, 4, 9], [2, 3, 20]])
def test_what_was_given_survives_a_restart(restarts: list[int]) -> None:
    score, label, predicted = binary(1, 2_000)
    blocks = given(2_000, "a", WAIT | {"detectors": CONFIG["detectors"]}, score, label, predicted)
    blocks += stream(2, 1_500, 0.7, late=900.0)
    assert run([blocks[0], *cut(blocks[1:], 170)], restarts) == run(blocks)


def test_calibration_may_follow_the_latest_outcomes() -> None:
    def world(calibrated_on: str) -> list[dict[str, Any]]:
        config: dict[str, Any] = {"performance": {"estimates": {"calibrated_on": calibrated_on}}, "reference": {"rows": 400}}
        return arrivals(run([block(configuration(config=QUIET | config), at=0), *stream(9, 6_000, 1.5, 10.0, lots=2_000)]))

    gaps = {}
    for how in ("reference", "latest"):
        said = [one for one in world(how) if one["performance"]["outcomes"] > 200 and one["estimated"]][-5:]
        pairs = [(one["estimated"]["metrics"]["accuracy"]["value"], value(one["performance"], "accuracy")) for one in said]
        gaps[how] = float(np.mean([estimated - (realised or 0.0) for estimated, realised in pairs]))
    assert gaps["reference"] > 0.1
    assert abs(gaps["latest"]) < 0.03


def typed(seed: int, n: int, name: str, seconds: int, shifted: int, label: bool = False) -> Section:
    """A feature of texts and one of numbers and texts, and predictions that are words; from a row on in other shares."""
    rng, late = np.random.default_rng(seed), np.arange(n) >= shifted
    word = np.where(late & (rng.random(n) < 0.7), "new", rng.choice(["x", "y", "z"], n)).tolist()
    code = np.where(rng.random(n) < 0.9, rng.choice(["A1", "A2"], n), "").tolist()
    said = np.where(rng.random(n) < np.where(late, 0.9, 0.5), "yes", "no").tolist()
    events = []
    for i in range(n):
        texts = {"model": "m", "version": "1", "prediction": said[i], "feature:word": word[i]}
        texts |= ({"feature:code": code[i]} if code[i] else {}) | ({"label": said[i]} if label else {})
        numbers = {"feature:x": float(i % 7)} | ({} if code[i] else {"feature:code": 7.0})
        events.append(Event(f"{name}{i}", START + (seconds + i) * SECOND, numbers, texts))
    return Section("s", "predictions", columns.of_events(events, 0), topic="p", partition=0)


def texts_world(file: bool, span: str = "0s") -> list[Block]:
    """Rows as a file or as the first ones, then as many again, and as many in other shares."""
    document, config = json.dumps({"sha256": "a"}).encode(), QUIET | TEXTS | {"reference": {"rows": 600, "span": span}}
    first = typed(11, 600, "r", -600, 600, label=file)
    if file:
        halves = zip((0, 300), _halves(first, 300))
        given = [one._replace(kind="reference", document=document, first=at, last=at + 299) for at, one in halves]
        begun = [block(configuration(config=config), *given, at=-600.0)]
    else:
        begun = [block(configuration(config=config), at=-600.0), *cut([block(first)], 100)]
    return [*begun, *cut([block(typed(12, 1_200, "p", 0, 600))], 100), drained(9_000)]


def features_said(said: dict[str, list[Any]]) -> set[tuple[str, str]]:
    labels = [one["data"]["labels"] for one in said["alerts"]]
    return {(one["alertname"], one.get("feature", one.get("signal", ""))) for one in labels}


def test_texts_of_a_file_are_watched_as_those_of_the_first_rows_are() -> None:
    file, rows = (features_said(run(texts_world(file))) for file in (True, False))
    assert file == rows
    assert file >= {
        ("DataDrift", "word"),
        ("UnseenCategories", "word"),
        ("FeatureType", "code"),
        ("PredictionDrift", "prediction"),
    }


def test_texts_of_a_file_survive_a_restart() -> None:
    blocks = texts_world(file=True)
    assert run([blocks[0], *cut(blocks[1:], 70)], [1, 2, 7]) == run(blocks)


@pytest.mark.parametrize(("file", "span"), [(True, "10m"), (False, "10m"), (False, "590s")])
def test_of_a_reference_of_less_time_than_it_should_be_of_each_alert_says_so(file: bool, span: str) -> None:
    said = [one["data"] for one in run(texts_world(file, span))["alerts"]]
    found = [one for one in said if one["labels"]["alertname"] == "DataDrift"]
    assert [one["evidence"]["immature"] for one in found] == [span == "10m"] * len(found) != []
    assert {"is of less time than `reference.span`" in one["annotations"]["description"] for one in found} == {span == "10m"}
