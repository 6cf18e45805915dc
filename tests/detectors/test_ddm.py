"""DDM finds what river's and MOA's find, row for row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from detectors.ddm import DDM

from .streams import coin_flips, column, error_rates, half_then_all, half_then_most, peers_alarms, rare_then_common, rows

PEER: Any = binary.DDM
"""Any, because its methods have no types."""


def test_known_streams_raise_the_known_alarms() -> None:
    assert rows(DDM(1).update(column(rare_then_common()))) == [1049]
    assert rows(DDM(1).update(column(half_then_all()))) == [103, 1060]
    assert rows(DDM(1).update(column(coin_flips()))) == [542, 1619]
    assert rows(DDM(1).update(column(half_then_most()))) == [1334]
    assert DDM(1).update(np.ones((1000, 1))) == []


@given(seed=st.integers(0, 10_000), minimum=st.sampled_from((1, 30, 300)), threshold=st.sampled_from((2.0, 3.0, 5.0)))
@settings(max_examples=60, deadline=None)
def test_alarms_are_those_of_river(seed: int, minimum: int, threshold: float) -> None:
    values = error_rates(seed)
    peer = PEER(warm_start=minimum, warning_threshold=1.0, drift_threshold=threshold)
    assert rows(DDM(1, minimum=minimum, threshold=threshold).update(column(values))) == peers_alarms(peer, values)


def test_the_start_is_after_the_lowest_rate() -> None:
    change = DDM(1).update(column(rare_then_common()))[0]
    assert (change.start, change.n_reference, change.n_current) == (412, 412, 638)
    assert change.direction == "up"


def test_what_is_neither_0_nor_1_does_not_count() -> None:
    sparse = np.full(3 * 2000, 0.5)
    sparse[::3] = rare_then_common()
    assert rows(DDM(1).update(column(sparse))) == [3 * 1049]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"minimum": 0}, "minimum must be at least 1, got 0"), ({"threshold": 1.0}, "threshold must be above 1, got 1.0")],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DDM(1, **arguments)
