"""Models that would take more than their share learn less: the daemon finds it, the control topic says it, a replay does it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer

from consumers import daemon
from consumers.broker.node import Broker
from consumers.daemon import Daemon, pair
from stream_monitor import blocks
from tests.kafka.replica import until
from tests.kafka.scene import Replay, Scene
from tests.kafka.test_daemon import ending

SHARE = 1e-4
"""Of one core: no model can live on that."""


def test_what_was_shed_is_in_the_record_and_a_replay_sheds_the_same(
    broker: Broker, unique: Callable[[str], str], producer: KafkaProducer
) -> None:
    more: dict[str, Any] = {"models": {"challengers": {"naive_bayes": {}}, "share": SHARE}}
    scene = Scene(broker.address, unique, more | {"metrics": {"window": "20s", "grace": "5s"}})
    made = Daemon({"intake": pair(scene.config, "intake"), "watch": pair(scene.config, "watch")}, grace=5.0)
    threading.Thread(target=daemon.shed, args=(scene.config, made, 0.2), daemon=True).start()
    wait = ending(made)

    def play_on() -> bool:
        scene.play(producer, 50)
        return {stream for stream, _ in shed(scene)} == {"fraud", "churn"}

    until(play_on, seconds=120, every=0.5)
    scene.play(producer, 500)
    until(lambda: scene.read() >= scene.sent() and not scene.ahead(), seconds=120, every=0.5)
    made.stop()
    assert wait() == 0
    assert all(halvings >= 1 for _, halvings in shed(scene))
    told, again = windows(scene), windows(scene, replayed=True)
    assert again == told
    last = told["fraud"][-1]["models"][0]
    assert 0 < last["outcomes"] < told["fraud"][-1]["since"]["arrival"]["outcomes"]


def shed(scene: Scene) -> list[tuple[str, int]]:
    """What the record says is to be shed, by stream."""
    sections = [section for record in scene.blocks() for section in blocks.decode(record.value).sections]
    told = [json.loads(section.document) for section in sections if section.kind == "control"]
    return [(one["stream"], one["halvings"]) for one in told if one["action"] == "shed"]


def windows(scene: Scene, replayed: bool = False) -> dict[str, list[dict[str, Any]]]:
    """The metrics of windows that were published, by stream, or those that another watch makes of the record."""
    data = scene.said("metrics")
    if replayed:
        replay = Replay(scene.config.topics.name("blocks"))
        replay.of(scene.blocks_watched())
        data = [json.loads(value or b"")["data"] for channel, _, value in replay.published if channel == "metrics"]
    return {
        stream: [one for one in data if one["stream"] == stream and one["basis"] == "arrival"] for stream in ("fraud", "churn")
    }
