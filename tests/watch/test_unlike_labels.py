"""That labels are not like the rest is said of what they say as they come, not of predictions that nearly all have one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.alerting.doubts import UNLIKE
from stream_monitor.blocks import Block

from .worlds import block, configuration, cut, drained, labels, predictions, run

CONFIG: dict[str, Any] = {
    "labels": {"topic": "l", "wait": "20m"}, "quality": {"enabled": False}, "no_data": {"learnt": False},
    "detectors": {"features": {}, "categories": {}, "score": {}, "loss": {}, "prediction": {}}, "reference": {"rows": 500},
    "performance": {
        "limits": [{"metric": "accuracy", "below": 0.6, "basis": basis, "windows": 2} for basis in ("arrival", "cohort")],
        "against_reference": {"metrics": []},
    },
}  # fmt: skip


def world(biased: int, wrong: int, windows: int, kept: float = 1.0) -> list[Block]:
    """Labels of low scores come later, if they are kept, in so many windows, then others by lot; more are wrong since one."""
    rng, blocks = np.random.default_rng(3), [block(configuration(config=CONFIG), at=0)]
    due: dict[int, list[tuple[str, float]]] = {}
    for window in range(windows):
        ids, score, at = [f"w{window}i{i}" for i in range(200)], rng.beta(1, 2, 200), window * 300.0
        chance = np.where(rng.random(200) < (0.6 if window >= wrong else 0.0), 1 - score, score)
        actual, later = (rng.random(200) < chance).astype(float), score < 0.4 if window < biased else rng.random(200) < 0.5
        for i in np.flatnonzero(~later | (rng.random(200) < kept)):
            due.setdefault(window + 2 * int(later[i]), []).append((ids[i], actual[i]))
        now = due.pop(window, [])
        blocks += [
            block(predictions(ids, [at + i for i in range(200)], (score > 0.5).astype(float).tolist(), score=score.tolist())),
            block(labels([one for one, _ in now], [at + 210] * len(now), [value for _, value in now])), drained(at + 280),
        ]  # fmt: skip
    return blocks


def course(told: dict[str, list[Any]], name: str, **about: str) -> list[tuple[str, str, bool]]:
    """Times and steps of alerts, and whether they say it."""
    found = [event for event in told["alerts"] if {"alertname": name, **about}.items() <= event["data"]["labels"].items()]
    return [
        (one["time"], one["data"]["transition"], UNLIKE in one["data"]["annotations"].get("description", "")) for one in found
    ]


def test_it_is_said_of_what_labels_say_as_they_come_while_that_is_so() -> None:
    log = world(biased=6, wrong=0, windows=24)
    told = run(log)
    (since, _, _), (until, _, _) = course(told, "LabelBias")
    (_, *first), *others = course(told, "PerformanceDrop", basis="arrival")
    assert (first, others) == (["opened", False], [(since, "updated", True), (until, "updated", False)])
    assert [(step, doubtful) for _, step, doubtful in course(told, "PerformanceDrop", basis="cohort")] == [("opened", False)]
    assert run(cut(log, 50), restarts=[20, 50]) == told


@pytest.mark.parametrize("kept", [1.0, 0.3])
def test_it_is_said_of_predictions_of_one_time_only_if_many_never_get_a_label(kept: float) -> None:
    told = run(world(biased=22, wrong=6, windows=22, kept=kept))
    of_cohorts = course(told, "PerformanceDrop", basis="cohort") + course(told, "EstimateApart")
    assert {step for _, step, _ in course(told, "LabelBias")} == {step for _, step, _ in of_cohorts} == {"opened"}
    assert len(of_cohorts) == 3
    assert {doubtful for _, _, doubtful in of_cohorts} == {kept < 0.9}
