"""Lengths of time as people write them: 5m, 1h30m, 7d."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")


def parse(text: str | int) -> int:
    """Microseconds of a text like 90s, 1h30m or 7d; whole numbers are microseconds already."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    parts = _PART.findall(text) if isinstance(text, str) else []
    if not parts or _PART.sub("", str(text)).strip():
        raise ValueError(f"not a length of time: {text!r}; write it like 500ms, 90s, 5m, 1h30m, 7d or 2w")
    return sum(round(float(number) * _UNITS[unit]) for number, unit in parts)


def show(microseconds: int) -> str:
    """The shortest exact text for a length of time, as `parse` reads it."""
    if microseconds == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, microseconds = divmod(microseconds, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "1ms"


Duration = Annotated[int, BeforeValidator(parse), Field(le=parse("3650d")), PlainSerializer(show, when_used="json")]
"""Microseconds, written like 7d; ten years at most."""
