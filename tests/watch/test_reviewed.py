"""Of a reviewed sample, what watches errors sees a part in which every prediction has the same chance to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.blocks import Block
from stream_monitor.joining.lots import Lots

from .worlds import block, configuration, cut, drained, labels, predictions, run

CONFIG: dict[str, Any] = {
    "labels": {"topic": "l", "wait": "1h"}, "reference": {"rows": 1000}, "metrics": {"window": "1h"}, "task": "binary",
    "detectors": {"features": {}, "score": {}, "prediction": {}, "loss": {"scan": {}}}, "quality": {"enabled": False},
    "performance": {"risk": {"rise": 0.05}},
}  # fmt: skip


def reviewed(more_errors: float = 0.0, seed: int = 0) -> list[Block]:
    """Two in five are reviewed; after hour 10 all doubtful cases and one of twelve others.  Errors do not change, or do."""
    rng = np.random.default_rng(seed)
    n, hours = 14_000, 28
    time = np.linspace(0, hours * 3600 - 1, n)
    score = rng.beta(0.7, 0.7, n)
    truth = rng.random(n) < score
    later = time > 10 * 3600
    truth ^= later & (rng.random(n) < more_errors)
    chance = np.where(later, np.where(abs(score - 0.5) < 0.3, 1.0, 0.08), 0.4)
    chosen = rng.random(n) < chance
    blocks = [block(configuration(config=CONFIG), at=0)]
    for start in np.arange(0.0, hours * 3600, 600.0):
        mine, due = (np.flatnonzero((at >= start) & (at < start + 600)) for at in (time, time + 300))
        due = due[chosen[due]]
        said = (score > 0.5).astype(float)
        sections = [predictions([f"i{i}" for i in mine], time[mine].tolist(), said[mine].tolist(), score=score[mine].tolist())]
        more = {"inclusion_probability": chance[due].tolist()}
        sections.append(
            labels([f"i{i}" for i in due], (time[due] + 300).tolist(), truth[due].astype(float).tolist(), more=more)
        )
        blocks += [block(*sections, at=start + 600), drained(start + 600)]
    return blocks


@pytest.mark.parametrize("seed", [0, 1])
def test_that_doubtful_cases_are_reviewed_more_often_is_no_change(seed: int) -> None:
    assert [event["data"]["labels"]["alertname"] for event in run(reviewed(seed=seed), per_read=50)["alerts"]] == []


def test_more_errors_are_found_among_them_and_are_as_many_as_among_all() -> None:
    blocks = reviewed(more_errors=0.45)
    whole = run(blocks, per_read=50)
    said = {event["data"]["labels"]["alertname"]: event["data"] for event in whole["alerts"]}
    assert said.keys() >= {"ConceptDrift", "RiskRose"}
    change = said["ConceptDrift"]["change"]
    assert change["before"] == pytest.approx(0.21, abs=0.03)
    assert change["after"] == pytest.approx(0.21 * 0.55 + 0.79 * 0.45, abs=0.06)
    assert run(cut(blocks, 7), restarts=[40, 90], per_read=9) == whole


def test_what_counts_for_more_is_drawn_as_much_more_often() -> None:
    rng = np.random.default_rng(0)
    weight = rng.choice([2.0, 10.0, 500.0], 30_000, p=[0.8, 0.195, 0.005])
    ids, lots = rng.integers(0, 2**64, (30_000, 2), np.uint64), Lots()
    drawn = lots.drawn(ids, weight)
    share = [drawn[5_000:][weight[5_000:] == one].mean() for one in (2.0, 10.0, 500.0)]
    assert share == pytest.approx([0.01, 0.05, 1.0], rel=0.2)
    again, parts = Lots(), []
    for part in np.array_split(np.arange(30_000), 70):
        parts.append(again.drawn(ids[part], weight[part]))
        state, again = again.state(), Lots()
        again.restore(state)
    assert (np.concatenate(parts) == drawn).all()


def test_all_are_drawn_that_count_the_same() -> None:
    ids = np.random.default_rng(0).integers(0, 2**64, (100, 2), np.uint64)
    assert Lots().drawn(ids, np.full(100, 20.0)).all()
    assert Lots().drawn(ids, np.full(100, 0.05)).all()


def test_what_counts_for_nothing_is_not_drawn_and_says_nothing_of_the_others() -> None:
    ids, weight = np.random.default_rng(0).integers(0, 2**64, (100, 2), np.uint64), np.tile([0.0, 3.0], 50)
    assert (Lots().drawn(ids, weight) == (weight > 0)).all()
    assert not Lots().drawn(ids, np.zeros(100)).any()
    weight[60:] *= 2.0
    lots, alone = Lots(), Lots()
    assert (lots.drawn(ids, weight)[1::2] == alone.drawn(ids[1::2], weight[1::2])).all()
    assert lots.state() == alone.state()
