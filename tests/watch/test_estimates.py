"""What is expected of predictions before labels come: of which rows, by which classes, from when on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.blocks import Block, encode
from stream_monitor.part import Part
from stream_monitor.task import Partition

from .worlds import arrivals, block, cohorts, configuration, cut, drained, labels, predictions, run, value

CONFIG: dict[str, Any] = {
    "detectors": {"features": {}, "categories": {}, "score": {}, "loss": {}, "prediction": {}},
    "quality": {"enabled": False},
    "labels": {"topic": "l", "wait": "10m"},
    "reference": {"rows": 500},
}


def scored(score: np.ndarray[Any, Any], label: np.ndarray[Any, Any], labelled: np.ndarray[Any, Any]) -> list[Block]:
    """A prediction a second by its score; some get a label, with the next hundred."""
    blocks = []
    for at in range(0, len(score), 100):
        part = slice(at, at + 100)
        ids, seconds = [f"s{i}" for i in range(at, at + 100)], [float(at + i) for i in range(100)]
        blocks.append(block(predictions(ids, seconds, (score[part] > 0.5).astype(float).tolist(), score=score[part].tolist())))
        chosen = np.flatnonzero(labelled[part])
        blocks.append(block(labels([ids[i] for i in chosen], [seconds[-1]] * len(chosen), label[part][chosen].tolist())))
    return [*blocks, *(drained(len(score) + 600.0 * i) for i in range(1, 6))]


def told(blocks: list[Block], **config: Any) -> dict[str, list[Any]]:
    """What is said of a stream."""
    return run([block(configuration(config=CONFIG | config), at=0), *blocks], per_read=50)


def apart(said: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Alerts that labels show something else than was expected."""
    alerts = [event["data"] for event in said["alerts"]]
    return [alert for alert in alerts if alert["labels"]["alertname"] == "EstimateApart"]


def expected(events: list[dict[str, Any]]) -> dict[str, float]:
    """The accuracy that is expected, by the start of the window."""
    return {one["window"]["start"]: one["estimated"]["metrics"]["accuracy"]["value"] for one in events if one["estimated"]}


