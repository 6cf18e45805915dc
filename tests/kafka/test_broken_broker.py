"""A broker that goes away and comes back, and one whose disk lies; it has a broker of its own to break."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaProducer

from consumers.broker.node import Broker
from consumers.kafka import group_reader
from consumers.kafka.group_reader import Unassigned
from consumers.kafka.poller import Limits, Polled
from stream_monitor.task import End, Partition
from tests.conftest import create_topic
from tests.kafka.conftest import drained, said, send, work_until
from tests.kafka.replica import Replica, until
from tests.kafka.toys import Echo, Tally, World, make_world

QUICK = Limits(seconds=0.05)


@pytest.fixture(scope="module")
def fragile() -> Iterator[Broker]:
    """A broker that writes everything to disk at once, and may be stopped."""
    with Broker(properties={"group.min.session.timeout.ms": 500, "log.flush.interval.messages": 1}) as running:
        yield running


@pytest.fixture
def frail(fragile: Broker, unique: Callable[[str], str]) -> World:
    """Topics on it."""
    return make_world(fragile.address, unique, lambda name, *n, **more: create_topic(fragile.address, unique(name), *n, **more))


@pytest.fixture
def writer(fragile: Broker) -> Iterator[KafkaProducer]:
    """Writes to it, a batch for every call of `send`."""
    with closing(KafkaProducer(bootstrap_servers=fragile.address, linger_ms=50, request_timeout_ms=2_000)) as made:
        yield made


def segment(broker: Broker, topic: str) -> Path:
    """The file with the records of a topic."""
    return broker.data / "kafka" / f"{topic}-0" / "00000000000000000000.log"


def test_a_corrupt_batch_leaves_a_gap_and_the_rest_is_read(fragile: Broker, frail: World, writer: KafkaProducer) -> None:
    for word in ("first", "broken", "last"):
        send(writer, frail.input, [word] * 4)
    fragile.stop()
    path = segment(fragile, frail.input)
    path.write_bytes(path.read_bytes().replace(b"broken", b"BROKEN", 1))
    fragile.start()
    log = frail.log(limits=QUICK)
    work_until(Echo(), log, drained(log))
    log.close(grace=2.0)
    told = said(frail)
    assert [one["offset"] for one in told if "offset" in one] == [0, 1, 2, 3, 8, 9, 10, 11]
    assert [(one["first"], one["last"]) for one in told if "first" in one] == [(4, 7)]


def test_a_batch_whose_header_lies_costs_no_more_than_itself(fragile: Broker, frail: World, writer: KafkaProducer) -> None:
    for word in ("first", "broken", "last"):
        send(writer, frail.input, [word] * 4)
    fragile.stop()
    path = segment(fragile, frail.input)
    data = bytearray(path.read_bytes())
    second = 12 + int.from_bytes(data[8:12], "big")
    data[second + 23 : second + 27] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(data)
    fragile.start()
    log = frail.log(limits=QUICK)
    work_until(Echo(), log, drained(log))
    log.close(grace=2.0)
    told = said(frail)
    assert [one["offset"] for one in told if "offset" in one] == [0, 1, 2, 3, 8, 9, 10, 11]
    # How far it goes cannot be known: one offset after the other is tried.
    assert [(one["first"], one["last"]) for one in told if "first" in one] == [(4, 4), (5, 5), (6, 6), (7, 7)]


def test_who_gets_no_place_in_the_group_for_too_long_gives_up(fragile: Broker, frail: World) -> None:
    log = frail.log(session_timeout="500ms", poll_interval="500ms")
    fragile.pause()
    try:
        with pytest.raises(Unassigned, match=rf"no place in group {frail.group}\.toy"):
            until(lambda: bool(log.read().ends), every=0)
    finally:
        fragile.resume()
    log.close(grace=2.0)


def test_a_task_lives_through_a_restart_of_the_broker(fragile: Broker, frail: World, writer: KafkaProducer) -> None:
    with Replica(Tally(), frail.log(limits=QUICK)) as replica:
        send(writer, frail.input, range(50))
        until(lambda: len(said(frail)) == 50)
        fragile.stop()
        gone = time.monotonic()
        until(lambda: replica.error is not None or replica.log.beat > gone + 0.5)
        assert replica.log.heard <= gone
        fragile.start()
        send(writer, frail.input, range(50, 100))
        until(lambda: replica.error is not None or len(said(frail)) == 100)
    if replica.error is not None:
        log = frail.log(limits=QUICK)
        work_until(Tally(), log, drained(log))
        log.close(grace=2.0)
    assert [one["sum"] for one in said(frail)] == [n * (n + 1) // 2 for n in range(100)]


def test_nothing_is_at_its_end_before_those_who_write_had_time_to_find_the_broker_again(
    fragile: Broker, frail: World, writer: KafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_reader, "_SETTLING", 4.0)
    place = Partition(frail.input, 0)
    send(writer, frail.input, ["first"])
    with closing(frail.log(limits=QUICK)) as log:
        until(lambda: log.read().ends.get(place) == End(1, True), every=0)
        fragile.stop()
        until(lambda: not log.read().ends[place].drained, every=0)
        fragile.start()
        found = time.monotonic()
        while log._reader._connected(place) is False:
            assert not log.read().ends[place].drained
            found = time.monotonic()
        writer.send(frail.input, b"second", partition=0)
        until(lambda: log.read().ends[place].drained, every=0)
        assert time.monotonic() > found + 3.0
        assert log.read().ends[place] == End(2, True)


def test_a_broker_that_is_found_again_while_a_read_lasts_long_was_found_at_its_end(
    frail: World, writer: KafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_reader, "_SETTLING", 0.5)
    place = Partition(frail.input, 0)
    send(writer, frail.input, ["first"])
    with closing(frail.log(limits=QUICK)) as log, monkeypatch.context() as away:
        until(lambda: log.read().ends.get(place) == End(1, True), every=0)
        reader, gather = log._reader, log._reader._gather
        away.setattr(reader, "_connected", lambda partition: False)

        def found() -> Polled:
            time.sleep(1.0)
            away.undo()
            return gather()

        assert not log.read().ends[place].drained
        away.setattr(reader, "_gather", found)
        assert not log.read().ends[place].drained
        until(lambda: log.read().ends[place].drained, every=0)
