"""One detector over some signals, given what its promise holds for."""

from __future__ import annotations

from typing import Any

import numpy as np

import detectors
from detectors import Array, Change, Times
from detectors.whitened import Whitened
from stream_monitor.watching.reference import Reference

_HARM = 0.8
"""The share of a loss's false alarms that may be increases."""


class Watcher:
    """A detector from its reference, float64[m, d], on.  Rows are those of the signals, counted from the end of it.

    Where its threshold is not a setting, it is `calibrated`: it gets run lengths from the budget, and, unless it is robust
    by itself, whitened normal scores in place of the values.
    """

    def __init__(self, name: str, settings: dict[str, Any], reference: Reference, since: int) -> None:
        kind = detectors.detector(name)
        self.name, self._since = name, since
        self.joint = kind.sees == "rows"
        """Whether it watches all signals as one; its changes are then of the whole."""
        self._whole = reference.whole
        self.calibrated = kind.knob is not None and kind.knob not in settings
        self._detector = kind(len(reference.names), **_defaults(name, reference) | settings)
        self._whitened = Whitened(reference.values, reference.times) if self.calibrated and not kind.robust else None
        known = reference.values if self._whitened is None else self._whitened.reference
        self._detector.fit(known, reference.times)
        if not kind.learns and reference.of_loss:
            # So that it knows what the loss was before, and sees a version that begins badly.
            self._detector.update(known, reference.times)
            self._since -= len(known)

    def reading(self) -> tuple[Array, Array]:
        """The latest statistic of each signal, and what it is compared with, float64[d]."""
        both = getattr(self._detector, "nearest", None)
        return both() if both is not None else (self._detector.statistic, self._detector.threshold)

    @property
    def extrapolated(self) -> bool:
        """Whether run lengths are longer than those for which the promise was measured."""
        return bool(getattr(self._detector, "extrapolated", False))

    def allow(self, run_length: Array) -> None:
        """Takes the run lengths of the signals, in values, float64[d]; nothing where thresholds are settings."""
        if self.calibrated:
            self._detector.allow(run_length[:1] / len(run_length) if self.joint else run_length)

    def update(self, values: Array, times: Times) -> list[Change]:
        """Takes the next rows, float64[n, d]; gives changes by row."""
        values = values if self._whitened is None else self._whitened.of(values, times)
        return [self._moved(change) for change in self._detector.update(values, times)]

    def state(self) -> dict[str, Any]:
        """Everything but the reference and the settings, as plain values and arrays."""
        whitened = None if self._whitened is None else self._whitened.state()
        return {"detector": self._detector.state(), "whitened": whitened, "since": self._since}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._detector.restore(state["detector"])
        if self._whitened is not None:
            self._whitened.restore(state["whitened"])
        self._since = state["since"]

    def _moved(self, change: Change) -> Change:
        by = self._since
        earliest, latest = (max(0, row + by) if row >= 0 else -1 for row in (change.earliest, change.latest))
        signal = self._whole if self.joint else change.signal
        return change._replace(
            row=change.row + by, signal=signal, start=max(0, change.start + by), earliest=earliest, latest=latest
        )


def _defaults(name: str, reference: Reference) -> dict[str, Any]:
    """What depends on the signals: what matters of them, and that harm is to be found before improvement."""
    if name == "counts":
        return {"min_effect": tuple(np.minimum(reference.effects, 0.99).tolist())}
    if name != "scan":
        return {}
    loss: dict[str, Any] = {"share_up": _HARM, "spread": False} if reference.of_loss else {}
    return {"min_effect": tuple(reference.effects.tolist())} | loss
