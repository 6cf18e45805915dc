"""HDDM_A finds what river's finds, row for row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import binary

from detectors import Direction
from detectors.hddm_a import HDDMA

from .streams import coin_flips, column, error_rates, half_then_all, half_then_most, peers_alarms, rare_then_common, rows

PEER: Any = binary.HDDMA
"""Any, because its methods have no types."""


def test_known_streams_raise_the_known_alarms() -> None:
    assert rows(HDDMA(1).update(column(rare_then_common()))) == [1047]
    assert rows(HDDMA(1, mode="both").update(column(coin_flips()))) == [531, 1015, 1545]
    assert rows(HDDMA(1).update(column(half_then_all()))) == [1052]
    assert rows(HDDMA(1).update(column(half_then_most()))) == [1206]


@given(
    seed=st.integers(0, 10_000),
    confidence=st.sampled_from((0.1, 0.001, 1e-6)),
    mode=st.sampled_from(("up", "both")),
)
@settings(max_examples=60, deadline=None)
def test_alarms_are_those_of_river(seed: int, confidence: float, mode: Direction) -> None:
    values = error_rates(seed)
    peer = PEER(drift_confidence=confidence, warning_confidence=confidence, two_sided_test=mode == "both")
    assert rows(HDDMA(1, confidence=confidence, mode=mode).update(column(values))) == peers_alarms(peer, values)


def test_directions_and_starts_are_those_of_the_changes() -> None:
    changes = HDDMA(1, mode="both").update(column(coin_flips()))
    assert [change.direction for change in changes] == ["up", "down", "up"]
    assert [change.start for change in changes] == [423, 1000, 1242]
    assert [change.n_reference + change.n_current for change in changes] == [532, 484, 530]


def test_a_fall_is_declared_alone_where_asked_for() -> None:
    values = column(1 - rare_then_common())
    assert HDDMA(1).update(values) == []
    assert [change.direction for change in HDDMA(1, mode="down").update(values)] == ["down"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"confidence": 0.0}, r"confidence must lie in \(0, 1\), got 0.0"),
        ({"mode": "sideways"}, "mode must be one of up, down, both, got 'sideways'"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HDDMA(1, **arguments)
