"""Which partitions are held back so that all keep step."""

from __future__ import annotations

from consumers.kafka.pace import Pace
from consumers.memory import Stored
from stream_monitor.task import Batch, End, Partition

A, B = Partition("t", 0), Partition("t", 1)
MORE, DONE = End(5, False), End(5, True)


def batch(partition: Partition, seconds: int) -> Batch:
    return Batch(partition, [Stored(0, seconds * 1000, None, b"")])


def test_who_is_ahead_of_the_slowest_is_held_back_until_that_has_come_near() -> None:
    steps = Pace(ahead=10.0)
    assert steps.held([batch(A, 0), batch(B, 11)], {A: MORE, B: MORE}, 0.0) == {B}
    assert steps.held([batch(A, 1)], {A: MORE, B: MORE}, 0.0) == set()


def test_who_is_at_the_end_holds_nobody_back() -> None:
    assert Pace(10.0).held([batch(A, 0), batch(B, 100)], {A: DONE, B: MORE}, 0.0) == set()


def test_a_partition_that_has_given_nothing_yet_is_waited_for() -> None:
    assert Pace(10.0).held([batch(B, 0)], {A: MORE, B: MORE}, 0.0) == {B}


def test_a_partition_that_gives_nothing_though_it_should_is_not_waited_for_long() -> None:
    steps = Pace(10.0)
    assert steps.held([batch(B, 0)], {A: MORE, B: MORE}, 0.0) == {B}
    assert steps.held([], {A: MORE, B: MORE}, 1.9) == {B}
    assert steps.held([], {A: MORE, B: MORE}, 2.1) == set()


def test_who_is_gone_is_forgotten() -> None:
    steps = Pace(10.0)
    steps.held([batch(A, 0), batch(B, 0)], {A: MORE, B: MORE}, 0.0)
    assert steps.held([batch(B, 100)], {B: MORE}, 0.0) == set()
