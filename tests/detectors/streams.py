"""Streams of numbers whose changes are known."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from detectors import Array, Change, Sees


def two_levels() -> Array:
    """Integers 0 to 1, then 0 to 7 from row 1000; float64[2000]."""
    generator = np.random.RandomState(12345)
    return np.concatenate((generator.randint(2, size=1000), generator.randint(8, size=1000))).astype(np.float64)


def coin_flips() -> Array:
    """Zeros and ones with a rate of about 0.5, 0.99, 0.5 and 0.99, 500 each; float64[2000]."""
    generator = np.random.RandomState(12345)
    return np.concatenate([generator.normal(mean, 0.1, 500) > 0 for mean in (0.0, 0.25, 0.0, 0.25)]).astype(np.float64)


def rare_then_common() -> Array:
    """Errors at a rate of 0.2, then 0.8 from row 1000; float64[2000]."""
    generator = np.random.RandomState(12345)
    return np.concatenate((generator.binomial(1, 0.2, 1000), generator.binomial(1, 0.8, 1000))).astype(np.float64)


def half_then_all() -> Array:
    """Errors at a rate of a half, then nothing but errors from row 1000; float64[2000].  scikit-multiflow's tests use it."""
    generator = np.random.RandomState(1)
    return np.concatenate([generator.normal(mean, 0.1, 1000) > 0 for mean in (0.0, 0.5)]).astype(np.float64)


def half_then_most() -> Array:
    """Errors at a rate of 0.5, then 0.7 from row 1000; float64[2000].  river's docstrings use it."""
    generator = random.Random(42)
    return np.array(generator.choices([0, 1], k=1000) + generator.choices([0, 1], k=1000, weights=[0.3, 0.7]), np.float64)


def error_rates(seed: int) -> Array:
    """Stretches of errors of one rate each; float64[n]."""
    rng = np.random.default_rng(seed)
    stretches = [rng.random(rng.integers(20, 900)) < rng.random() ** 2 for _ in range(rng.integers(2, 7))]
    return np.concatenate(stretches).astype(np.float64)


def small_and_large(seed: int, times: int = 1) -> Array:
    """Integers 0 to 1, then 4 to 7 from row 1000, a number of times; float64[2000 * times]."""
    generator = random.Random(seed)
    values: list[int] = []
    for _ in range(times):
        values += generator.choices([0, 1], k=1000) + generator.choices(range(4, 8), k=1000)
    return np.array(values, np.float64)


def eventful(seed: int, rows: int = 1500) -> Array:
    """Normal, rounded, rare and skewed values; all change somewhere, and some are missing; float64[rows, 4]."""
    rng = np.random.default_rng(seed)
    late = np.arange(rows) >= rng.integers(rows // 4, rows)
    values = np.column_stack((
        rng.normal(late * rng.normal(0, 2), 1 + late),
        rng.normal(late * 2, 1).round(),
        rng.random(rows) < 0.05 + 0.5 * late,
        np.exp(2 * rng.normal(late * 0.7)),
    )).astype(np.float64)  # fmt: skip
    values[rng.random(values.shape) < 0.05] = np.nan
    return values


def reference(seed: int, rows: int = 400) -> Array:
    """What the columns of `eventful` are before they change; float64[rows, 4]."""
    rng = np.random.default_rng([seed, 1])
    columns = rng.normal(size=rows), rng.normal(size=rows).round(), rng.random(rows) < 0.05, np.exp(2 * rng.normal(size=rows))
    return np.column_stack(columns).astype(np.float64)


def eventful_errors(seed: int, rows: int = 1500) -> Array:
    """Errors, rare to frequent, that become more frequent somewhere, the last ones less; some are missing; float64[rows, 4]."""
    rng = np.random.default_rng([seed, 2])
    late = np.arange(rows) >= rng.integers(rows // 4, rows)
    rates = np.where(late[:, np.newaxis], (0.3, 0.5, 0.9, 0.1), (0.02, 0.1, 0.3, 0.6))
    values = (rng.random((rows, 4)) < rates).astype(np.float64)
    values[rng.random(values.shape) < 0.05] = np.nan
    return values


def reference_errors(seed: int, rows: int = 400) -> Array:
    """What the columns of `eventful_errors` are before they change; float64[rows, 4]."""
    return (np.random.default_rng([seed, 3]).random((rows, 4)) < (0.02, 0.1, 0.3, 0.6)).astype(np.float64)


def eventful_categories(seed: int, rows: int = 1500) -> Array:
    """Two, four, seven and many categories; common ones become rare somewhere, some are missing; float64[rows, 4]."""
    rng = np.random.default_rng([seed, 4])
    late = np.arange(rows) >= rng.integers(rows // 4, rows)
    common = _categories(rng, rows)
    values = np.where(late[:, np.newaxis], np.abs(_CATEGORIES - 1 - common), common)
    values[rng.random(values.shape) < 0.05] = np.nan
    return values


def reference_categories(seed: int, rows: int = 400) -> Array:
    """What the columns of `eventful_categories` are before they change; float64[rows, 4]."""
    return _categories(np.random.default_rng([seed, 5]), rows)


_CATEGORIES = np.array((2.0, 4.0, 7.0, 30.0))


def _categories(rng: np.random.Generator, rows: int) -> Array:
    return np.floor(_CATEGORIES * rng.random((rows, 4)) ** 3)


EVENTFUL: dict[Sees, Callable[..., Array]] = {
    "numbers": eventful, "errors": eventful_errors, "categories": eventful_categories, "rows": eventful,
}  # fmt: skip
"""Eventful values, by what a detector sees."""
REFERENCE: dict[Sees, Callable[..., Array]] = {
    "numbers": reference, "errors": reference_errors, "categories": reference_categories, "rows": reference,
}  # fmt: skip


def calm(sees: Sees, rng: np.random.Generator, rows: int, signals: int) -> Array:
    """Values in which nothing happens, float64[rows, signals]: standard normal, one error in ten, three categories."""
    if sees == "errors":
        return (rng.random((rows, signals)) < 0.1).astype(np.float64)
    if sees == "categories":
        return rng.choice(3, (rows, signals), p=(0.7, 0.2, 0.1)).astype(np.float64)
    return rng.normal(size=(rows, signals))


def changed(sees: Sees, values: Array) -> Array:
    """What `calm` values become when much happens: five standard deviations more, nine errors in ten, 0 rare and 2 common."""
    return {"numbers": values + 5, "errors": 1 - values, "categories": 2 - values, "rows": values + 5}[sees]


def column(values: Array) -> Array:
    """One signal, float64[n], as a detector takes it."""
    return values[:, np.newaxis]


def rows(changes: list[Change]) -> list[int]:
    """The rows at which changes are declared."""
    return [change.row for change in changes]


def peers_alarms(peer: Any, values: Array) -> list[int]:
    """The rows at which one of river's detectors declares a change in float64[n]."""
    alarms = []
    for row, value in enumerate(values.tolist()):
        peer.update(value)
        if peer.drift_detected:
            alarms.append(row)
    return alarms
