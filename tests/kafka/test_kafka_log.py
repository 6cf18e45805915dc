"""The Kafka log: what it gives, what it commits, and what it refuses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from structlog.testing import capture_logs

from consumers.kafka.arrears import Stand
from consumers.kafka.kafka_log import KafkaLog
from consumers.kafka.poller import Limits, LostOffset
from consumers.kafka.transaction import NameTaken, TransactionFailed
from stream_monitor.task import End, Output, Partition, Slice, step
from tests.conftest import create_topic
from tests.kafka.conftest import drained, records, said, send, work_until
from tests.kafka.replica import until
from tests.kafka.toys import Echo, Tally, World

Closed = Callable[[KafkaLog], KafkaLog]
SMALL = Limits(seconds=0.05, records=3)


def assigned(log: KafkaLog) -> Slice:
    """The first slice with partitions in it."""
    deadline = time.monotonic() + 20
    while not (slice := log.read()).assigned:
        assert time.monotonic() < deadline, "nothing was assigned"
    return slice


def test_every_record_comes_once_and_in_order(wide_world: World, producer: KafkaProducer, closed: Closed) -> None:
    send(producer, wide_world.input, range(400), partition=None)
    log = closed(wide_world.log(limits=Limits(records=33)))
    work_until(Echo(), log, drained(log))
    for number in range(4):
        assert [one["offset"] for one in said(wide_world) if one["partition"] == number] == list(range(100))


def test_the_first_slice_is_small_and_those_after_it_grow(world: World, producer: KafkaProducer, closed: Closed) -> None:
    send(producer, world.input, [b"x" * 1_000] * 40)
    log = closed(world.log(limits=Limits(seconds=1.0, first=2_000)))
    assigned(log)
    sizes: list[int] = []
    while sum(sizes) < 40:
        slice = log.read()
        sizes += [len(batch.records) for batch in slice.batches]
        log.commit(slice, [])
    assert sizes == [2, 8, 30]


def test_between_two_reads_kafka_is_heard_of_while_the_group_answers(world: World, closed: Closed) -> None:
    log = closed(world.log(session_timeout="1500ms"))
    assigned(log)
    log.read()
    ended = time.monotonic()
    until(lambda: log.heard > ended)


def test_nothing_new_is_no_transaction(world: World, producer: KafkaProducer, closed: Closed) -> None:
    send(producer, world.input, ["a"])
    log = closed(world.log(limits=SMALL))
    work_until(Echo(), log, drained(log))
    written = log.written
    for _ in range(5):
        step(Echo(), log)
    assert log.written == written


def test_what_was_read_and_is_not_committed_is_still_behind(world: World, producer: KafkaProducer, closed: Closed) -> None:
    log, place = closed(world.log(limits=SMALL)), Partition(world.input, 0)
    work_until(Echo(), log, lambda: log.committed() == {place: None})
    send(producer, world.input, ["a"])
    work_until(Echo(), log, lambda: log.committed() == {place: 1})
    send(producer, world.input, ["b", "c"])
    deadline = time.monotonic() + 20
    while (slice := log.read()).ends[place].offset < 3:
        assert time.monotonic() < deadline, "not read in time"
    assert log.lags() == {place: 2}
    log.commit(slice, [])
    assert log.lags() == {place: 0}


def test_who_begins_is_late_until_all_is_done_that_was_there_and_owes_what_it_wrote_by_then(
    world: World, producer: KafkaProducer, closed: Closed
) -> None:
    send(producer, world.input, range(7))
    log, place = closed(world.log(limits=SMALL)), Partition(world.input, 0)
    while not (slice := log.read()).batches:
        log.commit(slice, [])
    assert log.late == [place]
    log.commit(slice, Echo().process(slice))
    work_until(Echo(), log, lambda: not log.late)
    assert log.committed() == {place: 7}
    assert log.owed == {Partition(world.alerts, 0): max(record.offset for record in records(world.address, world.alerts)) + 1}


def test_what_an_open_transaction_hides_is_not_there_yet(world: World, producer: KafkaProducer, closed: Closed) -> None:
    send(producer, world.input, ["a", "b"])
    with closing(KafkaProducer(bootstrap_servers=world.address, transactional_id=world.group)) as open_ended:
        open_ended.init_transactions()
        open_ended.begin_transaction()
        open_ended.send(world.input, b"hidden", partition=0).get(10)
        log = closed(world.log(limits=SMALL))
        work_until(Echo(), log, lambda: log.lags() == {Partition(world.input, 0): 1} and not log.late)
        assert log._reader.stands() == {Partition(world.input, 0): Stand(done=2, end=2)}
        open_ended.commit_transaction()
        work_until(Echo(), log, lambda: len(said(world)) == 3)


def test_a_slice_says_how_far_each_partition_is_read_and_whether_that_is_its_end(
    wide_world: World, producer: KafkaProducer, closed: Closed
) -> None:
    send(producer, wide_world.input, range(5), partition=2)
    log = closed(wide_world.log(limits=SMALL))
    slice = assigned(log)
    assert not any(end.drained for end in slice.ends.values())
    seen: list[End] = []
    deadline = time.monotonic() + 20
    while not all(end.drained for end in slice.ends.values()) and time.monotonic() < deadline:
        slice = log.read()
        seen.append(slice.ends[Partition(wide_world.input, 2)])
        log.commit(slice, [])
    assert End(3, False) in seen
    assert slice.ends == {Partition(wide_world.input, n): End(5 if n == 2 else 0, True) for n in range(4)}


def test_a_new_group_starts_where_it_is_told(world: World, producer: KafkaProducer, closed: Closed) -> None:
    producer.send(world.input, b"old", timestamp_ms=1_000_000_000_000).get(10)
    producer.send(world.input, b"new", timestamp_ms=1_700_000_000_000).get(10)
    starts = {"earliest": 0, "latest": 2, "2010-01-01T00:00:00Z": 1, "2001-01-01": 0, "2100-01-01": 2}
    for start, offset in starts.items():
        log = closed(world._replace(group=f"{world.group}-{start[:8]}").log(start=start))
        assert assigned(log).ends[Partition(world.input, 0)].offset == offset, start


def test_what_comes_while_a_group_that_began_at_the_latest_is_away_is_read(
    world: World, producer: KafkaProducer, closed: Closed
) -> None:
    send(producer, world.input, ["before"])
    log = world.log(start="latest")
    step(Echo(), log)
    work_until(Echo(), log, drained(log))
    log.close(grace=2.0)
    send(producer, world.input, ["between"])
    log = closed(world.log(start="latest"))
    work_until(Echo(), log, lambda: bool(said(world)))
    assert [one["value"] for one in said(world)] == ["between"]


def test_a_partition_that_is_added_is_read_from_its_beginning(world: World, producer: KafkaProducer, closed: Closed) -> None:
    log = world.log(start="latest")
    work_until(Echo(), log, drained(log))
    log.close(grace=2.0)
    # After the restart of a static member its group would not notice by itself.
    log = closed(world.log(start="latest", states=False, client={"metadata_max_age_ms": 300}))
    work_until(Echo(), log, drained(log))
    with closing(KafkaAdminClient(bootstrap_servers=world.address)) as admin:
        admin.create_partitions({world.input: 2})
    deadline = time.monotonic() + 10
    while len(producer.partitions_for(world.input)) < 2:
        assert time.monotonic() < deadline
        producer._metadata.request_update()
    send(producer, world.input, ["early"], partition=1)
    work_until(Echo(), log, lambda: bool(said(world)))
    assert [(one["partition"], one["value"]) for one in said(world)] == [(1, "early")]


def test_a_topic_that_is_made_anew_is_read_from_its_beginning(world: World, producer: KafkaProducer, closed: Closed) -> None:
    send(producer, world.input, ["before"])
    log = closed(world.log(start="latest", states=False, client={"metadata_max_age_ms": 300}))
    work_until(Echo(), log, drained(log))
    with closing(KafkaAdminClient(bootstrap_servers=world.address)) as admin:
        admin.delete_topics([world.input])
        with capture_logs() as gone:
            work_until(Echo(), log, lambda: not log.positions() and bool(log.missing()))
            step(Echo(), log)
        create_topic(world.address, world.input)
    with closing(KafkaProducer(bootstrap_servers=world.address)) as other:
        send(other, world.input, ["early", "and late"])
    with capture_logs() as told:
        work_until(Echo(), log, lambda: len(said(world)) == 2)
    assert [one["value"] for one in said(world)] == ["early", "and late"]
    assert [one["topic"] for one in told if one["event"] == "topic_made_anew"] == [world.input]
    assert [one["topic"] for one in gone if one["event"] == "input_missing"] == [world.input]
    assert [one["topic"] for one in told if one["event"] == "input_found"] == [world.input]


@pytest.mark.parametrize("start", ["earliest", "latest"])
def test_a_topic_that_is_not_there_yet_is_read_from_its_beginning_once_it_is(
    start: str, world: World, unique: Callable[[str], str], producer: KafkaProducer, closed: Closed
) -> None:
    later = unique("later")
    send(producer, world.input, ["before"])
    kafka = world.kafka(client={"metadata_max_age_ms": 300})
    log = closed(KafkaLog(kafka, "toy", [later, world.input], {"alerts": world.alerts}, start=start))
    work_until(Echo(), log, drained(log))
    send(producer, world.input, ["here"])
    work_until(Echo(), log, lambda: "here" in [one["value"] for one in said(world)])
    assert log.missing() == [later]
    create_topic(world.address, later)
    with closing(KafkaProducer(bootstrap_servers=world.address)) as other:
        send(other, later, ["early", "and late"])
    with capture_logs() as told:
        work_until(Echo(), log, lambda: "and late" in [one["value"] for one in said(world)])
    assert [one["topic"] for one in told if one["event"] == "input_found"] == [later]
    assert [one["value"] for one in said(world)] == ["before"] * (start == "earliest") + ["here", "early", "and late"]
    assert log.missing() == []


def test_a_topic_that_a_group_with_offsets_has_never_read_is_named(
    world: World, topic: Callable[..., str], producer: KafkaProducer, closed: Closed
) -> None:
    log = world.log(start="latest")
    with capture_logs() as told:
        work_until(Echo(), log, drained(log))
    log.close(grace=2.0)
    assert told == []
    added = topic("added")
    log = closed(KafkaLog(world.kafka(), "toy", [world.input, added], {"alerts": world.alerts}, start="latest"))
    with capture_logs() as told:
        work_until(Echo(), log, lambda: Partition(added, 0) in log.committed())
    assert [(one["event"], one["topic"], one["reads"]) for one in told] == [("topic_without_offsets", added, "from latest")]


def test_the_state_of_a_partition_is_the_latest_of_every_key(world: World, producer: KafkaProducer, closed: Closed) -> None:
    for key, value in ((b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None), (b"c", b"3")):
        producer.send(world.snapshots, key=key, value=value, partition=0)
    producer.flush()
    log = closed(world.log())
    assert log.state(Partition("whatever", 0)) == {b"snapshots\0a": b"2", b"snapshots\0c": b"3"}


def test_the_state_waits_for_an_open_transaction(world: World, producer: KafkaProducer, closed: Closed) -> None:
    send(producer, world.snapshots, ["old"], key=b"a")
    other = KafkaProducer(bootstrap_servers=world.address, transactional_id=world.group, transaction_timeout_ms=1_000)
    other.init_transactions()
    other.begin_transaction()
    other.send(world.snapshots, key=b"a", value=b"never", partition=0)
    other.flush()
    log = closed(world.log())
    # The broker ends the transaction after its second.
    assert log.state(Partition("whatever", 0)) == {b"snapshots\0a": b"old"}
    other.close(timeout=0)


def test_reading_again_from_an_older_offset_commits_nothing_older(
    world: World, producer: KafkaProducer, closed: Closed
) -> None:
    send(producer, world.input, range(20))
    log = world.log(limits=Limits(seconds=0.05, records=5))
    work_until(Tally(), log, drained(log))
    log.close(grace=2.0)
    log = closed(world.log(limits=SMALL))
    task = Tally()
    slice = assigned(log)
    assert slice.assigned == {Partition(world.input, 0): 20}
    log.seek(Partition(world.input, 0), 0)
    task.restore(Partition(world.input, 0), 20, {})
    for _ in range(3):
        slice = log.read()
        log.commit(slice, task.process(slice))
        assert log.committed() == {Partition(world.input, 0): 20}
    assert log.written == 0


def test_a_snapshot_and_the_log_after_it_are_the_whole_state(world: World, producer: KafkaProducer, closed: Closed) -> None:
    for part in range(4):
        send(producer, world.input, range(part * 5, part * 5 + 5))
        log = world.log(limits=SMALL)
        work_until(Tally(), log, drained(log))
        log.close(grace=2.0)
    assert [(one["offset"], one["count"], one["sum"]) for one in said(world)] == [
        (n, n + 1, n * (n + 1) // 2) for n in range(20)
    ]


@pytest.mark.parametrize("point", ["send", "send_offsets_to_transaction", "commit_transaction"])
def test_a_transaction_that_the_broker_has_aborted_is_not_taken_for_a_success(
    world: World, producer: KafkaProducer, closed: Closed, point: str
) -> None:
    send(producer, world.input, range(3))
    log = world.log(transaction_timeout="1s")
    work_until(Echo(), log, drained(log))
    assert len(said(world)) == 3
    sleep_before(point, world, log)
    send(producer, world.input, ["lost", "lost"])
    with pytest.raises(TransactionFailed) as failed:
        work_until(Echo(), log, lambda: len(said(world)) > 3)
    assert not isinstance(failed.value, NameTaken)
    log.close(grace=2.0)
    log = closed(world.log())
    work_until(Echo(), log, drained(log))
    assert [one["offset"] for one in said(world)] == [0, 1, 2, 3, 4]


def sleep_before(point: str, world: World, log: KafkaLog) -> None:
    """Lets the log's producer fall asleep in its next open transaction until the broker has ended that."""
    awake = getattr(log._producer, point)

    def asleep(*args: Any, **more: Any) -> Any:
        log._producer.flush()
        with closing(KafkaAdminClient(bootstrap_servers=world.address)) as admin:
            deadline = time.monotonic() + 15
            while _state(admin, f"{world.group}.toy.one") in ("Ongoing", "PrepareAbort"):
                assert time.monotonic() < deadline
        setattr(log._producer, point, awake)
        return awake(*args, **more)

    calls = iter((awake, asleep) if point == "send" else (asleep,))
    setattr(log._producer, point, lambda *args, **more: next(calls)(*args, **more))


