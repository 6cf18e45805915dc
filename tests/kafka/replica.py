"""A replica within the test: a task and its log in a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from consumers.kafka.kafka_log import KafkaLog
from stream_monitor.task import Task, work


class Replica:
    """Works until the end of the `with`; what it died of is in `error`."""

    def __init__(self, task: Task, log: KafkaLog) -> None:
        self.log = log
        self.error: BaseException | None = None
        self._task = task
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Replica:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self.log.stop()
        self._thread.join(20)
        self.log.close(grace=2.0)

    def _run(self) -> None:
        try:
            work(self._task, self.log, self._stop.is_set)
        except BaseException as error:
            self.error = error


def until(done: Callable[[], bool], seconds: float = 60.0, every: float = 0.05) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    waiting = threading.Event()
    while not done():
        assert time.monotonic() < deadline, "not so in time"
        waiting.wait(every)
