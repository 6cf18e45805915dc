"""What goes wrong with a stream's data, or with watching it, is said: units, silence, one class, labels that are all late."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from stream_monitor.alerting.alerts import Alerts, Moment, Subject, Telling
from stream_monitor.alerting.doubts import PERHAPS, UNLIKE, perhaps
from stream_monitor.blocks import Block, Progress, Section, document

from .worlds import arrivals, block, cohorts, configuration, cut, drained, labels, predictions, record, run, value

CONFIG: dict[str, Any] = {
    "detectors": {"features": {}, "categories": {}, "score": {}, "loss": {}, "prediction": {}},
    "reference": {"rows": 500},
}
"""No drift detection: what is said comes from elsewhere."""
RETRAINED: dict[str, Any] = CONFIG | {
    "detectors": CONFIG["detectors"] | {"loss": {"scan": {}}}, "labels": {"topic": "l", "wait": "2h"},
    "quality": {"enabled": False}, "no_data": {"learnt": False}, "retrain": {"cooldown": "1m"},
}  # fmt: skip
"""Losses alone are watched, and request that a version be trained anew."""


def rows(
    n: int, features: dict[str, Any], start: float = 0.0, every: float = 1.0, first: int = 0, per: int = 100
) -> list[Block]:
    """Predictions at a steady pace."""
    blocks = []
    for at in range(0, n, per):
        part = slice(at, at + per)
        ids = [f"id{first + i}" for i in range(at, min(at + per, n))]
        seconds = [start + i * every for i in range(at, min(at + per, n))]
        named = {name: list(column[part]) for name, column in features.items()}
        blocks.append(block(predictions(ids, seconds, [float(i % 2) for i in range(len(ids))], named)))
    return blocks


def said(*blocks: Block, **config: Any) -> list[dict[str, Any]]:
    """The alerts of a stream."""
    return [event["data"] for event in run([block(configuration(config=CONFIG | config), at=0), *blocks])["alerts"]]


def names(alerts: list[dict[str, Any]], transition: str = "opened") -> list[str]:
    """What alerts are called."""
    return [alert["labels"]["alertname"] for alert in alerts if alert["transition"] == transition]


def test_a_change_of_unit_is_called_one() -> None:
    x = np.exp(np.random.default_rng(1).normal(size=4000))
    alerts = said(*rows(4000, {"amount": np.where(np.arange(4000) < 2000, x, 1000 * x)}))
    jump = next(alert for alert in alerts if alert["labels"]["alertname"] == "UnitJump")
    assert (jump["labels"]["kind"], jump["labels"]["feature"]) == ("data_quality", "amount")
    assert "1000" in jump["annotations"]["summary"]


def test_a_topic_that_falls_silent_is_no_data_within_minutes() -> None:
    """Four days of events, then nothing; both inputs are read to their end."""
    hours = 98
    blocks = []
    for hour in range(hours):
        blocks += rows(60, {"x": np.zeros(60)}, start=hour * 3600.0, every=60.0, first=hour * 60, per=60)
    end = hours * 3600.0
    silence = [drained(end + minute * 60.0) for minute in range(0, 300, 5)]
    alerts = said(*blocks, *silence, no_data={"predictions": "20m"}, metrics={"window": "1h"})
    (opened,) = (alert for alert in alerts if alert["labels"]["kind"] == "no_data")
    assert opened["labels"]["severity"] == "critical"
    assert "2026-01-05T02:1" <= opened["startsAt"] < "2026-01-05T02:3"


def test_a_silence_of_events_that_cannot_be_read_says_how_many_there_were() -> None:
    def unreadable(minute: int) -> Block:
        return block(Section("s", "predictions", topic="p", partition=0, dead=20), at=300.0 + 60 * minute)

    blocks = [
        block(configuration(config=CONFIG | {"no_data": {"predictions": "20m"}}), at=0),
        unreadable(-1), *rows(300, {"x": np.zeros(300)}), *map(unreadable, range(1, 6)), drained(3600),
    ]  # fmt: skip
    opened = {event["data"]["labels"]["alertname"]: event["data"] for event in run(blocks)["alerts"]}
    assert opened.keys() == {"DeadLetters", "NoData"}
    assert opened["NoData"]["annotations"]["summary"].endswith("; 100 events came that could not be read")
    assert run(blocks, restarts=[1, 2, 3]) == run(blocks)


def test_a_partition_that_stands_still_is_said_within_minutes_however_long_windows_are() -> None:
    blocks = [block(configuration(config=CONFIG | {"metrics": {"window": "6h"}}), at=0)]
    for at in range(0, 800, 10):
        going = [0, 1] if 300 <= at < 700 else [0, 1, 2]
        ids = {number: [f"{number}-{at}-{i}" for i in range(10)] for number in going}
        parts = [predictions(ids[n], [at + 1.0 * i for i in range(10)], [0.0] * 10)._replace(partition=n) for n in going]
        blocks.append(block(*parts, at=at + 10)._replace(progress=tuple(Progress("p", n, 0, True) for n in range(3))))
    whole = run(blocks)
    opened, resolved = (event["data"] for event in whole["alerts"])
    assert (opened["labels"]["alertname"], opened["labels"]["input"]) == ("StalledInput", "p-2")
    assert (opened["startsAt"], resolved["endsAt"]) == ("2026-01-01T00:09:59.000Z", "2026-01-01T00:11:49.000Z")
    assert run(cut(blocks, 7), restarts=range(9, 120, 10), per_read=5) == whole


def test_labels_that_never_come_are_no_data_after_a_limit() -> None:
    log = [one for at in range(0, 9 * 3600, 600) for one in (*rows(10, {}, start=at, every=60.0, first=at), drained(at + 590))]
    config = {"no_data": {"labels": "6h"}, "labels": {"topic": "l", "wait": "1d"}}
    (alert,) = said(*log, **config)
    assert (alert["labels"]["alertname"], alert["labels"]["input"]) == ("NoData", "labels")
    assert "2026-01-01T06:00" <= alert["startsAt"] < "2026-01-01T06:11"
    assert "no labels of s for 6h, since 2026-01-01T00:00" in alert["annotations"]["summary"]


def test_labels_are_waited_for_since_there_are_to_be_some() -> None:
    log = [one for at in range(0, 15 * 3600, 600) for one in (*rows(10, {}, start=at, every=60.0, first=at), drained(at + 590))]
    config = {"no_data": {"labels": "6h"}}
    later = block(configuration(config=CONFIG | config | {"labels": {"topic": "l", "wait": "1d"}}, revision=1), at=7 * 3600)
    (alert,) = said(*log[: len(log) // 15 * 7], later, *log[len(log) // 15 * 7 :], labels=None, **config)
    assert "2026-01-01T12:5" <= alert["startsAt"] < "2026-01-01T13:11"


def test_nothing_resolves_an_alert_but_data() -> None:
    blocks = rows(600, {"x": np.zeros(600)})
    silence = [drained(600.0 + minute * 60.0) for minute in range(0, 120, 5)]
    again = rows(100, {"x": np.zeros(100)}, start=8000.0, first=600)
    quiet = said(*blocks, *silence, no_data={"predictions": "20m"})
    assert names(quiet) == ["NoData"]
    assert names(quiet, "resolved") == []
    *_, over = said(*blocks, *silence, *again, no_data={"predictions": "20m"})
    assert (over["labels"]["alertname"], over["transition"]) == ("NoData", "resolved")
    assert over["annotations"]["summary"] == (
        "predictions of s come again: none came from 2026-01-01T00:09:59.000Z to 2026-01-01T02:13:20.000Z, for 2h3m21s"
    )


def test_labels_that_thin_out_after_predictions_have_stopped_are_no_silence_of_theirs() -> None:
    """Labels take two hours; predictions come every minute, none for four hours from 4:00 on, and then without any label."""
    log: list[tuple[int, Block]] = []
    for minute in [*range(240), *range(480, 720)]:
        at = 60 * minute
        log.append((at, block(predictions([f"id{at}"], [float(at)], [1.0]))))
        if minute < 240:
            log.append((at + 7200, block(labels([f"id{at}"], [at + 7200.0], [1.0]))))
        log.append((at + 30, drained(at + 30)))
    log += [(at, drained(at)) for at in range(14400, 28800, 300)]
    blocks = [
        block(
            configuration(config=CONFIG | {"no_data": {"predictions": "20m", "labels": "70m"}, "metrics": {"window": "1h"}}),
            at=0,
        ),
        *(one for _, one in sorted(log, key=lambda pair: pair[0])),
    ]
    told = run(blocks)
    silences = [one["data"] for one in told["alerts"] if one["data"]["labels"]["kind"] == "no_data"]
    assert [(one["labels"]["input"], one["transition"]) for one in silences] == [
        ("labels", "opened"), ("labels", "resolved"),
        ("predictions", "opened"), ("predictions", "resolved"), ("labels", "opened"),
    ]  # fmt: skip
    assert "2026-01-01T10:00" < silences[-1]["startsAt"] < "2026-01-01T10:20"
    assert run(blocks, restarts=[100, 250, 260, 270]) == told


def test_labels_that_are_all_late_leave_the_cohort_empty_and_open_no_window() -> None:
    made = rows(200, {"x": np.zeros(200)})
    late = block(labels([f"id{i}" for i in range(200)], [9000.0] * 200, [1.0] * 200))
    log = [block(configuration(config=CONFIG | {"labels": {"topic": "l", "wait": "1h"}}), at=0), *made, drained(300.0)]
    told = run([*log, *(drained(600.0 * i) for i in range(1, 16)), late, *(drained(9000 + 600.0 * i) for i in range(1, 30))])
    final = [one for one in cohorts(told) if one["predictions"]]
    assert {one["cohort"]["coverage"] for one in final} == {0.0}
    assert all(value(one["performance"], "accuracy") is None for one in final)
    assert sum(one["performance"]["outcomes"] for one in arrivals(told)) == 0
    assert sum(one["counts"].get("labels_unmatched", 0) for one in arrivals(told)) in (0, 200)


@pytest.mark.parametrize(
    ("other", "delay", "said_of_it"),
    [
        ("", 300, ""),
        ("x", 300, "next to none has the id of a recent one"),
        ("", 9000, "most came when its `labels.wait` (1h) was over"),
    ],
)
def test_labels_that_find_no_prediction_are_said_to_and_why(other: str, delay: int, said_of_it: str) -> None:
    config = CONFIG | {"labels": {"topic": "l", "wait": "1h"}, "metrics": {"window": "1h", "also": []}}
    log = [block(configuration(config=config), at=0)]
    for at in range(0, 6 * 3600, 100):
        ids, seconds = [f"id{at + i}" for i in range(20)], [float(at + i) for i in range(20)]
        log.append(block(predictions(ids, seconds, [0.0, 1.0] * 10)))
        if at >= delay:
            ids = [f"{other}id{at - delay + i}" for i in range(20)]
            log.append(block(labels(ids, [second + 20 for second in seconds], [0.0, 1.0] * 10)))
    whole = run(log)["alerts"]
    told = [alert["data"] for alert in whole]
    assert names(told) == (["LabelsUnmatched"] if said_of_it else [])
    assert all(said_of_it in alert["annotations"]["summary"] for alert in told)
    assert run(cut(log, 7), restarts=(40, 90, 300))["alerts"] == whole


def test_a_stream_with_one_class_only_says_so_and_has_no_recall_of_the_other() -> None:
    n = 3000
    blocks = []
    for start in range(0, n, 100):
        ids, seconds = [f"id{i}" for i in range(start, start + 100)], [float(i) for i in range(start, start + 100)]
        blocks += [block(predictions(ids, seconds, [0.0] * 100)), block(labels(ids, seconds, [0.0] * 100))]
    log = [block(configuration(config=CONFIG), at=0), *blocks, *(drained(3000.0 + 600 * i) for i in range(20))]
    told = run(log)
    assert names([event["data"] for event in told["alerts"]]) == ["OneClass"]
    last = [one["performance"] for one in arrivals(told) if one["performance"]["outcomes"]][-1]
    assert (value(last, "accuracy"), value(last, "recall"), value(last, "roc_auc")) == (1.0, None, None)


RULES: dict[str, Any] = {
    "risk": {"rise": 0.05},
    "limits": [{"metric": "accuracy", "below": 0.6}, {"metric": "recall", "below": 0.6}],
    "against_reference": {"metrics": ["accuracy"]},
}


def frauds(n: int, other: int | None = None) -> list[Block]:
    """Only frauds are labelled, and from the middle on most of them are missed; but for one label."""
    rng = np.random.default_rng(31)
    made = rng.random(n) < np.where(np.arange(n) < n // 2, 0.8, 0.4)
    predicted, label = np.where(made, "fraud", "ok").tolist(), ["ok" if i == other else "fraud" for i in range(n)]
    score = np.where(made, 0.8, 0.3).tolist()
    blocks = []
    for start in range(0, n, 100):
        part = slice(start, start + 100)
        ids, seconds = [f"id{i}" for i in range(n)][part], [float(i) for i in range(n)][part]
        blocks += [
            block(predictions(ids, seconds, predicted[part], score=score[part])),
            block(labels(ids, seconds, label[part])),
        ]
    config = CONFIG | {"positive": "fraud", "performance": RULES, "quality": {"outcomes": 500}}
    config["detectors"] = CONFIG["detectors"] | {"loss": {"scan": {}}}
    return [block(configuration(config=config), at=0), *blocks, *(drained(n + 600.0 * i) for i in range(30))]


def of_loss(told: dict[str, list[Any]]) -> set[str]:
    """The alerts about performance, and the metrics of rules."""
    found = [
        one["data"]["labels"] for one in told["alerts"] if one["data"]["labels"]["kind"] in ("concept_drift", "performance")
    ]
    return {one.get("metric", one["alertname"]) for one in found}


def test_no_alarm_about_a_loss_is_raised_of_one_class_but_by_a_limit_of_recall() -> None:
    told = run(frauds(4000))
    assert of_loss(told) == {"recall"}
    assert told["retrain"] == []
    assert "OneClass" in names([one["data"] for one in told["alerts"]])
    assert not any(one["estimated"] for one in arrivals(told))


def test_what_was_found_of_one_class_and_lasts_is_said_with_the_first_label_of_another() -> None:
    log = frauds(4000, other=3500)
    told = run(log)
    drift = [one["data"] for one in told["alerts"] if one["data"]["labels"]["alertname"] == "ConceptDrift"]
    assert [one["transition"] for one in drift] == ["opened", "updated"]
    assert drift[0]["position"]["outcomes"] == 3501
    assert {"RiskRose", "recall", "accuracy"} <= of_loss(told)
    for every, restarts in ((7, (300, 800, 1100)), (64, (110,))):
        again = run(cut(log, every), restarts=restarts)
        assert (again["alerts"], again["retrain"]) == (told["alerts"], told["retrain"])


def test_predictions_of_the_wrong_kind_are_dead_letters_and_spoil_nothing() -> None:
    """A regression in which some rows are texts."""
    n = 600
    ids, seconds = [f"id{i}" for i in range(n)], [float(i) for i in range(n)]
    number, text = [1.5 + i for i in range(n)], ["high"] * 50
    log = [
        block(configuration(config=CONFIG | {"task": "regression"}), at=0), block(predictions(ids, seconds, number)),
        block(predictions([f"text{i}" for i in range(50)], [600.0] * 50, text)),
        block(labels([*ids, *(f"text{i}" for i in range(50))], [700.0] * (n + 50), [*number, *[1.0] * 50])),
        *(drained(700.0 + 600 * i) for i in range(20)),
    ]  # fmt: skip
    told = run(log)
    (one,) = (one for one in arrivals(told) if one["performance"]["outcomes"])
    assert one["performance"]["outcomes"] == n
    assert value(one["performance"], "mae") == 0.0
    assert len(told["dead-letters"]) == sum(one["counts"].get("not_of_the_task", 0) for one in arrivals(told)) == 50


def scored(n: int, relation: float, first: int, start: float, seed: int) -> list[Block]:
    """Predictions by score; labels follow the score, but for a share of them."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.7, 0.7, n)
    label = np.where(rng.random(n) < relation, rng.random(n) < 0.5, rng.random(n) < score).astype(float)
    blocks = []
    for at in range(0, n, 100):
        part = slice(at, at + 100)
        ids = [f"s{first + i}" for i in range(at, at + 100)]
        seconds = [start + i for i in range(at, at + 100)]
        predicted = (score[part] > 0.5).astype(float).tolist()
        blocks += [
            block(predictions(ids, seconds, predicted, score=score[part].tolist())),
            block(labels(ids, [seconds[-1]] * 100, label[part].tolist())),
        ]
    return blocks


