"""What counts as a failure of a model: of it, and not of the machine or the program."""

from __future__ import annotations

_PANIC = ("pyo3_runtime", "PanicException")
"""What the parts of river in Rust raise; it is no `Exception`, and its class cannot be imported."""

_LONGEST = 200


class Unreadable(ValueError):
    """A state that is of another version of river, or is none at all."""


def of_model(error: BaseException) -> bool:
    """Whether a model that raised this is broken; not where memory or a file is missing, or the program is to end."""
    if isinstance(error, (MemoryError, OSError)):
        return False
    return isinstance(error, Exception) or (type(error).__module__, type(error).__name__) == _PANIC


def reason(error: BaseException) -> str:
    """Why a model that raised this begins anew."""
    return str(error)[:_LONGEST] if isinstance(error, Unreadable) else f"it raised {type(error).__name__}"