def _state(admin: KafkaAdminClient, transactional_id: str) -> str:
    return str(admin.describe_transactions([transactional_id])[transactional_id].state.value)


def test_a_record_of_ten_megabytes_is_read(
    world: World, topic: Callable[..., str], producer: KafkaProducer, closed: Closed
) -> None:
    large = world._replace(input=topic("large", max_message_bytes=12_000_000))
    send(producer, large.input, [b"before", b"x" * 10_000_000, b"after"])
    log = closed(large.log())
    work_until(Echo(), log, drained(log))
    assert [one["offset"] for one in said(large)] == [0, 1, 2]


def test_an_offset_out_of_retention_stops_the_task_and_says_what_is_missing(
    world: World, producer: KafkaProducer, closed: Closed
) -> None:
    _lose(world, producer)
    log = closed(world.log())
    with pytest.raises(LostOffset, match=rf"offset 3 of {world.input}, partition 0, is gone; the earliest is 7"):
        work_until(Echo(), log, drained(log))
    assert [one["offset"] for one in said(world)] == [0, 1, 2]


def test_an_offset_out_of_retention_can_be_skipped_and_leaves_a_gap(
    world: World, producer: KafkaProducer, closed: Closed
) -> None:
    _lose(world, producer)
    log = closed(world.log(on_lost_offset="skip"))
    work_until(Echo(), log, drained(log))
    assert [one.get("offset", (one.get("first"), one.get("last"))) for one in said(world)] == [0, 1, 2, (3, 6), 7, 8, 9]


