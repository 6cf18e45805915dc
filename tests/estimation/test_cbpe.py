"""Estimates are what NannyML estimates, and labels that come later fall into their bands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from stream_monitor.estimation.cbpe import Cbpe
from stream_monitor.estimation.expected_confusion import ExpectedClasses
from stream_monitor.metrics.ranking import Ranking
from stream_monitor.metrics.reading import NOTHING, Reading, Readings

from .car_loan import CHUNK, ESTIMATED, REALISED, REFERENCE, SAMPLING_ERROR, car_loan

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def window(cbpe: Cbpe, scores: Floats, predicted: Ints, weights: Floats | None = None) -> Readings:
    sums, n = np.zeros((1, cbpe.width)), len(predicted)
    cbpe.add(sums, np.zeros(n, np.int64), predicted, cbpe.chances(scores, predicted), weights)
    return cbpe.read(sums[0])


def ranked(cbpe: Cbpe, scores: Floats) -> Readings:
    ranking, chances = Ranking(), cbpe.chances(scores)
    ranking.add(scores, chances, 1 - chances)
    return {
        "roc_auc": ranking.expected_roc_auc(cbpe.learnt),
        "average_precision": ranking.expected_average_precision(cbpe.learnt),
    }


def chunks() -> list[Readings]:
    data, cbpe = car_loan(), Cbpe(2)
    cbpe.learn(data.scores[:REFERENCE], data.labels[:REFERENCE])
    parts = [slice(start, start + CHUNK) for start in range(REFERENCE, 2 * REFERENCE, CHUNK)]
    return [window(cbpe, data.scores[one], data.predicted[one]) | ranked(cbpe, data.scores[one]) for one in parts]


def holds(reading: Reading, value: float) -> bool:
    return reading.low is not None and reading.high is not None and reading.low <= value <= reading.high


def binary(rng: np.random.Generator, n: int, shift: float = 0.0) -> tuple[Floats, Ints, Ints]:
    """Scores that are too sure, predictions and outcomes; a shift of inputs."""
    margin = rng.normal(shift, 1.5, n)
    scores, outcomes = np.asarray(expit(2 * margin)), (rng.random(n) < expit(margin - 0.5)).astype(np.int64)
    return scores, (scores > 0.5).astype(np.int64), outcomes


def several(rng: np.random.Generator, n: int, classes: int = 4) -> tuple[Floats, Ints, Ints]:
    """The same for more classes, with scores that are chances."""
    scores = rng.dirichlet(np.linspace(0.3, 0.8, classes), n)
    outcomes = np.minimum((rng.random((n, 1)) > np.cumsum(scores, axis=1)).sum(axis=1), classes - 1)
    return scores, scores.argmax(axis=1), outcomes


def test_the_car_loan_estimates_are_those_of_nannyml() -> None:
    for number, readings in enumerate(chunks()):
        for name, estimated in ESTIMATED.items():
            value = readings[name].value
            assert value is not None
            assert abs(value - estimated[number]) < SAMPLING_ERROR[name] / 4, (name, number)


def test_labels_of_the_car_loan_data_fall_into_the_bands() -> None:
    readings = chunks()
    for name, realised in REALISED.items():
        assert sum(holds(reading[name], value) for reading, value in zip(readings, realised)) >= 8


def test_the_drop_is_seen_before_labels_arrive() -> None:
    readings = chunks()
    for name in ("roc_auc", "accuracy"):
        low, after = readings[4][name].low, readings[5][name].value
        assert low is not None
        assert after is not None
        assert after < low - 0.003


@pytest.mark.parametrize(("learnt", "rows"), [(2000, 2000), (10_000, 500)])
def test_bands_hold_what_labels_show_nineteen_times_in_twenty(learnt: int, rows: int) -> None:
    rng = np.random.default_rng(1)
    held: dict[str, int] = {}
    for _ in range(100):
        cbpe = Cbpe(2)
        scores, _, outcomes = binary(rng, learnt)
        cbpe.learn(scores, outcomes)
        scores, predicted, outcomes = binary(rng, rows)
        realised = {
            "accuracy": accuracy_score(outcomes, predicted), "precision": precision_score(outcomes, predicted),
            "recall": recall_score(outcomes, predicted), "specificity": recall_score(1 - outcomes, 1 - predicted),
            "f1": f1_score(outcomes, predicted), "roc_auc": roc_auc_score(outcomes, scores),
            "average_precision": average_precision_score(outcomes, scores),
        }  # fmt: skip
        readings = window(cbpe, scores, predicted) | ranked(cbpe, scores)
        for name, value in realised.items():
            held[name] = held.get(name, 0) + holds(readings[name], value)
    assert {name: share for name, n in held.items() if not 0.90 <= (share := n / 100) <= 0.99} == {}


@pytest.mark.parametrize(
    ("learnt", "base", "shift", "slope", "excess"), [(50_000, -6.5, 0.0, 2.0, 2.0), (2000, -4.2, 1.0, 1.0, 3.0)]
)
def test_estimates_of_rare_positives_are_right_in_the_mean(
    learnt: int, base: float, shift: float, slope: float, excess: float
) -> None:
    rng, off, rows = np.random.default_rng(7), np.zeros(3), 20_000
    for _ in range(20):
        margin = rng.normal(base, 1.9, learnt)
        cbpe = Cbpe(2)
        cbpe.learn(expit(slope * margin + excess), (rng.random(learnt) < expit(margin)).astype(np.int64))
        margin = rng.normal(base + shift, 1.9, rows)
        scores, outcomes = np.asarray(expit(slope * margin + excess)), rng.random(rows) < expit(margin)
        predicted = (scores > 0.5).astype(np.int64)
        readings = window(cbpe, scores, predicted) | ranked(cbpe, scores)
        values = [readings[name].value or 0.0 for name in ("precision", "roc_auc", "average_precision")]
        shown = precision_score(outcomes, predicted), roc_auc_score(outcomes, scores), average_precision_score(outcomes, scores)
        off += (np.array(values) - shown) / 20
    assert (np.abs(off) < (0.05, 0.01, 0.03)).all(), off


def test_bands_widen_as_the_rarer_class_becomes_more_frequent() -> None:
    rng, held = np.random.default_rng(8), np.zeros(2)
    for _ in range(60):
        margin = rng.normal(-4.2, 1.9, 2000)
        cbpe = Cbpe(2)
        cbpe.learn(expit(margin + 3), (rng.random(2000) < expit(margin)).astype(np.int64))
        margin = rng.normal(-2.3, 1.9, 5000)
        scores, outcomes = np.asarray(expit(margin + 3)), rng.random(5000) < expit(margin)
        predicted = (scores > 0.5).astype(np.int64)
        readings = window(cbpe, scores, predicted) | ranked(cbpe, scores)
        held[0] += holds(readings["accuracy"], accuracy_score(outcomes, predicted))
        held[1] += holds(readings["roc_auc"], roc_auc_score(outcomes, scores))
    assert (held / 60 >= 0.88).all(), held


def test_bands_of_more_classes_do_too() -> None:
    rng = np.random.default_rng(2)
    held = np.zeros(2)
    for _ in range(100):
        cbpe = Cbpe(4)
        scores, _, outcomes = several(rng, 5000)
        cbpe.learn(scores, outcomes)
        scores, predicted, outcomes = several(rng, 500)
        readings = window(cbpe, scores, predicted)
        held[0] += holds(readings["accuracy"], accuracy_score(outcomes, predicted))
        held[1] += holds(readings["macro_f1"], f1_score(outcomes, predicted, average="macro"))
    assert ((held / 100 >= 0.90) & (held / 100 <= 0.99)).all()


@pytest.mark.parametrize(("sharper", "favoured"), [(2.5, 0.0), (0.5, 0.0), (2.5, 3.0)])
def test_estimates_of_many_classes_are_right_in_the_mean_whatever_scores_and_predictions_are(
    sharper: float, favoured: float
) -> None:
    rng, off = np.random.default_rng(9), np.zeros(2)
    tilt = np.where(np.arange(10) == 0, favoured, 0.0)

    def draw(n: int) -> tuple[Floats, Ints, Ints]:
        """Scores that are too sure or not sure enough; one class is predicted though others are as likely."""
        margin = rng.normal(0, 1.5, (n, 10))
        outcomes = (rng.random((n, 1)) > np.cumsum(softmax(margin, axis=1), axis=1)).sum(axis=1)
        return softmax(sharper * margin, axis=1), (margin + tilt).argmax(axis=1), np.minimum(outcomes, 9)

    for _ in range(10):
        cbpe = Cbpe(10)
        scores, predicted, outcomes = draw(5000)
        cbpe.learn(scores, outcomes, predicted=predicted)
        scores, predicted, outcomes = draw(5000)
        readings = window(cbpe, scores, predicted)
        off[0] += (readings["accuracy"].value or 0.0) - accuracy_score(outcomes, predicted)
        off[1] += (readings["macro_f1"].value or 0.0) - f1_score(outcomes, predicted, average="macro")
    assert (np.abs(off / 10) < (0.008, 0.012)).all(), off / 10


@pytest.mark.parametrize("sharper", [1.0, 2.2, 0.5])
def test_inputs_that_move_to_where_classes_are_hard_to_tell_are_seen_though_scores_are_too_sure(sharper: float) -> None:
    rng, off = np.random.default_rng(12), np.zeros(2)
    centres = np.array([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])

    def draw(n: int, nearer: float) -> tuple[Floats, Ints, Ints]:
        """Two features, whose outcomes depend on them in the same way wherever they are."""
        x = nearer * (centres[rng.integers(0, 4, n)] + rng.normal(0, 1.5, (n, 2)))
        chances = softmax(0.8 * x @ centres.T, axis=1)
        scores = chances**sharper / (chances**sharper).sum(axis=1, keepdims=True)
        return scores, scores.argmax(axis=1), np.minimum((rng.random((n, 1)) > np.cumsum(chances, axis=1)).sum(axis=1), 3)

    for _ in range(10):
        cbpe = Cbpe(4)
        scores, predicted, outcomes = draw(2000, 1.0)
        cbpe.learn(scores, outcomes)
        scores, predicted, outcomes = draw(10_000, 0.4)
        readings = window(cbpe, scores, predicted)
        values = np.array([readings[name].value for name in ("accuracy", "macro_f1")])
        off += values - (accuracy_score(outcomes, predicted), f1_score(outcomes, predicted, average="macro"))
    assert (np.abs(off / 10) < 0.015).all(), off / 10


def test_what_is_left_beside_a_score_of_one_is_of_classes_that_came() -> None:
    rng, cbpe = np.random.default_rng(13), Cbpe(5)
    scores = np.zeros((2000, 5))
    scores[np.arange(2000), rng.integers(0, 3, 2000)] = 1.0
    outcomes = np.where(rng.random(2000) < 0.8, scores.argmax(axis=1), rng.integers(0, 3, 2000))
    cbpe.learn(scores, outcomes)
    for number in range(3):
        cbpe.calibrations[number].helps = False
    chances = cbpe.chances(scores)
    assert chances.sum(axis=1) == pytest.approx(1.0)
    assert (chances[:, 3:] == 0).all()
    assert (chances[:, :3] > 0).all()


@pytest.mark.parametrize("predicts", [True, False])
def test_a_class_that_scores_expect_and_labels_never_have_counts_as_it_does_in_labels(predicts: bool) -> None:
    rng, cbpe = np.random.default_rng(11), Cbpe(4)

    def draw(n: int) -> tuple[Floats, Ints, Ints]:
        """What is of the last class by its scores is of the first one by its label."""
        scores = softmax(rng.normal(0, 1.5, (n, 4)) - np.arange(4) / 2, axis=1)
        outcomes = (rng.random((n, 1)) > np.cumsum(scores[:, :3], axis=1)).sum(axis=1) % 3
        return scores, scores[:, : 4 if predicts else 3].argmax(axis=1), outcomes

    scores, predicted, outcomes = draw(2000)
    cbpe.learn(scores, outcomes, predicted=predicted)
    scores, predicted, outcomes = draw(2000)
    readings = window(cbpe, scores, predicted)
    assert holds(readings["accuracy"], accuracy_score(outcomes, predicted))
    assert holds(readings["macro_f1"], f1_score(outcomes, predicted, average="macro"))


@pytest.mark.parametrize("rows", [10, 40])
def test_a_macro_f1_of_few_rows_is_over_the_classes_that_will_be_there(rows: int) -> None:
    rng, cbpe, off, held = np.random.default_rng(14), Cbpe(12), 0.0, 0
    for _ in range(300):
        scores = softmax(rng.normal(0, 1.5, (rows, 12)) - np.arange(12) / 4, axis=1)
        predicted, outcomes = scores.argmax(axis=1), (rng.random((rows, 1)) > np.cumsum(scores[:, :-1], axis=1)).sum(axis=1)
        sums = np.zeros((1, cbpe.width))
        cbpe.add(sums, np.zeros(rows, np.int64), predicted, scores)
        reading = ExpectedClasses(12).read(sums[0], learnt=(5e11, 5e11))["macro_f1"]
        truth = f1_score(outcomes, predicted, average="macro")
        off += (reading.value or 0.0) - truth
        held += holds(reading, truth)
    assert abs(off / 300) < 0.02
    assert held / 300 > 0.8


def test_the_band_of_a_macro_f1_is_as_wide_as_labels_vary() -> None:
    rng = np.random.default_rng(3)
    scores, predicted, _ = several(rng, 3000)
    cbpe = Cbpe(4)
    sums = np.zeros((1, cbpe.width))
    cbpe.add(sums, np.zeros(3000, np.int64), predicted, scores)
    value, _, low, high = ExpectedClasses(4).read(sums[0], learnt=(5e11, 5e11))["macro_f1"]
    labels = [(rng.random((3000, 1)) > np.cumsum(scores, axis=1)).sum(axis=1) for _ in range(300)]
    shown = [f1_score(one, predicted, average="macro") for one in labels]
    assert value == pytest.approx(np.mean(shown), abs=0.002)
    assert low is not None
    assert high is not None
    assert (high - low) / 2 == pytest.approx(1.96 * float(np.std(shown)), rel=0.12)


@pytest.mark.parametrize("classes", [2, 4])
@given(cuts=st.lists(st.integers(0, 600), max_size=10))
@settings(max_examples=20, deadline=None)
def test_no_cut_changes_a_bit(classes: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(4)
    scores, predicted, outcomes = binary(rng, 600) if classes == 2 else several(rng, 600)
    cell, weights = rng.integers(0, 3, 600), rng.gamma(2.0, 0.5, 600)
    cbpe, other = Cbpe(classes), Cbpe(classes)
    cbpe.learn(scores, outcomes)
    other.restore(cbpe.state())
    whole, parts = np.zeros((3, cbpe.width)), np.zeros((3, cbpe.width))
    cbpe.add(whole, cell, predicted, cbpe.chances(scores, predicted), weights)
    for rows in np.split(np.arange(600), sorted(cuts)):
        other.add(parts, cell[rows], predicted[rows], other.chances(scores[rows]), weights[rows])
    assert parts.tobytes() == whole.tobytes()
    assert other.read(parts[1]) == cbpe.read(whole[1])


@pytest.mark.parametrize("classes", [2, 4])
def test_what_is_taken_back_was_never_there(classes: int) -> None:
    rng = np.random.default_rng(5)
    scores, predicted, _ = binary(rng, 300) if classes == 2 else several(rng, 300)
    cbpe, sums, cell = Cbpe(classes), np.zeros((1, Cbpe(classes).width)), np.zeros(300, np.int64)
    chances, weights = cbpe.chances(scores), rng.gamma(2.0, 0.5, 300)
    cbpe.add(sums, cell, predicted, chances, weights)
    cbpe.add(sums, cell[100:], predicted[100:], chances[100:], -weights[100:])
    alone = window(cbpe, scores[:100], predicted[:100], weights[:100])
    assert {name: tuple(reading) for name, reading in cbpe.read(sums[0]).items()} == {
        name: pytest.approx(tuple(reading)) for name, reading in alone.items()
    }
    cbpe.add(sums, cell[:100], predicted[:100], chances[:100], -weights[:100])
    assert set(cbpe.read(sums[0]).values()) == {NOTHING}


def test_equal_weights_say_as_much_as_none() -> None:
    scores, predicted, _ = binary(np.random.default_rng(6), 400)
    plain, tripled = (window(Cbpe(2), scores, predicted, weights) for weights in (None, np.full(400, 3.0)))
    assert {name: tuple(reading) for name, reading in tripled.items()} == {
        name: pytest.approx(tuple(reading)) for name, reading in plain.items()
    }
    assert plain["accuracy"].n == 400


def test_rows_without_a_score_or_of_another_class_are_left_out() -> None:
    readings = window(Cbpe(2), np.array([0.9, np.nan, 0.2, 0.7]), np.array([1, 1, -1, 2]))
    assert readings["accuracy"].value == pytest.approx(0.9)
    assert readings["accuracy"].n == 1
    assert readings["specificity"].n == pytest.approx(0.1)


def test_a_metric_without_anything_to_divide_by_is_not_there() -> None:
    readings = window(Cbpe(2), np.array([0.2, 0.3]), np.array([0, 0]))
    assert readings["precision"] == NOTHING
    assert readings["recall"].value == 0
    assert set(Cbpe(3).read(np.zeros(Cbpe(3).width)).values()) == {NOTHING}


@pytest.mark.parametrize("classes", [1, 51])
def test_a_number_of_classes_that_is_not_allowed_is_said(classes: int) -> None:
    with pytest.raises(ValueError, match=f"classes must be between 2 and 50, got {classes}"):
        Cbpe(classes)
