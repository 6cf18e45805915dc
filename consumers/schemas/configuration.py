"""The reference of the configuration for people, made from its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_HEAD = """\
# Configuration

Every setting there is, as the program itself has it; `NAME` is what you call a stream. Lengths of time are written like 90s,
1h30m or 7d, ten years at most. What is not under `streams` may be said by a variable instead: `STREAM_MONITOR_KAFKA__GROUP` is
`kafka.group`. In a YAML file, `${NAME:-default}` is the value of a variable.
"""
_KINDS = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "`true` or `false`", "null": ""}
_LONGEST = 12
"""Choices beyond which they are not listed."""


def configuration(schema: Schema) -> str:
    """A table for each section, from the top down."""
    sections = _sections(schema, schema["$defs"], "")
    return "\n".join([_HEAD, *(line for section in sections for line in section)])


def _sections(section: Schema, parts: dict[str, Schema], path: str) -> Iterator[list[str]]:
    inner = {name: _model(one, parts) for name, one in section["properties"].items()}
    rows = [
        f"| `{name}` | {_cell(' or '.join(_kinds(one, parts)))} | {_default(one, name in section.get('required', ()))} "
        f"| {_cell(one.get('description', ''))} |"
        for name, one in section["properties"].items()
        if inner[name] is None
    ]
    if rows:
        about = _cell(section.get("description", ""))
        yield [f"## {path or 'The top'}", "", about, "", "| key | value | unless said | |", "|---|---|---|---|", *rows, ""]
    for name, found in inner.items():
        if found is not None:
            model, named = found
            yield from _sections(model, parts, ".".join(filter(None, (path, name, "NAME" if named else ""))))


def _model(schema: Schema, parts: dict[str, Schema]) -> tuple[Schema, bool] | None:
    """The section that a key is, or a list or a mapping of such; and whether people name its members."""
    named = schema.get("additionalProperties")
    for one in (schema, *schema.get("anyOf", ()), schema.get("items", {}), named if isinstance(named, dict) else {}):
        model = parts.get(one.get("$ref", "").rpartition("/")[2], {})
        if "properties" in model:
            return model, one is named
    return None


def _kinds(schema: Schema, parts: dict[str, Schema]) -> list[str]:
    """What a value may be, once each."""
    if "$ref" in schema:
        return _kinds(parts[schema["$ref"].rpartition("/")[2]], parts)
    if "anyOf" in schema:
        return list(dict.fromkeys(kind for one in schema["anyOf"] for kind in _kinds(one, parts)))
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if choices:
        return [", ".join(f"`{choice}`" for choice in choices) if len(choices) <= _LONGEST else "a name"]
    if schema.get("format") == "password":
        return ["a secret"]
    if schema.get("type") == "array":
        return [f"a list, each {' or '.join(_kinds(schema['items'], parts))}" if "items" in schema else "a list"]
    if schema.get("type") == "object":
        return ["a mapping"]
    if "90s" in schema.get("examples", ()):
        return ["a length of time"]
    kind = _KINDS.get(schema.get("type", ""), "anything")
    return [f"{kind}{_bounds(schema)}"] if kind else []


def _bounds(schema: Schema) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    said = [f"{word} {schema[name]:,}" for name, word in words.items() if name in schema]
    return f" {' '.join(said)}" if said else ""


def _default(schema: Schema, required: bool) -> str:
    if required:
        return "required"
    default = schema.get("default")
    return "" if default is None else f"`{_cell(default if isinstance(default, str) else json.dumps(default))}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
