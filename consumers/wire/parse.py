"""JSON text to values, strictly first, and then as Python reads it: with NaN, Infinity, and 1e999, which is infinite too."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from consumers.wire.event import Refused

FAILED = (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError)
"""What a decoder of bytes raises on bytes that it cannot decode."""
_LITERALS = (b"NaN", b"Infinity")
_TOO_LARGE = "Number out of range"
_any = msgspec.json.Decoder().decode
_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
T = TypeVar("T")


def parse(value: bytes, strict: Callable[[bytes], T], lenient: Callable[[Any], T]) -> T:
    """What `strict` makes of the text, or `lenient` of its value where only these literals and numbers stand in the way."""
    try:
        return strict(value)
    except FAILED as error:
        if not (any(literal in value for literal in _LITERALS) or _TOO_LARGE in str(error)):
            reason = "invalid_event" if isinstance(error, msgspec.ValidationError) else "invalid_json"
            raise Refused(reason, _said(error)) from None
    return lenient(_with_literals(value))


def anything(value: bytes) -> Any:
    """The value of a text."""
    return parse(value, _any, lambda parsed: parsed)


def is_list(value: bytes) -> bool:
    """Whether a text would be a list."""
    return value.lstrip()[:1] == b"["


def items(value: bytes) -> list[bytes | dict[str, Any]]:
    """The items of a list, as texts where the list can be taken apart without reading them."""
    return parse(value, lambda text: [bytes(raw) for raw in _raws(text)], list)


def _with_literals(value: bytes) -> Any:
    try:
        parsed = json.loads(value.decode())
        msgspec.json.encode(parsed)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise Refused("invalid_json", f"not JSON: {type(error).__name__}") from None
    return parsed


def _said(error: BaseException) -> str:
    """What is wrong with a text, without a piece of it."""
    if isinstance(error, msgspec.ValidationError):
        return str(error).split(" - at ")[0]
    if isinstance(error, msgspec.MsgspecError):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else "not UTF-8"