def test_performance_is_estimated_before_labels_come_and_holds_while_the_relation_does() -> None:
    blocks = scored(6000, 0.0, 0, 0.0, 2)
    config = CONFIG | {"labels": {"topic": "l", "wait": "10m"}}
    told = run([block(configuration(config=config), at=0), *blocks, *(drained(6000.0 + 600 * i) for i in range(10))])
    expected = [one for one in arrivals(told) if one["estimated"]]
    assert len(expected) > 10
    realised = {one["window"]["start"]: one["performance"] for one in cohorts(told)}
    inside = 0
    for one in expected:
        estimate = one["estimated"]["metrics"]["accuracy"]
        shown = value(realised[one["window"]["start"]], "accuracy")
        assert shown is not None
        inside += estimate["low"] <= shown <= estimate["high"]
    assert inside >= 0.8 * len(expected)
    assert "EstimateApart" not in names([event["data"] for event in told["alerts"]])


def test_what_is_only_estimated_is_said_to_be_and_rests_on_predictions() -> None:
    limits = [{"metric": "accuracy", "below": 0.99, "basis": "estimated"}, {"metric": "accuracy", "below": 0.99}]
    config = CONFIG | {"labels": {"topic": "l", "wait": "10m"}, "performance": {"limits": limits}}
    told = run([block(configuration(config=config), at=0), *scored(2000, 0.0, 0, 0.0, 2), drained(4000.0)])
    said = {alert["labels"]["basis"]: alert["annotations"]["summary"] for alert in (one["data"] for one in told["alerts"])}
    assert " is estimated to be worse since " in said["estimated"]
    assert said["estimated"].endswith(" predictions")
    assert " is worse since " in said["arrival"]
    assert said["arrival"].endswith(" outcomes whose labels came then")