def chosen_by(how: str, score: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Which predictions get a label, by their score."""
    clear = np.abs(score - 0.5) > 0.3
    chances = {"all": np.ones(len(score)), "clear": np.where(clear, 1.0, 0.1), "doubtful": np.where(clear, 0.1, 1.0)}
    chosen: np.ndarray[Any, Any] = np.random.default_rng(22).random(len(score)) < chances[how]
    return chosen


@pytest.mark.parametrize("how", ["all", "clear", "doubtful"])
def test_labels_that_are_chosen_by_score_are_compared_with_what_was_expected_of_them(how: str) -> None:
    rng = np.random.default_rng(21)
    score = rng.beta(1.2, 1.2, 9000)
    said = told(scored(score, (rng.random(9000) < score).astype(float), chosen_by(how, score)))
    assert apart(said) == []
    of_all, of_labelled = expected(arrivals(said)), expected(cohorts(said))
    shifts = [of_labelled[start] - of_all[start] for start in of_labelled.keys() & of_all.keys()]
    assert len(shifts) > 10
    assert np.sign(np.round(np.mean(shifts), 2)) == {"all": 0, "clear": 1, "doubtful": -1}[how]


@pytest.mark.parametrize("how", ["all", "clear", "doubtful"])
def test_a_relation_that_changes_is_seen_whichever_labels_there_are(how: str) -> None:
    rng = np.random.default_rng(23)
    score = rng.beta(1.2, 1.2, 9000)
    chance = np.where(np.arange(9000) < 5000, score, 0.5)
    alerts = apart(told(scored(score, (rng.random(9000) < chance).astype(float), chosen_by(how, score))))
    assert alerts
    assert min(alert["startsAt"] for alert in alerts) > "2026-01-01T01:23"


def test_a_relation_that_changes_is_seen_where_few_get_a_label_however_the_log_is_cut() -> None:
    rng = np.random.default_rng(23)
    score, few = rng.beta(1.2, 1.2, 9000), rng.random(9000) < 0.15
    chance = np.where(np.arange(9000) < 4000, score, 0.5)
    log = [block(configuration(config=CONFIG), at=0), *scored(score, (rng.random(9000) < chance).astype(float), few)]
    said = run(log)
    opened = [one for one in apart(said) if one["transition"] == "opened"][:2]
    assert {one["labels"]["metric"] for one in opened} == {"accuracy", "roc_auc"}
    assert min(one["startsAt"] for one in opened) > "2026-01-01T01:06"
    assert all(" outcomes of the last windows together; " in one["annotations"]["summary"] for one in opened)
    assert run(cut(log, 7), restarts=[30, 100, 200, 300, 390]) == said


def test_positives_that_are_half_as_likely_are_seen_though_accuracy_stays() -> None:
    rng = np.random.default_rng(29)
    score = rng.beta(1.5, 3, 9000)
    chance = np.where(np.arange(9000) < 4000, score, score / 2)
    alerts = apart(told(scored(score, (rng.random(9000) < chance).astype(float), np.ones(9000, np.bool_))))
    assert [one["labels"]["metric"] for one in alerts if one["transition"] == "opened"] == ["precision"]


def test_what_is_better_than_expected_is_a_notice_and_says_when_that_was() -> None:
    rng = np.random.default_rng(28)
    score = rng.beta(2, 2, 9000)
    sharper = np.where(score > 0.5, 1 - (1 - score) * 0.3, score * 0.3)
    chance = np.where((np.arange(9000) // 3000) == 1, sharper, score)
    alerts = apart(told(scored(score, (rng.random(9000) < chance).astype(float), np.ones(9000, np.bool_))))
    opened = next(one for one in alerts if one["labels"]["metric"] == "accuracy" and one["transition"] == "opened")
    assert opened["labels"]["severity"] == "info"
    summary = opened["annotations"]["summary"]
    assert summary.startswith("accuracy of s/1 is above what its scores let expect since 2026-01-01T00:50:00.000Z, as ")
    assert "as labels show that are complete until 2026-01-01T01:05:00.000Z: 0.92 " in summary
    assert summary.endswith("; the relation of features and labels changed")
    assert (opened["change"]["time"], opened["change"]["direction"]) == ("2026-01-01T00:50:00.000Z", "up")
    assert opened["change"]["effect"]["value"] == pytest.approx(opened["change"]["after"] - opened["change"]["before"])
    transitions = [one["transition"] for one in alerts if one["labels"]["metric"] == "accuracy"]
    assert transitions == ["opened", "resolved"]


def test_a_change_of_side_ends_the_alert_and_opens_another() -> None:
    rng = np.random.default_rng(31)
    score = rng.beta(2, 2, 12_000)
    sharper = np.where(score > 0.5, 1 - (1 - score) * 0.3, score * 0.3)
    chance = np.select([np.arange(12_000) < 3900, np.arange(12_000) < 7800], [score, np.full(12_000, 0.5)], sharper)
    alerts = apart(told(scored(score, (rng.random(12_000) < chance).astype(float), np.ones(12_000, np.bool_))))
    mine = [one for one in alerts if one["labels"]["metric"] == "accuracy"]
    steps = [(one["transition"], one["labels"]["severity"], one["change"]["direction"]) for one in mine]
    assert steps == [("opened", "warning", "down"), ("resolved", "warning", "down"), ("opened", "info", "up")]
    assert mine[2]["startsAt"] == mine[1]["endsAt"] > mine[0]["startsAt"]
    assert mine[2]["change"]["time"] >= "2026-01-01T02:10"


@pytest.mark.parametrize(("calibrated_on", "transitions"), [("reference", ["opened"]), ("latest", ["opened", "resolved"])])
def test_a_relation_of_a_regression_that_stays_broken_stays_apart_unless_the_latest_outcomes_are_learnt_from(
    calibrated_on: str, transitions: list[str]
) -> None:
    rng, n, blocks = np.random.default_rng(30), 20_000, list[Block]()
    x = rng.random(n)
    error = rng.normal(size=n) * (0.5 + x) * np.where(np.arange(n) < 4000, 1.0, 1.5)
    for at in range(0, n, 100):
        part, seconds = slice(at, at + 100), [float(i) for i in range(at, at + 100)]
        ids = [f"r{i}" for i in range(at, at + 100)]
        blocks.append(block(predictions(ids, seconds, (10 + x[part]).tolist(), {"x": x[part].tolist()})))
        blocks.append(block(labels(ids, [seconds[-1]] * 100, (10 + x + error)[part].tolist())))
    more: dict[str, Any] = {"task": "regression", "models": {"estimate_loss": True}, "reference": {"rows": 1000}}
    performance = {"estimates": {"calibrated_on": calibrated_on}}
    said = told([*blocks, *(drained(n + 600.0 * i) for i in range(1, 6))], performance=performance, **more)
    assert [one["transition"] for one in apart(said)] == transitions
    assert [one["estimated"]["learnt_from"] for one in arrivals(said) if one["estimated"]][-1] == 1000


def late(numbers: dict[str, np.ndarray[Any, Any]], label: np.ndarray[Any, Any], delay: np.ndarray[Any, Any]) -> list[Block]:
    """A prediction a second, each with its label so many seconds later, and then silence."""
    blocks, n = list[Block](), len(label)
    features = numbers.get("x")
    for at in range(0, n + 600, 50):
        part = slice(at, min(at + 50, n))
        ids, seconds = [f"d{i}" for i in range(n)[part]], [float(i) for i in range(n)[part]]
        if ids:
            x = None if features is None else {"x": features[part].tolist()}
            score = numbers["score"][part].tolist() if "score" in numbers else None
            blocks.append(block(predictions(ids, seconds, numbers["prediction"][part].tolist(), x, score=score)))
        known = np.arange(n) + delay
        due = np.flatnonzero((known >= at) & (known < at + 50))
        due = due[np.argsort(known[due])]
        blocks.append(block(labels([f"d{i}" for i in due], known[due].tolist(), label[due].tolist()), at=at + 50.0))
    return [*blocks, *(drained(n + 600.0 * i) for i in range(1, 4))]


def delays(soon: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Labels that come within seconds, and others that come within the wait."""
    rng = np.random.default_rng(31)
    return np.where(soon, rng.uniform(1, 20, len(soon)), rng.uniform(20, 590, len(soon)))


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_labels_of_one_class_that_come_first_do_not_change_what_is_expected(first: float) -> None:
    rng, n = np.random.default_rng(32), 6000
    score = rng.beta(2.0, 2.0, n)
    label = (rng.random(n) < score).astype(float)
    log = [block(configuration(config=CONFIG), at=0)]
    log += late({"score": score, "prediction": (score > 0.5).astype(float)}, label, delays(label == first))
    said = run(log, per_read=50)
    assert apart(said) == []
    found = list(expected(arrivals(said)).values())
    assert len(found) > 10
    assert np.mean(found) == pytest.approx(np.maximum(score, 1 - score).mean(), abs=0.03)
    assert run(cut(log, 33), [40, 90, 130]) == said


def test_large_errors_whose_labels_come_last_are_expected() -> None:
    rng, n = np.random.default_rng(33), 6000
    x = rng.random(n)
    error = rng.normal(size=n) * (0.5 + x)
    log = [block(configuration(config=CONFIG | {"task": "regression", "models": {"estimate_loss": True}}), at=0)]
    log += late({"x": x, "prediction": 10 + x}, 10 + x + error, delays(np.abs(error) < 1.0))
    said = run(log, per_read=50)
    assert apart(said) == []
    found = [one["estimated"]["metrics"]["mae"]["value"] for one in arrivals(said) if one["estimated"]]
    assert len(found) > 10
    assert np.mean(found) == pytest.approx(np.abs(error).mean(), abs=0.06)
    assert run(cut(log, 33), [40, 90, 130]) == said


def not_estimated(blocks: list[Block], **config: Any) -> dict[str, str]:
    """What the stream says of why it estimates nothing, by version."""
    part = Part(Partition("blocks", 0), None)
    for offset, one in enumerate([block(configuration(config=CONFIG | config), at=0), *blocks]):
        part.record(offset, encode(one))
    found: dict[str, str] = part.status()["s"]["not_estimated"]
    return found


def test_scores_of_the_class_that_is_predicted_are_refused_and_it_is_said_which_to_give() -> None:
    rng, blocks = np.random.default_rng(41), list[Block]()
    for at in range(0, 3000, 100):
        chance, ids, seconds = rng.random(100), [f"c{at + i}" for i in range(100)], [float(at + i) for i in range(100)]
        sure, came = np.maximum(chance, 1 - chance), rng.random(100) < chance
        blocks.append(block(predictions(ids, seconds, (chance > 0.5).astype(float).tolist(), score=sure.tolist())))
        blocks.append(block(labels(ids, [seconds[-1]] * 100, came.astype(float).tolist())))
    (why,) = not_estimated([*blocks, *(drained(3000.0 + 600 * i) for i in range(1, 4))]).values()
    assert why.startswith("scores do not say how often predictions are right")
    assert "`score` must be that of the positive class" in why


@pytest.mark.parametrize("calibrated_on", ["reference", "latest"])
def test_nothing_is_estimated_from_fewer_than_ten_positives_and_the_latest_may_be_more(calibrated_on: str) -> None:
    score = np.full(1500, 0.2)
    label = np.arange(1500) % np.where(np.arange(1500) < 500, 100, 5) == 0
    blocks = scored(score, label.astype(float), np.ones(1500, np.bool_))
    config: dict[str, Any] = {"metrics": {"window": "5m"}, "performance": {"estimates": {"calibrated_on": calibrated_on}}}
    assert ["fewer than 10" in why for why in not_estimated(blocks[:20], **config).values()] == [True]
    assert bool(not_estimated(blocks, **config)) == (calibrated_on == "reference")


@pytest.mark.parametrize("asked", [False, True])
def test_a_regression_that_is_not_estimated_says_that_it_was_not_asked_for(asked: bool) -> None:
    ids, seconds, values = [f"e{i}" for i in range(300)], [float(i) for i in range(300)], [i / 7 for i in range(300)]
    blocks = [block(predictions(ids, seconds, values)), block(labels(ids, [300.0] * 300, values))]
    found = not_estimated(blocks, task="regression", models={"estimate_loss": asked})
    assert found == ({} if asked else {"1": "`models.estimate_loss` is off"})


def growing(rows: int = 1500) -> list[Block]:
    """Predictions with scores of three classes, and of one more after some time."""
    rng, blocks = np.random.default_rng(24), list[Block]()
    for at in range(0, rows, 50):
        names = [f"c{i}" for i in range(3 + at // 700)]
        scores = rng.dirichlet(np.ones(len(names)), 50)
        ids, seconds = [f"g{at + i}" for i in range(50)], [2.0 * (at + i) for i in range(50)]
        more: dict[str, Any] = {f"scores:{name}": scores[:, i].tolist() for i, name in enumerate(names)}
        blocks.append(block(predictions(ids, seconds, [names[i] for i in scores.argmax(axis=1)], more=more)))
        blocks.append(block(labels(ids, [seconds[-1] + 30.0] * 50, [names[rng.choice(len(names), p=one)] for one in scores])))
    return [*blocks, *(drained(2.0 * rows + 300.0 * i) for i in range(1, 6))]


@pytest.mark.parametrize(("every", "restarts"), [(7, []), (50, [9, 21, 33, 40]), (11, [50, 130])])
def test_a_class_that_is_new_within_a_window_leaves_expectations_the_same_wherever_the_log_is_cut(
    every: int, restarts: list[int]
) -> None:
    log = [block(configuration(config=CONFIG | {"task": "multiclass", "reference": {"rows": 200}}), at=0), *growing()]
    whole = run(log, per_read=50)
    assert sum(bool(one["estimated"]) for one in arrivals(whole)) >= 6
    assert run(cut(log, every), restarts) == whole


def test_a_class_without_a_row_in_the_reference_is_known_by_its_scores() -> None:
    rng, n, blocks = np.random.default_rng(25), 4000, list[Block]()
    names = np.array(["a", "b", "c"])
    scores = rng.dirichlet(np.ones(3), n)
    scores[:1000, 2] = 0.001
    scores /= scores.sum(axis=1, keepdims=True)
    for at in range(0, n, 100):
        mine = scores[at : at + 100]
        ids, seconds = [f"k{at + i}" for i in range(100)], [float(at + i) for i in range(100)]
        more: dict[str, Any] = {f"scores:{name}": mine[:, i].tolist() for i, name in enumerate(names)}
        blocks.append(block(predictions(ids, seconds, names[mine.argmax(axis=1)].tolist(), more=more)))
        blocks.append(block(labels(ids, [seconds[-1]] * 100, [str(names[rng.choice(3, p=one)]) for one in mine])))
    said = told([*blocks, *(drained(n + 600.0 * i) for i in range(1, 5))], task="multiclass")
    assert apart(said) == []
    last = [one for one in cohorts(said) if one["estimated"]][-1]
    assert last["estimated"]["metrics"]["macro_f1"]["value"] == pytest.approx(value(last["performance"], "macro_f1"), abs=0.1)


def test_the_window_after_the_reference_is_the_first_of_which_something_is_expected() -> None:
    rng = np.random.default_rng(26)
    score = rng.random(1200)
    said = told(scored(score, (rng.random(1200) < score).astype(float), np.ones(1200, np.bool_)), metrics={"window": "10m"})
    assert [bool(one["estimated"]) for one in arrivals(said) if one["predictions"]] == [False, True]


@pytest.mark.parametrize("off", ["a", "b"])
def test_what_is_said_of_the_calibration_of_many_classes_is_that_of_the_worst(off: str) -> None:
    """Scores of one class are twice what they should be against those of another; which is named first does not matter."""
    rng, n, blocks = np.random.default_rng(27), 1600, list[Block]()
    names = [off, *sorted({"a", "b", "c"} - {off})]
    chances = rng.dirichlet(np.ones(3), n)
    scores = chances * np.array([0.3, 1.0, 1.0])
    for at in range(0, n, 100):
        mine = slice(at, at + 100)
        ids, seconds = [f"w{at + i}" for i in range(100)], [float(at + i) for i in range(100)]
        more: dict[str, Any] = {f"scores:{name}": scores[mine, names.index(name)].tolist() for name in "abc"}
        predicted = [names[i] for i in scores[mine].argmax(axis=1)]
        blocks.append(block(predictions(ids, seconds, predicted, more=more)))
        blocks.append(block(labels(ids, [seconds[-1]] * 100, [names[rng.choice(3, p=one)] for one in chances[mine]])))
    said = told([*blocks, drained(n + 600.0)], task="multiclass")
    (last, *_) = [one["estimated"] for one in arrivals(said) if one["estimated"]]
    assert last["calibrated"]
    assert last["calibration_error"] == pytest.approx(0.7 / 3, abs=0.05)
