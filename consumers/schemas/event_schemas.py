"""JSON Schemas of the events that come in: what `event.py` reads by hand, and `control.py`."""

from __future__ import annotations

from typing import Any

import msgspec

from consumers.wire.event import NAME_LIMIT, REQUIRED, STRUCTS, EventKind
from stream_monitor.control import Control

Schema = dict[str, Any]

_NAME = {"type": "string", "maxLength": NAME_LIMIT}
_DECIMAL = {"pattern": "^[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$"}
_NUMBER = {"type": ["number", "boolean", "string", "null"]} | _DECIMAL
_AMOUNT = {"type": ["number", "string", "null"], "minimum": 0} | _DECIMAL
_SCALAR = {"type": ["string", "number", "boolean"]}
_TEXT = {"type": ["string", "number", "boolean", "null"]}
TIME: Schema = {
    "description": "ISO 8601, of the configured zone where it has none, or a number or its text, in s to ns by its size.",
    "anyOf": [
        {"type": "string", "pattern": "^\\d{4}"},
        {"type": "number", "minimum": 0},
    ],
}
_PROPERTIES: dict[str, Schema] = {
    "prediction_id": {"description": "What a label is joined by.", "anyOf": [_NAME | {"minLength": 1}, {"type": "integer"}]},
    "time": TIME,
    "prediction": _SCALAR | {"description": "A class or a number; 1, 1.0, \"1\" and true are the same."},
    "score": _NUMBER | {"description": "The probability of the positive class."},
    "scores": {"description": "Probabilities by class.", "type": ["object", "null"], "additionalProperties": _NUMBER},
    "latency_ms": _AMOUNT,
    "status": _TEXT | {
        "description": "`ok`, `error`, `timeout`, or a number of HTTP; a prediction that failed needs no `prediction`.",
    },
    "weight": _AMOUNT,
    "model": _TEXT,
    "version": _TEXT,
    "features": {
        "description": "Numbers, truth values and texts are watched; anything else is counted and left out.",
        "type": ["object", "null"],
    },
    "segments": {"type": ["object", "null"], "additionalProperties": _TEXT},
    "label": _SCALAR | {"description": "What the prediction should have been; compared as predictions are."},
    "op": {"description": "Withdraws the label of that id.", "enum": ["retract", None]},
    "origin": _TEXT,
    "inclusion_probability": {"type": ["number", "string", "null"], "exclusiveMinimum": 0, "maximum": 1} | _DECIMAL,
}  # fmt: skip
_TITLES: dict[EventKind, tuple[str, str]] = {
    "predictions": ("Prediction", "What a model has said.  Other fields are passed over."),
    "labels": (
        "Label",
        "What turned out to be true.  A later one for the same id corrects it; `op: retract`, or a record without a value "
        "whose key is the id, withdraws it.",
    ),
}


def event(kind: EventKind) -> Schema:
    """The schema of a prediction or a label, by our own field names."""
    title, description = _TITLES[kind]
    properties = {name: _PROPERTIES[name] for name in STRUCTS[kind].__struct_fields__}
    schema: Schema = {"title": title, "description": description, "type": "object", "properties": properties}
    if kind == "predictions":
        return schema | {"required": sorted(REQUIRED[kind])}
    withdrawn = {"properties": {"op": {"const": "retract"}}, "required": ["op"]}
    schema["properties"] = properties | {"label": {**_SCALAR, "type": [*_SCALAR["type"], "null"]}, "time": _or_null(TIME)}
    schema["description"] = description
    return schema | {
        "required": ["prediction_id"],
        "anyOf": [withdrawn, {"properties": {"label": _SCALAR}, "required": ["label"]}],
    }


def control() -> Schema:
    """The schema of a control event."""
    schema: Schema = msgspec.json.schema(Control)["$defs"]["Control"]
    schema["properties"]["until"] = _or_null(TIME)
    schema["properties"]["version"] = {"type": ["string", "number", "null"]}
    schema["properties"]["stream"]["description"] = (
        "As configured; that of a model, where streams are per model, is NAME/MODEL."
    )
    schema["allOf"] = [
        _needs(["verdict", "acknowledge", "silence"], "fingerprint"),
        _needs(["verdict"], "verdict"),
        _needs(["silence"], "until"),
        _needs(["approve", "reject", "complete"], "request_id"),
    ]
    return schema


def _or_null(schema: Schema) -> Schema:
    return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}


def _needs(actions: list[str], field: str) -> Schema:
    there = {"properties": {field: {"not": {"type": "null"}}}, "required": [field]}
    return {"if": {"properties": {"action": {"enum": actions}}}, "then": there}
