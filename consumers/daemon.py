"""The daemon: its tasks, each with its own log and, because they would share an interpreter, in a process of its own.

It works until it is told to stop, or until one of the tasks fails.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import takewhile
from multiprocessing.connection import Connection
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from consumers.child import Child, Parent, ToldLog
from consumers.heap import Heap, spare_the_collector
from consumers.http.server import serving
from consumers.kafka import kafka_client, topics
from consumers.kafka.group_reader import Unassigned
from consumers.kafka.kafka_client import KafkaUnreachable
from consumers.kafka.kafka_log import KafkaLog
from consumers.kafka.poller import Limits, LostOffset
from consumers.kafka.transaction import TransactionFailed
from consumers.watchdog import Watchdog
from stream_monitor import logs
from stream_monitor.config.deployment import Config
from stream_monitor.task import STATES, Channel, Output, Partition, Slice, Task, work

Name = Literal["intake", "watch"]

OUTPUTS: tuple[Channel, ...] = (
    "blocks", "snapshots", "waiting", "alerts", "alerts.current", "retrain", "retrain.current", "reviews", "metrics",
    "dead-letters",
)  # fmt: skip
GRACE = 25.0
"""Seconds from a signal to the end; orchestrators kill after 30."""
_LOOK_EVERY = 30.0
_AT_ONCE = 0.005
"""Seconds for which a task may be asked how it stands between two steps."""
_SHARE = 20
"""So much longer it is left alone then."""
_PARTING, _AT_A_TIME = 0.4, 16_000_000
"""The part of the grace in which an end may still be made easier for the next start; bytes of a transaction for it."""
_AWAY = 5.0
"""Seconds for which nothing was heard of Kafka, after which none is begun."""

log = structlog.get_logger()


class Reporting(Task, Protocol):
    """A task that says how it stands."""

    def status(self) -> dict[str, Any]:
        """For people; asked between steps."""


@runtime_checkable
class _Divided(Protocol):
    """A task that can say how it stands stream by stream."""

    def statuses(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Its streams; it may go on working in between."""

    def dead_letters(self) -> dict[str, int]:
        """How many events it could not use."""


@runtime_checkable
class _Parting(Protocol):
    """A task that can spare the next start some work."""

    def parting(self) -> Iterator[list[Output]]:
        """What is to be written for it; each piece may be left out with those that follow."""


class Ended(Exception):
    """A task's process has ended though nobody asked it to."""


def run(config: Config, only: Name | None = None, grace: float = GRACE) -> int:
    """Runs the tasks until a signal or a failure; gives the exit code.

    Intake works here, and watch in a child; with `only` that one works here, and there is no child.
    """
    child = apart(config, grace) if only is None else None
    try:
        return _started(lambda: _run(config, only or "intake", child, grace))
    finally:
        if child is not None:
            child.kill()


def apart(config: Config, grace: float = GRACE) -> Child:
    """Watch in a process of its own, which begins when it is told to."""
    return Child("watch", _work_apart, config, grace)


def _run(config: Config, here: Name, child: Child | None, grace: float) -> int:
    topics.require(config)
    if child is not None:
        child.go()
    task, own = pair(config, here)
    watchdog = Watchdog(config.kafka, [own] if child is None else [own, child.log])
    daemon = Daemon({here: (task, own)}, grace, watchdog, child)
    threading.Thread(target=shed, args=(config, daemon), name="shedder", daemon=True).start()
    with daemon.signals(), serving(config, daemon) as address:
        log.info("serving", address=address)
        spare_the_collector()
        return daemon.run()


def _work_apart(config: Config, grace: float, pipe: Connection) -> None:
    """What the child does: watch, as its parent wants it; ends with the exit code."""
    parent = Parent(pipe)
    logs.configure(config.log, logs.secrets(config))
    _warm_up()
    sys.exit(_started(lambda: _watch_for(parent, config, grace)) if parent.wait() else 0)


def _watch_for(parent: Parent, config: Config, grace: float) -> int:
    daemon = Daemon({"watch": pair(config, "watch")}, grace)
    spare_the_collector()
    return parent.run(daemon)


def _started(work: Callable[[], int]) -> int:
    """What it gives; where it cannot even begin, the exit code that says why."""
    try:
        return work()
    except KafkaUnreachable as error:
        return _refuse(4, error)
    except ValueError as error:
        return _refuse(2, error)
    except KafkaError as error:
        return _refuse(1, f"Kafka refused: {error}; stream-monitor check-config --connect says what to grant")
    except (topics.MissingTopics, OSError) as error:
        return _refuse(1, error)


