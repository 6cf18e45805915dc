"""The daemon: its tasks, each in a thread of its own with its own log, until told to stop or one of them fails."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal, Protocol

import structlog

from consumers.http.server import serving
from consumers.kafka import topics
from consumers.kafka.kafka_client import KafkaUnreachable
from consumers.kafka.kafka_log import KafkaLog
from consumers.kafka.poller import Limits
from consumers.watchdog import Watchdog
from stream_monitor.config.deployment import Config
from stream_monitor.task import STATES, Channel, Partition, Task, work

Name = Literal["intake", "watch"]

OUTPUTS: tuple[Channel, ...] = (
    "blocks", "snapshots", "alerts", "alerts.current", "retrain", "retrain.current", "reviews", "metrics", "dead-letters",
)  # fmt: skip
GRACE = 25.0
"""Seconds from a signal to the end; orchestrators kill after 30."""
_LOOK_EVERY = 30.0

log = structlog.get_logger()


class Reporting(Task, Protocol):
    """A task that says how it stands."""

    def status(self) -> dict[str, Any]:
        """For people; asked between steps."""


def run(config: Config, only: Name | None = None, grace: float = GRACE) -> int:
    """Runs the tasks until a signal or a failure; gives the exit code."""
    try:
        topics.require(config)
        pairs = {name: pair(config, name) for name in (("intake", "watch") if only is None else (only,))}
        daemon = Daemon(pairs, grace, Watchdog(config.kafka, [log for _, log in pairs.values()]))
        with daemon.signals(), serving(config, daemon) as address:
            log.info("serving", address=address)
            _spare_the_collector()
            return daemon.run()
    except KafkaUnreachable as error:
        return _refuse(4, error)
    except ValueError as error:
        return _refuse(2, error)
    except (topics.MissingTopics, OSError) as error:
        return _refuse(1, error)


def pair(config: Config, name: Name) -> tuple[Reporting, KafkaLog]:
    """A task of a deployment, with its log."""
    outputs = {channel: config.topics.name(channel) for channel in OUTPUTS}
    if name == "intake":
        from consumers.files.files import references
        from consumers.intake.intake import Intake

        intake = Intake(config, references(config))
        in_step = intake.together()
        return intake, KafkaLog(
            config.kafka, name, intake.topics, outputs, start=config.start, in_step=in_step, time=intake.time
        )
    from stream_monitor.watch import Watch

    # Intake has gathered already: a block has up to thousands of rows.
    limits = Limits(seconds=0.05, records=100, size=4_000_000)
    return Watch(config.revision), KafkaLog(config.kafka, name, [outputs["blocks"]], outputs, states=STATES, limits=limits)


class Daemon:
    """Tasks that run, live and fail together."""

    def __init__(
        self, pairs: Mapping[str, tuple[Reporting, KafkaLog]], grace: float = GRACE, watchdog: Watchdog | None = None
    ) -> None:
        self.started = time.time()
        self.logs = {name: log for name, (_, log) in pairs.items()}
        self.statuses: dict[str, dict[str, Any]] = {name: {} for name in pairs}
        """What each task last said about itself, at most a second old while it runs."""
        self.failures: dict[str, BaseException] = {}
        self._tasks = {name: task for name, (task, _) in pairs.items()}
        self._asked_at = dict.fromkeys(pairs, 0.0)
        self._stop = threading.Event()
        self._watchdog = watchdog
        self._grace = grace

    @property
    def unstable(self) -> Mapping[Partition, int]:
        """How many offsets of each partition are hidden behind open transactions, as seen now and then."""
        return {} if self._watchdog is None else self._watchdog.unstable

    def run(self) -> int:
        """Works until stopped; gives 0, or 1 where a task failed or did not end in time."""
        threads = [threading.Thread(target=self._work, args=(name,), name=name, daemon=True) for name in self._tasks]
        for thread in threads:
            thread.start()
        if self._watchdog is not None:
            threading.Thread(target=guard, args=(self._watchdog,), name="watchdog", daemon=True).start()
        self._stop.wait()
        deadline = time.monotonic() + self._grace
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread.name for thread in threads if thread.is_alive()]
        if late:
            log.error("not_ended_in_time", tasks=late, grace=self._grace)
        return 1 if self.failures or late else 0

    def stop(self) -> None:
        """Lets every task finish its slice and end."""
        self._stop.set()
        for one in self.logs.values():
            one.stop()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Takes SIGTERM and SIGINT as the wish to stop; the second one ends the process at once."""

        def stop(number: int, _: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            # What a handler interrupts may hold the very lock that stopping and logging need.
            threading.Thread(target=self._stop_for, args=(signal.Signals(number).name,), daemon=True).start()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop_for(self, reason: str) -> None:
        log.info("stopping", signal=reason)
        self.stop()

    def _work(self, name: str) -> None:
        log.info("started", task=name)
        try:
            work(self._tasks[name], self.logs[name], lambda: self._stopped(name))
        except BaseException as error:
            self.failures[name] = error
            log.error("failed", task=name, reason=str(error) or type(error).__name__, exc_info=error)
        self.stop()
        # What is left open is ended by whoever comes next.
        with suppress(Exception):
            self.logs[name].close(self._grace * 0.6)
        log.info("stopped", task=name)

    def _stopped(self, name: str) -> bool:
        """Between two steps: keeps what the task says about itself."""
        now = time.monotonic()
        if now - self._asked_at[name] >= 1.0:
            self._asked_at[name] = now
            # What kafka-python read is held in cycles, and records of ours are too plain to make the collector look.
            gc.collect(1)
            self.statuses[name] = self._tasks[name].status()
        return self._stop.is_set()


def guard(watchdog: Watchdog, every: float = _LOOK_EVERY) -> None:
    """Ends the process at once when a task is stuck: what is stuck cannot be asked to end."""
    while True:
        time.sleep(every)
        reason = watchdog.stall(time.monotonic())
        if reason is not None:
            log.critical("stalled", reason=reason)
            os._exit(1)


def _refuse(code: int, error: Exception) -> int:
    log.error("cannot_start", reason=str(error))
    return code


def _spare_the_collector() -> None:
    """What is there after the start stays: looking through it again and again costs microseconds for every event."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
