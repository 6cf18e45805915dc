"""Where predictions ebb away, labels that still come are of older ones than usual: that is no fall by the reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_monitor.blocks import Block
from stream_monitor.metrics.ebb import Ebb
from stream_monitor.metrics.sketch import Sketch

from .worlds import block, configuration, cut, drained, labels, predictions, run

CONFIG: dict[str, Any] = {
    "labels": {"topic": "l", "wait": "1h"}, "quality": {"enabled": False}, "no_data": {"learnt": False},
    "detectors": {"features": {}, "categories": {}, "score": {}, "loss": {}, "prediction": {}}, "reference": {"rows": 600},
    "performance": {"against_reference": {"metrics": ["accuracy"], "windows": 2}}, "alerts": {"off": ["LabelsLate"]},
}  # fmt: skip


def world(seed: int, stops: int, wrong: int = 99) -> list[Block]:
    """Of 3 in 10 predictions, half of them wrong, labels come late; from one window on others are wrong too."""
    rng, windows = np.random.default_rng(seed), 26
    n = 250 * stops
    at = np.arange(n) * 1.2
    truth = rng.random(n) < 0.3
    said = np.where(truth, rng.random(n) < 0.5, (rng.random(n) < 0.3) & (at >= wrong * 300.0))
    known = at + np.where(truth, np.minimum(rng.exponential(1500, n), 3000), 5.0)
    blocks = [block(configuration(config=CONFIG), at=0)]
    for start in np.arange(0.0, windows * 300.0, 300.0):
        mine, due = (np.flatnonzero((time >= start) & (time < start + 300)) for time in (at, known))
        due = due[np.argsort(known[due])]
        made = predictions([f"i{i}" for i in mine], at[mine].tolist(), said[mine].astype(float).tolist())
        come = labels([f"i{i}" for i in due], known[due].tolist(), truth[due].astype(float).tolist())
        sections = [one for one, rows in ((made, mine), (come, due)) if len(rows)]
        blocks += [*([block(*sections, at=start + 300)] if sections else []), drained(start + 300)]
    return blocks


def opened(told: dict[str, list[Any]]) -> list[tuple[str, str]]:
    """Names and times of the alerts that were opened."""
    alerts = [event["data"] for event in told["alerts"]]
    return [(one["labels"]["alertname"], one["startsAt"][11:16]) for one in alerts if one["transition"] == "opened"]


def test_labels_that_come_after_predictions_have_stopped_are_no_fall() -> None:
    log = world(0, stops=18)
    told = run(log)
    assert opened(told) == []
    assert run(cut(log, 120), restarts=[10], per_read=6) == told


def test_a_fall_is_told_while_predictions_go_on() -> None:
    ((name, at),) = opened(run(world(0, stops=26, wrong=20)))
    assert name == "PerformanceDrop"
    assert "01:45" < at < "02:00"


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
    assert not Ebb().at(3, 1_000_000)
    steady = ebb([100] * 30, *delays)
    steady.window(30, 100, took(*[20.0] * 50))
    assert not steady.at(30, 1_000_000)
    assert not ebb([100] * 15 + [70] * 15, *delays).at(29, 1_000_000)
    assert ebb([100] * 28 + [0, 0], *delays).at(29, 1_000_000)
    assert not ebb([0] * 20 + [100] * 2, *delays).at(21, 1_000_000)
    assert ebb([100] * 20 + [0] * 40, *delays).at(59, 1_000_000)


def test_what_is_known_is_bounded_and_goes_on_after_a_restart() -> None:
    known = ebb([3, 0, *[100] * 5_000], 0.1, 2.0)
    again = Ebb()
    again.restore(known.state())
    assert again.state() == known.state()
    assert len(known.state()[0]) == 4_096