def test_an_estimate_that_stays_apart_says_that_the_relation_has_changed() -> None:
    blocks = [*scored(4000, 0.0, 0, 0.0, 3), *scored(4000, 0.8, 4000, 4000.0, 4)]
    config = CONFIG | {"labels": {"topic": "l", "wait": "10m"}}
    told = run([block(configuration(config=config), at=0), *blocks, *(drained(8000.0 + 600 * i) for i in range(10))])
    apart = [event["data"] for event in told["alerts"] if event["data"]["labels"]["alertname"] == "EstimateApart"]
    assert "accuracy" in {alert["labels"]["metric"] for alert in apart}
    assert "below what its scores let expect" in apart[0]["annotations"]["summary"]
    assert "], over 300 outcomes of the last window; the relation" in apart[0]["annotations"]["summary"]
    assert apart[0]["startsAt"] > "2026-01-01T01:06"


def test_an_estimate_that_was_apart_says_when_that_was_as_it_may_be_over() -> None:
    blocks = [*scored(4000, 0.0, 0, 0.0, 3), *scored(1000, 0.8, 4000, 4000.0, 4), *scored(3000, 0.0, 5000, 5000.0, 5)]
    config = CONFIG | {"labels": {"topic": "l", "wait": "1h"}}
    told = run([block(configuration(config=config), at=0), *blocks, *(drained(8000.0 + 600 * i) for i in range(10))])
    apart = [event["data"] for event in told["alerts"] if event["data"]["labels"]["alertname"] == "EstimateApart"]
    assert apart[0]["startsAt"] > "2026-01-01T02:20"
    since = " since 2026-01-01T01:05:00.000Z, as labels show that are complete until 2026-01-01T01:20:00.000Z: "
    assert since in apart[0]["annotations"]["summary"]


