"""What the status of a prediction says: that it was given, or that it failed or came too late."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

Outcome = Literal["ok", "error", "timeout"]

_FINE = frozenset({"", "ok", "success", "succeeded", "done", "complete", "completed", "true", "0", "1"})
_LATE = ("timeout", "timed out", "timed_out", "timedout", "deadline")
_LATE_CODES = frozenset({408, 504})


@lru_cache(1_000)
def outcome(status: str) -> Outcome:
    """Status as words (`ok`, `error`, `timeout`) or HTTP's numbers; whatever is not known to be fine is an error."""
    said = status.strip().lower()
    if said.isdecimal() and len(said) == 3:
        code = int(said)
        return "timeout" if code in _LATE_CODES else "ok" if code < 400 else "error"
    if said in _FINE:
        return "ok"
    return "timeout" if any(word in said for word in _LATE) else "error"
