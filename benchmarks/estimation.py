"""Estimates without labels: what they cost and say, beside NannyML's if it is installed.  `python -m benchmarks.estimation`.

NannyML 0.13 is no dependency; install it, and statsmodels, which it needs and does not ask for, into an environment of their
own, with this project.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from benchmarks.table import table
from stream_monitor.estimation.calibration import FEWEST
from stream_monitor.estimation.cbpe import Cbpe
from stream_monitor.estimation.dle import Dle
from stream_monitor.metrics.ranking import Ranking

Floats = npt.NDArray[np.float64]
Estimates = dict[str, list[float]]
"""By metric, of each chunk."""

_DATA = Path(__file__).parent.parent / "tests" / "estimation" / "data" / "car_loan_scores.csv.gz"
_REFERENCE, _CHUNK = 50_000, 5000
_METRICS = ("roc_auc", "average_precision", "accuracy", "precision", "recall", "specificity", "f1")


class Run(NamedTuple):
    """What one of them took, in seconds of CPU, and says."""

    learning: float
    estimating: float
    estimates: Estimates


def ours(rows: Floats, block: int) -> Run:
    """Row after row as they would come, in blocks."""
    scores, predicted, labels = rows[0], rows[1].astype(np.int64), rows[2].astype(np.int64)
    before = time.process_time()
    cbpe = Cbpe(2)
    cbpe.learn(scores[:_REFERENCE], labels[:_REFERENCE])
    learning, before = time.process_time() - before, time.process_time()
    chunks = len(scores) // _CHUNK - _REFERENCE // _CHUNK
    sums, rankings = np.zeros((chunks, cbpe.width)), [Ranking() for _ in range(chunks)]
    for at in range(_REFERENCE, len(scores), block):
        piece, chunk = slice(at, at + block), (at - _REFERENCE) // _CHUNK
        chances = cbpe.chances(scores[piece])
        cbpe.add(sums, np.full(len(chances), chunk), predicted[piece], chances)
        rankings[chunk].add(scores[piece], chances, 1 - chances)
    readings = [
        cbpe.read(one)
        | {
            "roc_auc": rank.expected_roc_auc(cbpe.learnt),
            "average_precision": rank.expected_average_precision(cbpe.learnt),
        }
        for one, rank in zip(sums, rankings)
    ]
    estimating = time.process_time() - before
    return Run(learning, estimating, {name: [one[name].value or 0.0 for one in readings] for name in _METRICS})


def theirs(rows: Floats) -> Run | None:
    """NannyML's CBPE on the same rows; None if it is not installed."""
    if importlib.util.find_spec("nannyml") is None:
        return None
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
    warnings.filterwarnings("ignore")
    nannyml: Any = importlib.import_module("nannyml")
    pandas: Any = importlib.import_module("pandas")
    frame = pandas.DataFrame(rows.T, columns=("score", "predicted", "label"))
    cbpe = nannyml.CBPE(
        y_pred_proba="score", y_pred="predicted", y_true="label", problem_type="classification_binary",
        metrics=list(_METRICS), chunk_size=_CHUNK,
    )  # fmt: skip
    learning = _seconds(lambda: cbpe.fit(frame[:_REFERENCE]))
    analysis = frame[["score", "predicted"]][_REFERENCE:]
    found: list[Any] = []
    estimating = _seconds(lambda: found.append(cbpe.estimate(analysis)))
    columns = found[0].filter(period="analysis").to_df(multilevel=True)
    return Run(learning, estimating, {name: columns[name]["value"].tolist() for name in _METRICS})


def regression(features: int, rows: int = 20_000) -> tuple[object, ...]:
    """What DLE costs by outcome learnt and by row estimated, in microseconds, and how far off its MAE is after a shift."""
    rng = np.random.default_rng(1)

    def draw(n: int, shift: float) -> tuple[Floats, Floats, Floats]:
        x = rng.normal(size=(n, features))
        x[:, 0] += shift
        return x, x[:, 1] * 2, x[:, 1] * 2 + rng.normal(size=n) * np.exp(0.5 * np.clip(x[:, 0], -2, 2))

    dle = Dle()
    past, now = draw(rows, 0.0), draw(rows, 0.5)
    first = _seconds(lambda: dle.learn(*(column[:2000] for column in past)))
    later = _seconds(lambda: dle.learn(*(column[2000:] for column in past)))
    estimates: list[Floats] = []
    estimating = _seconds(lambda: estimates.append(dle.estimate(now[0], now[1])))
    before, after = (float(np.abs(part[2] - part[1]).mean()) for part in (past, now))
    return (
        features,
        first / 2000 * 1e6,
        later / (rows - 2000) * 1e6,
        estimating / rows * 1e6,
        before,
        float(estimates[0].mean()),
        after,
    )


