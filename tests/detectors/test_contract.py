"""What every detector promises, whichever file it is in."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from detectors import Array, Change, Detector, Sees, State

from . import streams

SETTINGS: dict[str, dict[str, Any]] = {
    "ks": {"window": 60},
    "psi": {"window": 60, "bins": 4},
    "page_hinkley": {"threshold": 20.0},
}
"""So that short streams are eventful; detectors that are not here run with their defaults."""
QUIET: dict[str, dict[str, Any]] = {
    "ddm": {"threshold": 4.0}, "eddm": {"threshold": 0.27}, "hddm_a": {"confidence": 1e-5}, "stepd": {"alpha": 1e-8},
}  # fmt: skip
"""For detectors whose published settings alarm by chance every few thousand values."""
LARGEST = {"scan": 20_480, "mmd": 9_216}
"""Bytes of state a signal; 8192 for those that are not here."""
CONSTANTS: dict[Sees, tuple[float, ...]] = {
    "numbers": (0.0, 0.1, -1e9), "errors": (0.0, 1.0), "categories": (0.0, 3.0), "rows": (0.0, 0.1, -1e9),
}  # fmt: skip


def sees(name: str) -> Sees:
    return detectors.detector(name).sees


def allows(name: str) -> bool:
    try:
        detectors.detector(name)(1).allow(np.array([1000.0]))
    except NotImplementedError:
        return False
    return True


every_detector = pytest.mark.parametrize("name", detectors.names())
every_detector_of_one_signal = pytest.mark.parametrize("name", [name for name in detectors.names() if sees(name) != "rows"])
every_detector_that_allows = pytest.mark.parametrize("name", [name for name in detectors.names() if allows(name)])
every_detector_that_does_not = pytest.mark.parametrize("name", [name for name in detectors.names() if not allows(name)])
cuts = st.lists(st.integers(0, 1500), max_size=12)
seeds = st.integers(0, 9)
"""So few that what is found in one call is computed once for many cuts."""


def fitted(name: str, known: Array, run_length: float | None = None) -> Detector:
    found = detectors.detector(name)(known.shape[1], **SETTINGS.get(name, {}))
    found.fit(known)
    if run_length is not None:
        found.allow(lengths(found, run_length))
    return found


def calm(name: str, known: Array) -> Detector:
    found = detectors.detector(name)(known.shape[1], **QUIET.get(name, {}))
    found.fit(known)
    return found


def lengths(detector: Detector, run_length: float) -> Array:
    return np.full(len(detector.statistic), run_length)


def eventful(name: str, seed: int, rows: int = 1500) -> Array:
    return streams.EVENTFUL[sees(name)](seed, rows)


def reference(name: str, seed: int) -> Array:
    return streams.REFERENCE[sees(name)](seed)


@cache
def whole(name: str, seed: int, run_length: float | None = None) -> tuple[Detector, list[Change]]:
    """A detector that has seen an eventful stream in one call, to be looked at alone, and what it found."""
    found = fitted(name, reference(name, seed), run_length)
    return found, found.update(eventful(name, seed))


def usual(name: str, rng: np.random.Generator, rows: int, signals: int) -> Array:
    return streams.calm(sees(name), rng, rows, signals)


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
    values = eventful(name, 1)
    whole, single = fitted(name, reference(name, 1)), fitted(name, reference(name, 1))
    changes = whole.update(values)
    assert changes
    assert run(single, values, list(range(len(values)))) == changes
    assert_same(whole, single)


@every_detector
def test_a_change_at_the_first_row_is_found_alike_in_one_call_and_row_by_row(name: str) -> None:
    values = eventful(name, 1)[-300:]
    run_length = 500 if allows(name) else None
    whole, single = (fitted(name, reference(name, 1), run_length) for _ in range(2))
    assert run(single, values, list(range(len(values)))) == whole.update(values)


@every_detector
@given(seed=seeds, at=cuts)
@settings(max_examples=24, deadline=None)
def test_no_cut_changes_a_result(name: str, seed: int, at: list[int]) -> None:
    (single, changes), parts = whole(name, seed), fitted(name, reference(name, seed))
    assert run(parts, eventful(name, seed), at) == changes
    assert_same(single, parts)


@every_detector
@given(seed=seeds, at=cuts)
@settings(max_examples=12, deadline=None)
def test_no_restart_changes_a_result(name: str, seed: int, at: list[int]) -> None:
    (single, found), part = whole(name, seed), fitted(name, reference(name, seed))
    changes: list[Change] = []
    for rows in np.split(eventful(name, seed), sorted(at)):
        state = unpack(pack(part.state()))
        part = fitted(name, reference(name, seed))
        part.restore(state)
        changes += part.update(rows)
    assert changes == found
    assert_same(single, part)


@every_detector
def test_a_state_is_a_copy(name: str) -> None:
    detector = fitted(name, reference(name, 2))
    detector.update(eventful(name, 2, 777))
    state = detector.state()
    before = pack(state)
    detector.update(eventful(name, 3))
    other = fitted(name, reference(name, 2))
    other.restore(state)
    other.update(eventful(name, 3))
    assert pack(state) == before
    assert_same(detector, other)


@every_detector_of_one_signal
def test_signals_have_nothing_to_do_with_each_other(name: str) -> None:
    values, known = eventful(name, 4), reference(name, 4)
    changes = fitted(name, known).update(values)
    for signal in range(values.shape[1]):
        alone = fitted(name, known[:, signal : signal + 1]).update(values[:, signal : signal + 1])
        assert [change._replace(signal=signal) for change in alone] == [c for c in changes if c.signal == signal]


@every_detector
def test_changes_come_by_row_and_signal_and_are_plain_numbers(name: str) -> None:
    changes = fitted(name, reference(name, 5)).update(eventful(name, 5))
    places = [(change.row, change.signal) for change in changes]
    assert places == sorted(set(places))
    for change in changes:
        assert [type(field) for field in change] == [int, int, float, float, str, int, int, int, int, int, float, str]
        assert 0 <= change.start <= change.row
        assert change.earliest == change.latest == -1 or 0 <= change.earliest <= change.start <= change.latest <= change.row
        assert change.statistic > change.threshold
        assert change.n_reference > 0
        assert change.n_current > 0


@every_detector
def test_a_large_increase_is_declared_and_called_an_increase(name: str) -> None:
    rng = np.random.default_rng(6)
    values = usual(name, rng, 2000, 1)
    values[1500:] = streams.changed(sees(name), values[1500:])
    first = calm(name, usual(name, rng, 1000, 1)).update(values)[0]
    assert 1500 <= first.row < (1650 if sees(name) in ("numbers", "errors") else 1900)
    assert first.direction == "up" or sees(name) not in ("numbers", "errors")


@every_detector
def test_infinite_values_are_missing(name: str) -> None:
    values = eventful(name, 7)
    infinite = np.where(np.isnan(values), np.random.default_rng(7).choice([np.inf, -np.inf], values.shape), values)
    one, other = fitted(name, reference(name, 7)), fitted(name, reference(name, 7))
    assert one.update(values) == other.update(infinite)
    assert one.statistic.tobytes() == other.statistic.tobytes()


@every_detector_of_one_signal
def test_a_signal_that_is_always_missing_says_nothing(name: str) -> None:
    values = eventful(name, 8)
    values[:, 2] = np.nan
    detector = fitted(name, reference(name, 8))
    assert all(change.signal != 2 for change in detector.update(values))
    assert np.isnan(detector.statistic[2])
    assert np.isnan(detector.threshold[2])


@every_detector
def test_a_reference_without_values_is_survived(name: str) -> None:
    known = reference(name, 9)
    known[:, 1] = np.nan
    detector = fitted(name, known)
    detector.update(eventful(name, 9))
    assert detector.statistic.shape == detector.threshold.shape == ((1,) if sees(name) == "rows" else (4,))


@every_detector
def test_the_largest_numbers_break_nothing(name: str) -> None:
    values = eventful(name, 10)
    values[::7] *= 1e308 / np.nanmax(np.abs(values), axis=0)
    known = reference(name, 10)
    known[0], known[1] = 1.7e308, -1.7e308
    fitted(name, known).update(values)


@every_detector
def test_constant_values_declare_nothing(name: str) -> None:
    for constant in CONSTANTS[sees(name)]:
        assert fitted(name, np.full((400, 2), constant)).update(np.full((3000, 2), constant)) == []


@every_detector
def test_values_like_the_reference_declare_nothing(name: str) -> None:
    rng = np.random.default_rng(11)
    values = usual(name, rng, 3000, 3)
    assert calm(name, usual(name, rng, 1000, 3)).update(values) == []


@every_detector
def test_nothing_is_declared_of_a_few_rows(name: str) -> None:
    detector = fitted(name, reference(name, 12))
    assert np.isnan(detector.statistic).all()
    largest = {"numbers": 1e6, "errors": 1.0, "categories": 3.0, "rows": 1e6}[sees(name)]
    assert detector.update(np.repeat([[0.0], [largest]], 4, axis=0) + np.zeros(4)) == []


@every_detector
def test_nothing_is_declared_while_there_is_no_statistic(name: str) -> None:
    detector = fitted(name, reference(name, 16))
    for row in np.split(eventful(name, 16), 1500):
        for change in detector.update(row):
            assert detector.statistic[change.signal] > detector.threshold[change.signal]


@every_detector
def test_no_rows_and_no_signals_are_fine(name: str) -> None:
    detector = fitted(name, reference(name, 13))
    assert detector.update(np.empty((0, 4))) == []
    empty = fitted(name, np.empty((100, 0)))
    assert empty.update(np.empty((500, 0))) == []
    empty.restore(unpack(pack(empty.state())))


@every_detector
def test_the_state_stays_small(name: str) -> None:
    rng = np.random.default_rng(14)
    detector = fitted(name, usual(name, rng, 400, 2))
    sizes = []
    for _ in range(4):
        detector.update(usual(name, rng, 8192, 2))
        sizes.append(len(pack(detector.state())))
    assert max(sizes) < 2 * LARGEST.get(name, 8192)
    assert sizes[-1] < 1.5 * sizes[0]


def test_processes_agree_whatever_their_hash_seed() -> None:
    code = (
        "import hashlib, detectors; from tests.detectors import test_contract as t\n"
        "for name in detectors.names():\n"
        "    d = t.fitted(name, t.reference(name, 15)); c = d.update(t.eventful(name, 15))\n"
        "    print(name, hashlib.sha256(repr(c).encode() + t.pack(d.state())).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == len(detectors.names())


@every_detector_that_does_not
def test_thresholds_that_are_settings_are_said_to_be(name: str) -> None:
    with pytest.raises(NotImplementedError, match=r"\w+ \w+"):
        fitted(name, reference(name, 17), 1000)


@every_detector_that_allows
@given(seed=st.integers(0, 99))
@settings(max_examples=6, deadline=None)
def test_an_infinite_run_length_never_alarms(name: str, seed: int) -> None:
    assert fitted(name, reference(name, seed), np.inf).update(eventful(name, seed)) == []


@every_detector_that_allows
@pytest.mark.parametrize("wrong", [0.0, -5.0, np.nan])
def test_a_run_length_that_cannot_be_is_refused(name: str, wrong: float) -> None:
    known = fitted(name, reference(name, 1))
    with pytest.raises(ValueError, match="run_length must be positive"):
        known.allow(lengths(known, wrong))


@every_detector_that_allows
@given(seed=st.integers(0, 99))
@settings(max_examples=6, deadline=None)
def test_a_shorter_run_length_alarms_no_later(name: str, seed: int) -> None:
    firsts = []
    for run_length in (300, 2000, 20_000, 1e6, 1e12):
        changes = fitted(name, reference(name, seed), run_length).update(eventful(name, seed))
        firsts.append([min((c.row for c in changes if c.signal == signal), default=1500) for signal in range(4)])
    assert (np.diff(firsts, axis=0) >= 0).all()


@every_detector_that_allows
def test_a_run_length_is_that_of_one_signal(name: str) -> None:
    detector, known, values = fitted(name, reference(name, 18)), reference(name, 18), eventful(name, 18)
    some = np.where(np.arange(len(detector.statistic)) % 2, np.inf, 1000.0)
    detector.allow(some)
    expected = [change for change in fitted(name, known, 1000).update(values) if change.signal % 2 == 0]
    assert expected
    assert detector.update(values) == expected


@every_detector_that_allows
@given(seed=st.integers(0, 2), at=cuts)
@settings(max_examples=8, deadline=None)
def test_an_allowance_that_is_given_again_loses_nothing(name: str, seed: int, at: list[int]) -> None:
    (single, found), part = whole(name, seed, 5000), fitted(name, reference(name, seed), 5000)
    changes: list[Change] = []
    for rows in np.split(eventful(name, seed), sorted(at)):
        part.allow(lengths(part, 5000))
        changes += part.update(rows)
    assert changes == found
    assert_same(single, part)


@every_detector_that_allows
@given(seed=st.integers(0, 2), at=st.integers(0, 1500))
@settings(max_examples=6, deadline=None)
def test_thresholds_survive_a_restart(name: str, seed: int, at: int) -> None:
    values, (single, changes), first = eventful(name, seed), whole(name, seed, 5000), fitted(name, reference(name, seed), 5000)
    before, state = first.update(values[:at]), unpack(pack(first.state()))
    earlier, later = fitted(name, reference(name, seed), 5000), fitted(name, reference(name, seed))
    earlier.restore(state)
    later.restore(state)
    later.allow(lengths(later, 5000))
    for second in (earlier, later):
        assert before + second.update(values[at:]) == changes
        assert_same(single, second)


@every_detector_that_allows
def test_what_is_declared_is_at_least_as_rare_as_allowed(name: str) -> None:
    for run_length in (500, 50_000):
        changes = fitted(name, reference(name, 19), run_length).update(eventful(name, 19))
        assert changes
        assert all(np.isnan(change.rarity) or change.rarity > 0.99 * run_length for change in changes)


@pytest.mark.parametrize("name", [name for name in detectors.names() if allows(name) and sees(name) == "numbers"])
def test_false_alarms_of_standard_normal_values_are_about_as_rare_as_asked(name: str) -> None:
    """The precise figures are those of benchmarks/calibration.py; windows of up to 500 rows must fill first."""
    rng, asked, signals = np.random.default_rng(20), 2000, 150
    detector = calm(name, rng.normal(size=(5000, signals)))
    detector.allow(lengths(detector, asked))
    first = np.full(signals, 3 * asked)
    for change in reversed(detector.update(rng.normal(size=(3 * asked, signals)))):
        first[change.signal] = change.row + 1
    assert 0.7 < first.sum() / np.count_nonzero(first < 3 * asked) / asked < 1.5