def test_an_estimate_of_a_regression_that_stays_apart_speaks_of_features() -> None:
    rng, n = np.random.default_rng(5), 8000
    x = rng.random(n)
    error = rng.normal(size=n) * (0.5 + x) * np.where(np.arange(n) < 5000, 1.0, 4.0)
    ids, predicted, blocks = [f"r{i}" for i in range(n)], 10 + x, []
    for at in range(0, n, 100):
        part, seconds = slice(at, at + 100), [float(i) for i in range(at, at + 100)]
        blocks.append(block(predictions(ids[part], seconds, predicted[part].tolist(), {"x": x[part].tolist()})))
        blocks.append(block(labels(ids[part], [seconds[-1]] * 100, (predicted + error)[part].tolist())))
    config = CONFIG | {"task": "regression", "labels": {"topic": "l", "wait": "10m"}, "models": {"estimate_loss": True}}
    told = run([block(configuration(config=config), at=0), *blocks, *(drained(8000.0 + 600 * i) for i in range(10))])
    apart = [event["data"] for event in told["alerts"] if event["data"]["labels"]["alertname"] == "EstimateApart"]
    assert "above what its features let expect" in apart[0]["annotations"]["summary"]
    assert "scores" not in apart[0]["annotations"]["summary"]


@pytest.mark.parametrize("biased", [True, False])
def test_early_labels_that_are_not_like_the_rest_are_said_to_be(biased: bool) -> None:
    rng = np.random.default_rng(7)
    blocks = []
    for hour in range(6):
        ids, score = [f"h{hour}i{i}" for i in range(1000)], rng.random(1000)
        early = (score > 0.6) if biased else rng.random(1000) < 0.4
        predicted = (score > 0.5).astype(float)
        seconds = [hour * 3600.0 + i * 0.2 for i in range(1000)]
        blocks.append(block(predictions(ids, seconds, predicted.tolist(), score=score.tolist())))
        first = [i for i in range(1000) if early[i]]
        blocks.append(block(labels([ids[i] for i in first], [seconds[-1] + 5] * len(first), [1.0] * len(first))))
        blocks.append(drained(hour * 3600 + 1800.0))
    alerts = said(*blocks, labels={"topic": "l", "wait": "1d"}, quality={"enabled": False})
    assert ("LabelBias" in names(alerts)) == biased


