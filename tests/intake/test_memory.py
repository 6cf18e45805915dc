"""The log in memory."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.memory import Memory, MemoryLog
from stream_monitor.task import End, Output, Partition, Slice, step

PARTITION = Partition("in", 0)


class Copying:
    """A task that copies, and remembers the last value in a snapshot."""

    def __init__(self, back: int | None = None) -> None:
        self._back = back
        self.restored: dict[Partition, tuple[int | None, dict[bytes, bytes]]] = {}
        self.seen: list[bytes | None] = []

    def process(self, slice: Slice) -> list[Output]:
        values = [record.value for batch in slice.batches for record in batch.records]
        self.seen += values
        copies = [Output("alerts", b"k", value) for value in values]
        return copies + [Output("snapshots", b"last", value, 0) for value in values[-1:]]

    def restore(self, partition: Partition, committed: int | None, state: Mapping[bytes, bytes]) -> int | None:
        self.restored[partition] = committed, dict(state)
        return self._back

    def release(self, partition: Partition) -> None:
        raise AssertionError("nobody else is here")


def given(n: int) -> Memory:
    memory = Memory()
    for i in range(n):
        memory.append("in", b"%d" % i)
    return memory


def run(memory: Memory, task: Copying, turns: int, rows: int = 2) -> MemoryLog:
    log = MemoryLog(memory, "g", ["in"], rows=rows)
    for _ in range(turns):
        step(task, log)
    return log


def test_a_slice_holds_no_more_rows_than_asked_for() -> None:
    log = MemoryLog(given(5), "g", ["in"], rows=2)
    sizes = [sum(len(batch.records) for batch in log.read().batches) for _ in range(5)]
    assert sizes == [0, 2, 2, 1, 0]


def test_a_task_takes_a_partition_over_before_it_reads_from_it() -> None:
    first = MemoryLog(given(1), "g", ["in"]).read()
    assert first.assigned == {PARTITION: None}
    assert not first.batches


def test_a_crash_repeats_nothing_that_was_committed() -> None:
    memory = given(5)
    run(memory, Copying(), turns=2)
    log = MemoryLog(memory, "g", ["in"], rows=2)
    step(Copying(), log)
    log.read()  # and crashes before it commits
    again = Copying()
    run(memory, again, turns=3)
    assert again.restored == {PARTITION: (2, {b"snapshots\0last": b"1"})}
    assert memory.values("stream-monitor.alerts") == [b"0", b"1", b"2", b"3", b"4"]


def test_a_task_may_read_again_from_an_earlier_place_without_undoing_what_was_committed() -> None:
    memory = given(4)
    run(memory, Copying(), turns=3)
    again = Copying(back=1)
    run(memory, again, turns=2, rows=1)
    assert again.seen == [b"1"]
    assert memory.committed["g", PARTITION] == 4


def test_a_null_removes_its_key_from_the_state() -> None:
    memory = given(1)
    log = run(memory, Copying(), turns=2)
    log.commit(
        Slice(0),
        [Output("snapshots", b"other", b"x", 0), Output("snapshots", b"last", None, 0), Output("snapshots", b"1", b"x", 1)],
    )
    assert log.state(PARTITION) == {b"snapshots\0other": b"x"}


def test_groups_and_new_partitions_are_kept_apart() -> None:
    memory = given(1)
    run(memory, Copying(), turns=2)
    log = MemoryLog(memory, "h", ["in"])
    assert log.read().assigned == {PARTITION: None}
    memory.append("in", b"x", partition=1)
    assert log.read().assigned == {Partition("in", 1): None}
    assert log.read().ends == {PARTITION: End(1, True), Partition("in", 1): End(1, True)}
    assert log.drained
