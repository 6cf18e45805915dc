"""Several replicas of one task: they share the work, and never do it twice."""

from __future__ import annotations

from typing import Any

import pytest
from kafka import KafkaProducer

from consumers.kafka.poller import Limits
from consumers.kafka.transaction import NameTaken, TransactionFailed
from tests.kafka.conftest import drained, said, send, work_until
from tests.kafka.replica import Replica, until
from tests.kafka.toys import Echo, Tally, World

FEW = Limits(seconds=0.05, records=20)
QUICK: dict[str, Any] = {"session_timeout": "1s", "poll_interval": "10s"}


def owns(replica: Replica) -> int:
    return len(replica.log.positions())


def test_replicas_that_join_and_leave_share_the_work_and_do_it_once(wide_world: World, producer: KafkaProducer) -> None:
    values = range(1_000)
    patient = QUICK | {"session_timeout": "3s"}
    with Replica(Tally(), wide_world.log("one", FEW, **patient)) as one:
        send(producer, wide_world.input, values[:300], partition=None)
        until(lambda: owns(one) == 4)
        with Replica(Tally(), wide_world.log("two", FEW, **patient)) as two:
            send(producer, wide_world.input, values[300:600], partition=None)
            until(lambda: owns(one) == 2 and owns(two) == 2)
            send(producer, wide_world.input, values[600:900], partition=None)
            until(lambda: len(said(wide_world)) == 900)
        send(producer, wide_world.input, values[900:], partition=None)
        until(lambda: len(said(wide_world)) == 1_000)
    assert one.error is two.error is None
    for number in range(4):
        own = values[number::4]
        told = [one for one in said(wide_world) if one["partition"] == number]
        assert [one["offset"] for one in told] == list(range(250))
        assert [one["sum"] for one in told] == [sum(own[: n + 1]) for n in range(250)]


def test_topics_that_keep_step_are_read_by_one_replica_and_then_by_the_other(
    wide_world: World, producer: KafkaProducer
) -> None:
    send(producer, wide_world.input, range(400), partition=None)
    with Replica(Echo(), wide_world.log("two", FEW, in_step=True, **QUICK)) as two:
        with Replica(Echo(), wide_world.log("one", FEW, in_step=True, **QUICK)) as one:
            until(lambda: sorted((owns(one), owns(two))) == [0, 4] and owns(one) == 4)
            send(producer, wide_world.input, range(400), partition=None)
            until(lambda: len(said(wide_world)) == 800)
        until(lambda: owns(two) == 4)
        send(producer, wide_world.input, range(400), partition=None)
        until(lambda: len(said(wide_world)) == 1_200)
    assert one.error is two.error is None


def test_a_sleeper_whose_work_another_took_over_cannot_commit_it(world: World, producer: KafkaProducer) -> None:
    sleeper = world.log("one", session_timeout="1s", poll_interval="2s")
    work_until(Echo(), sleeper, drained(sleeper))
    send(producer, world.input, range(5))
    slice = sleeper.read()
    while not slice.batches:
        slice = sleeper.read()
    with Replica(Echo(), world.log("two", **QUICK)) as other:
        until(lambda: len(said(world)) == 5)
        with pytest.raises(TransactionFailed):
            sleeper.commit(slice, Echo().process(slice))
        sleeper.close(grace=2.0)
    assert other.error is None
    assert [one["offset"] for one in said(world)] == list(range(5))


def test_a_sleeper_that_is_alone_gives_up_what_it_held_and_goes_on(world: World, producer: KafkaProducer) -> None:
    log = world.log("one", session_timeout="1s", poll_interval="1s")
    task = Tally()
    work_until(task, log, drained(log))
    send(producer, world.input, range(5))
    until(lambda: log._reader._consumer.group_metadata().generation_id < 0)
    work_until(task, log, lambda: len(said(world)) == 5)
    log.close(grace=2.0)
    assert [one["sum"] for one in said(world)] == [0, 1, 3, 6, 10]


def test_two_replicas_of_one_name_are_one_too_many(world: World, producer: KafkaProducer) -> None:
    first = world.log("same")
    work_until(Echo(), first, drained(first))
    second = world.log("same")
    work_until(Echo(), second, drained(second))
    send(producer, world.input, ["a"])
    with pytest.raises(NameTaken, match="another replica has the name same: set kafka"):
        work_until(Echo(), first, lambda: False, seconds=15)
    work_until(Echo(), second, lambda: len(said(world)) == 1)
    for log in (first, second):
        log.close(grace=2.0)