def test_a_gain_says_that_it_may_be_of_the_clear_cases_that_are_labelled() -> None:
    """Scores say the same throughout; after the reference mostly clear cases get a label."""
    rng, blocks = np.random.default_rng(13), list[Block]()
    for hour in range(12):
        ids, score = [f"h{hour}i{i}" for i in range(600)], rng.beta(1.2, 1.2, 600)
        seconds, actual = [hour * 3600.0 + 6 * i for i in range(600)], (rng.random(600) < score).astype(float)
        chosen = np.flatnonzero((hour < 3) | (rng.random(600) < np.where(abs(score - 0.5) > 0.3, 1.0, 0.1)))
        blocks.append(block(predictions(ids, seconds, (score > 0.5).astype(float).tolist(), score=score.tolist())))
        came = [seconds[-1]] * len(chosen)
        blocks.append(block(labels([ids[i] for i in chosen], came, actual[chosen].tolist())))
        blocks.append(drained(hour * 3600 + 3600.0))
    alerts = said(*blocks, labels={"topic": "l", "wait": "2h"}, quality={"enabled": False}, reference={"rows": 1800})
    assert {"LabelBias", "PerformanceGain"} <= set(names(alerts))
    gain = next(alert for alert in alerts if alert["labels"]["alertname"] == "PerformanceGain")
    assert gain["annotations"]["description"] == UNLIKE


def selected(windows: int = 5) -> list[Block]:
    """Windows of 300 predictions; from the tenth on there are more errors, and in some mostly labels of high scores."""
    rng, blocks = np.random.default_rng(2), list[Block]()
    for window in range(28):
        ids, score = [f"w{window}i{i}" for i in range(300)], rng.beta(1, 3, 300)
        seconds, actual = [window * 300.0 + i for i in range(300)], (rng.random(300) < score).astype(float)
        if window >= 10:
            actual = np.where(rng.random(300) < 0.4, 1 - actual, actual)
        chosen = rng.random(300) < (0.6 if not 10 <= window < 10 + windows else np.where(score > 0.5, 1.0, 0.2))
        for at in range(0, 300, 50):
            part, rows = slice(at, at + 50), np.flatnonzero(chosen[at : at + 50]) + at
            predicted = (score[part] > 0.5).astype(float).tolist()
            blocks.append(block(predictions(ids[part], seconds[part], predicted, score=score[part].tolist())))
            came = [seconds[at + 49]] * len(rows)
            blocks.append(block(labels([ids[i] for i in rows], came, actual[rows].tolist())))
    return blocks


def test_an_estimate_that_is_apart_says_so_while_labels_are_not_like_the_rest() -> None:
    config = {"labels": {"topic": "l", "wait": "30m"}, "quality": {"enabled": False}, "no_data": {"learnt": False}}
    alerts = said(*selected(18), **config)
    biases = [alert["startsAt"] for alert in alerts if alert["labels"]["alertname"] == "LabelBias"]
    apart = [alert for alert in alerts if alert["labels"]["alertname"] == "EstimateApart"]
    assert apart
    assert min(biases) < apart[0]["startsAt"]
    assert {alert["annotations"].get("description") for alert in apart} == {UNLIKE}


def test_while_labels_are_not_like_the_rest_a_loss_says_so_and_nothing_is_to_be_trained() -> None:
    log = [block(configuration(config=RETRAINED), at=0), *selected()]
    told = run(log)
    assert [event["data"]["status"] for event in told["retrain"]] == ["proposed", "withdrawn", "proposed"]
    assert told["retrain"][1]["data"]["endReason"] == "label_bias"
    found, over = (event for event in told["alerts"] if event["data"]["labels"]["alertname"] == "LabelBias")
    drifts = [event for event in told["alerts"] if event["data"]["labels"]["alertname"] == "ConceptDrift"]
    doubtful = [one["time"] for one in drifts if one["data"]["annotations"]["description"].startswith(UNLIKE)]
    assert drifts[0]["time"] < found["time"] == doubtful[0]
    assert doubtful == [one["time"] for one in drifts if found["time"] <= one["time"] < over["time"]]
    assert over["time"] in [one["time"] for one in drifts]
    assert told["retrain"][0]["time"] < found["time"] < told["retrain"][1]["time"] < over["time"] < told["retrain"][2]["time"]
    assert run(cut(log, 7), restarts=[200, 400, 700]) == told


def test_nothing_is_to_be_trained_where_a_change_may_have_begun_before_labels_were_found_not_to_be_like_the_rest() -> None:
    rng, blocks = np.random.default_rng(0), list[Block]()
    for window in range(24):
        ids, score = [f"w{window}i{i}" for i in range(300)], rng.beta(1, 3, 300)
        seconds, actual = [window * 300.0 + i for i in range(300)], (rng.random(300) < score).astype(float)
        doubtful, clear = (0.6, 0.6) if window < 10 else (0.8, 0.25) if window < 16 else (1.0, 0.03)
        chosen = rng.random(300) < np.where(abs(score - 0.5) < 0.3, doubtful, clear)
        for at in range(0, 300, 50):
            part, rows = slice(at, at + 50), np.flatnonzero(chosen[at : at + 50]) + at
            predicted = (score[part] > 0.5).astype(float).tolist()
            blocks.append(block(predictions(ids[part], seconds[part], predicted, score=score[part].tolist())))
            blocks.append(block(labels([ids[i] for i in rows], [seconds[at + 49]] * len(rows), actual[rows].tolist())))
    told = run([block(configuration(config=RETRAINED), at=0), *blocks], per_read=50)
    found, drift = (
        next(event["data"] for event in told["alerts"] if event["data"]["labels"]["alertname"] == name)
        for name in ("LabelBias", "ConceptDrift")
    )
    assert drift["change"]["interval"][0] < found["position"]["predictions"] < drift["change"]["position"]
    assert drift["annotations"]["description"].startswith(f"{UNLIKE}: no retraining is requested")
    assert told["retrain"] == []


