"""Models that learn take no more than their share of the time, and what they shed is on record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from consumers.child import Said, ToldLog
from consumers.intake.commands import command
from consumers.shedder import Shedder
from stream_monitor.config.deployment import Config
from stream_monitor.task import Partition

CONFIG = Config.model_validate({
    "kafka": {"bootstrap_servers": "localhost:9092"},
    "streams": {"s": {
        "predictions": {"topic": "p"}, "labels": {"topic": "l"},
        "models": {"challengers": {"hoeffding_tree": {}}, "share": 0.1},
    }},
})  # fmt: skip


BLOCKS, CONTROL = Partition("stream-monitor.blocks", 0), Partition("stream-monitor.control", 0)


def said(name: str, partition: Partition, done: int, backlog: bool = False, owed: int = 0) -> ToldLog:
    """The log of a task that has done as much of a partition, of which more was there at first or not."""
    log = ToldLog(name)
    still = [partition] if backlog else []
    log.hear(Said(0, 0, 1, [], [(partition, 9)], [(partition, done)], [(partition, done)], still, still, [(BLOCKS, owed)]))
    return log


LOGS = {"intake": said("intake", CONTROL, 7, owed=42), "watch": said("watch", BLOCKS, 42)}


def status(seconds: float, rows: int, outcomes: int, halvings: int = 0) -> dict[str, Any]:
    """What a stream says of its models."""
    models = {"seconds": seconds, "rows": rows, "halvings": halvings}
    return {"s": {"positions": {"outcomes": outcomes}, "models": models}}


def told(*statuses: dict[str, Any], logs: Sequence[dict[str, ToldLog]] = ()) -> list[dict[str, Any]]:
    """What is told to the control topic while a stream says this, ten seconds apart; at first logs stand like these."""
    values: list[bytes] = []
    shedder = Shedder(CONFIG, values.append)
    for i, one in enumerate(statuses):
        shedder.look(logs[i] if i < len(logs) else LOGS, one, 10.0 * i)
    return [json.loads(value) for value in values]


def test_models_within_their_share_shed_nothing() -> None:
    assert told(status(0.0, 0, 0), status(0.5, 5_000, 5_000), status(1.0, 10_000, 10_000)) == []


def test_models_that_take_more_than_their_share_learn_from_half_or_less() -> None:
    """100 microseconds for each of 3,000 outcomes a second are 30% of the time, and 10% is what they may take."""
    (one,) = told(status(0.0, 0, 0), status(3.0, 30_000, 30_000))
    assert one == {"stream": "s", "action": "shed", "halvings": 2}


def test_what_is_told_is_a_control_event_and_comes_back_when_there_is_room() -> None:
    shed = told(status(0.0, 0, 0, 2), status(0.1, 1_000, 4_000, 2))
    assert shed == [{"stream": "s", "action": "shed", "halvings": 1}]
    assert command(json.dumps(shed[0]).encode(), CONFIG).halvings == 1


def test_nothing_is_decided_before_watch_has_done_what_the_record_and_the_control_topic_had() -> None:
    """What it says of streams before is of long ago; intake may owe it more than its own record had."""
    restoring = LOGS | {"watch": said("watch", BLOCKS, 42, backlog=True)}
    told_more = LOGS | {"intake": said("intake", CONTROL, 3, backlog=True, owed=40)}
    owed = LOGS | {"watch": said("watch", BLOCKS, 41)}
    past = [status(3.0 * i, 30_000 * i, 30_000 * i) for i in range(4)]
    assert told(*past, logs=[restoring, restoring, told_more, owed]) == []
    assert told(*past, logs=[LOGS, LOGS, LOGS, restoring]) == [{"stream": "s", "action": "shed", "halvings": 2}] * 2
    assert told(*past, logs=[restoring, owed]) == [{"stream": "s", "action": "shed", "halvings": 2}]
    alone = {"watch": LOGS["watch"]}
    assert told(*past[:2], logs=[alone, alone]) == [{"stream": "s", "action": "shed", "halvings": 2}]


def test_of_a_slow_stream_a_hundred_outcomes_that_came_are_enough_where_models_take_next_to_nothing() -> None:
    def looked(seconds: float) -> list[dict[str, Any]]:
        """What is told of 20 outcomes in ten seconds of which none, one or two are learnt from, for a minute."""
        return told(*(status(seconds * i, 5 * i // 4, 20 * i, 4) for i in range(7)))

    assert looked(0.001) == [{"stream": "s", "action": "shed", "halvings": 3}]
    assert looked(0.2) == []


def test_streams_without_models_are_left_alone() -> None:
    assert told({"other": {}}, {"s": {"positions": {"outcomes": 1}, "models": {}}}) == []
