"""The daemon as a whole: how it ends, and with which code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer
from structlog.testing import capture_logs

from consumers import daemon
from consumers.daemon import Daemon
from consumers.kafka.poller import LostOffset
from consumers.watchdog import Watchdog
from stream_monitor.config.deployment import Config
from stream_monitor.task import Channel, Output, Slice
from tests.kafka.conftest import said, send
from tests.kafka.replica import until
from tests.kafka.toys import Echo, World


class Failing(Echo):
    """Cannot stand a certain value."""

    def process(self, slice: Slice) -> list[Output]:
        for batch in slice.batches:
            for record in batch.records:
                if record.value == b"bad":
                    raise ZeroDivisionError("on purpose")
        return super().process(slice)


def config(address: str, prefix: str, **kafka: Any) -> Config:
    streams = {"s": {"predictions": {"topic": f"{prefix}.p"}}}
    return Config.model_validate(
        {"kafka": {"bootstrap_servers": address} | kafka, "topics": {"prefix": prefix}, "http": {"port": 0}, "streams": streams}
    )


def ending(made: Daemon) -> Callable[[], int]:
    """Runs a daemon in the background; gives a function that waits for its exit code."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(made.run()), daemon=True)
    thread.start()

    def wait() -> int:
        thread.join(30)
        return codes[0]

    return wait


def test_it_works_until_it_is_told_to_stop_and_ends_well(world: World, producer: KafkaProducer) -> None:
    made = Daemon({"toy": (Echo(), world.log())}, grace=5.0)
    wait = ending(made)
    send(producer, world.input, range(3))
    until(lambda: len(said(world)) == 3)
    made.stop()
    assert wait() == 0


def test_one_task_that_fails_ends_the_other_too(world: World, wide_world: World, producer: KafkaProducer) -> None:
    made = Daemon({"good": (Echo(), world.log()), "bad": (Failing(), wide_world.log())}, grace=5.0)
    wait = ending(made)
    send(producer, wide_world.input, ["fine", "bad"])
    assert wait() == 1
    assert {name: type(error) for name, error in made.failures.items()} == {"bad": ZeroDivisionError}
    assert said(wide_world) in ([], [{"partition": 0, "offset": 0, "value": "fine"}])


@pytest.mark.parametrize("error", [LostOffset("offset 7 is gone"), ZeroDivisionError("on purpose")])
def test_what_the_world_did_is_said_in_one_line_and_a_mistake_of_ours_with_its_place(world: World, error: Exception) -> None:
    class Raising(Echo):
        def process(self, slice: Slice) -> list[Output]:
            raise error

    with capture_logs() as told:
        assert ending(Daemon({"toy": (Raising(), world.log())}, grace=5.0))() == 1
    (failed,) = (one for one in told if one["event"] == "failed")
    assert failed["reason"] == str(error)
    assert (failed["exc_info"] is None) == isinstance(error, LostOffset)


def test_it_keeps_what_its_tasks_say_about_themselves(world: World) -> None:
    class Talking(Echo):
        def status(self) -> dict[str, Any]:
            return {"streams": 3}

    made = Daemon({"toy": (Talking(), world.log())}, grace=5.0)
    wait = ending(made)
    until(lambda: made.statuses["toy"] == {"streams": 3})
    made.stop()
    assert wait() == 0
    assert made.logs["toy"].written == 0


@pytest.mark.parametrize("channel", ["alerts", "blocks"])
def test_what_a_task_has_to_say_in_parting_is_written_and_no_failure_where_it_cannot_be(
    world: World, producer: KafkaProducer, channel: Channel
) -> None:
    class Parting(Echo):
        def parting(self) -> Iterator[list[Output]]:
            yield [Output("alerts", b"", b'"this"', 0), Output("alerts", b"", b'"and that"', 0)]
            yield [Output(channel, b"", b'"goodbye"', 7 if channel == "blocks" else 0)]

    with closing(world.log()) as log:
        log._outputs = {**log._outputs, "blocks": world.alerts}  # which has no partition 7
        made = Daemon({"toy": (Parting(), log)}, grace=5.0)
        wait = ending(made)
        send(producer, world.input, ["hello"])
        until(lambda: len(said(world)) == 1)
        made.stop()
        assert wait() == 0
    assert said(world)[1:] == (["this", "and that", "goodbye"] if channel == "alerts" else [])


def test_a_broker_out_of_reach_is_exit_4(unique: Callable[[str], str]) -> None:
    assert daemon.run(config("127.0.0.1:1", unique("no"), client={"bootstrap_timeout_ms": 500})) == 4


def test_missing_topics_are_exit_1(world: World, unique: Callable[[str], str]) -> None:
    assert daemon.run(config(world.address, unique("no"))) == 1


def test_a_bad_client_setting_is_exit_2(world: World, unique: Callable[[str], str]) -> None:
    assert daemon.run(config(world.address, unique("no"), client={"group_id": "mine"})) == 2


def test_a_log_that_goes_on_without_its_task_is_a_stall(
    world: World, producer: KafkaProducer, closed: Callable[[Any], Any]
) -> None:
    log = closed(world.log())
    until(lambda: bool(log.read().ends), every=0)
    watchdog = Watchdog(world.kafka(), [log])
    send(producer, world.input, ["unread"])
    now = time.monotonic()
    assert watchdog.stall(now) is None
    log.beat += 64
    assert str(watchdog.stall(now + 64)).startswith("toy stands at offset 0 of")
    until(lambda: bool(log.read().batches), every=0)
    log.beat += 128
    assert watchdog.stall(now + 128) is None
    watchdog.close()


def test_a_step_without_end_is_a_stall(world: World, closed: Callable[[Any], Any]) -> None:
    watchdog = Watchdog(world.kafka(), [closed(world.log())])
    now = time.monotonic()
    assert watchdog.stall(now) is None
    assert "has not done a step for 6" in str(watchdog.stall(now + 64))
    watchdog.close()


def test_who_is_out_of_reach_is_no_stall(world: World, closed: Callable[[Any], Any]) -> None:
    log = closed(world.log())
    until(lambda: bool(log.read().ends), every=0)
    away = world._replace(address="127.0.0.1:1").kafka(client={"bootstrap_timeout_ms": 300})
    assert Watchdog(away, [log]).stall(time.monotonic()) is None