def chosen(seed: int, doubtful: float, clear: float, wrong: float = 0.0) -> dict[str, list[Any]]:
    """Windows of 300 predictions; from the tenth on, doubtful cases have a label as often as said, and more are errors."""
    rng, blocks = np.random.default_rng(seed), list[Block]()
    for window in range(16):
        ids, score = [f"w{window}i{i}" for i in range(300)], rng.beta(1, 3, 300)
        seconds, actual = [window * 300.0 + i for i in range(300)], (rng.random(300) < score).astype(float)
        likely = np.where(abs(score - 0.5) < 0.3, doubtful, clear) if window >= 10 else 0.5
        actual = np.where(rng.random(300) < (wrong if window >= 10 else 0.0), 1 - actual, actual)
        rows = np.flatnonzero(rng.random(300) < likely)
        blocks.append(block(predictions(ids, seconds, (score > 0.5).astype(float).tolist(), score=score.tolist())))
        blocks.append(block(labels([ids[i] for i in rows], [seconds[-1]] * len(rows), actual[rows].tolist())))
    config = RETRAINED | {"retrain": {"auto": True}}
    return run([block(configuration(config=config), at=0), *blocks], per_read=50)


def test_nothing_is_to_be_trained_while_labels_may_not_be_like_the_rest() -> None:
    told = chosen(4, 0.9, 0.2)
    found, drift = (
        next(event["data"] for event in told["alerts"] if event["data"]["labels"]["alertname"] == name)
        for name in ("LabelBias", "ConceptDrift")
    )
    assert drift["startsAt"] < found["startsAt"]
    assert drift["annotations"]["description"].startswith(f"{PERHAPS}: no retraining is requested")
    assert told["retrain"] == []


def test_that_labels_may_not_be_like_the_rest_is_said_as_an_alert_opens_and_until_it_is_taken_back() -> None:
    alerts, subject, moment = Alerts(record({})), Subject("s", "m", "1"), Moment(0, 0, 1000, 900)
    labels = {"model": "m", "version": "1", "signal": "loss"}
    assert perhaps(alerts, subject, "ConceptDrift")
    telling = Telling(subject, "concept_drift", "ConceptDrift", "critical", "errs more", doubt=f"{PERHAPS}; found by scan")
    alerts.tell("opened", telling, moment, **labels)
    assert perhaps(alerts, subject, "ConceptDrift")
    alerts.tell("updated", telling._replace(doubt="found by scan"), moment, **labels)
    assert not perhaps(alerts, subject, "ConceptDrift")
    assert perhaps(alerts, subject, "RiskRose")


@pytest.mark.parametrize("seed", range(3))
def test_a_loss_that_rises_while_labels_are_like_the_rest_is_to_be_trained_at_once(seed: int) -> None:
    told = chosen(seed, 0.5, 0.5, wrong=0.4)
    drift = next(event["data"] for event in told["alerts"] if event["data"]["labels"]["alertname"] == "ConceptDrift")
    (request,) = (event["data"] for event in told["retrain"] if event["data"]["revision"] == 0)
    assert (request["status"], request["requestedAt"]) == ("approved", drift["startsAt"])
    assert "like the rest" not in drift["annotations"]["description"]


def sampled(sizes: list[int], likely: list[float], weighted: bool) -> list[Block]:
    """Windows of so many predictions; labels come at once, of high scores as likely as said, of others by one in five."""
    rng, blocks = np.random.default_rng(12), list[Block]()
    for window, (n, high) in enumerate(zip(sizes, likely, strict=True)):
        ids, score = [f"w{window}i{i}" for i in range(n)], rng.random(n)
        predicted, chance = (score > 0.5).astype(float), np.where(score > 0.6, high, 0.2)
        seconds = (window * 300.0 + np.arange(n) * 150.0 / n).tolist()
        chosen = np.flatnonzero(rng.random(n) < chance)
        more = {"inclusion_probability": chance[chosen].tolist()} if weighted else {}
        blocks += [
            block(predictions(ids, seconds, predicted.tolist(), score=score.tolist())),
            block(labels([ids[i] for i in chosen], [seconds[-1]] * len(chosen), predicted[chosen].tolist(), more=more)),
        ]
    return [*blocks, drained(len(sizes) * 300.0 + 60.0)]


def biased(sizes: list[int], likely: list[float], weighted: bool = False) -> list[str]:
    """What becomes of the alert that labels are not like the rest."""
    told = said(
        *sampled(sizes, likely, weighted), labels={"topic": "l", "wait": "1d"}, quality={"enabled": False},
        no_data={"learnt": False},
    )  # fmt: skip
    return [alert["transition"] for alert in told if alert["labels"]["alertname"] == "LabelBias"]


