"""EDDM finds what river's finds, row for row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from detectors.eddm import EDDM

from .streams import column, error_rates, half_then_all, half_then_most, peers_alarms, rare_then_common, rows

PEER: Any = binary.EDDM
"""Any, because its methods have no types."""


def test_known_streams_raise_the_known_alarms() -> None:
    assert rows(EDDM(1, threshold=0.2).update(column(rare_then_common()))) == [1059]
    assert rows(EDDM(1, threshold=0.1).update(column(half_then_all()))) == [64, 1135]
    assert rows(EDDM(1, threshold=0.25).update(column(half_then_most()))) == [1278]


@given(seed=st.integers(0, 10_000), minimum=st.sampled_from((1, 30, 100)), threshold=st.sampled_from((0.1, 0.25, 0.6)))
@settings(max_examples=60, deadline=None)
def test_alarms_are_those_of_river(seed: int, minimum: int, threshold: float) -> None:
    values = error_rates(seed)
    peer = PEER(warm_start=minimum, alpha=1.0, beta=1 - threshold)
    assert rows(EDDM(1, minimum=minimum, threshold=threshold).update(column(values))) == peers_alarms(peer, values)


def test_the_start_is_after_the_longest_distance() -> None:
    change = EDDM(1, threshold=0.2).update(column(rare_then_common()))[0]
    assert (change.start, change.n_reference, change.n_current) == (367, 367, 693)
    assert change.direction == "up"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"minimum": 0}, "minimum must be at least 1, got 0"), ({"threshold": 1.0}, r"threshold must lie in \(0, 1\), got 1.0")],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EDDM(1, **arguments)
