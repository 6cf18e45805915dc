"""What the values inside an event become: numbers, texts in one canonical form, or nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any, Final


class LeftOut(Enum):
    """A value that cannot be read; it is counted and its row stays."""

    LEFT_OUT = "left out"


LEFT_OUT: Final = LeftOut.LEFT_OUT
Value = float | str | LeftOut | None
Read = Callable[[Any], Value]

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_LONGEST = 16
"""Characters of a text that may be a number; longer ones are ids, which a float would merge."""


def number(value: Any) -> Value:
    """A number, a truth value or the text of a number as a float; nothing for null and NaN."""
    if type(value) is float:
        return value if value == value else None
    if value is None:
        return None
    if not isinstance(value, int | str):
        return LEFT_OUT
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return LEFT_OUT
    return read if read == read else None


def not_negative(value: Any) -> Value:
    """A finite number from 0 on."""
    read = number(value)
    return LEFT_OUT if isinstance(read, float) and not 0 <= read < math.inf else read


def scalar(value: Any) -> Value:
    """The canonical form of labels and predictions: 1 = 1.0 = "1" = true, and any other text is itself."""
    return decimal(value) if isinstance(value, str) else number(value)


@lru_cache(10_000)
def decimal(text: str) -> float | str:
    """The number that a plain decimal text says; else the text."""
    return float(text) if len(text) <= _LONGEST and _DECIMAL.fullmatch(text) else text


def text(value: Any) -> Value:
    """The canonical text: 7, 7.0 and "7" are one, and true is "1"."""
    if isinstance(value, str):
        return value
    read = number(value)
    if not isinstance(read, float):
        return read
    if isinstance(value, int):
        return str(int(value))
    return str(int(value)) if read.is_integer() and abs(read) < 1e15 else repr(read)


def feature(value: Any) -> Value:
    """A feature as it is typed: numbers and truth values are numbers, texts are texts."""
    return value if isinstance(value, str) else number(value)


def numeric_feature(value: Any) -> Value:
    """A feature that is declared numeric: texts that are numbers become numbers, other texts stay."""
    read = number(value)
    return value if read is LEFT_OUT and isinstance(value, str) else read