def _lose(world: World, producer: KafkaProducer) -> None:
    """Three records are read, four are lost, three are there to read."""
    send(producer, world.input, range(3))
    log = world.log()
    work_until(Echo(), log, drained(log))
    log.close(grace=2.0)
    send(producer, world.input, range(7))
    with closing(KafkaAdminClient(bootstrap_servers=world.address)) as admin:
        admin.delete_records({TopicPartition(world.input, 0): 7})


def test_a_record_that_is_too_large_to_write_fails_with_everything_else_of_its_slice(
    world: World, topic: Callable[..., str], producer: KafkaProducer, closed: Closed
) -> None:
    world = world._replace(alerts=topic("narrow", max_message_bytes=100_000))
    send(producer, world.input, ["a"])
    log = closed(world.log())
    slice = assigned(log)
    log.commit(slice, [])
    while not slice.batches:
        slice = log.read()
    small = Output("alerts", b"k", b"small", 0)
    with pytest.raises(TransactionFailed, match=world.alerts):
        log.commit(slice, [small, Output("alerts", b"k", random.randbytes(200_000), 0)])
    assert records(world.address, world.alerts) == []


def test_a_batch_that_is_too_large_for_its_topic_is_written_in_parts(
    world: World, topic: Callable[..., str], producer: KafkaProducer, closed: Closed
) -> None:
    world = world._replace(alerts=topic("narrow", max_message_bytes=100_000))
    send(producer, world.input, ["a"])
    log = closed(world.log())
    slice = assigned(log)
    while not slice.batches:
        slice = log.read()
    log.commit(slice, [Output("alerts", b"%d" % number, random.randbytes(40_000), 0) for number in range(5)])
    assert [record.key for record in records(world.address, world.alerts)] == [b"0", b"1", b"2", b"3", b"4"]


def test_partitions_keep_step_by_record_time_while_they_catch_up(
    wide_world: World, producer: KafkaProducer, closed: Closed
) -> None:
    begin = round(time.time() - 30_000) * 1000  # what is older than retention may be gone before it is read
    for partition, (seconds, value) in enumerate(((0.1, b"x" * 2_000), (10, b"x"))):
        for number in range(2_000):
            stamp = begin + round(number * seconds * 1000)
            producer.send(wide_world.input, value, partition=partition, timestamp_ms=stamp)
    producer.flush()
    log = closed(wide_world.log(limits=Limits(records=200), in_step=True))
    reached = {0: 0, 1: 0}
    ahead = 0
    deadline = time.monotonic() + 20
    while not drained(log)():
        assert time.monotonic() < deadline
        slice = log.read()
        reached |= {batch.partition.number: batch.records[-1].timestamp for batch in slice.batches}
        if not slice.ends.get(Partition(wide_world.input, 0), End(0, True)).drained and reached[0]:
            ahead = max(ahead, reached[1] - reached[0])
        log.commit(slice, [])
    assert ahead <= 1_000