@pytest.mark.parametrize("classes", ["ab", "abc"])
def test_scores_of_classes_tell_which_predictions_have_labels(classes: str) -> None:
    """Of two classes mostly those that are likely to be positive, of three those that are doubtful."""
    rng, blocks = np.random.default_rng(14), []
    for window in range(4):
        ids, at = [f"w{window}i{i}" for i in range(400)], window * 300.0
        scores = rng.dirichlet(np.ones(len(classes)), 400)
        sought = scores[:, 1] > 0.5 if classes == "ab" else scores.max(axis=1) < 0.6
        chosen = np.flatnonzero(rng.random(400) < np.where(sought, 0.8, 0.2))
        more = {f"scores:{one}": column.tolist() for one, column in zip(classes, scores.T, strict=True)}
        predicted = [classes[i] for i in scores.argmax(axis=1)]
        blocks += [
            block(predictions(ids, (at + np.arange(400) / 4).tolist(), predicted, more=more)),
            block(labels([ids[i] for i in chosen], [at + 150.0] * len(chosen), [predicted[i] for i in chosen])),
        ]
    config = CONFIG | {"labels": {"topic": "l", "wait": "1d"}, "quality": {"enabled": False}}
    config |= {"positive": "b"} if classes == "ab" else {}
    log = [block(configuration(config=config), at=0), *blocks, drained(1260.0)]
    told = run(log)
    (bias,) = (event["data"] for event in told["alerts"] if event["data"]["labels"]["alertname"] == "LabelBias")
    assert "the mean score is" in bias["annotations"]["summary"]
    assert run(cut(log, 9), restarts=[20, 70]) == told


def test_labels_of_a_quiet_stream_add_up() -> None:
    assert biased([24] * 3, [0.9] * 3) == []
    assert biased([24] * 36, [0.9] * 36) == ["opened"]
    assert biased([24] * 36, [0.2] * 36) == []


def test_windows_with_hardly_any_predictions_do_not_say_that_labels_are_like_the_rest() -> None:
    assert biased([1000, *[10] * 8], [0.9] + [0.2] * 8) == ["opened"]
    assert biased([1000, *[1000] * 10], [0.9] + [0.2] * 10) == ["opened", "resolved"]


def test_it_is_said_of_which_segment_there_are_more_labels() -> None:
    rng, blocks = np.random.default_rng(13), []
    for window in range(4):
        ids, eu, at = [f"w{window}i{i}" for i in range(300)], rng.random(300) < 0.3, window * 300.0
        first = np.flatnonzero(rng.random(300) < np.where(eu, 0.8, 0.2))
        segments = ["eu" if one else "us" for one in eu]
        blocks += [
            block(predictions(ids, (at + np.arange(300) / 2).tolist(), [1.0] * 300, more={"segment:region": segments})),
            block(labels([ids[i] for i in first], [at + 150.0] * len(first), [1.0] * len(first))),
        ]
    told = said(
        *blocks, drained(1260.0),
        labels={"topic": "l", "wait": "1d"}, segments={"keys": ["region"]}, quality={"enabled": False},
        no_data={"learnt": False},
    )  # fmt: skip
    (alert,) = (alert for alert in told if alert["labels"]["alertname"] == "LabelBias")
    what = r"the share of region=(eu|us) is \d+% among predictions with a label, \d+% among those that wait"
    assert re.search(what, alert["annotations"]["summary"])


def test_a_sample_that_says_how_it_was_drawn_is_like_the_rest() -> None:
    assert biased([1500] * 6, [0.9] * 6) == ["opened"]
    assert biased([1500] * 6, [0.9] * 6, weighted=True) == []


def twenty_a_minute(labelled: int, slowest: int) -> dict[str, list[Any]]:
    """What is said of a stream of whose predictions so many get a label, at most so many seconds later."""
    rng = np.random.default_rng(8)
    blocks: list[Block] = []
    events: list[tuple[float, Block]] = []
    for minute in range(300):
        ids, at = [f"m{minute}i{i}" for i in range(20)], minute * 60.0
        events.append((at, block(predictions(ids, [at] * 20, [1.0] * 20, score=[0.9] * 20))))
        known = np.sort(at + rng.uniform(300, slowest, labelled))
        events += [(float(second), block(labels([ids[i]], [float(second)], [1.0]))) for i, second in enumerate(known)]
    blocks = [one for _, one in sorted(events, key=lambda pair: pair[0])]
    config = CONFIG | {"labels": {"topic": "l", "wait": "1h"}, "quality": {"enabled": False}}
    return run([block(configuration(config=config), at=0), *blocks], per_read=50)


def test_nothing_is_forecast_of_a_window_whose_labels_are_complete() -> None:
    open_ = [one["cohort"] for one in cohorts(twenty_a_minute(20, 900), final=False)]
    assert {one["expected_complete"] is None for one in open_[-20:] if one["waiting"]} == {False}
    assert {(one["expected_coverage"], one["expected_complete"]) for one in open_ if not one["waiting"]} == {(None, None)}


def test_it_is_forecast_when_the_labels_of_a_window_will_be_complete() -> None:
    told = twenty_a_minute(16, 1500)
    open_ = [one for one in cohorts(told, final=False) if one["cohort"]["expected_complete"]]
    assert open_
    for one in open_[-5:]:
        assert one["cohort"]["expected_coverage"] == pytest.approx(0.8, abs=0.01)
        start = int(one["window"]["end"][11:13]) * 60 + int(one["window"]["end"][14:16])
        until = int(one["cohort"]["expected_complete"][11:13]) * 60 + int(one["cohort"]["expected_complete"][14:16])
        assert 22 <= until - start <= 26


