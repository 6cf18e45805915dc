"""What a piece of work costs: time of the processor and of the clock, taken in a process of its own."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Cost(NamedTuple):
    """What some events cost."""

    events: int
    cpu: float
    """Seconds of all threads together."""
    wall: float

    @property
    def per_event(self) -> float:
        """Microseconds of CPU."""
        return self.cpu / self.events * 1e6


class Stopwatch:
    """Begins when it is made; starting the interpreter and importing are not part of what is measured."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def read(self, events: int) -> Cost:
        """The cost so far."""
        return Cost(events, time.process_time() - self._cpu, time.perf_counter() - self._wall)


def apart(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What a function returns when a fresh process runs it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()
