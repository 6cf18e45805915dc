"""The real tasks die at every point of their loops, and nothing is lost, doubled or told otherwise."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kafka import KafkaProducer

from consumers.broker.node import Broker
from tests.kafka.mortal import POINTS
from tests.kafka.replica import until
from tests.kafka.scene import Scene

pytestmark = pytest.mark.timeout(600)
DRIFTED = 2_000
"""Predictions of a stream by which its drift has been seen."""


@pytest.fixture
def scene(broker: Broker, unique: Callable[[str], str]) -> Scene:
    """A deployment of its own."""
    return Scene(broker.address, unique)


@contextmanager
def running(scene: Scene, folder: Path, *doom: str, **kafka: str) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon as a process, whatever becomes of it."""
    config = scene.config.model_dump(mode="json")
    config["kafka"] |= kafka
    path = folder / f"{config['kafka']['instance']}.json"
    path.write_text(json.dumps(config))
    with path.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "tests.kafka.mortal", str(path), *doom], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def judge(scene: Scene) -> None:
    """The two oracles."""
    assert scene.twice_or_never() == []
    assert scene.read() == scene.sent()
    with suppress(AssertionError):  # what a process did last may not be visible yet
        until(lambda: scene.watched() == scene.replayed(), seconds=10, every=0.5)
    assert scene.watched() == scene.replayed()


def settle(scene: Scene) -> None:
    """Waits until everything that was sent is in the record, and everything in the record is watched."""
    until(lambda: scene.read() >= scene.sent(), seconds=120, every=0.5)
    until(lambda: not scene.ahead(), seconds=150, every=0.5)


def test_what_is_watched_is_what_a_replay_says_however_often_the_process_is_killed(
    scene: Scene, producer: KafkaProducer, tmp_path: Path
) -> None:
    # Each point in one task, as both have the same loop, but the end of a transaction in both.
    dooms = [(("intake", "watch")[number % 2], point) for number, point in enumerate(POINTS) if point != "restoring"]
    dooms += [("watch", "committing"), ("intake", "committed"), ("watch", "restoring")]
    scene.play(producer, 400)
    for number, doom in enumerate(dooms):
        with running(scene, tmp_path, *doom, str(1 + number % 3)) as process:
            until(lambda: play_on(scene, producer, process), seconds=120, every=0.5)
            # Watch has a process of its own; with whose death the whole ends.
            assert process.wait() == (-signal.SIGKILL if doom[0] == "intake" else 128 + signal.SIGKILL), doom
    with running(scene, tmp_path) as process:
        scene.play(producer, max(50, DRIFTED - scene.sent() // 4))
        settle(scene)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    judge(scene)
    assert {key.partition(" ")[0] for key in scene.watched()} >= {"alerts", "metrics", "retrain"}


def play_on(scene: Scene, producer: KafkaProducer, process: subprocess.Popen[bytes]) -> bool:
    """Sends a little more, unless the process is dead; gives whether it is."""
    if process.poll() is None:
        scene.play(producer, 10)
    return process.poll() is not None


def test_a_process_that_is_told_to_stop_under_load_finishes_its_slice(
    scene: Scene, producer: KafkaProducer, tmp_path: Path
) -> None:
    scene.play(producer, 5_000)
    with running(scene, tmp_path) as process:
        until(lambda: scene.read() > 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert 0 < scene.read() < scene.sent()
    with running(scene, tmp_path):
        settle(scene)
    judge(scene)


def test_a_past_that_is_there_at_once_is_read_in_order_of_time(
    broker: Broker, unique: Callable[[str], str], producer: KafkaProducer, tmp_path: Path
) -> None:
    scene = Scene(broker.address, unique, {"metrics": {"window": "20s", "grace": "5s"}})
    scene.play(producer, 2_000)
    with running(scene, tmp_path) as process:
        settle(scene)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    judge(scene)
    assert {alert["labels"]["alertname"] for alert in scene.said("alerts")} == {"DataDrift", "ConceptDrift"}
    windows = [one for one in scene.said("metrics") if one["basis"] == "arrival" and one["version"] != "other"]
    shortest = [one for one in windows if one["since"] is not None]
    assert not any(one["counts"].get("late") for one in shortest)
    assert len(shortest) > 150
    later = [one for one in shortest if one["window"]["start"] >= "2026-01-01T00:02"]  # what labels mean is clear by then
    assert all(abs(one["performance"]["outcomes"] - one["predictions"]) <= 3 for one in later)


def test_replicas_take_over_from_one_another_and_a_sleeper_does_no_harm_when_it_wakes(
    scene: Scene, producer: KafkaProducer, tmp_path: Path
) -> None:
    with running(scene, tmp_path, instance="one") as one, running(scene, tmp_path, instance="two") as two:
        scene.play(producer, 500)
        until(lambda: scene.read() > 600)
        one.send_signal(signal.SIGSTOP)
        scene.play(producer, 500)
        settle(scene)
        one.send_signal(signal.SIGCONT)
        scene.play(producer, 250)
        settle(scene)
        with running(scene, tmp_path, instance="three") as three:
            scene.play(producer, 250)
            two.kill()
            settle(scene)
            assert three.poll() is None
    judge(scene)