def test_the_error_of_a_regression_is_estimated_from_its_features() -> None:
    """Noise grows with a feature, and the feature grows in the second half; the last labels never come."""
    rng = np.random.default_rng(9)
    n = 8000
    x = rng.uniform(0, 1, n) + np.where(np.arange(n) < 6000, 0.0, 0.5)
    error = rng.normal(size=n) * (0.1 + x)
    blocks = []
    for at in range(0, n, 100):
        part = slice(at, at + 100)
        ids, seconds = [f"r{i}" for i in range(at, at + 100)], [float(i) for i in range(at, at + 100)]
        blocks.append(block(predictions(ids, seconds, (10 + error[part]).tolist(), {"x": x[part].tolist()})))
        if at < 6000:
            blocks.append(block(labels(ids, [seconds[-1]] * 100, [10.0] * 100)))
    config = CONFIG | {"models": {"estimate_loss": True}, "task": "regression", "quality": {"enabled": False}}
    told = run([block(configuration(config=config), at=0), *blocks, *(drained(8000.0 + 600 * i) for i in range(4))])
    expected = {one["window"]["start"][11:16]: one["estimated"] for one in arrivals(told) if one["estimated"]}
    before, after = expected["01:30"]["metrics"]["mae"]["value"], expected["02:00"]["metrics"]["mae"]["value"]
    assert before == pytest.approx(0.8 * 0.6, rel=0.2)
    assert after > 1.2 * before


def test_a_challenger_that_is_better_is_a_notice_and_a_restart_changes_nothing() -> None:
    rng = np.random.default_rng(10)
    n = 3000
    x = rng.normal(size=n)
    truth = (x > 0).astype(float)
    predicted = np.where(rng.random(n) < 0.3, 1 - truth, truth)
    blocks = []
    for at in range(0, n, 100):
        part = slice(at, at + 100)
        ids, seconds = [f"c{i}" for i in range(at, at + 100)], [float(i) for i in range(at, at + 100)]
        blocks.append(block(predictions(ids, seconds, predicted[part].tolist(), {"x": x[part].tolist()}, score=[0.5] * 100)))
        blocks.append(block(labels(ids, [seconds[-1]] * 100, truth[part].tolist())))
    log = [
        block(configuration(config=CONFIG | {"models": {"challengers": {"naive_bayes": {}}}}), at=0),
        *blocks,
        drained(4000.0),
    ]
    told = run(log)
    better, *later = (one["data"] for one in told["alerts"] if one["data"]["labels"]["alertname"] == "ChallengerBetter")
    assert {one["transition"] for one in later} == {"updated"}
    assert (better["labels"]["challenger"], better["labels"]["severity"]) == ("naive_bayes", "info")
    assert "points [" in better["annotations"]["summary"]
    assert told["retrain"] == []
    assert run(log, restarts=[5, 11], per_read=2) == told


def test_labels_that_come_later_than_they_used_to_are_said_to() -> None:
    blocks = []
    events: list[tuple[float, Block]] = []
    for minute in range(600):
        ids, at = [f"m{minute}i{i}" for i in range(10)], minute * 60.0
        events.append((at, block(predictions(ids, [at] * 10, [1.0] * 10, score=[0.9] * 10))))
        delay = 200.0 if minute < 300 else 1500.0
        events.append((at + delay, block(labels(ids, [at + delay] * 10, [1.0] * 10))))
    blocks = [one for _, one in sorted(events, key=lambda pair: pair[0])]
    alerts = said(*blocks, labels={"topic": "l", "wait": "2h"}, quality={"enabled": False}, no_data={"learnt": False})
    (opened,) = (alert for alert in alerts if alert["labels"]["alertname"] == "LabelsLate")
    assert "2026-01-01T05:00" < opened["startsAt"] < "2026-01-01T05:40"
    assert opened["annotations"]["summary"] == (
        "labels of s come later than they used to: when a window ends, 0% of its predictions have one, and it was never "
        "less than 40% before"
    )
    steady = [one for at, one in sorted(events, key=lambda pair: pair[0]) if at < 300 * 60.0]
    assert "LabelsLate" not in names(said(*steady, labels={"topic": "l", "wait": "2h"}, quality={"enabled": False}))


def test_what_models_are_told_to_shed_is_shed_again_by_a_replay() -> None:
    n = 2000
    rng = np.random.default_rng(11)
    x = rng.normal(size=n)
    blocks = []
    for at in range(0, n, 100):
        ids, seconds = [f"k{i}" for i in range(at, at + 100)], [float(i) for i in range(at, at + 100)]
        said_, named = (x[at : at + 100] > 0).astype(float).tolist(), {"x": x[at : at + 100].tolist()}
        blocks += [
            block(predictions(ids, seconds, said_, named)),
            block(labels(ids, seconds, said_)),
        ]
    shed = Section("s", "control", document=document({"stream": "s", "action": "shed", "halvings": 3}))
    config = CONFIG | {"models": {"challengers": {"majority": {}}}}
    log = [block(configuration(config=config), at=0), *blocks[:20], block(shed, at=1000), *blocks[20:], drained(4000.0)]
    told = run(log)
    learnt = [one["models"][0]["outcomes"] for one in arrivals(told) if one["models"]][-1]
    assert 1000 + 60 < learnt < 1000 + 200
    assert run(log, restarts=[4, 9], per_read=3) == told


@pytest.mark.parametrize("late", [0.0, 7_000.0])
@pytest.mark.parametrize("wrong", [False, True])
def test_a_backlog_is_no_clock_that_is_wrong_and_hides_none(late: float, wrong: bool) -> None:
    """A row in ten seconds, read as they come or all at once; of some clients one in five is two hours old."""
    log = []
    for at in range(0, 1_400, 10):
        seconds = [10.0 * i - (7_200 if wrong and i % 5 == 2 else 0) for i in range(at, at + 10)]
        now = max(late, 10.0 * (at + 9))
        ids = [f"id{i}" for i in range(at, at + 10)]
        log.append(block(predictions(ids, seconds, [float(i % 2) for i in range(10)]), at=now))
    alerts = said(*log, metrics={"window": "40m", "grace": "1m"}, quality={"backwards": 1.0, "late": 1.0})
    assert ("ClockSkew" in names(alerts)) == wrong
