"""SEED cuts its window where the paper and MOA say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Array
from detectors.seed import SEED

from .streams import coin_flips, column, error_rates, rare_then_common, rows


def slow_alarms(values: Array, delta: float, term: int) -> list[tuple[int, int]]:
    """MOA's algorithm on lists of values: rows of alarms, and how many values are kept."""
    blocks: list[list[float]] = [[]]
    alarms, since = [], 0
    for row, value in enumerate(values.tolist()):
        if len(blocks[-1]) and len(blocks[-1]) % 32 == 0 and row % 32 == 0:
            if len(blocks) > 1 and since > term:
                since, tolerance, at = 0, 0.0, len(blocks) - 1
                while at > 0:
                    tolerance += 0.01 * 0.8
                    if abs(np.mean(blocks[at]) - np.mean(blocks[at - 1])) < tolerance:
                        blocks[at - 1] += blocks.pop(at)
                    at -= 1
            blocks.append([])
            since += 1
        blocks[-1].append(value)
        if (row + 1) % 32 == 0 and len(blocks) > 1:
            window = np.concatenate(blocks)
            confidence = math.log(2 * math.log(len(window)) / delta)
            for cut in range(len(blocks) - 1, 0, -1):
                old, new = np.concatenate(blocks[:cut]), np.concatenate(blocks[cut:])
                inverse = 1 / len(old) + 1 / len(new)
                bound = math.sqrt(2 * inverse * window.var() * confidence) + 2 / 3 * confidence * inverse
                if abs(old.mean() - new.mean()) > bound:
                    blocks = blocks[cut:]
                    alarms.append((row, len(new)))
                    break
    return alarms


@given(seed=st.integers(0, 10_000), delta=st.sampled_from((0.05, 0.9)), term=st.sampled_from((3, 75)))
@settings(max_examples=40, deadline=None)
def test_alarms_and_windows_are_those_of_the_algorithm(seed: int, delta: float, term: int) -> None:
    values = error_rates(seed)
    changes = SEED(1, delta=delta, term=term).update(column(values))
    assert [(change.row, change.n_current) for change in changes] == slow_alarms(values, delta, term)


def test_a_change_says_what_was_kept_and_what_was_dropped() -> None:
    change = SEED(1).update(column(rare_then_common()))[0]
    assert (change.row, change.start, change.n_reference, change.n_current) == (1055, 1024, 1024, 32)
    assert change.direction == "up"
    assert SEED(1).update(column(1 - rare_then_common()))[0].direction == "down"
    assert len(rows(SEED(1).update(column(coin_flips())))) == 3


def test_a_million_values_keep_some_hundred_blocks() -> None:
    rng = np.random.default_rng(1)
    detector = SEED(1)
    for _ in range(10):
        detector.update((rng.random((100_000, 1)) < 0.3).astype(np.float64))
        assert len(detector.state()["blocks"][0]) < 210


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delta": 0.0}, r"delta must lie in \(0, 1\), got 0.0"),
        ({"block": 1}, "block must be at least 2, got 1"),
        ({"tolerance": 0.0}, r"tolerance must lie in \(0, 1\), got 0.0"),
        ({"growth": 2.0}, r"growth must lie in \(0, 1\], got 2.0"),
        ({"term": 0}, "term must be at least 1, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SEED(1, **arguments)