def pair(config: Config, name: Name) -> tuple[Reporting, KafkaLog]:
    """A task of a deployment, with its log."""
    outputs = {channel: config.topics.name(channel) for channel in OUTPUTS}
    if name == "intake":
        from consumers.files.files import references
        from consumers.intake.intake import Intake
        from consumers.kafka import past

        intake = Intake(config, references(config) | past.references(config))
        return intake, KafkaLog(
            config.kafka, name, intake.topics, outputs,
            start=config.start, in_step=intake.in_step(), time=intake.time, gather=intake.gather,
        )  # fmt: skip
    from stream_monitor.models import models
    from stream_monitor.watch import Watch

    models.watch_time(time.thread_time)
    # Intake has gathered already: a block has up to thousands of rows.
    limits = Limits(seconds=0.05, records=100, size=4_000_000)
    return Watch(config.revision), KafkaLog(config.kafka, name, [outputs["blocks"]], outputs, states=STATES, limits=limits)


class _Asked(NamedTuple):
    """A task that is being asked how it stands."""

    began: float
    pieces: Iterator[tuple[str, Mapping[str, Any]]]
    """By stream."""
    said: dict[str, Any]

    def take(self, until: float) -> bool:
        """Takes what it says until a time; gives whether that was all."""
        for stream, status in self.pieces:
            self.said[stream] = status
            if time.monotonic() >= until:
                return False
        return True


class Daemon:
    """Tasks that run, live and fail together: those of this process, and that of a child."""

    def __init__(
        self,
        pairs: Mapping[str, tuple[Reporting, KafkaLog]],
        grace: float = GRACE,
        watchdog: Watchdog | None = None,
        child: Child | None = None,
    ) -> None:
        self.started = time.time()
        self.logs: dict[str, KafkaLog | ToldLog] = {name: log for name, (_, log) in pairs.items()}
        self.statuses: dict[str, Mapping[str, Any]] = {name: {} for name in pairs}
        """What each task last said about itself, some seconds old at most while it runs."""
        self.failures: dict[str, BaseException] = {}
        self.pids: dict[str, int] = {}
        """The processes of tasks that have their own."""
        if child is not None:
            self.logs[child.name], self.statuses[child.name], self.pids[child.name] = child.log, {}, child.pid
        self._pairs, self._child, self._code = pairs, child, 0
        self._asked: dict[str, _Asked] = {}
        self._ask_at = dict.fromkeys(pairs, 0.0)
        self._heap = Heap()
        self._stop = threading.Event()
        self._watchdog = watchdog
        self._grace, self._deadline = grace, math.inf

    @property
    def unstable(self) -> Mapping[Partition, int]:
        """How many offsets of each partition are hidden behind open transactions, as seen now and then."""
        return {} if self._watchdog is None else self._watchdog.unstable

    def run(self) -> int:
        """Works until stopped; gives 0, or 1 where a task failed or did not end in time, or what a child ended with."""
        threads = [threading.Thread(target=self._work, args=(name,), name=name, daemon=True) for name in self._pairs]
        if self._child is not None:
            threads.append(threading.Thread(target=self._follow, args=(self._child,), name=self._child.name, daemon=True))
        for thread in threads:
            thread.start()
        if self._watchdog is not None:
            threading.Thread(target=guard, args=(self._watchdog, self._child), name="watchdog", daemon=True).start()
        self._stop.wait()
        for thread in threads:
            thread.join(max(0.0, self._deadline - time.monotonic()))
        late = [thread.name for thread in threads if thread.is_alive()]
        if late:
            log.error("not_ended_in_time", tasks=late, grace=self._grace)
        return self._code or (1 if self.failures or late else 0)

    def stop(self) -> None:
        """Lets every task finish its slice and end."""
        self._deadline = min(self._deadline, time.monotonic() + self._grace)
        self._stop.set()
        for _, one in self._pairs.values():
            one.stop()
        if self._child is not None:
            self._child.stop()

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
            last = work(self._pairs[name][0], self._pairs[name][1], lambda: self._stopped(name))
            self.statuses[name] = self._pairs[name][0].status()
            self._part(name, last)
        except BaseException as error:
            self.failures[name] = error
            plain = _plain(error)
            log.error("failed", task=name, reason=str(error) or type(error).__name__, exc_info=None if plain else error)
            log.debug("failed_where", task=name, exc_info=error)
        self.stop()
        # What is left open is ended by whoever comes next.
        with suppress(Exception):
            self._pairs[name][1].close(self._grace * 0.6)
        log.info("stopped", task=name)

    def _part(self, name: str, last: Slice | None) -> None:
        """Writes what makes the next start easier, as far as there is time; without it all is as it was committed."""
        task, own = self._pairs[name]
        if last is None or not isinstance(task, _Parting) or time.monotonic() - own.heard > _AWAY:
            return
        try:
            for outputs in _together(task.parting(), self._deadline - self._grace * (1 - _PARTING)):
                own.commit(last, outputs)
        except TransactionFailed as error:
            log.warning("not_saved", task=name, reason=str(error))

    def _follow(self, child: Child) -> None:
        code = child.follow(self.statuses)
        if code or not self._stop.is_set():
            self.failures[child.name] = Ended(f"the process of {child.name} ended with exit code {code}")
            log.error("ended", task=child.name, code=code)
        self._code = code
        self.stop()

    def _stopped(self, name: str) -> bool:
        """Between two steps: keeps what the task says about itself."""
        now = time.monotonic()
        if now >= self._ask_at[name]:
            self._ask_at[name] = self._ask(name, now)
        self._heap.tend(now)
        return self._stop.is_set()

    def _ask(self, name: str, now: float) -> float:
        """Asks a task how it stands, or some of its streams if it has many; gives when to go on."""
        task = self._pairs[name][0]
        if not isinstance(task, _Divided):
            self.statuses[name] = task.status()
            return now + 1.0
        asked = self._asked.get(name) or _Asked(now, task.statuses(), {})
        whole = asked.take(now + _AT_ONCE)
        before = {} if whole else self.statuses[name].get("streams", {})
        self.statuses[name] = {"streams": before | asked.said, "dead_letters": task.dead_letters()}
        pause = _SHARE * (time.monotonic() - now)
        if whole:
            self._asked.pop(name, None)
            return max(now + pause, asked.began + 1.0)
        self._asked[name] = asked
        return now + pause


