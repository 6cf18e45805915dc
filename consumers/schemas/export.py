"""Writes JSON Schemas of the configuration and of all events, AsyncAPI that ties them to topics, and a page of settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from consumers.schemas import event_schemas
from consumers.schemas.asyncapi import asyncapi
from consumers.schemas.configuration import configuration
from stream_monitor.config import duration
from stream_monitor.config.deployment import Config
from stream_monitor.dead_letter import DeadLetterEvent
from stream_monitor.events import AlertEvent, MetricsEvent, RetrainEvent

_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
_DURATION = {"type": "string", "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*)+$", "examples": ["90s", "1h30m", "7d"]}
_OUT: dict[str, type[BaseModel]] = {
    "alert": AlertEvent,
    "retrain": RetrainEvent,
    "metrics": MetricsEvent,
    "dead_letter": DeadLetterEvent,
}


def export(folder: Path) -> list[Path]:
    """Writes every document into a folder, which is made where it is not there; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in documents().items():
        written.append(folder / name)
        written[-1].write_text(text, encoding="utf-8")
    return written


def documents() -> dict[str, str]:
    """Every document by the name of its file."""
    schemas = {
        "config": config(),
        "prediction": event_schemas.event("predictions"),
        "label": event_schemas.event("labels"),
        "control": event_schemas.control(),
        **{name: model.model_json_schema(mode="serialization") for name, model in _OUT.items()},
    }
    texts = {f"{name}.schema.json": json.dumps(_DIALECT | schema, indent=2) + "\n" for name, schema in schemas.items()}
    return texts | {
        "asyncapi.yaml": yaml.safe_dump(asyncapi(), sort_keys=False, width=120, allow_unicode=True),
        "configuration.md": configuration(schemas["config"]),
    }


def config() -> dict[str, Any]:
    """The configuration as it is written: lengths of time as texts, and secrets also by the files that hold them."""
    schema = Config.model_json_schema(schema_generator=_AsWritten)
    for section in (schema, *schema["$defs"].values()):
        properties = section.get("properties", {})
        for name in [name for name, one in properties.items() if _is_secret(one)]:
            properties[f"{name}_file"] = {"type": "string", "description": f"A file that holds `{name}`."}
    return schema


def _is_secret(schema: dict[str, Any]) -> bool:
    return any(one.get("format") == "password" for one in (schema, *schema.get("anyOf", ())))


class _AsWritten(GenerateJsonSchema):
    """What people write, where a validator accepts more than the type says."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = super().function_before_schema(schema)
        if schema["function"]["function"] is duration.parse:
            return dict(_DURATION)
        if inner.get("type") == "array":
            return {"anyOf": [inner, {"type": "string", "description": "The same, with commas."}]}
        return inner

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("pattern") == _DURATION["pattern"] and isinstance(made.get("default"), int):
            made["default"] = duration.show(made["default"])
        return made
