"""What is given, and what is held, so that all partitions keep step."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from consumers.kafka.pace import SPAN, Pace
from consumers.kafka.poller import Limits
from consumers.memory import Stored
from stream_monitor.task import Partition

T = frozenset({"t"})
A, B, OTHER = Partition("t", 0), Partition("t", 1), Partition("u", 0)


def pace(*partitions: Partition, span: int = SPAN) -> Pace:
    made = Pace({T: span})
    made.expect(partitions, 0.0)
    return made


def records(*seconds: float, first: int = 0) -> list[Stored]:
    return [Stored(first + i, round(second * 1000), None, b"x") for i, second in enumerate(seconds)]


def given(made: Pace, drained: set[Partition], now: float = 0.0, limit: int = 10_000) -> dict[Partition, list[int]]:
    found: dict[Partition, list[int]] = {}
    for batch in made.take(drained, now, limit, 1_000_000):
        found.setdefault(batch.partition, []).extend(one.offset for one in batch.records)
    return found


def steps(made: Pace, drained: set[Partition]) -> list[dict[Partition, list[int]]]:
    found: dict[int, dict[Partition, list[int]]] = {}
    for batch in made.take(drained, 0.0, 10_000, 1_000_000):
        found.setdefault(batch.step, {})[batch.partition] = [one.offset for one in batch.records]
    return [found[number] for number in range(len(found))]


def test_steps_of_some_topics_are_not_those_of_others() -> None:
    made = Pace({T: 2_000_000, frozenset({"u"}): 20_000_000})
    made.expect((A, OTHER), 0.0)
    made.add(A, records(*range(10)), 0.0)
    made.add(OTHER, records(*range(10)), 0.0)
    found = steps(made, {A, OTHER})
    assert max(len(step.get(A, [])) for step in found) <= 3
    assert [offset for step in found for offset in step.get(A, [])] == list(range(10))
    assert [step[OTHER] for step in found if OTHER in step] == [list(range(10))]


def test_a_long_past_is_given_in_steps_of_time() -> None:
    made = pace(A, B, OTHER, span=10_000_000)
    made.add(A, records(*range(0, 30, 2)), 0.0)
    made.add(B, records(0, 1, 12, 29), 0.0)
    made.add(OTHER, records(5), 0.0)
    found = steps(made, {A, B})
    assert [offset for step in found for offset in step.get(A, [])] == list(range(15))
    assert [offset for step in found for offset in step.get(B, [])] == list(range(4))
    times = [
        [2.0 * offset for offset in step.get(A, [])] + [(0, 1, 12, 29)[offset] for offset in step.get(B, [])] for step in found
    ]
    times = [step for step in times if step]
    assert len(times) > 2
    assert all(min(late) > max(early) - 20 for early, late in pairwise(times))
    assert all(max(step) - min(step) < 20 for step in times)


def test_what_has_no_time_stays_with_its_neighbours() -> None:
    made = Pace({T: 1_000_000}, lambda _, record: record.timestamp * 1000 if record.timestamp else None)
    made.expect([A, B], 0.0)
    made.add(A, [one._replace(timestamp=0) if one.offset == 3 else one for one in records(1, 2, 3, 4, 5, 6)], 0.0)
    made.add(B, records(1.5, 2.5, 3.5, 4.5), 0.0)
    order = [(batch.partition.number, one.offset) for batch in made.take({A, B}, 0.0, 99, 99) for one in batch.records]
    assert [(p, offset) for p, offset in order if p == 0] == [(0, offset) for offset in range(6)]
    assert order.index((0, 3)) < order.index((1, 3)) < order.index((0, 5))


def test_what_has_no_time_before_anything_else_comes_first() -> None:
    made = Pace({T: 1_000_000}, lambda _, record: record.timestamp * 1000 if record.timestamp else None)
    made.expect([A, B], 0.0)
    made.add(A, [one._replace(timestamp=0) if one.offset == 0 else one for one in records(1, 2, 30, 60)], 0.0)
    made.add(B, records(20), 0.0)
    order = [(batch.partition.number, one.offset) for batch in made.take({A, B}, 0.0, 99, 99) for one in batch.records]
    assert order == [(0, 0), (0, 1), (1, 0), (0, 2), (0, 3)]


def test_where_nothing_has_a_time_those_of_the_log_count() -> None:
    made = Pace({T: 1_000_000}, lambda _, record: None if record.value is None else record.timestamp * 1000)
    made.expect([A, B], 0.0)
    made.add(A, [one._replace(value=None) for one in records(1, 2, 3)], 0.0)
    made.add(A, [one._replace(value=None) for one in records(4, 5, 6, first=3)], 0.0)
    made.add(B, records(0.5, 3.5, 6.5), 0.0)
    order = [(batch.partition.number, one.offset) for batch in made.take({A, B}, 0.0, 99, 99) for one in batch.records]
    assert order == [(1, 0), (0, 0), (0, 1), (0, 2), (1, 1), (0, 3), (0, 4), (0, 5), (1, 2)]


def test_what_is_of_one_time_is_one_step() -> None:
    made = pace(A, B)
    made.add(A, records(*[i / 100 for i in range(1_000)]), 0.0)
    made.add(B, records(*[i / 50 for i in range(500)]), 0.0)
    assert steps(made, {A, B}) == [{A: list(range(1_000)), B: list(range(500))}]


def test_who_is_ahead_of_the_slowest_is_held_until_that_has_come_near() -> None:
    made = pace(A, B)
    made.add(A, records(0), 0.0)
    made.add(B, records(11), 0.0)
    assert given(made, set()) == {A: [0]}
    assert made.first(B) == 0
    made.add(A, records(10.5, first=1), 0.0)
    assert given(made, set()) == {A: [1], B: [0]}
    assert made.first(B) is None


def test_what_is_given_comes_in_order_of_time_and_in_order_within_a_partition() -> None:
    made = pace(A, B, span=101_000_000)
    made.add(A, records(*range(200)), 0.0)
    made.add(B, records(*range(50, 250)), 0.0)
    assert given(made, {A, B}, limit=1) == {A: list(range(100))}
    assert given(made, {A, B}, limit=1) == {B: list(range(100))}
    assert made.first(A) == 100
    assert made.first(B) == 100
    assert given(made, {A, B}) == {A: list(range(100, 200)), B: list(range(100, 200))}


def test_who_is_at_the_end_is_not_waited_for() -> None:
    made = pace(A, B)
    made.add(B, records(100), 0.0)
    assert given(made, {A}) == {B: [0]}


def test_a_partition_that_has_given_nothing_yet_is_waited_for_but_not_long() -> None:
    made = pace(A, B)
    made.add(B, records(0), 0.0)
    assert given(made, set()) == {}
    assert given(made, set(), 1.9) == {}
    assert given(made, set(), 2.1) == {B: [0]}


def test_a_partition_of_which_something_is_there_is_waited_for_until_its_turn_has_come() -> None:
    made = pace(A, B)
    made.add(B, records(5), 0.0)
    made.coming({A}, 3.0)
    assert given(made, set(), 4.0) == {}
    made.add(A, records(0), 4.5)
    assert given(made, set(), 4.5) == {A: [0]}
    assert given(made, set(), 6.6) == {B: [0]}


def test_a_time_far_ahead_in_a_partition_does_not_block_it_for_ever() -> None:
    made = pace(A, B)
    made.add(A, records(*[1e9] * 100, *[1] * 100), 0.0)
    made.add(B, records(0), 0.0)
    assert given(made, {B}) == {B: [0], A: list(range(200))}


@pytest.mark.parametrize(
    ("out_of_place", "off"),
    [
        ([99], -3_600),
        ([0, 49, 99], -3_600),
        ([99, 100, 101], -3_600),
        ([398, 399], -3_600),
        ([0, 50, 99, 199], 3_600 * 24 * 365),
    ],
)
def test_single_times_far_behind_or_ahead_do_not_matter(out_of_place: list[int], off: int) -> None:
    made, usual = pace(A, B), [5.0 * i for i in range(800)]
    times = {A: [time + off * (i in out_of_place) for i, time in enumerate(usual)], B: usual}
    latest, order = 0.0, []
    for start in (0, 400):
        for partition in (A, B):
            made.add(partition, records(*times[partition][start : start + 400], first=start), 0.0)
        order += made.take({A, B} if start else set(), 0.0, 10_000, 1_000_000)
    for batch in order:
        assert min(usual[one.offset] for one in batch.records) > latest - 2 * SPAN / 1e6
        latest = max(latest, *[usual[one.offset] for one in batch.records])


def test_rows_that_are_behind_at_random_leave_the_others_in_order() -> None:
    random, made = Random(3), pace(A, B)
    times = {p: [24.0 * i - (3_700 if random.random() < 0.1 else 0) for i in range(1_000)] for p in (A, B)}
    for partition in (A, B):
        made.add(partition, records(*times[partition]), 0.0)
    latest = 0
    for batch in made.take({A, B}, 0.0, 10_000, 1_000_000):
        assert batch.records[0].offset >= latest - 5
        latest = max(latest, batch.records[-1].offset)


def test_a_partition_whose_times_go_back_is_followed_there() -> None:
    made = pace(A, B)
    made.add(A, records(*range(10_000, 10_200), *range(1_000, 1_200)), 0.0)
    made.add(B, records(20_000), 0.0)
    assert given(made, set()) == {A: list(range(400))}
    made.add(B, records(1_250, first=1), 0.0)
    made.add(A, records(*range(1_200, 1_300), first=400), 0.0)
    assert given(made, {A, B})[A] == list(range(400, 500))


def test_other_topics_are_not_waited_for_and_do_not_wait() -> None:
    made = pace(A, B, OTHER)
    made.add(OTHER, records(1e6), 0.0)
    assert given(made, set()) == {OTHER: [0]}


def test_of_what_keeps_no_step_no_more_is_given_than_is_asked_for() -> None:
    made = pace(A, OTHER)
    made.add(A, records(0), 0.0)
    made.add(OTHER, records(*range(50)), 0.0)
    made.add(Partition("u", 1), records(1.5, 99), 0.0)
    assert given(made, set(), limit=3) == {OTHER: [0, 1], Partition("u", 1): [0]}
    assert made.first(OTHER) == 2


def test_a_slice_is_as_large_as_can_be_done_in_ten_seconds_by_the_one_before() -> None:
    limits = Limits(size=1_000)
    assert [limits.fitting(500, seconds) for seconds in (0.0, 0.5, 10.0, 20.0, 1e6)] == [1_000, 1_000, 500, 250, 1]


def test_a_slice_is_at_most_four_times_as_large_as_the_one_before() -> None:
    limits = Limits(size=100_000, first=1_000)
    assert limits.opening == 1_000
    assert [limits.fitting(size, 0.1) for size in (10, 500, 1_000, 4_000, 50_000)] == [1_000, 2_000, 4_000, 16_000, 100_000]
    assert Limits(size=500).opening == 500


def test_who_is_gone_is_forgotten() -> None:
    made = pace(A, B)
    made.add(A, records(0), 0.0)
    made.forget()
    made.expect([B], 0.0)
    made.add(B, records(100), 0.0)
    assert made.first(A) is None
    assert given(made, set()) == {B: [0]}


def test_what_precedes_a_gap_is_let_go() -> None:
    made = pace(A, B)
    made.add(B, records(5), 0.0)
    made.free(B)
    assert given(made, set()) == {B: [0]}


def test_a_partition_of_which_much_is_held_is_read_no_further() -> None:
    made = pace(A, B)
    made.add(B, records(*range(2_000)), 0.0)
    assert made.overfull() == {B}
    assert made.ready(set(), 0.0) == (0, 0)
    assert not made.stalled(set(), 0.0)
    assert made.stalled({A}, 0.0)
