"""A partition of the record: streams come and go, snapshots age, and what does not fit is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from structlog.testing import capture_logs

from consumers.memory import Memory, MemoryLog
from stream_monitor import snapshot
from stream_monitor.blocks import Block, BlockError, Section, decode, document, encode
from stream_monitor.part import ConfigurationError, Part
from stream_monitor.task import Output, Partition, step
from stream_monitor.watch import Watch

from .test_alerts import alerts, steps, story
from .worlds import START, arrivals, block, configuration, drained, labels, predictions, run

BLOCKS = Partition("stream-monitor.blocks", 0)
HOUR = 3600.0


def feed(part: Part, blocks: list[Block], first: int = 0) -> list[Output]:
    """What a partition puts out for blocks."""
    return [output for offset, one in enumerate(blocks) for output in part.record(first + offset, encode(one))]


def buried(outputs: list[Output]) -> list[dict[str, Any]]:
    """The dead letters among outputs."""
    return [json.loads(output.value or b"") for output in outputs if output.channel == "dead-letters"]


def saved(outputs: list[Output]) -> dict[bytes, bytes]:
    """The state that a log would give back."""
    states = ("snapshots", "waiting")
    state = {o.channel.encode() + b"\0" + o.key: o.value for o in outputs if o.channel in states}
    return {key: value for key, value in state.items() if value is not None}


def standing(part: Part) -> dict[str, Any]:
    """What every stream is doing, but for when it was saved."""
    return {name: one | {"saved": None} for name, one in part.status().items()}


def test_a_quiet_stream_is_saved_again_before_its_snapshot_is_too_old() -> None:
    part = Part(BLOCKS, None)
    feed(part, [block(configuration("quiet"), configuration("busy"), at=0)])
    outputs = feed(part, [drained(60.0 * minute) for minute in range(1, 12)], first=1)
    assert {output.key for output in outputs if output.channel == "snapshots"} >= {b"quiet\0", b"busy\0", b""}


def test_another_configuration_of_the_same_revision_is_in_the_log() -> None:
    part = Part(BLOCKS, None)
    same, other = configuration("s", revision=1), configuration("s", config={"reference": {"rows": 300}}, revision=1)
    with capture_logs() as told:
        feed(part, [block(one, at=0) for one in (configuration("s"), same, same, other, other)])
    assert [(one["event"], one["stream"]) for one in told] == [("another configuration of the same revision", "s")]


def test_a_restart_reads_only_what_came_after_the_snapshots_whatever_waits() -> None:
    blocks = [block(configuration(config={"labels": {"topic": "l", "wait": "90d"}}), at=0)]
    for minute in range(60):
        ids = [f"{minute}-{i}" for i in range(30)]
        blocks.append(block(predictions(ids, [60.0 * minute + i for i in range(30)], [1.0] * 30, score=[0.5] * 30)))
    part = Part(BLOCKS, None)
    state = saved(feed(part, blocks))
    again = Part(BLOCKS, None)
    start = again.restore(len(blocks), state)
    assert start is not None
    assert len(blocks) - 5 <= start <= len(blocks)
    feed(again, blocks[start:], first=start)
    assert again.status()["s"]["waiting"] == part.status()["s"]["waiting"] == 60 * 30


def test_what_is_saved_at_an_end_is_all_that_a_restart_reads_even_where_time_was_for_a_part_of_it() -> None:
    blocks = [block(configuration("a"), configuration("b"), at=0)]
    for minute in range(4):
        for name in ("a", "b") if minute < 3 else ("a",):
            ids, times = [f"{minute}-{i}" for i in range(30)], [30.0 * minute + i for i in range(30)]
            blocks.append(block(predictions(ids, times, [1.0] * 30, score=[0.5] * 30, name=name)))
    following = [block(labels(["0-1", "2-1"], [125, 125], [1.0, 0.0], name=name)) for name in ("a", "b")]
    part = Part(BLOCKS, None)
    state = saved(feed(part, blocks[:3])) | saved(feed(part, blocks[3:], first=3))
    first, second = part.parting()
    assert not list(part.parting())
    went_on = feed(part, following, first=len(blocks)), standing(part)
    for parting, start in ((first + second, len(blocks)), (first, 1)):
        again = Part(BLOCKS, None)
        assert again.restore(len(blocks), state | saved(parting)) == start
        assert (feed(again, (blocks + following)[start:], first=start), standing(again)) == went_on


def test_what_came_while_a_stream_was_set_aside_is_passed_by_again_after_a_restart() -> None:
    said = b'{"stream": "a", "action": "%s"}'
    bad, resume = (Section("a", "control", document=said % action) for action in (b"none", b"resume"))
    rows = [block(predictions([str(i)], [i], [1.0], score=[0.5], name="a")) for i in (1, 2)]
    blocks = [block(configuration("a"), configuration("b"), at=0), block(bad, at=0), rows[0], block(resume, at=1), rows[1]]
    part = Part(BLOCKS, None)
    told = feed(part, blocks)
    told += [output for piece in part.parting() for output in piece if not output.key.startswith(b"a\0")]
    again = Part(BLOCKS, None)
    start = again.restore(len(blocks), saved(told)) or 0
    feed(again, [*blocks, drained(3)][start:], first=start)
    feed(part, [drained(3)], first=len(blocks))
    assert standing(again) == standing(part)


def test_who_has_not_gone_live_saves_nothing_at_its_end() -> None:
    blocks = [block(configuration(), at=0), block(predictions(["a", "b"], [1, 2], [1.0, 1.0], score=[0.5, 0.5]))]
    assert not list(Part(BLOCKS, None, saves=False).parting())
    again = Part(BLOCKS, None)
    again.restore(2, saved(feed(Part(BLOCKS, None), blocks)))
    again.record(1, encode(blocks[1]))
    assert not list(again.parting())


def test_what_waited_in_a_stream_that_was_set_aside_is_forgotten() -> None:
    part = Part(BLOCKS, None)
    blocks = [block(configuration(), at=0), block(predictions(["a", "b"], [1, 2], [1.0, 1.0], score=[0.5, 0.5]))]
    before = saved(feed(part, [*blocks, drained(600)]))
    assert {key for key in before if key.startswith(b"waiting")} == {b"waiting\0s\0s\0" + b"0"}
    part._streams["s"].words = None  # type: ignore[assignment]  # so that the next row raises
    after = feed(part, [block(predictions(["c"], [601], [1.0], score=[0.5]))], first=3)
    assert part.status()["s"]["quarantined"]
    assert [(output.key, output.value) for output in after if output.channel == "waiting"] == [(b"s\0s\0" + b"0", None)]


def test_a_model_gets_a_stream_with_its_first_prediction_and_not_with_a_label() -> None:
    config = {"per": "model"}
    blocks = [
        block(configuration("all", config), at=0),
        block(labels(["a"], [1], [1.0], name="all/one")),
        block(predictions(["a"], [2], [1.0], name="all/two", score=[0.5])),
    ]
    part = Part(BLOCKS, None)
    outputs = feed(part, blocks)
    assert list(part.status()) == ["all/two"]
    assert [letter["data"]["reason"] for letter in buried(outputs)] == ["no_stream"]


def test_labels_of_a_model_without_predictions_are_dead_letters_that_say_where_they_stand() -> None:
    one = labels(["a", "b", "c"], [1, 1, 1], [1.0] * 3, name="all/one")._replace(partition=0, first=7, last=9)
    two = labels(["d"], [1], [1.0], name="all/one")._replace(partition=3, first=5, last=5)
    outputs = feed(Part(BLOCKS, None), [block(configuration("all", {"per": "model"}), at=0), block(one, two)])
    places = ("topic", "partition", "offset", "last_offset", "events")
    assert [tuple(letter["data"][name] for name in places) for letter in buried(outputs)] == [
        ("l", 0, 7, 9, 3), ("l", 3, 5, None, 1),
    ]  # fmt: skip
    assert {letter["subject"] for letter in buried(outputs)} == {"all/one"}
    assert len({letter["id"] for letter in buried(outputs)}) == 2


def test_what_is_said_to_a_model_without_a_stream_or_to_a_stream_that_is_set_aside_is_a_dead_letter() -> None:
    pause, bad = Section("all/one", "control", document=b'{"stream": "all/one", "action": "pause"}'), b'{"action": "none"}'
    quarantined = block(configuration(), Section("s", "control", document=bad), pause._replace(stream="s"), at=0)
    outputs = feed(Part(BLOCKS, None), [block(configuration("all", {"per": "model"}), at=0), block(pause, at=1), quarantined])
    letters = [letter["data"] for letter in buried(outputs)]
    assert [letter["reason"] for letter in letters] == ["no_stream", "stream_quarantined", "stream_quarantined"]
    assert "only `resume` is obeyed" in letters[-1]["detail"]


def test_dead_letters_are_counted_and_logged_once() -> None:
    lost = labels(["a", "b"], [1, 1], [1.0, 1.0], name="all/one")
    blocks = [block(configuration("all", {"per": "model"}), at=0), block(lost)]
    watch, memory = Watch(), Memory()
    memory.create(BLOCKS.topic)
    for one in blocks:
        memory.append(BLOCKS.topic, encode(one), partition=0)
    log = MemoryLog(memory, "watch", [BLOCKS.topic])
    with capture_logs() as logs:
        for _ in range(4):
            step(watch, log)
    assert watch.status()["dead_letters"] == {"all": 2}
    assert [(line["event"], line["stream"], line["events"]) for line in logs] == [("dead letter", "all/one", 2)]
    watch.release(BLOCKS)
    assert watch.dead_letters() == {"all": 2}
    memory.append(BLOCKS.topic, encode(drained(60)), partition=0)
    with capture_logs() as logs:
        _work(memory, len(blocks) + 1)
    assert logs == []
    assert len(memory.values("stream-monitor.dead-letters")) == 1


def test_dead_letters_are_the_same_whatever_the_topic_of_blocks_is_called() -> None:
    blocks = [
        block(configuration("all", {"per": "model"}), configuration(), at=0),
        block(labels(["a"], [1], [1.0], name="all/one")),
        block(Section("s", "control", document=b'{"stream": "s", "action": "no such thing"}'), at=2),
    ]
    letters, again = (buried(feed(Part(Partition(name, 0), None), blocks)) for name in (BLOCKS.topic, "blocks"))
    assert [letter["data"]["reason"] for letter in letters] == ["no_stream", "stream_quarantined"]
    assert letters == again


def test_models_beyond_the_limit_get_no_stream() -> None:
    part = Part(BLOCKS, None)
    base = configuration("all", {"per": "model"}, limits={"streams": 2})
    feed(part, [block(base, at=0), *(block(predictions(["a"], [1], [1.0], name=f"all/{i}", score=[0.5])) for i in range(5))])
    assert list(part.status()) == ["all/0", "all/1"]


def test_rows_of_versions_beyond_the_limit_count_for_the_stream() -> None:
    ids, seconds = [f"id{i}" for i in range(40)], [float(i) for i in range(40)]
    rows = predictions(ids, seconds, [1.0] * 40, version=[str(i % 4) for i in range(40)], score=[0.5] * 40)
    said = run([block(configuration(limits={"versions": 2}), at=0), block(rows), drained(HOUR), drained(2 * HOUR)])
    by_version = {event["version"]: event["predictions"] for event in arrivals(said)}
    assert by_version == {"other": 20, "0": 10, "1": 10}


def test_a_stream_that_is_no_longer_configured_ends_and_takes_its_snapshots_along() -> None:
    only = Section("", "configuration", document=document({"revision": 0, "streams": ["other"]}))
    part = Part(BLOCKS, None)
    blocks = [block(configuration("s"), configuration("other"), at=0), *story([0.1, 0.1], [0, 2.0])]
    before = feed(part, blocks)
    after = feed(part, [block(only, at=HOUR)], first=len(blocks))
    assert list(part.status()) == ["other"]
    resolved = [msgspec.json.decode(output.value)["data"] for output in after if output.channel == "alerts" and output.value]
    assert [alert["endReason"] for alert in resolved] == ["configured"]
    for channel in ("snapshots", "waiting"):
        ended = {o.key for o in after if o.channel == channel and o.value is None}
        assert ended == {o.key for o in before if o.channel == channel and o.key.startswith(b"s\0")}
        assert ended


def test_a_replica_whose_configuration_is_older_than_that_of_the_snapshot_stops_and_says_so() -> None:
    state = saved(feed(Part(BLOCKS, 1), [block(configuration(revision=1), at=0), drained(600)]))
    with pytest.raises(ConfigurationError, match="revision 1 in force, and this replica has 0"):
        Part(BLOCKS, 0).restore(2, dict(state))
    newer = Part(BLOCKS, 2)
    newer.restore(2, state)
    feed(newer, [block(configuration(revision=0), at=700), block(configuration(revision=2), at=701)], first=2)
    assert list(newer.status()) == ["s"]


def test_a_stream_that_a_newer_configuration_dropped_does_not_come_back_with_an_older_one() -> None:
    only = Section("", "configuration", document=document({"revision": 1, "streams": ["other"]}))
    blocks = [block(configuration(), at=0), block(only, at=1), block(configuration(), at=2)]
    part = Part(BLOCKS, None)
    feed(part, blocks)
    assert not part.status()
    with pytest.raises(ConfigurationError, match="revision 1 in force, and this replica has 0"):
        feed(Part(BLOCKS, 0), blocks)


def test_another_number_of_partitions_is_refused() -> None:
    part = Part(BLOCKS, None)
    feed(part, [block(configuration(), at=0)])
    with pytest.raises(ConfigurationError, match="written for 1 partitions and now for 2"):
        feed(part, [block(at=1)._replace(partitions=2)], first=1)


def test_committed_blocks_without_snapshots_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no snapshots"):
        Part(BLOCKS, None).restore(17, {})


def test_a_newer_or_damaged_snapshot_is_refused() -> None:
    good = snapshot.pack({"a": np.arange(3)})
    assert snapshot.unpack(good)["a"].tolist() == [0, 1, 2]
    version, checksum, body = msgspec.msgpack.decode(good)
    with pytest.raises(snapshot.SnapshotError, match="run a newer one"):
        snapshot.unpack(msgspec.msgpack.encode((version + 1, checksum, body)))
    with pytest.raises(snapshot.SnapshotError, match="checksum"):
        snapshot.unpack(msgspec.msgpack.encode((version, checksum + 1, body)))


def test_a_record_that_is_no_block_is_refused() -> None:
    with pytest.raises(BlockError):
        decode(b"\x05\0\0\0hello")


def test_lost_blocks_are_an_alert_of_every_stream_in_the_partition() -> None:
    part = Part(BLOCKS, None)
    feed(part, [block(configuration("s"), configuration("t"), at=0)])
    said = part.gap(1, 9, "out of retention", START)
    names = [
        msgspec.json.decode(output.value or b"")["data"]["labels"]["alertname"] for output in said if output.channel == "alerts"
    ]
    assert names == ["RecordLost", "RecordLost"]


def test_a_program_that_sees_things_otherwise_says_the_difference_as_transitions() -> None:
    blocks = [block(configuration(), at=0), *story([0.1, 0.1], [0, 2.0])]
    memory = Memory()
    memory.create(BLOCKS.topic)
    for one in blocks:
        memory.append(BLOCKS.topic, encode(one), partition=0)
    _work(memory, len(blocks))
    published = memory.records("stream-monitor.alerts.current")[-1]
    memory.append(
        "stream-monitor.alerts.current",
        published.value and published.value.replace(b'"firing"', b'"resolved"'),
        published.key,
        0,
    )
    memory.append(BLOCKS.topic, encode(drained(2 * HOUR)), partition=0)
    _work(memory, len(blocks) + 1)
    last = [msgspec.json.decode(value)["data"] for value in memory.values("stream-monitor.alerts")]
    assert (last[-1]["status"], last[-1]["transition"]) == ("firing", "opened")
    assert last[-1]["fingerprint"] == last[0]["fingerprint"]


def test_the_wait_for_labels_changes_for_the_rows_to_come_and_survives_a_restart() -> None:
    longer: dict[str, Any] = {"labels": {"topic": "l", "wait": "3h"}}
    blocks = [
        block(configuration(config={"labels": {"topic": "l", "wait": "10m"}}), at=0),
        block(predictions(["old"], [0], [1.0], score=[0.5])),
        block(configuration(config=longer, revision=1), at=1),
        block(predictions(["new"], [2], [1.0], score=[0.5])),
        *(drained(60.0 * minute) for minute in range(1, 12)),
        block(labels(["old", "new"], [HOUR, HOUR], [1.0, 1.0])),
        drained(2 * HOUR), drained(3 * HOUR), drained(4 * HOUR),
    ]  # fmt: skip
    said = run(blocks)
    assert sum(event["performance"]["outcomes"] for event in arrivals(said)) == 1
    assert run(blocks, restarts=[5, 12, 14], per_read=1) == said


def test_lost_input_is_an_alert_of_the_stream_that_lost_it() -> None:
    gap = Section("s", "gap", topic="p", partition=3, first=10, last=20)
    said = run([block(configuration(), configuration("other"), gap, at=0)])
    assert steps(said) == ["opened"]
    assert alerts(said)[0]["annotations"]["summary"] == "input of s was lost: p-3, offsets 10 to 20"


def test_input_that_models_share_is_lost_to_each_of_them() -> None:
    begun = [predictions([f"p{name}"], [0.0], [1.0], name=f"all/{name}") for name in ("a", "b")]
    gap = Section("all", "gap", topic="p", partition=3, first=10, last=20)
    said = run([block(configuration("all", {"per": "model"}), *begun, at=0), block(gap, at=1)])
    assert [event["subject"] for event in said["alerts"]] == ["all/a", "all/b"]


def _work(memory: Memory, until: int) -> None:
    watch, log = Watch(), MemoryLog(memory, "watch", [BLOCKS.topic])
    while memory.committed.get(("watch", BLOCKS), 0) < until:
        step(watch, log)
