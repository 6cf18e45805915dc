"""The daemon as two processes: what holds them together, and what is seen of both."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kafka import KafkaProducer

from consumers.broker.node import Broker
from tests.kafka.replica import until
from tests.kafka.scene import Scene
from tests.kafka.test_crashes import judge, running, settle

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc"),
]


@pytest.fixture
def deployment(broker: Broker, unique: Callable[[str], str]) -> Scene:
    """Topics and events of its own."""
    return Scene(broker.address, unique)


def child(process: subprocess.Popen[bytes]) -> int:
    """The process of watch; 0 while there is none."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            of = int(stat.read_text().rpartition(")")[2].split()[1])
            if of == process.pid and b"spawn_main" in stat.with_name("cmdline").read_bytes():
                return int(stat.parent.name)
        except OSError:
            continue
    return 0


def is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def page(folder: Path, path: str) -> bytes:
    """What the daemon serves, at the address that it logged."""
    (address,) = re.findall(r"address\S*=\S*?(http://[\d.:]+)|\"address\": \"(http://[\d.:]+)\"", log(folder))[-1:]
    with urlopen("".join(address) + path, timeout=10) as answer:
        body: bytes = answer.read()
    return body


def log(folder: Path) -> str:
    """What it said, without colours."""
    return re.sub(r"\x1b\[\d*m", "", (folder / "one.log").read_text())


def status(folder: Path) -> Any:
    """The page for people, once there is one."""
    return json.loads(page(folder, "/status")) if "serving" in log(folder) else {}


def test_what_both_tasks_do_is_served_by_the_parent(deployment: Scene, producer: KafkaProducer, tmp_path: Path) -> None:
    deployment.play(producer, 100)
    with running(deployment, tmp_path) as process:
        settle(deployment)
        until(lambda: status(tmp_path).get("streams", {}).get("fraud", {}).get("counts", {}).get("labels", 0) == 100)
        until(lambda: json.loads(page(tmp_path, "/readyz"))["ok"])
        tasks = status(tmp_path)["tasks"]
        assert tasks["intake"]["transactions"] > 0
        assert tasks["watch"]["transactions"] > 0
        assert len(tasks["watch"]["partitions"]) == 3
        assert b"\nstream_monitor_watch_process_resident_memory_bytes " in page(tmp_path, "/metrics")
        assert deployment.read_again() > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert deployment.read_again() == 0
    judge(deployment)


def test_a_child_that_is_killed_ends_the_whole(deployment: Scene, tmp_path: Path) -> None:
    with running(deployment, tmp_path) as process:
        until(lambda: "serving" in log(tmp_path))
        os.kill(child(process), signal.SIGKILL)
        assert process.wait(30) == 128 + signal.SIGKILL


def test_a_parent_that_is_killed_leaves_no_orphan(deployment: Scene, tmp_path: Path) -> None:
    with running(deployment, tmp_path) as process:
        until(lambda: child(process) > 0)
        early = child(process)
        process.kill()
        until(lambda: not is_there(early))
    with running(deployment, tmp_path) as process:
        until(lambda: bool(status(tmp_path).get("tasks", {}).get("watch", {}).get("partitions")))
        late = child(process)
        process.kill()
        until(lambda: not is_there(late))


def test_a_signal_that_both_get_lets_both_finish(deployment: Scene, producer: KafkaProducer, tmp_path: Path) -> None:
    deployment.play(producer, 2_000)
    with running(deployment, tmp_path) as process:
        until(lambda: deployment.read() > 0)
        theirs = child(process)
        process.send_signal(signal.SIGTERM)
        os.kill(theirs, signal.SIGTERM)
        assert process.wait(30) == 0
    with running(deployment, tmp_path):
        settle(deployment)
    judge(deployment)
