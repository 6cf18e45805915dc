"""Where predictions ebb away, labels that still come are of older ones than usual: that is no fall by the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stream_monitor.blocks import Block
from stream_monitor.metrics.ebb import Ebb
from stream_monitor.metrics.sketch import Sketch

from .worlds import block, configuration, cut, drained, labels, predictions, run

Floats = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
CONFIG: dict[str, Any] = {
    "labels": {"topic": "l", "wait": "1h"}, "quality": {"enabled": False}, "no_data": {"learnt": False},
    "detectors": {"features": {}, "categories": {}, "score": {}, "loss": {}, "prediction": {}}, "reference": {"rows": 600},
    "performance": {"against_reference": {"metrics": ["accuracy"], "windows": 2}}, "alerts": {"off": ["LabelsLate"]},
}  # fmt: skip


def world(seed: int, stops: int, wrong: int = 99) -> list[Block]:
    """Of 3 in 10 predictions, half of them wrong, labels come late; from one window on others are wrong too."""
    rng, n = np.random.default_rng(seed), 250 * stops
    at = np.arange(n) * 1.2
    truth = rng.random(n) < 0.3
    said = np.where(truth, rng.random(n) < 0.5, (rng.random(n) < 0.3) & (at >= wrong * 300.0))
    known = at + np.where(truth, np.minimum(rng.exponential(1500, n), 3000), 5.0)
    return log(CONFIG, at, said, truth, known, 26)


def days(soon: bool, seed: int = 3) -> list[Block]:
    """Days of an hour with their nights.  Labels of errors come soon and others late, or the other way round."""
    rng, hours = np.random.default_rng(seed), np.arange(5 * 24)
    made = rng.poisson(30 + 370 * np.maximum(0, np.sin(np.pi * (hours % 24 - 6.5) / 16)))
    at = np.sort((np.repeat(hours, made) + rng.random(made.sum())) * 150.0)
    x = rng.normal(size=len(at))
    score = 1 / (1 + np.exp(1 - 2.2 * x))
    said, truth = score > 0.5, rng.random(len(at)) < score
    quick, slow = (median * np.exp(rng.normal(0, spread, len(at))) for median, spread in ((150, 0.6), (3000, 0.4)))
    known = at + np.minimum(np.where((said != truth) == soon, quick, slow), 10_000)
    rules = {"metrics": ["accuracy", "roc_auc", "recall"]}
    config = CONFIG | {"labels": {"topic": "l", "wait": "3h"}, "reference": {"rows": 2000}}
    return log(config | {"performance": {"against_reference": rules}}, at, said, truth, known, 60, score)


def log(
    config: dict[str, Any], at: Floats, said: Mask, truth: Mask, known: Floats, windows: int, score: Floats | None = None
) -> list[Block]:
    """What is read of these predictions and labels in windows of five minutes."""
    blocks = [block(configuration(config=config), at=0)]
    for start in np.arange(0.0, windows * 300.0, 300.0):
        mine, due = (np.flatnonzero((time >= start) & (time < start + 300)) for time in (at, known))
        due = due[np.argsort(known[due])]
        scores = None if score is None else score[mine].tolist()
        made = predictions([f"i{i}" for i in mine], at[mine].tolist(), said[mine].astype(float).tolist(), score=scores)
        come = labels([f"i{i}" for i in due], known[due].tolist(), truth[due].astype(float).tolist())
        sections = [one for one, rows in ((made, mine), (come, due)) if len(rows)]
        blocks += [*([block(*sections, at=start + 300)] if sections else []), drained(start + 300)]
    return blocks


def opened(told: dict[str, list[Any]]) -> list[tuple[str, str]]:
    """Names and times of the alerts that were opened."""
    alerts = [event["data"] for event in told["alerts"]]
    return [(one["labels"]["alertname"], one["startsAt"][11:16]) for one in alerts if one["transition"] == "opened"]


def test_labels_that_come_after_predictions_have_stopped_are_no_fall() -> None:
    blocks = world(0, stops=18)
    told = run(blocks)
    assert opened(told) == []
    assert run(cut(blocks, 120), restarts=[10], per_read=6) == told


def test_a_fall_is_told_while_predictions_go_on() -> None:
    ((name, at),) = opened(run(world(0, stops=26, wrong=20)))
    assert name == "PerformanceDrop"
    assert "01:45" < at < "02:00"


@pytest.mark.parametrize("soon", [True, False])
def test_days_and_nights_are_neither_fall_nor_gain_where_labels_of_errors_come_sooner_or_later(soon: bool) -> None:
    assert {name for name, _ in opened(run(days(soon)))} == {"LabelBias"}


def ebb(made: list[int], *delays: float) -> Ebb:
    """What is known after windows of a second with so many predictions, whose labels took so many seconds."""
    known = Ebb()
    for number, n in enumerate(made):
        known.window(number, n, took(*delays))
    return known


def took(*delays: float) -> Sketch:
    """So many seconds, counted."""
    sketch = Sketch()
    sketch.add(np.array(delays))
    return sketch


def test_it_goes_by_predictions_and_not_by_when_labels_come() -> None:
    delays = [0.1] * 90 + [10.0] * 10
    assert Ebb().at(3, 1_000_000) == 0
    steady = ebb([100] * 30, *delays)
    steady.window(30, 100, took(*[20.0] * 50))
    assert steady.at(30, 1_000_000) == pytest.approx(0, abs=0.03)
    assert ebb([100] * 15 + [70] * 15, *delays).at(29, 1_000_000) < 0.1
    assert ebb([100] * 28 + [0, 0], *delays).at(29, 1_000_000) == 1
    assert ebb([0] * 20 + [100] * 2, *delays).at(21, 1_000_000) == pytest.approx(0.1)
    assert ebb([100] * 20 + [0] * 40, *delays).at(59, 1_000_000) == 1
    assert ebb([100] * 20 + [400] * 2, *[0.1] * 50, *[10.0] * 50).at(21, 1_000_000) == 1


def test_what_is_known_is_bounded_and_goes_on_after_a_restart() -> None:
    known = ebb([3, 0, *[100] * 5_000], 0.1, 2.0)
    again = Ebb()
    again.restore(known.state())
    assert again.state() == known.state()
    assert len(known.state()[0]) == 4_096
