"""What is done about memory by hand, because neither Python nor the C library does it by itself."""

from __future__ import annotations

import ctypes
import gc
import time
from contextlib import suppress

_SWEEP_EVERY = 1.0
_TRIM_EVERY = 60.0


class Heap:
    """That of this process, tended between two steps of a task."""

    def __init__(self) -> None:
        self._sweep_at = 0.0
        self._trim_at = time.monotonic() + _TRIM_EVERY

    def tend(self, now: float) -> None:
        """Does what is due, by the monotonic clock."""
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP_EVERY
            # What kafka-python read is held in cycles, and records of ours are too plain to make the collector look.
            gc.collect(1)
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_EVERY
            trim()


def spare_the_collector() -> None:
    """What is there after the start stays: looking through it again and again costs microseconds for every event."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def trim() -> None:
    """Gives back what was freed between what is still held, as references and restores leave it; glibc keeps it otherwise."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