def guard(watchdog: Watchdog, child: Child | None = None, every: float = _LOOK_EVERY) -> None:
    """Ends the process at once when a task is stuck: what is stuck cannot be asked to end."""
    while True:
        time.sleep(every)
        reason = watchdog.stall(time.monotonic())
        if reason is not None:
            log.critical("stalled", reason=reason)
            if child is not None:
                # What is stuck may not even see that its parent is gone.
                child.kill()
            os._exit(1)


def shed(config: Config, daemon: Daemon, every: float = _LOOK_EVERY) -> None:
    """Keeps models that learn to their share of the time, where watch is one of our tasks."""
    from consumers.shedder import Shedder

    with ExitStack() as stack:
        made: list[KafkaProducer] = []

        def tell(value: bytes) -> None:
            if not made:
                made.append(stack.enter_context(closing(kafka_client.teller(config.kafka))))
            made[0].send(config.topics.name("control"), value).get(timeout=10)

        shedder = Shedder(config, tell)
        while shedder.needed:
            time.sleep(every)
            try:
                shedder.look(daemon.logs, daemon.statuses.get("watch", {}).get("streams", {}), time.monotonic())
            except Exception as error:
                log.warning("cannot_shed", reason=str(error) or type(error).__name__)


def _together(pieces: Iterable[list[Output]], until: float) -> Iterator[list[Output]]:
    """Pieces, as many as one transaction may have at a time, until a time by the monotonic clock."""
    outputs: list[Output] = []
    size = 0
    for piece in takewhile(lambda _: time.monotonic() < until, pieces):
        outputs += piece
        size += sum(len(output.value or b"") for output in piece)
        if size >= _AT_A_TIME:
            yield outputs
            outputs, size = [], 0
    if outputs:
        yield outputs


def _plain(error: BaseException) -> bool:
    """Whether its text is all that there is to say: it is about the world, and where we met it does not matter."""
    from stream_monitor.part import ConfigurationError

    return isinstance(error, (ConfigurationError, KafkaError, KafkaUnreachable, LostOffset, TransactionFailed, Unassigned))


def _refuse(code: int, error: Exception | str) -> int:
    log.error("cannot_start", reason=str(error))
    return code


def _warm_up() -> None:
    """Imports what watch needs, while the parent sees whether it can begin at all."""
    from stream_monitor import watch  # noqa: F401
