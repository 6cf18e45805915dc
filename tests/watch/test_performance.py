"""What outcomes say: by when their label came and by when they were predicted, by segment; and when that is an alert."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, roc_auc_score, top_k_accuracy_score

from stream_monitor.blocks import Block

from .worlds import arrivals, block, cohorts, configuration, cut, drained, labels, predictions, run, value

HOUR = 3600.0
QUIET: dict[str, Any] = {"detectors": {"features": {}, "score": {}, "loss": {}}}
"""Nothing watches for drift."""


def truth(
    seed: int, n: int, wrong: float | np.ndarray[Any, Any] = 0.1
) -> tuple[list[str], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Ids, labels and predictions of 0 and 1, of which a share is wrong."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.4).astype(float)
    return [f"id{i}" for i in range(n)], label, np.where(rng.random(n) < wrong, 1 - label, label)


def silence(until: float, since: float = 0.0) -> list[Block]:
    """Nothing comes, for hours."""
    return [drained(hour) for hour in np.arange(since, until + 1, 600.0).tolist()]


def world(config: dict[str, Any], *blocks: Block) -> dict[str, list[Any]]:
    """What is said of a stream without drift detection."""
    return run([block(configuration(config=QUIET | config), at=0), *blocks])


def test_by_arrival_and_by_cohort_are_never_mixed_up() -> None:
    ids, label, predicted = truth(1, 100)
    made = block(predictions(ids, [60 + i / 10 for i in range(100)], predicted.tolist(), score=[0.5] * 100))
    known = block(labels(ids, [3600 + i for i in range(100)], label.tolist()))
    said = world({}, made, drained(1000), known, *silence(4 * HOUR, 3800))
    accuracy = float((label == predicted).mean())
    by_arrival = {one["window"]["start"][11:16]: one for one in arrivals(said)}
    assert by_arrival["00:00"]["predictions"] == 100
    assert by_arrival["00:00"]["performance"]["outcomes"] == 0
    assert by_arrival["01:00"]["performance"]["outcomes"] == 100
    assert value(by_arrival["01:00"]["performance"], "accuracy") == accuracy
    final = [one for one in cohorts(said) if one["window"]["end"][11:16] == "00:05"]
    assert [(one["predictions"], one["cohort"]["labelled"], one["cohort"]["coverage"]) for one in final] == [(100, 100, 1.0)]
    assert value(final[0]["performance"], "accuracy") == accuracy
    assert {one["window"]["start"][11:16] for one in cohorts(said)} == {"00:00"}


def test_what_came_before_the_task_was_clear_counts_since_the_version_began_however_the_log_is_cut() -> None:
    ids, label, predicted = truth(1, 160)
    log = [block(configuration(config=QUIET | {"labels": {"topic": "l", "wait": "30m"}}), at=0)]
    for i in range(0, 160, 4):
        part, start = slice(i, i + 4), 60.0 * i
        log.append(block(predictions(ids[part], [start, start + 60, start + 120, start + 180], predicted[part].tolist())))
        log.append(block(labels(ids[part], [start + 181.0 + k for k in range(4)], label[part].tolist())))
    log += silence(5 * HOUR, 160 * 60)
    whole = run(log)
    assert sum(one["performance"]["outcomes"] for one in arrivals(whole)) < 100
    assert sum(one["counts"].get("amended_too_late", 0) for one in arrivals(whole)) == 0
    last = [event["data"]["since"] for event in whole["metrics"] if event["data"]["since"]][-1]
    for basis, n in (("arrival", 160), ("cohort", 130)):  # the last half an hour may still be corrected
        assert last[basis]["outcomes"] == n
        assert value(last[basis], "accuracy") == float((label == predicted)[:n].mean())
    assert run(cut(log, 1)) == whole
    assert run(log, restarts=range(1, len(log), 3)) == whole


def test_a_cohort_says_how_much_of_it_is_open_until_no_label_can_come() -> None:
    ids, label, predicted = truth(2, 100)
    made = block(predictions(ids, [60.0] * 100, predicted.tolist(), score=[0.5] * 100))
    early = block(labels(ids[:30], [200.0] * 30, label[:30].tolist()))
    later = block(labels(ids[30:70], [1000.0] * 40, label[30:70].tolist()))
    said = world({"labels": {"topic": "l", "wait": "1h"}}, made, early, *silence(900), later, *silence(2 * HOUR, 1100))
    of_window = [one for one in cohorts(said, final=False) if one["window"]["end"][11:16] == "00:05"]
    assert [(one["cohort"]["labelled"], one["cohort"]["waiting"]) for one in of_window] == [(30, 70), (70, 30)]
    (final,) = (one for one in cohorts(said) if one["window"]["end"][11:16] == "00:05")
    assert (final["cohort"]["labelled"], final["cohort"]["waiting"], final["cohort"]["coverage"]) == (70, 0, 0.7)


def test_a_label_whose_time_is_before_its_predictions_has_no_delay() -> None:
    """As where a label has the time of what happened, and a prediction that of scoring."""
    ids, label, predicted = truth(26, 100)
    made = block(predictions(ids, [60.0] * 100, predicted.tolist(), score=[0.5] * 100))
    known = block(labels(ids, [59.0] * 60 + [100.0] * 40, label.tolist()))
    said = world({"labels": {"topic": "l", "wait": "1h"}}, made, known, *silence(2 * HOUR, 200))
    (window,) = (one for one in arrivals(said) if one["performance"]["outcomes"])
    (final,) = (one for one in cohorts(said) if one["window"]["end"][11:16] == "00:05")
    assert (window["performance"]["outcomes"], window["labels"]["joined"]) == (100, 100)
    for found in (window["labels"], final["cohort"]):
        assert (found["delay_p50_s"], found["delay_p95_s"]) == (0.0, pytest.approx(40.0, rel=0.01))


def test_absence_makes_a_cohort_mature() -> None:
    ids, label, predicted = truth(3, 100)
    made = block(predictions(ids, [60.0] * 100, predicted.tolist(), score=[0.5] * 100))
    positives = [i for i in range(100) if label[i]]
    known = block(labels([ids[i] for i in positives], [200.0] * len(positives), [1.0] * len(positives)))
    config = {"labels": {"topic": "l", "wait": "1h", "absent": {"label": 0, "after": "30m"}}}
    said = world(config, made, known, *silence(2 * HOUR, 300))
    (final,) = (one for one in cohorts(said) if one["window"]["end"][11:16] == "00:05")
    assert final["cohort"]["coverage"] == 1.0
    assert value(final["performance"], "accuracy") == float((label == predicted).mean())
    assert value(final["performance"], "recall") == float(predicted[label == 1].mean())


def test_a_correction_counts_once_in_the_cohort_and_a_retraction_not_at_all() -> None:
    made = block(predictions(["a", "b", "c"], [60.0] * 3, [1.0, 1.0, 0.0], score=[0.9, 0.8, 0.1]))
    first = block(labels(["a", "b", "c"], [100.0] * 3, [0.0, 1.0, 0.0]))
    second = block(labels(["a", "b"], [2000.0] * 2, [1.0, float("nan")]))
    said = world({}, made, first, second, *silence(4 * HOUR, 2100))
    (final,) = (one for one in cohorts(said) if one["window"]["end"][11:16] == "00:05")
    assert (final["predictions"], final["cohort"]["labelled"]) == (3, 2)
    assert value(final["performance"], "accuracy") == 1.0


def test_longer_windows_are_made_of_the_shortest() -> None:
    ids, label, predicted = truth(4, 600)
    seconds = [i * 6.0 for i in range(600)]
    blocks = []
    for start in range(0, 600, 50):
        part = slice(start, start + 50)
        blocks.append(block(predictions(ids[part], seconds[part], predicted[part].tolist(), score=[0.5] * 50)))
        blocks.append(block(labels(ids[part], [seconds[part][-1]] * 50, label[part].tolist())))
    said = world({}, *blocks, *silence(3 * HOUR, 3700))
    (hour,) = (
        one["data"]
        for one in said["metrics"]
        if one["data"]["basis"] == "arrival"
        and one["data"]["window"]["end"][11:16] == "01:00"
        and one["data"]["predictions"] == 600
    )
    assert value(hour["performance"], "accuracy") == float((label == predicted).mean())
    short = [one for one in arrivals(said) if one["window"]["start"][11:13] == "00"]
    assert sum(one["predictions"] for one in short) == hour["predictions"]
    assert len(short) == 12
    assert value(short[-1]["since"]["arrival"], "accuracy") == value(hour["performance"], "accuracy")


def test_a_reviewed_sample_gives_the_accuracy_of_all() -> None:
    """Reviewers see every doubtful prediction, and one in ten of the others."""
    rng = np.random.default_rng(5)
    n = 20_000
    doubtful = rng.random(n) < 0.2
    wrong = rng.random(n) < np.where(doubtful, 0.4, 0.02)
    chance = np.where(doubtful, 1.0, 0.1)
    seen = rng.random(n) < chance
    ids = [f"id{i}" for i in range(n)]
    made = block(predictions(ids, [60.0] * n, [1.0] * n, score=np.where(doubtful, 0.6, 0.95).tolist()))
    chosen = np.flatnonzero(seen)
    known = block(
        labels([ids[i] for i in chosen], [100.0] * len(chosen), (1.0 - wrong[chosen]).tolist(),
               more={"inclusion_probability": chance[chosen].tolist()})
    )  # fmt: skip
    said = world({"task": "binary", "positive": 1}, made, known, *silence(4 * HOUR, 200))
    (one,) = (one for one in arrivals(said) if one["performance"]["outcomes"])
    reading = one["performance"]["metrics"]["accuracy"]
    true = 1 - wrong.mean()
    assert abs(reading["value"] - true) < 0.01
    assert reading["low"] < true < reading["high"]
    assert abs((1 - wrong[seen]).mean() - true) > 0.1


def test_what_is_measured_is_what_scikit_learn_measures() -> None:
    rng = np.random.default_rng(6)
    names = np.array(["cat", "dog", "emu", "fox"])
    label = rng.integers(0, 4, 1000)
    raw = rng.gamma(1.0, size=(1000, 4)) + 2.0 * np.eye(4)[label]
    scores = raw / raw.sum(axis=1, keepdims=True)
    predicted = scores.argmax(axis=1)
    ids = [f"id{i}" for i in range(1000)]
    columns = {f"scores:{name}": scores[:, i].tolist() for i, name in enumerate(names)}
    made = block(predictions(ids, [60.0] * 1000, names[predicted].tolist(), more=columns))
    config = {"metrics": {"window": "5m", "top_k": 2}}
    said = world(config, made, block(labels(ids, [100.0] * 1000, names[label].tolist())), *silence(3 * HOUR, 200))
    (one,) = (one["performance"] for one in arrivals(said, "2026-01-01T00:00") if one["performance"]["outcomes"])
    assert one["task"] == "multiclass"
    assert value(one, "top_k_accuracy") == pytest.approx(top_k_accuracy_score(label, scores, k=2))
    assert value(one, "macro_f1") == pytest.approx(f1_score(label, predicted, average="macro"))
    assert value(one, "log_loss") == pytest.approx(log_loss(label, scores), rel=1e-6)  # scores wait as float32
    assert sorted(one["confusion"]["classes"]) == sorted(names)
    assert sum(map(sum, one["confusion"]["counts"])) == 1000
    dog = one["classes"]["dog"]
    assert dog["recall"]["value"] == pytest.approx((predicted[label == 1] == 1).mean())
    assert dog["support"]["value"] == (label == 1).sum()


@pytest.mark.parametrize(("yes", "no"), [("fraud", "ok"), ("yes", "no"), ("a", "b")])
def test_the_positive_class_is_found_where_that_is_safe(yes: str, no: str) -> None:
    ids, label, predicted = truth(7, 400)
    rng = np.random.default_rng(7)
    score = np.clip(np.where(predicted == 1, 0.8, 0.2) + rng.normal(0, 0.1, 400), 0, 1)
    text = np.array([no, yes])
    made = block(predictions(ids, [60.0] * 400, text[predicted.astype(int)].tolist(), score=score.tolist()))
    said = world({}, made, block(labels(ids, [100.0] * 400, text[label.astype(int)].tolist())), *silence(3 * HOUR, 200))
    (one,) = (one["performance"] for one in arrivals(said) if one["performance"]["outcomes"])
    assert (one["task"], one["positive"]) == ("binary", yes)
    assert value(one, "roc_auc") == pytest.approx(roc_auc_score(label, score))
    assert value(one, "recall") == pytest.approx(predicted[label == 1].mean())


@pytest.mark.parametrize("lowest", [0.0, 0.5])
def test_no_class_is_positive_whose_scores_are_higher_by_chance_or_say_how_sure_a_prediction_is(lowest: float) -> None:
    """Scores are drawn from one distribution, or those of rare predictions are less sure."""
    for seed in range(10):
        ids, label, predicted = truth(seed, 300)
        drawn = np.random.default_rng(100 + seed).random(300)
        score = drawn if lowest == 0 else np.where(predicted == 1, 0.5 + 0.2 * drawn, 0.8 + 0.2 * drawn)
        text = np.array(["ok", "fraud"])
        made = block(predictions(ids, [60.0] * 300, text[predicted.astype(int)].tolist(), score=score.tolist()))
        said = world({}, made, block(labels(ids, [100.0] * 300, text[label.astype(int)].tolist())), *silence(HOUR, 200))
        (one,) = (one["performance"] for one in arrivals(said) if one["performance"]["outcomes"])
        assert (one["task"], one["positive"]) == ("multiclass", None)


def test_a_third_class_makes_a_binary_task_one_of_many() -> None:
    ids, label, predicted = truth(8, 200)
    words = np.array(["no", "yes"])
    first = [
        block(predictions(ids, [60.0] * 200, words[predicted.astype(int)].tolist())),
        block(labels(ids, [100.0] * 200, words[label.astype(int)].tolist())),
    ]
    more = [f"new{i}" for i in range(100)]
    second = [block(predictions(more, [1000.0] * 100, ["maybe"] * 100)), block(labels(more, [1001.0] * 100, ["maybe"] * 100))]
    third = [f"third{i}" for i in range(100)]
    last = [block(predictions(third, [2000.0] * 100, ["maybe"] * 100)), block(labels(third, [2001.0] * 100, ["no"] * 100))]
    said = world({}, *first, *silence(900), *second, *silence(1900, 1300), *last, *silence(4 * HOUR, 2100))
    after = [one for one in arrivals(said) if one["performance"]["outcomes"]]
    assert [one["performance"]["task"] for one in after] == ["binary", "multiclass", "multiclass"]
    assert value(after[-1]["performance"], "accuracy") == 0.0
    (hour,) = (one["performance"] for one in cohorts(said) if one["predictions"] == 400)
    right = [int(np.sum((label == one) & (predicted == one))) for one in (0, 1)]
    order = [hour["confusion"]["classes"].index(name) for name in ("no", "yes", "maybe")]
    for found, early in ((hour, 0), (after[-1]["since"]["arrival"], 19)):  # so many came before these were one of many
        counts = [
            [right[0] + early, int(np.sum(label < predicted)), 100.0],
            [int(np.sum(label > predicted)), right[1], 0.0],
            [0.0, 0.0, 100.0 - early],
        ]
        assert found["outcomes"] == 400
        assert np.array(found["confusion"]["counts"])[np.ix_(order, order)].tolist() == counts


def thirds(said: dict[str, list[Any]]) -> list[tuple[str, str]]:
    """What is said of third classes: the severity, and the classes with what became of them."""
    told = [one["data"] for one in said["alerts"] if one["data"]["labels"]["alertname"] == "ThirdClass"]
    return [(one["labels"]["severity"], one["annotations"]["summary"]) for one in told]


def mistyped(every: int, n: int, word: str = "yes ") -> list[Block]:
    """Outcomes of no and yes with scores, of which one in so many has a label that is neither, from the 50th on."""
    ids, label, predicted = truth(23, n)
    words = np.array(["no", "yes"])
    named = [word if i >= 50 and i % every == 0 else str(words[int(one)]) for i, one in enumerate(label)]
    said, score = words[predicted.astype(int)].tolist(), np.clip(predicted * 0.6 + 0.2, 0, 1).tolist()
    blocks = []
    for start in range(0, n, 200):
        part, seconds = slice(start, start + 200), [float(i) for i in range(start, min(start + 200, n))]
        blocks.append(block(predictions(ids[part], seconds, said[part], score=score[part])))
        blocks.append(block(labels(ids[part], seconds, named[part])))
    return [*blocks, *silence(n + 4 * HOUR, n + 1)]


@pytest.mark.parametrize("config", [{}, {"positive": "yes"}])
def test_a_label_that_is_mistyped_now_and_then_leaves_a_binary_task_binary_and_is_said(config: dict[str, Any]) -> None:
    n, every = 3000, 250
    said = world(config, *mistyped(every, n))
    found = [one for one in arrivals(said, "") if one["performance"]["outcomes"] and one["window"]["end"][14:16] != "00"]
    assert {(one["performance"]["task"], one["performance"]["positive"]) for one in found} == {("binary", "yes")}
    assert sum(one["counts"].get("unexpected_classes", 0) for one in found) == n / every - 1
    ((severity, summary),) = thirds(said)
    assert (severity, "`yes `" in summary) == ("info", True)


def test_a_mistyped_label_among_the_first_outcomes_decides_nothing() -> None:
    said = world({}, *mistyped(50, 100))
    (found,) = (one["performance"] for one in arrivals(said) if one["performance"]["outcomes"])
    assert (found["task"], found["positive"]) == ("binary", "yes")
    assert len(thirds(said)) == 1


def test_a_third_class_that_is_often_there_is_one_of_many_under_any_cut_and_any_restart() -> None:
    log = [block(configuration(config=QUIET), at=0), *mistyped(20, 1200, "maybe")]
    said = run(log)
    assert [severity for severity, _ in thirds(said)] == ["info", "warning"]
    tasks = [one["performance"]["task"] for one in arrivals(said) if one["performance"]["outcomes"]]
    assert (tasks[0], tasks[-1]) == ("binary", "multiclass")
    for every, restarts in ((7, (30, 90, 150)), (64, (5, 11))):
        again = run(cut(log, every), restarts=restarts)
        assert (again["alerts"], again["metrics"]) == (said["alerts"], said["metrics"])


@pytest.mark.parametrize("config", [{"positive": "yes"}, {"task": "binary"}])
def test_where_it_is_stated_a_task_is_binary_however_often_a_third_class_comes(config: dict[str, Any]) -> None:
    said = world(config, *mistyped(10, 1200, "maybe"))
    last = [one["performance"] for one in arrivals(said) if one["performance"]["outcomes"]][-1]
    assert (last["task"], last["positive"]) == ("binary", "yes")
    assert bool(thirds(said)) == ("task" not in config)


def test_versions_that_share_a_reference_are_compared_with_it_when_classes_are_more() -> None:
    n = 3600
    ids, label, _ = truth(25, n)
    wrong = np.random.default_rng(26).random(n) < np.where(np.arange(n) < 1200, 0.3, 0.9)
    predicted = np.where(wrong & (label == 0), 1.0, label)
    names = np.array(["no", "yes", "maybe"])
    third = (np.arange(n) >= 1300) & (np.arange(n) < 1330)
    said, truly = (names[np.where(third, 2, one).astype(int)] for one in (predicted, label))
    blocks = []
    for start in range(0, n, 100):
        part, seconds = slice(start, start + 100), [float(i) for i in range(start, start + 100)]
        version = "1" if start < 1200 else "2"
        blocks.append(block(predictions(ids[part], seconds, said[part].tolist(), version=version)))
        blocks.append(block(labels(ids[part], seconds, truly[part].tolist())))
    rules = {"versions": {"reference": "previous"}, "performance": {"against_reference": {"metrics": ["accuracy"]}}}
    found = world({"reference": {"rows": 500}} | rules, *blocks, *silence(n + HOUR, n + 1))
    alert = next(one["data"] for one in found["alerts"] if one["data"]["labels"]["alertname"] == "PerformanceDrop")
    assert alert["labels"]["version"] == "2"
    assert alert["change"]["before"] == pytest.approx((label == predicted)[:1200].mean(), abs=0.04)


def test_a_stated_binary_task_stays_one_and_a_third_class_that_is_mistaken_is_an_error() -> None:
    ids = [f"id{i}" for i in range(400)]
    rng = np.random.default_rng(22)
    label, predicted = (np.array(["ok", "odd", "fraud"])[rng.integers(0, 3, 400)] for _ in range(2))
    made = block(predictions(ids, [60.0] * 400, predicted.tolist(), score=rng.random(400).tolist()))
    config = {"task": "binary", "positive": "fraud"}
    said = world(config, made, block(labels(ids, [100.0] * 400, label.tolist())), *silence(3 * HOUR, 200))
    (one,) = (one for one in arrivals(said) if one["performance"]["outcomes"])
    found = one["performance"]
    assert found["task"] == "binary"
    assert value(found, "accuracy") == (label == predicted).mean()
    assert value(found, "recall") == (predicted == "fraud")[label == "fraud"].mean()
    assert found["confusion"]["classes"] == ["(other)", "fraud", "(another)"]
    mistaken = (label != predicted) & (label != "fraud") & (predicted != "fraud")
    assert found["confusion"]["counts"][0][2] == mistaken.sum()
    rare = next(word for word in (predicted[0], label[0], *predicted, *label) if word != "fraud")
    unexpected = [not {p, y} <= {rare, "fraud"} for p, y in zip(predicted, label, strict=True)]
    assert one["counts"]["unexpected_classes"] == sum(unexpected)


def test_many_classes_change_nothing_of_what_was_counted_before() -> None:
    """Four new classes a window, and half of the first labels of each are corrected after the next one has begun."""
    rng = np.random.default_rng(21)
    blocks, truly, predicted = [], [], []
    for window in range(12):
        ids = [f"id{window}-{i}" for i in range(60)]
        label, other = (rng.integers(0, 2 + 4 * window, 60) for _ in range(2))
        made = np.where(rng.random(60) < 0.7, label, other)
        truly += label.tolist()
        predicted += made.tolist()
        start = 300.0 * window
        blocks.append(block(predictions(ids, [start + 10.0] * 60, [f"c{one}" for one in made])))
        blocks.append(
            block(labels(ids, [start + 305.0] * 60, [f"c{one}" for one in np.where(rng.random(60) < 0.5, other, label)]))
        )
        blocks.append(block(labels(ids, [start + 320.0] * 60, [f"c{one}" for one in label])))
    said = world({"task": "multiclass", "segments": {"keys": []}}, *blocks, *silence(4 * HOUR, 4000))
    accuracy = float(np.mean(np.array(truly) == predicted))
    (hour,) = (one["performance"] for one in cohorts(said) if one["predictions"] == 720)
    for found in (hour, arrivals(said)[-1]["since"]["arrival"]):
        assert found["outcomes"] == 720
        assert value(found, "accuracy") == pytest.approx(accuracy)
        counts = np.array(found["confusion"]["counts"])
        assert (counts.min(), counts.sum(), np.trace(counts)) == (0, 720, 720 * accuracy)
        assert "(other)" not in found["confusion"]["classes"]


def test_a_regression_of_many_numbers_keeps_what_was_counted_before() -> None:
    n = 120
    ids, seconds = [f"id{i}" for i in range(n)], [60.0 * i for i in range(n)]
    blocks = [
        block(predictions([one], [second], [float(i)]), labels([one], [second + 1], [i + 0.5]))
        for i, (one, second) in enumerate(zip(ids, seconds, strict=True))
    ]
    said = world({"task": "regression"}, *blocks, *silence(6 * HOUR, 7300))
    assert [one["performance"]["outcomes"] for one in cohorts(said) if one["predictions"] == 60] == [60, 60]
    assert arrivals(said)[-1]["since"]["arrival"]["outcomes"] == n


@pytest.mark.parametrize("kind", ["words", "numbers"])
def test_a_wrong_prediction_is_wrong_however_many_classes_there_are(kind: str) -> None:
    """Half of the first labels are corrected."""
    rng = np.random.default_rng(10)
    n = 4000
    label, other = rng.integers(0, 200, (2, n))
    predicted = np.where(rng.random(n) < 0.6, label, other)
    first = np.where(rng.random(n) < 0.5, other, label)
    ids = [f"id{i}" for i in range(n)]

    def values(classes: np.ndarray[Any, Any]) -> list[Any]:
        return [f"c{one}" for one in classes] if kind == "words" else (classes / 7).tolist()

    blocks = []
    for start in range(0, n, 200):
        part = slice(start, start + 200)
        named, at = ids[part], [start / 10.0] * 200
        blocks += [
            block(predictions(named, at, values(predicted[part]))),
            block(labels(named, at, values(first[part]))),
            block(labels(named, at, values(label[part]))),
        ]
    said = world({"task": "multiclass", "segments": {"keys": []}}, *blocks, *silence(4 * HOUR, 500))
    (hour,) = (one for one in cohorts(said) if one["predictions"] == n)
    performance = hour["performance"]
    for name in ("accuracy", "micro_f1", "weighted_recall"):
        assert value(performance, name) == pytest.approx((predicted == label).mean())
    counts = np.array(performance["confusion"]["counts"])
    assert performance["confusion"]["classes"][-2:] == ["(other)", "(another)"]
    assert (counts.sum(), np.trace(counts)) == (n, (predicted == label).sum())


def test_quantiles_of_the_error_have_its_sign() -> None:
    rng, n = np.random.default_rng(25), 400
    label = rng.normal(50, 10, n)
    predicted = label - 3 + rng.normal(size=n)
    ids = [f"id{i}" for i in range(n)]
    made = block(predictions(ids, [60.0] * n, predicted.tolist()))
    said = world({"task": "regression"}, made, block(labels(ids, [100.0] * n, label.tolist())), *silence(3 * HOUR, 200))
    expected = dict(zip(("p5", "p50", "p95"), np.quantile(predicted - label, (0.05, 0.5, 0.95)).tolist(), strict=True))
    (window,) = (one["performance"] for one in arrivals(said) if one["performance"]["outcomes"])
    (cohort,) = (one["performance"] for one in cohorts(said) if one["window"]["end"][11:16] == "00:05")
    for performance in (window, cohort, arrivals(said)[-1]["since"]["arrival"]):
        assert performance["error_quantiles"] == pytest.approx(expected, rel=0.02)


def test_a_regression_goes_on_where_the_first_labels_are_words() -> None:
    ids = [f"id{i}" for i in range(80)]
    made = block(predictions(ids, [float(i) for i in range(80)], [1.5] * 80))
    words = block(labels(ids[:40], [100.0] * 40, ["n/a"] * 40))
    numbers = block(labels(ids[40:], [500.0] * 40, [2.0] * 40))
    said = world({"task": "regression"}, made, words, *silence(400, 400), numbers, *silence(4 * HOUR, 700))
    assert "StreamQuarantined" not in {one["data"]["labels"]["alertname"] for one in said["alerts"]}
    assert [one["performance"]["outcomes"] for one in arrivals(said)] == [0, 40]
    assert value(arrivals(said)[-1]["performance"], "mae") == 0.5


def test_a_regression_goes_on_where_the_first_label_is_beyond_all_bounds() -> None:
    ids = [f"id{i}" for i in range(40)]
    made = block(predictions(ids, [60.0] * 40, [1.5] * 40))
    known = block(labels(ids, [100.0] * 40, [1e70, -1e250, *[2.0] * 38]))
    said = world({"task": "regression"}, made, known, *silence(4 * HOUR, 400))
    assert not said["alerts"]
    (one,) = (one for one in arrivals(said) if one["performance"]["outcomes"])
    measured = one["performance"]["metrics"]["mae"]
    assert (measured["value"], measured["n"], one["performance"]["outcomes"], one["counts"]["incomparable"]) == (0.5, 38, 38, 2)


def test_versions_are_measured_apart() -> None:
    ids, label, predicted = truth(9, 400)
    version = ["1"] * 200 + ["2"] * 200
    predicted = np.where(np.arange(400) < 200, predicted, 1 - predicted)
    made = block(predictions(ids, [60.0 + i / 10 for i in range(400)], predicted.tolist(), version=version, score=[0.5] * 400))
    said = world({}, made, block(labels(ids, [200.0] * 400, label.tolist())), *silence(3 * HOUR, 300))
    for events in (
        arrivals(said, "2026-01-01T00:00"),
        [one for one in cohorts(said) if one["window"]["end"][11:16] == "00:05"],
    ):
        accuracy = {one["version"]: value(one["performance"], "accuracy") for one in events}
        right = label == predicted
        assert accuracy == {"1": right[:200].mean(), "2": right[200:].mean()}


def regions(seed: int, fall: bool, n: int = 6000) -> list[Block]:
    """A loss that rises in one region only, half way."""
    rng = np.random.default_rng(seed)
    region = rng.choice(["eu", "us", "asia"], n, p=[0.3, 0.5, 0.2])
    late = np.arange(n) >= n // 2
    wrong = np.where((region == "eu") & late & fall, 0.5, 0.08)
    ids, label, predicted = truth(seed, n, wrong)
    seconds = [float(i) for i in range(n)]
    blocks = []
    for start in range(0, n, 200):
        part = slice(start, start + 200)
        more = {"segment:region": region[part].tolist(), "segment:device": rng.choice(["ios", "web"], 200).tolist()}
        blocks.append(block(predictions(ids[part], seconds[part], predicted[part].tolist(), score=[0.5] * 200, more=more)))
        blocks.append(block(labels(ids[part], [seconds[part][-1]] * 200, label[part].tolist())))
    return [*blocks, *silence(n + HOUR, n + 1)]


SEGMENTED: dict[str, Any] = {
    "segments": {"keys": ["region", "device", ["region", "device"]], "minimum": 20},
    "detectors": {"features": {}, "score": {}, "loss": {"scan": {}}},
    "reference": {"rows": 1000},
}


def test_an_alert_names_the_segment_that_explains_the_fall() -> None:
    said = world(SEGMENTED, *regions(10, fall=True))
    alerts = [one["data"] for one in said["alerts"] if one["data"]["labels"]["kind"] == "concept_drift"]
    assert alerts[0]["transition"] == "opened"
    named = [[cause["segment"] for cause in alert["causes"]] for alert in alerts if alert["causes"]]
    assert named[-1] == ["region=eu"]
    cause = next(alert for alert in alerts if alert["causes"])["causes"][0]
    assert 0.8 < cause["share"] < 1.2
    assert cause["before"] < 0.12 < 0.35 < cause["after"]
    assert "most of it in region=eu" in alerts[-1]["annotations"]["description"]


def test_segments_have_metrics_of_their_own_and_small_ones_are_hidden() -> None:
    said = world(SEGMENTED, *regions(11, fall=True))
    last = arrivals(said)[-2]["performance"]
    loss = {one["segment"]: one["loss"] for one in last["segments"]}
    assert loss["region=eu"] > 0.35 > 0.2 > loss["region=us"]
    assert all(one["outcomes"] >= 20 for one in last["segments"])
    accuracy = next(one["metrics"]["accuracy"] for one in last["segments"] if one["segment"] == "region=eu")
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]


def test_a_few_outcomes_of_great_weight_are_few() -> None:
    ids, label, predicted = truth(27, 120)
    region = ["rare" if i % 20 == 0 else "eu" for i in range(120)]
    chance = [0.01 if one == "rare" else 1.0 for one in region]
    weight = [1.0 if one == "rare" else 0.05 for one in region]
    made = predictions(ids, [60.0] * 120, predicted.tolist(), score=[0.5] * 120, more={"segment:region": region})
    known = labels(ids, [100.0] * 120, label.tolist(), more={"inclusion_probability": chance, "weight": weight})
    said = world({"segments": {"keys": ["region"], "minimum": 30}}, block(made), block(known), *silence(3 * HOUR, 200))
    (whole,) = (one["performance"] for one in arrivals(said) if one["performance"]["outcomes"])
    assert [(one["segment"], one["outcomes"]) for one in whole["segments"]] == [("region=eu", 114)]
    assert whole["segments_hidden"] == 1


@pytest.mark.parametrize("of_prediction", [True, False])
def test_what_has_a_weight_of_nothing_counts_for_nothing(of_prediction: bool) -> None:
    ids, label, predicted = truth(27, 120)
    weight = {"weight": np.where(label == predicted, np.nan, 0.0).tolist()}
    made = predictions(ids, [60.0] * 120, predicted.tolist(), score=[0.5] * 120, more=weight if of_prediction else None)
    known = labels(ids, [100.0] * 120, label.tolist(), more=None if of_prediction else weight)
    said = world({}, block(made), block(known), *silence(1200, 200))
    (whole,) = (one["performance"] for one in arrivals(said) if one["performance"]["outcomes"])
    assert (value(whole, "accuracy"), whole["metrics"]["accuracy"]["n"]) == (1.0, float((label == predicted).sum()))


def test_segments_rank_by_their_own_scores() -> None:
    rng, n = np.random.default_rng(17), 900
    region, truly = np.where(np.arange(n) % 3, "eu", "us"), rng.random(n) < 0.4
    told = np.where(region == "eu", truly, rng.random(n) < 0.4)
    score = np.clip(rng.normal(0.5, 0.15, n) + 0.15 * told, 0, 1).round(3)
    ids, seconds = [f"i{i}" for i in range(n)], [i / 10 for i in range(n)]
    made = predictions(
        ids, seconds, (score > 0.5).astype(float).tolist(), score=score.tolist(), more={"segment:region": region.tolist()}
    )
    known = labels(ids, [n / 10 + 1.0] * n, truly.astype(float).tolist())
    said = world({"segments": {"keys": ["region"]}, "positive": 1}, block(made), block(known), *silence(2 * HOUR, 200))
    (whole,) = [one["performance"] for one in arrivals(said) if one["performance"]["outcomes"]]
    areas = {one["segment"]: one["metrics"]["roc_auc"] for one in whole["segments"]}
    for place in ("eu", "us"):
        mine = region == place
        assert areas[f"region={place}"]["value"] == pytest.approx(roc_auc_score(truly[mine], score[mine]), abs=1e-12)
        assert areas[f"region={place}"]["n"] == mine.sum()
    assert whole["metrics"]["roc_auc"]["value"] == pytest.approx(roc_auc_score(truly, score), abs=1e-12)


def test_the_heaviest_segments_have_places_and_the_others_are_one() -> None:
    n = 3000
    ids, label, predicted = truth(12, n)
    users = [f"u{i}" if i < 1000 else ("heavy" if i % 2 else f"w{i}") for i in range(n)]
    blocks = []
    for start in range(0, n, 100):
        part = slice(start, start + 100)
        seconds = [float(i) for i in range(start, start + 100)]
        more = {"segment:user": users[part]}
        blocks.append(block(predictions(ids[part], seconds, predicted[part].tolist(), score=[0.5] * 100, more=more)))
        blocks.append(block(labels(ids[part], seconds, label[part].tolist())))
    said = world({"segments": {"keys": ["user"], "top": 3, "minimum": 5}}, *blocks, *silence(n + HOUR, n + 1))
    last = arrivals(said)[-1 if arrivals(said)[-1]["performance"]["outcomes"] else -2]["performance"]
    assert {one["segment"] for one in last["segments"]} == {"user=heavy", "user=(other)"}
    assert sum(one["outcomes"] for one in last["segments"]) + last["segments_hidden"] * 5 >= last["outcomes"]


@pytest.mark.parametrize("kind", ["corrected", "withdrawn"])
def test_what_is_taken_back_is_taken_from_the_segment_it_was_added_to(kind: str) -> None:
    """A region is new in the second hour; labels come half a minute after each hour, and others half past."""
    rng, n = np.random.default_rng(23), 2400
    hour = np.arange(n) // 600
    region = np.where((hour > 0) & (np.arange(n) % 2 == 0), "new", np.array(["a", "b", "c"])[np.arange(n) % 3])
    ids, label, predicted = truth(23, n, 0.3)
    score = rng.random(n).round(3)
    again = (region == "new") & (rng.random(n) < 0.4)
    came = []
    for start in range(0, n, 5):
        part, seconds = slice(start, start + 5), [i * 6.0 for i in range(start, start + 5)]
        more = {"segment:region": region[part].tolist()}
        made = predictions(ids[part], seconds, predicted[part].tolist(), score=score[part].tolist(), more=more)
        came.append((seconds[-1], made))
    other = 1 - label if kind == "corrected" else np.full(n, np.nan)
    for at, which, values in ((30.0, hour >= 0, label), (1830.0, again, other)):
        for begun in range(4):
            due = np.flatnonzero(which & (hour == begun))
            second = (begun + 1) * HOUR + at
            if len(due):
                came.append((second, labels([ids[i] for i in due], [second] * len(due), values[due].tolist())))
    blocks = [block(section) for _, section in sorted(came, key=lambda one: one[0])]
    config = {"labels": {"topic": "l", "wait": "4h"}, "metrics": {"window": "1h"}, "segments": {"keys": ["region"], "top": 3}}
    said = world(config | {"positive": 1}, *blocks, *silence(6 * HOUR, 16300))
    final = np.where(again, other, label)
    for one in arrivals(said)[2:4]:
        made = (hour == int(one["window"]["start"][11:13]) - 1) & (region == "new") & ~np.isnan(final)
        (found,) = (segment for segment in one["performance"]["segments"] if segment["segment"] == "region=new")
        assert (found["outcomes"], found["loss"]) == (made.sum(), pytest.approx(np.mean(predicted[made] != final[made])))
        assert found["metrics"]["roc_auc"]["value"] == pytest.approx(roc_auc_score(final[made], score[made]))


def moved() -> dict[str, list[Any]]:
    """Half of all predictions are of one region, and of another one from the second hour on; waits end within windows."""
    n = 3000
    ids, label, predicted = truth(28, n)
    region = [("a" if i < 1200 else "c") if i % 2 else ("b" if i % 4 else "d") for i in range(n)]
    blocks = []
    for start in range(0, n, 10):
        part, second = slice(start, start + 10), start * 3.0
        more = {"segment:region": region[part]}
        blocks.append(block(predictions(ids[part], [second] * 10, predicted[part].tolist(), score=[0.5] * 10, more=more)))
        blocks.append(block(labels(ids[part], [second + 1] * 10, label[part].tolist())))
    config = {"labels": {"topic": "l", "wait": "8m"}, "segments": {"keys": ["region"], "top": 1, "minimum": 1}}
    return world(config, *blocks, *silence(4 * HOUR, 9100))


def test_a_segment_of_a_cohort_has_all_of_it_when_other_values_become_heavy() -> None:
    """Each window has a hundred predictions, and half of them are of the heaviest region."""
    short = [one for one in cohorts(moved()) if one["predictions"] == 100]
    found = [{segment["segment"]: segment["outcomes"] for segment in one["performance"]["segments"]} for one in short]
    assert len(found) == 30
    assert {tuple(sorted(one.items())) for one in found[1:12] + found[16:]} == {
        (("region=(other)", 50), ("region=a", 50)),
        (("region=(other)", 50), ("region=c", 50)),
    }
    assert {one["region=(other)"] for one in found[12:16]} <= {50, 100}
    assert not any(segment["partial"] for one in short for segment in one["performance"]["segments"])


def test_a_segment_without_a_place_for_some_of_the_time_is_partial() -> None:
    said = moved()
    hours = [one["data"] for one in said["metrics"] if one["data"]["predictions"] == 1200]
    by_basis: dict[str, list[dict[str, bool]]] = {"arrival": [], "cohort": []}
    for one in hours:
        if one["basis"] == "arrival" or one["cohort"]["final"]:
            segments = one["performance"]["segments"]
            by_basis[one["basis"]].append({segment["segment"]: segment["partial"] for segment in segments})
    for found in by_basis.values():
        assert found[1]["region=c"]
        assert not found[1]["region=(other)"]
    since = arrivals(said)[-1]["since"]["cohort"]["segments"]
    assert {one["segment"] for one in since if one["partial"]} == {"region=a", "region=c", "region=d"}
    assert [one["segment"] for one in since if not one["partial"]] == ["region=(other)"]


def test_segments_since_the_beginning_are_as_many_as_can_be_shown() -> None:
    """Three windows of a hundred seconds each have a region of their own, which has a place in the last one of them."""
    n = 3900
    ids, label, predicted = truth(29, n)
    region = [f"r{i // 300}" for i in range(n)]
    blocks = []
    for start in range(0, n, 20):
        part, second = slice(start, start + 20), float(start)
        more = {"segment:region": region[part]}
        blocks.append(block(predictions(ids[part], [second] * 20, predicted[part].tolist(), more=more)))
        blocks.append(block(labels(ids[part], [second + 1] * 20, label[part].tolist())))
    config = {
        "labels": {"topic": "l", "wait": "5m"}, "metrics": {"window": "100s"},
        "segments": {"keys": ["region"], "top": 1, "minimum": 1},
    }  # fmt: skip
    blocks += silence(float(n), n + 1000)
    said = world(config, *blocks)
    for basis in ("arrival", "cohort"):
        since = arrivals(said)[-1]["since"][basis]
        found = {one["segment"]: one["outcomes"] for one in since["segments"]}
        assert 10 <= len(found) <= 13
        assert sum(found.values()) == since["outcomes"] > 3_000
        assert found["region=r0"] >= 200
        assert "" not in found


def test_a_segment_that_is_called_other_is_among_the_others() -> None:
    ids, label, predicted = truth(24, 300)
    region = [("eu", "(other)", f"r{i}")[i % 3] for i in range(300)]
    made = predictions(ids, [60.0] * 300, predicted.tolist(), score=[0.5] * 300, more={"segment:region": region})
    said = world(
        {"segments": {"keys": ["region"], "top": 1}},
        block(made),
        block(labels(ids, [100.0] * 300, label.tolist())),
        *silence(3 * HOUR, 200),
    )
    (one,) = (one["performance"] for one in arrivals(said) if one["performance"]["outcomes"])
    assert [(segment["segment"], segment["outcomes"]) for segment in one["segments"]] == [
        ("region=(other)", 200),
        ("region=eu", 100),
    ]


def test_a_metric_beyond_its_limit_is_an_alert_until_it_is_back() -> None:
    n = 3600
    wrong = np.where((np.arange(n) >= 1200) & (np.arange(n) < 2400), 0.5, 0.05)
    config = {"performance": {"limits": [{"metric": "accuracy", "below": 0.8, "windows": 2, "severity": "critical"}]}}
    said = world(config, *regions_of(wrong))
    alerts = [one["data"] for one in said["alerts"] if one["data"]["labels"].get("rule") == "accuracy below 0.8"]
    assert [alert["transition"] for alert in alerts] == ["opened", "resolved"]
    assert alerts[1]["annotations"]["summary"] == f"no longer: {alerts[0]['annotations']['summary']}"
    assert (
        alerts[0]["labels"] | {"kind": "performance", "severity": "critical", "metric": "accuracy", "basis": "arrival"}
        == alerts[0]["labels"]
    )
    assert alerts[0]["startsAt"] < "2026-01-01T00:36" < alerts[1]["endsAt"]
    assert alerts[0]["change"]["before"] == 0.8 > alerts[0]["change"]["after"]
    assert said["retrain"] == []


def test_worse_than_the_reference_is_a_warning_and_better_a_notice() -> None:
    worse = np.where(np.arange(3600) < 1200, 0.1, 0.3)
    for wrong, name, severity in ((worse, "PerformanceDrop", "warning"), (worse[::-1], "PerformanceGain", "info")):
        rules = {"performance": {"against_reference": {"metrics": ["accuracy"]}}}
        said = world({"reference": {"rows": 500}} | rules, *regions_of(wrong))
        alerts = [one["data"] for one in said["alerts"] if one["data"]["labels"].get("metric") == "accuracy"]
        assert [(one["labels"]["alertname"], one["labels"]["severity"]) for one in alerts[:1]] == [(name, severity)]
        assert said["retrain"] == []


def test_performance_that_stays_is_no_alert() -> None:
    rules = {"performance": {"against_reference": {"metrics": ["accuracy", "f1", "log_loss"]}, "risk": {"rise": 0.05}}}
    said = world({"reference": {"rows": 500}} | rules, *regions_of(np.full(7200, 0.15)))
    assert said["alerts"] == []


def regions_of(wrong: np.ndarray[Any, Any]) -> list[Block]:
    """A prediction and its label each second, of which some are wrong."""
    n = len(wrong)
    ids, label, predicted = truth(13, n, wrong)
    blocks = []
    for start in range(0, n, 100):
        part = slice(start, start + 100)
        seconds = [float(i) for i in range(start, start + 100)]
        blocks.append(block(predictions(ids[part], seconds, predicted[part].tolist(), score=[0.5] * 100)))
        blocks.append(block(labels(ids[part], seconds, label[part].tolist())))
    return [*blocks, *silence(n + HOUR, n + 1)]


def test_predictions_that_fail_are_counted_and_wait_for_no_label() -> None:
    nan = float("nan")
    status = ["ok", "error", "timeout", "200", "504", "ok"]
    made = predictions(list("abcdef"), [60.0] * 6, [1.0, nan, nan, 0.0, nan, 1.0], score=[0.5] * 6, more={"status": status})
    said = world({}, block(made), block(labels(list("abcdef"), [70.0] * 6, [1.0] * 6)), *silence(3 * HOUR, 100))
    (one,) = (one for one in arrivals(said) if one["predictions"])
    assert {name: one["serving"][name] for name in ("n", "errors", "timeouts")} == {"n": 6, "errors": 1, "timeouts": 2}
    assert (one["serving"]["error_rate"]["value"], one["serving"]["timeout_rate"]["value"]) == (0.5, pytest.approx(1 / 3))
    assert one["performance"]["outcomes"] == 3


def test_what_serving_is_like_is_said_of_predictions() -> None:
    n, nan = 600, float("nan")
    ids, failed = [f"i{i}" for i in range(n)], np.arange(n) % 5 == 0
    made = predictions(
        ids, [60.0] * n, np.where(failed, nan, 1.0).tolist(), latency=[9.0] * n,
        more={"status": np.where(failed, "error", "ok").tolist()},
    )  # fmt: skip
    rules = {"performance": {"limits": [{"metric": "error_rate", "above": 0.1}, {"metric": "latency_p99", "above": 5}]}}
    said = world(rules, block(made), *silence(3 * HOUR, 100))
    opened = [one["data"]["annotations"]["summary"] for one in said["alerts"] if one["data"]["transition"] == "opened"]
    assert len(opened) == 2
    assert all(summary.endswith("over 600 predictions") for summary in opened)


def test_a_risk_that_rose_by_more_than_is_tolerated_is_an_alert() -> None:
    rules = {"performance": {"risk": {"rise": 0.05, "level": 0.01}}}
    said = world({"reference": {"rows": 500}} | rules, *regions_of(np.where(np.arange(3600) < 1800, 0.1, 0.4)))
    alerts = [one["data"] for one in said["alerts"] if one["data"]["labels"]["alertname"] == "RiskRose"]
    assert (alerts[0]["transition"], alerts[0]["labels"]["severity"]) == ("opened", "critical")
    assert "2026-01-01T00:30" < alerts[0]["startsAt"] < "2026-01-01T00:36"
    assert alerts[0]["evidence"]["detector"] == "betting"
    assert alerts[0]["change"]["after"] > 0.2 > alerts[0]["change"]["before"]


def test_a_class_that_is_predicted_more_often_is_prediction_drift() -> None:
    rng = np.random.default_rng(14)
    n = 6000
    said_yes = rng.random(n) < np.where(np.arange(n) < 3000, 0.1, 0.3)
    text = np.where(said_yes, "fraud", "ok")
    ids = [f"id{i}" for i in range(n)]
    blocks = [
        block(predictions(ids[i : i + 200], [float(j) for j in range(i, i + 200)], text[i : i + 200].tolist()))
        for i in range(0, n, 200)
    ]
    said = run([block(configuration(config={"detectors": {}, "reference": {"rows": 1000}}), at=0), *blocks])
    (opened,) = (one["data"] for one in said["alerts"] if one["data"]["transition"] == "opened")
    assert (opened["labels"]["kind"], opened["labels"]["signal"]) == ("prediction_drift", "prediction")
    assert 2900 < opened["change"]["position"] < 3100 < opened["position"]["predictions"] < 3600
    assert {share["category"] for share in opened["change"]["shares"]} == {"fraud", "ok"}
    assert "all others" not in opened["annotations"]["summary"]


def test_the_positive_class_is_found_although_the_first_window_had_few_outcomes() -> None:
    ids, label, predicted = truth(15, 600)
    rng = np.random.default_rng(15)
    score = np.clip(np.where(predicted == 1, 0.8, 0.2) + rng.normal(0, 0.1, 600), 0, 1)
    text = np.array(["good", "bad"])
    made = block(predictions(ids, [60.0] * 600, text[predicted.astype(int)].tolist(), score=score.tolist()))
    few = next(i for i in range(600) if label[i] == 0 and predicted[i] == 0)
    first = block(labels(ids[few : few + 1], [70.0], ["good"]))
    rest = [i for i in range(600) if i != few]
    later = block(labels([ids[i] for i in rest], [1000.0] * 599, text[label[rest].astype(int)].tolist()))
    last = [f"z{i}" for i in range(50)]
    after = [
        block(predictions(last, [2000.0] * 50, ["bad"] * 50, score=[0.9] * 50)),
        block(labels(last, [2001.0] * 50, ["bad"] * 50)),
    ]
    said = world({}, made, first, *silence(900, 300), later, *silence(1900, 1300), *after, *silence(3 * HOUR, 2100))
    one = [one["performance"] for one in arrivals(said) if one["performance"]["outcomes"]][-1]
    assert (one["task"], one["positive"], value(one, "recall")) == ("binary", "bad", 1.0)


def test_an_alert_by_name_can_be_switched_off() -> None:
    wrong = np.where(np.arange(3600) < 1200, 0.05, 0.5)
    rules = {"performance": {"limits": [{"metric": "accuracy", "below": 0.8}]}, "alerts": {"off": ["PerformanceDrop"]}}
    raised = {one["data"]["labels"]["alertname"] for one in world(rules, *regions_of(wrong))["alerts"]}
    assert "PerformanceDrop" not in raised


def test_a_risk_that_is_tolerated_from_now_on_is_no_alert() -> None:
    strict = {"performance": {"risk": {"rise": 0.05}}, "reference": {"rows": 500}}
    blocks = regions_of(np.where(np.arange(3600) < 1800, 0.1, 0.4))
    lax = configuration(config=QUIET | strict | {"performance": {"risk": {"rise": 0.6}}}, revision=1)
    said = run([block(configuration(config=QUIET | strict), at=0), *blocks[:20], block(lax, at=1000), *blocks[20:]])
    assert [one for one in said["alerts"] if one["data"]["labels"]["alertname"] == "RiskRose"] == []
