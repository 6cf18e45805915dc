"""The predictions that wait are found by id and by deadline as a plain list would find them, however they are stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_monitor.joining.packed import Values, packed, unpacked
from stream_monitor.joining.waiting import LABELLED, Fresh, Waiting

Row = tuple[tuple[int, int], int]
"""An id and a deadline."""


def fresh(rows: list[Row], position: int) -> Fresh:
    ids, deadlines = np.array([one for one, _ in rows], np.uint64), np.array([deadline for _, deadline in rows], np.int64)
    n = len(rows)
    values = Values(np.arange(n, dtype=np.float64), np.full(n, -1, np.int32))
    more = {"scores": np.full((n, 1 + position % 3), float(position), np.float32)} if position % 2 else {}
    return Fresh(ids, np.zeros(n, np.int32), position + np.arange(n), deadlines - 100, deadlines, values, more)


def ids(low: int, high: int) -> tuple[int, int]:
    """Few lower halves, so that buckets run over, and upper bits alike, so that marks are no help."""
    return (low % 4) | (low % 3) << 62, high


rows_ = st.lists(
    st.tuples(st.builds(ids, st.integers(0, 11), st.integers(0, 40)), st.integers(1, 500)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(blocks=st.lists(rows_, min_size=1, max_size=50), span=st.sampled_from([0, 10, 10_000]), seed=st.integers(0, 999))
def test_rows_are_found_as_in_a_list(blocks: list[list[Row]], span: int, seed: int) -> None:
    waiting, there, rng, clock = Waiting(), dict[int, Row](), np.random.default_rng(seed), 0
    waiting.span = span
    for block in blocks:
        numbers = waiting.add(fresh(block, waiting.position))
        there |= dict(zip(numbers.tolist(), block, strict=True))
        for size in (2, 30):
            wanted = [ids(int(low), int(high)) for low, high in rng.integers(0, 41, (size, 2))]
            queries, found = waiting.find(np.array(wanted, np.uint64))
            alive = [(q, n) for q, n in zip(queries.tolist(), found.tolist(), strict=True) if there[n][1] > clock]
            assert alive == [
                (q, n) for q, one in enumerate(wanted) for n, (id, end) in there.items() if id == one and end > clock
            ]
        until = clock + int(rng.integers(0, 30))
        due = waiting.due(clock, until).tolist()
        assert due == sorted((n for n, (_, end) in there.items() if clock < end <= until), key=lambda n: (there[n][1], n))
        clock = until
        waiting.leave(clock)


def test_ids_of_many_chunks_are_found_and_old_chunks_leave() -> None:
    waiting, rng = Waiting(), np.random.default_rng(1)
    waiting.span = 1_000
    every = rng.integers(0, 2**63, (200_000, 2)).astype(np.uint64)
    for start in range(0, len(every), 500):
        n = np.arange(start, start + 500)
        values = Values(n.astype(np.float64), np.full(500, -1, np.int32))
        waiting.add(Fresh(every[n], np.zeros(500, np.int32), n, n, n + 100_000, values, {}))
    assert 2 < len(waiting._chunks) < 40
    chosen = rng.integers(0, len(every), 1_000)
    queries, numbers = waiting.find(every[chosen])
    assert queries.tolist() == list(range(1_000))
    assert waiting.rows(numbers)["position"].tolist() == chosen.tolist()
    before = len(waiting._chunks)
    waiting.leave(250_000)
    assert len(waiting._chunks) < before
    assert len(waiting.find(every[190_000:191_000])[0]) == 1_000


def test_labels_are_kept_and_told_once() -> None:
    waiting = Waiting()
    numbers = waiting.add(fresh([((i, i), 1_000) for i in range(3_000)], 0))
    some, one = numbers[5:2_000:7], np.ones(len(numbers[5:2_000:7]))
    labels = Values(np.where(some % 2, 3.5, np.nan), np.where(some % 2, -1, 12).astype(np.int32))
    waiting.label(some, labels, some + 1, some + 2, LABELLED, one * 2)
    assert waiting.changed().tolist() == some.tolist()
    assert waiting.changed().tolist() == []
    there = waiting.rows(some)
    kept = unpacked(there["label"].copy())
    assert np.array_equal(kept.value, labels.value, equal_nan=True)
    assert kept.code.tolist() == labels.code.tolist()
    assert there["known"].tolist() == (some + 1).tolist()
    assert waiting.more("label_weight", numbers[:6]).tolist() == [1.0] * 5 + [2.0]


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, float("inf"), -float("inf"), float("nan"), 2.0**1000])
def test_a_number_or_a_class_survives_in_one_word(value: float) -> None:
    values = Values(np.array([value, np.nan, np.nan]), np.array([-1, 0, 2**31 - 1], np.int32))
    back = unpacked(packed(values))
    assert back.value.tobytes() == values.value.tobytes()
    assert back.code.tolist() == values.code.tolist()


def test_a_column_that_only_some_rows_have_is_missing_elsewhere() -> None:
    waiting = Waiting()
    waiting.add(fresh([((1, 1), 10)] * 2, 0))
    waiting.add(fresh([((1, 1), 10)] * 2, 3))
    waiting.add(fresh([((1, 1), 10)], 8))
    found = waiting.more("scores", np.arange(5))
    assert found.shape == (5, 1)
    assert np.isnan(found[[0, 1, 4]]).all()
    assert found[2:4, 0].tolist() == [3.0, 3.0]
