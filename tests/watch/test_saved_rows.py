"""What is saved of the predictions that wait gives back exactly what waits, whenever that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_monitor.config.stream import Labels, Limits
from stream_monitor.joining.chunk import MORE
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.join import Join
from stream_monitor.joining.packed import Values
from stream_monitor.joining.saved_rows import SavedRows

from .worlds import SECOND, START, rows

MINUTE = 60 * SECOND
Act = Callable[[Join], Any]


class Life:
    """A join that is saved now and then, may die at any time, and is held against one that never does."""

    def __init__(self, labels: Labels | None, waiting: int = 1_000, small: bool = True) -> None:
        self._labels, self._limits = labels, Limits(waiting=waiting, versions=3)
        self._small = small
        self.steady, self.mortal = self._begun(), self._begun()
        self.saved = self._saved_rows()
        self.records: dict[str, bytes] = {}
        self._state = msgspec.msgpack.encode(self.mortal.state())
        self._since: list[Act] = []

    def act(self, act: Act) -> Any:
        """Does the same to both, which must come to the same."""
        self._since.append(act)
        told, expected = act(self.mortal), act(self.steady)
        assert _plain(told) == _plain(expected)
        return told

    def save(self) -> None:
        """Writes what has changed, as a transaction would, once what is past its deadline is gone."""
        self.act(lambda join: join.let_go())
        for key, value in self.saved.save(self.mortal.waiting, self.mortal.clock.now):
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = value
        assert sorted(self.saved.keys()) == sorted(self.records)
        self.mortal.sampling.forget(self.saved.first)
        self._state, self._since = msgspec.msgpack.encode(self.mortal.state()), []

    def die(self) -> None:
        """Starts again from what was saved last."""
        self.mortal, self.saved = self._begun(), self._saved_rows()
        self.mortal.restore(msgspec.msgpack.decode(self._state))
        join, records = self.mortal, dict(self.records)
        self.saved.restore(join.waiting, records, join.sampling, join.clock.now)
        assert records == {}
        for act in self._since:
            act(join)
        assert alive(join) == alive(self.steady)
        assert join.waiting.live == self.steady.waiting.live

    def _begun(self) -> Join:
        join = Join(self._labels, self._limits)
        join.configure(self._labels, (0.0, -1) if self._labels and self._labels.absent else None, (("region",),))
        return join

    def _saved_rows(self) -> SavedRows:
        return SavedRows(rows=20, size=4_000, slack=50) if self._small else SavedRows()


def alive(join: Join) -> list[Any]:
    """All that is known of the rows that wait."""
    numbers = join.waiting.between(0, FAR)
    there = join.waiting.rows(numbers)
    numbers = numbers[there["deadline"] > join.clock.now]
    there = join.waiting.rows(numbers)
    plain = [there[name].tolist() for name in there.dtype.names or () if name != "changed"]
    return plain + [np.asarray(join.waiting.more(name, numbers)).tobytes() for name in MORE]


def _plain(joined: Any) -> Any:
    """Everything that a join has said, as values that compare."""
    if isinstance(joined, np.ndarray):
        return joined.shape, joined.tobytes()
    if isinstance(joined, tuple):
        return [_plain(part) for part in joined]
    return joined


def predictions(ids: list[str], seconds: list[float], rng: np.random.Generator, arrived: int) -> Act:
    """Predictions of up to three versions, with what they may have."""
    n = len(ids)
    numbers: dict[str, Any] = {"score": rng.random(n)}
    if rng.random() < 0.3:
        numbers |= {"weight": rng.random(n), f"scores:{'abc'[rng.integers(3)]}": rng.random(n)}
    texts: dict[str, Sequence[str]] = {
        "model": ["m"] * n,
        "version": rng.choice(["1", "2", "3"], n, p=[0.8, 0.1, 0.1]).tolist(),
    }
    texts["segment:region"] = rng.choice(["eu", "us"], n).tolist()
    given = rows(ids, seconds, numbers, texts)
    code = np.where(rng.random(n) < 0.2, rng.integers(0, 3, n), -1).astype(np.int32)
    values = Values(np.where(code < 0, rng.integers(0, 2, n), np.nan), code)
    return lambda join: join.predictions(given, values, arrived)


def labels(ids: list[str], seconds: list[float], rng: np.random.Generator, arrived: int) -> Act:
    """Labels: numbers, classes, withdrawals; some with a weight, some for a model."""
    n = len(ids)
    numbers: dict[str, Any] = {"weight": rng.random(n)} if rng.random() < 0.2 else {}
    texts: dict[str, Sequence[str]] = {"model": ["m"] * n} if rng.random() < 0.2 else {}
    given = rows(ids, seconds, numbers, texts)
    code = np.where(rng.random(n) < 0.2, rng.integers(0, 3, n), -1).astype(np.int32)
    values = Values(np.where((code < 0) & (rng.random(n) < 0.9), rng.integers(0, 2, n), np.nan), code)
    return lambda join: join.labels(given, values, arrived)


def happen(life: Life, rng: np.random.Generator, most: int, now: float, seen: list[str]) -> float:
    """One thing of many, at a time in seconds; gives the time after it."""
    what = rng.random()
    arrived = START + round(now * SECOND)
    if what < 0.45:
        n = min(int(rng.integers(1, most)), life.act(lambda join: join.room()))
        ids = [f"p{len(seen) + i}" for i in range(n)]
        again = [] if len(seen) < 5 else [str(one) for one in rng.choice(seen, 2)]
        seen += ids
        seconds = np.sort(now + rng.exponential(10, n)) - rng.exponential(5, n)
        life.act(predictions(ids + again, [*seconds.tolist(), *[now] * len(again)], rng, arrived))
        return now + float(rng.exponential(10))
    if what < 0.8 and seen:
        n = int(rng.integers(1, most))
        ids = [f"p{one}" for one in rng.integers(max(0, len(seen) - 8 * most), len(seen) + 5, n)]
        life.act(labels(ids, [now] * n, rng, arrived))
        return now + float(rng.exponential(3))
    if what < 0.9:
        life.act(lambda join: join.pass_time(START + round(now * SECOND)))
        return now + float(rng.exponential(60))
    life.act(lambda join: join.relax())
    return now


LABELS = {
    "none": None,
    "plain": Labels(topic="l", wait=10 * MINUTE),
    "absent": Labels.model_validate({"topic": "l", "wait": "10m", "absent": {"label": 0, "after": "4m"}}),
}


@settings(max_examples=24, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6), most=st.sampled_from([5, 60, 400]), kind=st.sampled_from(sorted(LABELS)),
    saved=st.sampled_from([0.1, 0.5]), died=st.sampled_from([0.05, 0.3]),
)  # fmt: skip
def test_a_join_that_dies_at_any_time_goes_on_as_one_that_never_did(
    seed: int, most: int, kind: str, saved: float, died: float
) -> None:
    rng = np.random.default_rng(seed)
    life, now, seen = Life(LABELS[kind]), 0.0, list[str]()
    for _ in range(60):
        now = happen(life, rng, most, now, seen)
        if rng.random() < saved:
            life.save()
        if rng.random() < died:
            life.die()


def filled(life: Life, n: int, second: float = 0.0) -> None:
    """Predictions, all at once."""
    rng = np.random.default_rng(3)
    ids = [f"{second}-{i}" for i in range(n)]
    life.act(predictions(ids, [second] * n, rng, START + round(second * SECOND)))


def test_a_row_is_written_once_and_its_label_alone_later() -> None:
    life = Life(LABELS["plain"], small=False)
    filled(life, 1_500)
    life.save()
    whole = dict(life.records)
    rng = np.random.default_rng(1)
    life.act(labels([f"0.0-{i}" for i in range(50)], [1.0] * 50, rng, START + SECOND))
    life.save()
    assert {key: life.records[key] for key in whole} == whole
    assert [key for key in life.records if key not in whole] == ["a\0" + "0"]
    life.save()
    assert len(life.records["a\0" + "0"]) < 50 * 60
    life.die()


def test_what_is_past_its_deadline_leaves_no_record() -> None:
    life = Life(LABELS["plain"])
    filled(life, 500)
    life.save()
    life.act(labels(["0.0-1", "0.0-300"], [1.0, 1.0], np.random.default_rng(1), START + SECOND))
    life.save()
    assert life.records
    life.act(lambda join: join.pass_time(START + 11 * MINUTE))
    life.save()
    assert life.records == {}
    life.die()


def test_corrections_without_end_take_no_more_room_than_rows() -> None:
    life = Life(LABELS["plain"])
    filled(life, 400)
    rng = np.random.default_rng(5)
    for turn in range(200):
        life.save()
        ids = [f"0.0-{i}" for i in rng.integers(0, 400, 30)]
        life.act(labels(ids, [float(turn)] * 30, rng, START + turn * SECOND))
    life.save()
    assert sum(len(value) for value in life.records.values()) < 400 * 200
    life.die()


def test_segments_that_sampling_has_thinned_out_are_put_together() -> None:
    life = Life(LABELS["plain"], waiting=1_000)
    for turn in range(120):
        life.act(lambda join: join.room())
        filled(life, 100, 0.1 * turn)
        life.save()
    assert life.mortal.sampling.halvings >= 4
    assert len(life.records) <= 2 * 1_000 // 20 + 16 + 10
    rng = np.random.default_rng(2)
    for turn in range(10):
        life.die()
        ids = [f"{0.1 * other}-{i}" for other in rng.integers(0, 120, 40) for i in range(100)]
        life.act(labels(ids, [20.0] * len(ids), rng, START + 20 * SECOND))
        life.save()
        now = START + 9 * MINUTE + 51 * SECOND + turn * SECOND
        life.act(partial(Join.pass_time, now=now))
        life.save()


def test_a_segment_that_was_written_anew_with_few_rows_stays_closed() -> None:
    life, rng = Life(LABELS["plain"]), np.random.default_rng(4)
    for second in (0.0, 1.0, 2.0):
        filled(life, 10, second)
        filled(life, 12, 200.0 + second)
        life.save()
    life.act(lambda join: join.pass_time(START + 11 * MINUTE))
    for turn in range(16):
        ids = [f"{second}-{i}" for i in range(12) for second in (200.0, 201.0, 202.0)]
        some = ids if turn < 9 else ids[:15]
        life.act(labels(some, [661.0 + turn] * len(some), rng, START + (661 + turn) * SECOND))
        life.save()
        if turn > 7:
            life.die()


def test_what_sampling_has_left_out_does_not_come_back_when_more_are_waited_for_again() -> None:
    life = Life(LABELS["plain"])
    filled(life, 900)
    filled(life, 100, 300.0)
    life.save()
    life.act(lambda join: join.room())
    life.act(lambda join: join.pass_time(START + 11 * MINUTE))
    life.act(lambda join: join.relax())
    life.save()
    assert life.mortal.sampling.halvings == 0
    assert 0 < life.mortal.waiting.live < 100
    life.die()


def test_segments_of_keys_that_were_changed_do_not_come_back() -> None:
    life = Life(LABELS["plain"])
    filled(life, 100)
    life.save()
    life.act(lambda join: join.configure(LABELS["plain"], None, (("device",),)))
    life.save()
    life.die()
    assert not np.asarray(life.mortal.waiting.more("segments", life.mortal.waiting.between(0, FAR))).any()


@pytest.mark.parametrize("position", [0, 2**40])
def test_positions_may_be_of_any_size(position: int) -> None:
    life = Life(LABELS["plain"])
    life.act(lambda join: setattr(join, "position", position))
    filled(life, 50)
    life.save()
    filled(life, 50, 1.0)
    life.save()
    life.die()
