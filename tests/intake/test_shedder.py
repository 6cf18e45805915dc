"""Models that learn take no more than their share of the time, and what they shed is on record."""

from __future__ import annotations

import json
from typing import Any

from consumers.intake.commands import command
from consumers.shedder import Shedder
from stream_monitor.config.deployment import Config

CONFIG = Config.model_validate({
    "kafka": {"bootstrap_servers": "localhost:9092"},
    "streams": {"s": {
        "predictions": {"topic": "p"}, "labels": {"topic": "l"},
        "models": {"challengers": {"hoeffding_tree": {}}, "share": 0.1},
    }},
})  # fmt: skip


def status(seconds: float, rows: int, outcomes: int, halvings: int = 0) -> dict[str, Any]:
    """What a stream says of its models."""
    models = {"seconds": seconds, "rows": rows, "halvings": halvings}
    return {"s": {"positions": {"outcomes": outcomes}, "models": models}}


def told(*statuses: dict[str, Any]) -> list[dict[str, Any]]:
    """What is told to the control topic while a stream says this, ten seconds apart."""
    values: list[bytes] = []
    shedder = Shedder(CONFIG, values.append)
    for i, one in enumerate(statuses):
        shedder.look(one, 10.0 * i)
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


def test_streams_without_models_are_left_alone() -> None:
    assert told({"other": {}}, {"s": {"positions": {"outcomes": 1}, "models": {}}}) == []
