"""Versions that score the same requests: features are watched once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_monitor.blocks import Block
from stream_monitor.watching.shadows import Shadows

from .worlds import block, configuration, cut, drained, predictions, run

CONFIG = {"detectors": {"features": {"scan": {}}}, "metrics": {"window": "6h", "also": []}, "reference": {"rows": 500}}


def requests(n: int, seed: int, scored: tuple[str, ...], since: int = 0, moved: int = 10**9) -> list[Block]:
    """Requests of two features, each scored by some versions; from the one that is `moved` on they are unlike."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) + 3.0 * (np.arange(n) >= moved)
    y = rng.normal(size=n)
    blocks = []
    for start in range(0, n, 100):
        rows = [(i, version) for i in range(start, start + 100) for version in scored]
        blocks.append(
            block(
                predictions(
                    [f"{version}{since + i}" for i, version in rows], [60.0 * (since + i) for i, _ in rows], [0.0] * len(rows),
                    {"x": [float(x[i]) for i, _ in rows], "y": [float(y[i]) for i, _ in rows]},
                    version=[version for _, version in rows],
                )
            )
        )  # fmt: skip
    return blocks


def watched(blocks: list[Block], every: int = 0, restarts: tuple[int, ...] = ()) -> dict[str, Any]:
    log = [block(configuration(config=CONFIG), at=0), *blocks]
    return run(cut(log, every) if every else log, restarts)


def drifts(told: dict[str, Any]) -> list[str]:
    opened = [one["data"] for one in told["alerts"] if one["data"]["transition"] == "opened"]
    return [one["startsAt"] for one in opened if one["labels"]["kind"] == "data_drift"]


def test_a_shadow_adds_nothing_to_what_is_said_of_features() -> None:
    assert [drifts(watched(requests(4000, seed, ("1", "2")))) for seed in range(3)] == [[], [], []]
    alone, both = (drifts(watched(requests(3000, 4, scored, moved=2000))) for scored in (("1",), ("1", "2")))
    assert len(both) == len(alone) == 1
    assert both[0][:15] == alone[0][:15]


def test_a_version_that_is_left_alone_is_watched_again() -> None:
    told = watched([*requests(1500, 1, ("1", "2")), *requests(3000, 2, ("2",), since=1500, moved=1000)])
    assert len(drifts(told)) == 1


def test_shadows_do_not_depend_on_the_cut_or_on_restarts() -> None:
    blocks = [*requests(900, 1, ("1", "2")), *requests(300, 3, ("2",), since=900), *requests(300, 2, ("2", "3"), 1200, 100)]
    blocks.append(drained(200_000.0))
    whole = watched(blocks)
    assert drifts(whole)
    assert watched(blocks, every=37, restarts=(1, 3, 5, 8, 9, 11)) == whole


@pytest.mark.parametrize(
    ("versions", "shadows"),
    [((0, 1), {1}), ((1, 0), {1}), ((0, 1, 2), {1, 2})],
    ids=["after the other", "before the other", "two of them"],
)
def test_the_later_versions_of_a_request_are_shadows(versions: tuple[int, ...], shadows: set[int]) -> None:
    rows = np.repeat(np.random.default_rng(1).normal(size=(500, 2)), len(versions), axis=0)
    given = np.tile(versions, 500).astype(np.int32)
    found = Shadows()
    kept = found.watched(("a", "b"), rows, given, 0)
    assert found.numbers == shadows
    assert np.flatnonzero(kept).tolist() == np.flatnonzero(given == 0).tolist()


@pytest.mark.parametrize("few", [False, True], ids=["numbers", "few different rows"])
def test_versions_that_share_requests_out_are_no_shadows(few: bool) -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 3, (2000, 2)).astype(float) if few else rng.normal(size=(2000, 2))
    found = Shadows()
    kept = found.watched(("a", "b"), rows, rng.integers(0, 2, 2000).astype(np.int32), 0)
    assert found.numbers == set()
    assert kept.mean() > 0.97


def test_a_version_that_sees_all_is_watched_beside_one_that_sees_a_tenth() -> None:
    rng, rows, versions = np.random.default_rng(1), [], []
    for request in rng.normal(size=(2000, 2)):
        chosen = [0, 1] if rng.random() < 0.1 else [1]
        rows += [request] * len(chosen)
        versions += chosen
    found = Shadows()
    kept = found.watched(("a", "b"), np.array(rows), np.array(versions, np.int32), 0)
    assert found.numbers == {0}
    assert kept[np.array(versions) == 1].mean() > 0.95
