"""Event times as they come, texts or epoch numbers, to epoch microseconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from stream_monitor.blocks import Times

LAST = 253_402_300_800_000_000 - 1
"""The last microsecond of the year 9999."""
INVALID = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MANY = 24
"""Rows from which on arrays are quicker."""
_EPOCH_TEXT = re.compile(r"[0-9]{10}(?:[0-9]{3}){0,3}(?:\.[0-9]+)?")
"""Seconds, or thousandths of thousandths of them, of today; other texts of digits may be dates."""
_MARKS = {4, 7, 10, 13, 16, 19}
_SIZES = ((10**11, "s"), (10**14, "ms"), (10**17, "us"))
_MICROS = {"s": 1_000_000, "ms": 1_000, "us": 1}


class EventTime:
    """Reads the times of one source."""

    def __init__(self, zone: str = "UTC", unit: str = "auto") -> None:
        self._zone = UTC if zone == "UTC" else ZoneInfo(zone)
        self._unit = unit

    def read(self, value: Any) -> int:
        """Microseconds of a text, a datetime or a number; INVALID for everything else and before 1970 or after 9999."""
        if isinstance(value, str):
            value = _said(value)
        if isinstance(value, datetime):
            micros = self._of_datetime(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            micros = self._of_number(value)
        else:
            return INVALID
        return micros if 0 <= micros <= LAST else INVALID

    def column(self, values: Sequence[Any], missing: int) -> Times:
        """The same for many at once, with `missing` for None."""
        if type(values[0]) is str:
            try:
                return _of_uniform(values) if len(values) >= _MANY else self._of_texts(values)
            except (ValueError, TypeError):
                pass
        if set(map(type, values)) == {int} and (unit := self._unit_of_all(min(values), max(values))):
            whole = np.array(values, np.int64)
            return whole // 1_000 if unit == "ns" else whole * _MICROS[unit]
        return np.array([missing if value is None else self.read(value) for value in values], np.int64)

    def _unit_of_all(self, low: int, high: int) -> str | None:
        """The unit of all whole numbers in a range, if there is one and all of them are valid times."""
        if self.read(low) == INVALID or self.read(high) == INVALID or high >= 2**63:
            return None
        return self._unit_of(low) if self._unit_of(low) == self._unit_of(high) else None

    def _of_texts(self, texts: Sequence[str]) -> Times:
        """Times in the form that the parser knows; raises where one is not."""
        return np.array([self._of_datetime(value) for value in msgspec.convert(texts, list[datetime])], np.int64)

    def _of_datetime(self, value: datetime) -> int:
        since = (value if value.tzinfo else value.replace(tzinfo=self._zone)) - _EPOCH
        return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds

    def _of_number(self, value: float) -> int:
        if not 0 <= value < 10**20:
            return INVALID
        unit = self._unit_of(value)
        return int(value) // 1_000 if unit == "ns" else round(value * _MICROS[unit])

    def _unit_of(self, value: float) -> str:
        return self._unit if self._unit != "auto" else next((unit for size, unit in _SIZES if value < size), "ns")


def valid(times: Times) -> bool:
    """Whether all of a column can be times of events."""
    return int(times.view(np.uint64).max()) <= LAST


def _of_uniform(texts: Sequence[str]) -> Times:
    """Times that are all of one length, in UTC and written in full; raises where one is not."""
    width = len(texts[0])
    letters = np.frombuffer("".join(texts).encode(), np.uint8).reshape(len(texts), width)
    digits = letters[:, [at for at in range(min(width, 27) - 1) if at not in _MARKS]]
    if not 20 <= width <= 27 or width == 21 or not ((digits >= ord("0")) & (digits <= ord("9"))).all():
        raise ValueError("not uniform")
    if (letters[:, -1] != ord("Z")).any() or (letters[:, 10] != ord("T")).any():
        raise ValueError("not uniform")
    return np.ascontiguousarray(letters[:, :-1]).view(f"S{width - 1}").ravel().astype("M8[us]").view(np.int64)


def _said(text: str) -> datetime | float | None:
    """The moment or the epoch number that a text is."""
    if _EPOCH_TEXT.fullmatch(text):
        return float(text) if "." in text else int(text)
    return _datetime(text)


def _datetime(text: str) -> datetime | None:
    """The parser of the decoder first, because it is quick; then all of ISO 8601."""
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
