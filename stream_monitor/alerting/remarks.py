"""What people have said of alerts that are over, for as long as it holds if they open again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from stream_monitor.events import Alert

_SAME = 3_600_000_000
"""Microseconds after its end within which an alert that opens again is still acknowledged."""
_MOST = 1_000
"""Alerts that are over and of which something is kept; beyond it the one that ended first is forgotten."""


class _Remark(NamedTuple):
    """What was said of an alert, and when it ended."""

    by: str | None
    until: str | None
    ended: int


class Remarks:
    """By the fingerprints of the alerts.  A verdict is about what it was said of, and not kept."""

    def __init__(self) -> None:
        self._kept: dict[str, _Remark] = {}

    def keep(self, alert: Alert, clock: int) -> None:
        """Takes an alert that has ended."""
        self._kept = {
            fingerprint: remark for fingerprint, remark in self._kept.items() if any(_holding(remark, clock).values())
        }
        remark = _Remark(alert.acknowledgedBy, alert.silencedUntil, clock)
        if any(_holding(remark, clock).values()):
            self._kept[alert.fingerprint] = remark
        if len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]

    def take(self, fingerprint: str, clock: int) -> dict[str, str | None]:
        """What holds of an alert that opens, as its fields."""
        remark = self._kept.pop(fingerprint, None)
        return _holding(remark, clock) if remark else {}

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [[fingerprint, *remark] for fingerprint, remark in self._kept.items()]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self._kept = {fingerprint: _Remark(*remark) for fingerprint, *remark in state}


def silenced(until: str | None, clock: int) -> bool:
    """Whether a silence until then is not over."""
    return until is not None and datetime.fromisoformat(until).timestamp() * 1e6 > clock


def _holding(remark: _Remark, clock: int) -> dict[str, str | None]:
    return {
        "acknowledgedBy": remark.by if clock - remark.ended <= _SAME else None,
        "silencedUntil": remark.until if silenced(remark.until, clock) else None,
    }