def rare(share: str, base: float, shift: float, learnt: int, runs: int, rows: int = 5000) -> tuple[object, ...]:
    """How far estimates of rare positives are off in the mean, and how often their bands hold what labels show.

    Scores are those of a model that has learnt from as many positives as negatives.  Runs in which it would learn from too few
    positives to estimate anything are left out.
    """
    rng = np.random.default_rng([2026, learnt])
    off, held = list[list[float]](), list[list[bool]]()

    def draw(n: int, middle: float) -> tuple[Floats, Floats]:
        margin = rng.normal(middle, 1.9, n)
        return np.asarray(expit(margin - base - 1.2)), (rng.random(n) < expit(margin)).astype(np.float64)

    for _ in range(runs):
        cbpe, ranking, truth, sums = Cbpe(2), Ranking(), Ranking(), np.zeros((1, Cbpe(2).width))
        scores, outcomes = draw(learnt, base)
        cbpe.learn(scores, outcomes.astype(np.int64))
        if min(cbpe.learnt) < FEWEST:
            continue
        scores, outcomes = draw(rows, base + 1.9 * shift)
        chances, predicted = cbpe.chances(scores), (scores > 0.5).astype(np.int64)
        cbpe.add(sums, np.zeros(rows, np.int64), predicted, chances)
        ranking.add(scores, chances, 1 - chances)
        truth.add(scores, outcomes, 1 - outcomes)
        shown = (
            float((predicted == outcomes).mean()),
            float(outcomes[predicted == 1].mean()),
            truth.roc_auc().value or 0.0,
            truth.average_precision().value or 0.0,
        )
        estimates = (
            *map(cbpe.read(sums[0]).__getitem__, ("accuracy", "precision")),
            ranking.expected_roc_auc(cbpe.learnt),
            ranking.expected_average_precision(cbpe.learnt),
        )
        off.append([(one.value or 0.0) - value for one, value in zip(estimates, shown)])
        held.append([(one.low or 0.0) <= value <= (one.high or 0.0) for one, value in zip(estimates, shown)])
    means, parts = np.mean(off, axis=0), np.mean(held, axis=0)
    return (share, f"{shift:g}", learnt, *(f"{mean:+.3f} {100 * part:.0f}%" for mean, part in zip(means, parts)))


def many(classes: int, lowest: float, highest: float, moved: str, runs: int = 40) -> tuple[object, ...]:
    """How far the accuracy of many classes is off in the mean, and how often its band holds what 500 labels show.

    Scores of the classes are from so many times too sure to so many times, below 1 too timid.
    """
    rng, off, held = np.random.default_rng([2027, classes]), list[float](), list[bool]()
    spread, shift = {"": (1.5, 0.0), "to one class": (1.5, 1.05), "to where it is hard": (0.8, 0.0)}[moved]

    def draw(n: int, spread: float, shift: float) -> tuple[Floats, npt.NDArray[np.int64]]:
        margin = rng.normal(0, spread, (n, classes))
        margin[:, 0] += shift
        outcomes = (rng.random((n, 1)) > np.cumsum(softmax(margin, axis=1), axis=1)).sum(axis=1)
        return np.asarray(softmax(margin * np.linspace(lowest, highest, classes), axis=1)), np.minimum(outcomes, classes - 1)

    for _ in range(runs):
        cbpe = Cbpe(classes)
        cbpe.learn(*draw(2000, 1.5, 0.0))
        for _ in range(4):
            scores, outcomes = draw(500, spread, shift)
            sums, predicted = np.zeros((1, cbpe.width)), scores.argmax(axis=1)
            cbpe.add(sums, np.zeros(500, np.int64), predicted, cbpe.chances(scores))
            value, _, low, high = cbpe.read(sums[0])["accuracy"]
            shown = float((predicted == outcomes).mean())
            off.append((value or 0.0) - shown)
            held.append((low or 0.0) <= shown <= (high or 1.0))
    return classes, f"{lowest} to {highest}", moved, f"{np.mean(off):+.3f}, {np.mean(held):.0%}"


def main() -> None:
    """Prints what is estimated of each chunk, and what it costs."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.estimation", description=__doc__)
    options.add_argument("--block", type=int, default=1000, help="rows in a block, a divisor of 5,000 (default: 1000)")
    block = options.parse_args().block
    rows = np.loadtxt(_DATA, delimiter=",", skiprows=1, unpack=True)
    ours(rows, block)
    we, they = ours(rows, block), theirs(rows)
    runs = [("ours", we)] + ([("NannyML", they)] if they else [])
    names = ("roc_auc", "accuracy")
    print(table(("chunk", *(f"{who} {name}" for name in names for who, _ in runs)), [
        (str(chunk), *(f"{run.estimates[name][chunk]:.5f}" for name in names for _, run in runs)) for chunk in range(10)
    ]))  # fmt: skip
    print()
    n = rows.shape[1] - _REFERENCE
    print(table(("CPU", "learn, ms", "estimate, µs a row"), [
        (who, run.learning * 1e3, run.estimating / n * 1e6) for who, run in runs
    ]))  # fmt: skip
    if they:
        print(f"NannyML / ours: {they.learning / we.learning:.0f} to learn, {they.estimating / we.estimating:.0f} to estimate")
    print()
    heads = ("DLE, features", "learn first 2,000, µs", "later, µs", "estimate, µs", "MAE before", "estimated", "after")
    print(table(heads, [regression(features) for features in (5, 20)]))
    print()
    worlds = [("5%", -4.2), ("3%", -5.0), ("1%", -6.5)]
    columns = ("positives", "shift, sd", "learnt from", "accuracy: off, in band", "precision", "ROC AUC", "average precision")
    print(table(columns, [
        rare(share, base, shift, learnt, runs=100)
        for share, base in worlds for learnt in (2000, 20_000) for shift in (0.0, 0.5, 1.0)
    ]))  # fmt: skip
    print()
    print(table(("classes", "too sure", "inputs move", "accuracy: off, in band"), [
        many(classes, *sure, moved) for classes in (3, 4, 10) for sure in ((1.0, 1.0), (2.5, 2.5), (0.5, 0.5), (0.6, 2.0))
        for moved in ("", "to one class", "to where it is hard")
    ]))  # fmt: skip


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    main()
