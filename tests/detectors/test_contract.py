"""What every detector promises, whichever file it is in."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from detectors import Array, Change, Detector, State

from .streams import eventful, reference

SETTINGS: dict[str, dict[str, Any]] = {
    "ks": {"window": 60},
    "psi": {"window": 60, "bins": 4},
    "page_hinkley": {"threshold": 20.0},
}
"""So that short streams are eventful; detectors that are not here run with their defaults."""

NUMERIC = [name for name in detectors.names() if detectors.detector(name).sees == "numbers"]
"""Detectors of categories and of rows are tested in their own files: these streams are made of real numbers."""

every_detector = pytest.mark.parametrize("name", NUMERIC)
cuts = st.lists(st.integers(0, 1500), max_size=12)


def fitted(name: str, known: Array) -> Detector:
    found = detectors.detector(name)(known.shape[1], **SETTINGS.get(name, {}))
    found.fit(known)
    return found


def calm(name: str, known: Array) -> Detector:
    found = detectors.detector(name)(known.shape[1])
    found.fit(known)
    return found


def pack(state: State) -> bytes:
    return msgspec.msgpack.encode(state, enc_hook=_array_as_plain)


def unpack(value: bytes) -> State:
    return _plain_as_arrays(msgspec.msgpack.decode(value))  # type: ignore[no-any-return]  # a dict, as pack took one


def _array_as_plain(value: Any) -> dict[str, Any]:
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return {"dtype": value.dtype.str, "shape": value.shape, "bytes": value.tobytes()}
    raise TypeError(f"{type(value).__name__} cannot be part of a state")


def _plain_as_arrays(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"dtype", "shape", "bytes"}:
        return np.frombuffer(value["bytes"], value["dtype"]).reshape(value["shape"])
    if isinstance(value, dict):
        return {key: _plain_as_arrays(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain_as_arrays(inner) for inner in value]
    return value


def run(detector: Detector, values: Array, at: list[int]) -> list[Change]:
    return [change for part in np.split(values, sorted(at)) for change in detector.update(part)]


def assert_same(one: Detector, other: Detector) -> None:
    assert pack(one.state()) == pack(other.state())
    assert one.statistic.tobytes() == other.statistic.tobytes()
    assert one.threshold.tobytes() == other.threshold.tobytes()


@every_detector
def test_rows_that_come_one_by_one_give_what_one_call_gives(name: str) -> None:
    values = eventful(1)
    whole, single = fitted(name, reference(1)), fitted(name, reference(1))
    changes = whole.update(values)
    assert changes
    assert run(single, values, list(range(len(values)))) == changes
    assert_same(whole, single)


@every_detector
@given(seed=st.integers(0, 99), at=cuts)
@settings(max_examples=40, deadline=None)
def test_no_cut_changes_a_result(name: str, seed: int, at: list[int]) -> None:
    values = eventful(seed)
    whole, parts = fitted(name, reference(seed)), fitted(name, reference(seed))
    assert run(parts, values, at) == whole.update(values)
    assert_same(whole, parts)


@every_detector
@given(seed=st.integers(0, 99), at=cuts)
@settings(max_examples=20, deadline=None)
def test_no_restart_changes_a_result(name: str, seed: int, at: list[int]) -> None:
    values = eventful(seed)
    whole, part = fitted(name, reference(seed)), fitted(name, reference(seed))
    changes: list[Change] = []
    for rows in np.split(values, sorted(at)):
        state = unpack(pack(part.state()))
        part = fitted(name, reference(seed))
        part.restore(state)
        changes += part.update(rows)
    assert changes == whole.update(values)
    assert_same(whole, part)


@every_detector
def test_a_state_is_a_copy(name: str) -> None:
    detector = fitted(name, reference(2))
    detector.update(eventful(2, 777))
    state = detector.state()
    before = pack(state)
    detector.update(eventful(3))
    other = fitted(name, reference(2))
    other.restore(state)
    other.update(eventful(3))
    assert pack(state) == before
    assert_same(detector, other)


@every_detector
def test_signals_have_nothing_to_do_with_each_other(name: str) -> None:
    values, known = eventful(4), reference(4)
    changes = fitted(name, known).update(values)
    for signal in range(values.shape[1]):
        alone = fitted(name, known[:, signal : signal + 1]).update(values[:, signal : signal + 1])
        assert [change._replace(signal=signal) for change in alone] == [c for c in changes if c.signal == signal]


@every_detector
def test_changes_come_by_row_and_signal_and_are_plain_numbers(name: str) -> None:
    changes = fitted(name, reference(5)).update(eventful(5))
    places = [(change.row, change.signal) for change in changes]
    assert places == sorted(set(places))
    for change in changes:
        assert [type(field) for field in change] == [int, int, float, float, str, int, int, int, int, int, float]
        assert 0 <= change.start <= change.row
        assert change.statistic > change.threshold
        assert change.n_reference > 0
        assert change.n_current > 0


@every_detector
def test_a_large_increase_is_declared_and_called_an_increase(name: str) -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(2000, 1))
    values[1500:] += 5
    first = calm(name, rng.normal(size=(1000, 1))).update(values)[0]
    assert 1500 <= first.row < 1650
    assert first.direction == "up"


@every_detector
def test_infinite_values_are_missing(name: str) -> None:
    values = eventful(7)
    infinite = np.where(np.isnan(values), np.random.default_rng(7).choice([np.inf, -np.inf], values.shape), values)
    one, other = fitted(name, reference(7)), fitted(name, reference(7))
    assert one.update(values) == other.update(infinite)
    assert one.statistic.tobytes() == other.statistic.tobytes()


@every_detector
def test_a_signal_that_is_always_missing_says_nothing(name: str) -> None:
    values = eventful(8)
    values[:, 2] = np.nan
    detector = fitted(name, reference(8))
    assert all(change.signal != 2 for change in detector.update(values))
    assert np.isnan(detector.statistic[2])
    assert np.isnan(detector.threshold[2])


@every_detector
def test_a_reference_without_values_is_survived(name: str) -> None:
    known = reference(9)
    known[:, 1] = np.nan
    detector = fitted(name, known)
    detector.update(eventful(9))
    assert detector.statistic.shape == detector.threshold.shape == (4,)


@every_detector
def test_the_largest_numbers_break_nothing(name: str) -> None:
    values = eventful(10)
    values[::7] *= 1e308 / np.nanmax(np.abs(values), axis=0)
    known = reference(10)
    known[0], known[1] = 1.7e308, -1.7e308
    fitted(name, known).update(values)


@every_detector
def test_constant_values_declare_nothing(name: str) -> None:
    for constant in (0.0, 0.1, -1e9):
        assert fitted(name, np.full((400, 2), constant)).update(np.full((3000, 2), constant)) == []


@every_detector
def test_values_like_the_reference_declare_nothing(name: str) -> None:
    rng = np.random.default_rng(11)
    values = rng.normal(size=(3000, 3))
    assert calm(name, rng.normal(size=(1000, 3))).update(values) == []


@every_detector
def test_nothing_is_declared_of_a_few_rows(name: str) -> None:
    detector = fitted(name, reference(12))
    assert np.isnan(detector.statistic).all()
    assert detector.update(np.repeat([[0.0], [1e6]], 4, axis=0) + np.zeros(4)) == []


@every_detector
def test_no_rows_and_no_signals_are_fine(name: str) -> None:
    detector = fitted(name, reference(13))
    assert detector.update(np.empty((0, 4))) == []
    empty = fitted(name, np.empty((100, 0)))
    assert empty.update(np.empty((500, 0))) == []
    empty.restore(unpack(pack(empty.state())))


@every_detector
def test_the_state_stays_small(name: str) -> None:
    rng = np.random.default_rng(14)
    detector = fitted(name, rng.normal(size=(400, 2)))
    sizes = []
    for _ in range(4):
        detector.update(rng.normal(size=(8192, 2)))
        sizes.append(len(pack(detector.state())))
    assert max(sizes) < 2 * 8192
    assert sizes[-1] < 1.5 * sizes[0]


@every_detector
def test_processes_agree_whatever_their_hash_seed(name: str) -> None:
    code = (
        "import hashlib; from tests.detectors import test_contract as t; "
        f"d = t.fitted({name!r}, t.reference(15)); c = d.update(t.eventful(15)); "
        "print(hashlib.sha256(repr(c).encode() + t.pack(d.state())).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
