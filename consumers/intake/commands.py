"""Control events: checked, and in one form for the record."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from consumers.wire import parse
from consumers.wire.event import Refused
from consumers.wire.event_time import INVALID, EventTime
from stream_monitor.config.deployment import Config
from stream_monitor.control import Control
from stream_monitor.values import text

_FIELDS = {field.name: field.type for field in msgspec.structs.fields(Control)}
ACTIONS = get_args(_FIELDS["action"])
VERDICTS = get_args(get_args(_FIELDS["verdict"])[0])
_NEEDS = {
    "verdict": ("verdict", "fingerprint"),
    "acknowledge": ("fingerprint",),
    "silence": ("fingerprint", "until"),
    "shed": ("halvings",),
} | dict.fromkeys(("approve", "reject", "complete"), ("request_id",))
_time = EventTime()


def command(value: bytes | None, config: Config) -> Control:
    """The control event in a record; raises Refused."""
    event = parse.anything(value or b"")
    if not isinstance(event, dict):
        raise Refused("invalid_control", "the control event is no object")
    if event.get("action") not in ACTIONS:
        raise Refused("unknown_action", f"action is none of {', '.join(ACTIONS)}")
    if not known(event.get("stream"), config):
        raise Refused("unknown_stream", "stream is not a stream of this deployment; those of models are called NAME/MODEL")
    for name in _NEEDS.get(event["action"], ()):
        if event.get(name) is None:
            raise Refused("invalid_control", f"{event['action']} needs {name}")
    return _checked(event)


def meant(value: bytes | None, config: Config) -> str | None:
    """The configured stream that a control event names, whatever else is wrong with it; None where it names none."""
    try:
        event = parse.anything(value or b"")
    except Refused:
        return None
    stream = event.get("stream") if isinstance(event, dict) else None
    return str(stream).partition("/")[0] if known(stream, config) else None


def known(stream: Any, config: Config) -> bool:
    """Whether a stream is configured, or may be that of a model."""
    if not isinstance(stream, str):
        return False
    name, _, model = stream.partition("/")
    return name in config.streams and (config.streams[name].per == "model") == bool(model)


def _checked(event: dict[str, Any]) -> Control:
    if event.get("until") is not None:
        event["until"] = _time.read(event["until"])
        if event["until"] == INVALID:
            raise Refused("invalid_time", "until is no ISO 8601 text or epoch number between the years 1970 and 9999")
    if event.get("version") is not None:
        event["version"] = text(event["version"])
    try:
        return msgspec.convert(event, Control)
    except msgspec.ValidationError as error:
        where = str(error).rpartition(" - at ")[2].strip("`$.")
        raise Refused("invalid_control", _wrong(where)) from None


def _wrong(where: str) -> str:
    """What is wrong at a field, without its value."""
    if where == "verdict":
        return f"verdict is none of {', '.join(VERDICTS)}"
    return f"{where} is not what it may be" if where in _FIELDS else f"a field is not known; there are {', '.join(_FIELDS)}"
