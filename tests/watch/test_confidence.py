"""Of many classes how sure predictions are is watched, whether or not they come with a score of their own."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from stream_monitor.blocks import Block, Section
from stream_monitor.watching.confidence import confidence

from .worlds import block, configuration, cut, drained, predictions, run

CLASSES = ("cat", "dog", "fox")
CONFIG: dict[str, Any] = {
    "detectors": {"features": {}, "score": {"scan": {}}, "loss": {}}, "reference": {"rows": 500},
    "metrics": {"window": "1h", "also": []},
}  # fmt: skip


def rows(seed: int, name: str, at: int, n: int, power: float = 1.0, **more: Any) -> Section:
    """Predictions whose scores are sharper by a power; which classes are predicted stays."""
    rng = np.random.default_rng([seed, at])
    scores = rng.dirichlet(np.ones(len(CLASSES)) * 2.0, n) ** power
    scores /= scores.sum(axis=1, keepdims=True)
    columns = {f"scores:{one}": scores[:, i].tolist() for i, one in enumerate(CLASSES)}
    ids, seconds = [f"{name}{at + i}" for i in range(n)], [10.0 * (at + i) for i in range(n)]
    return predictions(ids, seconds, [CLASSES[i] for i in scores.argmax(axis=1)], more=columns | more)


def stream(power: float, first: int = 1_500) -> list[Block]:
    """Scores as usual, and then sharper."""
    sections = [rows(1, "p", at, 50, 1.0 if at < first else power) for at in range(0, 3_000, 50)]
    return [block(configuration(config=CONFIG), at=0), *(block(one) for one in sections), drained(30_000)]


def drifts(said: dict[str, list[Any]]) -> list[tuple[str, str]]:
    opened = [one["data"] for one in said["alerts"] if one["data"]["transition"] == "opened"]
    return [(one["labels"]["alertname"], one["labels"]["signal"]) for one in opened]


def test_it_is_the_score_or_the_highest_of_the_classes() -> None:
    more = {"scores:a": [0.1, np.nan, np.nan, 0.5], "scores:b": [0.6, 0.3, np.nan, 0.4]}
    section = predictions(list("wxyz"), [0.0, 1.0, 2.0, 3.0], list("baba"), score=[np.nan, np.nan, np.nan, 0.7], more=more)
    assert section.rows is not None
    assert confidence(section.rows).tolist() == pytest.approx([0.6, 0.3, np.nan, 0.7], nan_ok=True)


def test_scores_that_become_sharper_while_classes_stay_are_a_drift_of_predictions() -> None:
    assert drifts(run(stream(2.5))) == [("PredictionDrift", "score")]
    assert drifts(run(stream(1.0))) == []


@pytest.mark.parametrize(("every", "restarts"), [(1, [700]), (17, [3, 40]), (1_000, [5])])
def test_no_cut_and_no_restart_changes_it(every: int, restarts: list[int]) -> None:
    blocks = stream(2.5)
    whole = run(blocks)
    assert run([blocks[0], *cut(blocks[1:], every)], restarts) == whole


@pytest.mark.parametrize("power", [1.0, 2.5])
def test_a_reference_that_is_given_has_it_too(power: float) -> None:
    given = rows(2, "r", 0, 500, label=[CLASSES[i % 3] for i in range(500)])
    document = json.dumps({"sha256": "a", "rows": 500}).encode()
    given = given._replace(kind="reference", document=document, first=0, last=499)
    blocks = stream(power, first=0)
    blocks[0] = block(configuration(config=CONFIG), given, at=0)
    said = run([blocks[0], *blocks[1:]], [1, 7])
    assert drifts(said) == ([] if power == 1.0 else [("PredictionDrift", "score")])
