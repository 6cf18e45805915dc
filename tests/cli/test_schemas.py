"""The schemas in `schemas/`: that they are the latest, and that they say of events what the program says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from consumers.intake.commands import command
from consumers.intake.intake import Intake
from consumers.memory import Memory, MemoryLog, Stored
from consumers.schemas.export import documents
from consumers.wire.event import STRUCTS, EventKind, Refused
from consumers.wire.reading import Reading
from stream_monitor.blocks import encode
from stream_monitor.config.deployment import Config
from stream_monitor.config.setting import ANY, settings
from stream_monitor.config.stream import Features, Labels, Source
from stream_monitor.task import Batch, End, Gap, Partition, Slice, step
from stream_monitor.watch import Watch
from tests.watch import worlds

FOLDER = Path(__file__).parents[2] / "schemas"
CONFIG = {"streams": {"s": {"predictions": {"topic": "p"}, "labels": {"topic": "l", "wait": "1d"}}}}
FULL = {
    "prediction_id": "a1", "model": "fraud", "version": "7", "time": "2026-05-01T10:00:00Z", "prediction": "fraud",
    "score": 0.7, "scores": {"a": 0.7},
    "features": {"amount": 12.5, "country": "PT", "new": True, "age": None, "embedding": [1, 2]},
    "latency_ms": 12.1, "segments": {"region": "eu"}, "weight": 1.0, "something": {"else": 1},
}  # fmt: skip
SHORT = {"prediction_id": "a1", "time": 1_767_225_600, "prediction": 1}


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((FOLDER / f"{name}.schema.json").read_text()))


def fits(name: str, value: Any) -> bool:
    return validator(name).is_valid(value)


def test_the_files_are_what_export_schema_writes() -> None:
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == documents()


def test_every_setting_is_explained_in_the_reference() -> None:
    page = (FOLDER / "configuration.md").read_text()
    for path, setting in settings().items():
        if not setting.section and path[-1] != ANY:
            assert setting.field.description, path
            assert f"\n| `{path[-1]}` | " in page


@pytest.mark.parametrize("name", [name for name in documents() if name.endswith(".json")])
def test_every_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((FOLDER / name).read_text()))


def test_asyncapi_refers_to_files_and_parts_that_are_there() -> None:
    document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
    assert document["asyncapi"] == "3.0.0"
    for reference in references(document):
        if reference.startswith("./"):
            assert (FOLDER / reference).is_file()
        else:
            assert resolved(document, reference)
    assert document["channels"]["alerts"]["address"] == "{prefix}.alerts"


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [inner] if key == "$ref" else references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolved(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


@pytest.mark.parametrize("kind", ["predictions", "labels"])
def test_the_schema_of_an_event_knows_every_field_that_is_read(kind: EventKind) -> None:
    schema = json.loads((FOLDER / f"{kind.removesuffix('s')}.schema.json").read_text())
    assert set(schema["properties"]) == set(STRUCTS[kind].__struct_fields__)


@pytest.mark.parametrize(
    ("event", "good"),
    [
        (FULL, True),
        (SHORT, True),
        (SHORT | {"prediction_id": 17}, True),
        (SHORT | {"score": None, "features": None, "model": 3, "version": 1.5}, True),
        (SHORT | {"prediction_id": ""}, False),
        (SHORT | {"prediction_id": 1.5}, False),
        (SHORT | {"prediction_id": "x" * 1_001}, False),
        (SHORT | {"prediction": None}, False),
        (SHORT | {"prediction": [1]}, False),
        (SHORT | {"time": None}, False),
        (SHORT | {"time": "yesterday"}, False),
        (SHORT | {"time": -1}, False),
        (SHORT | {"weight": -1}, False),
        (SHORT | {"model": ["m"]}, False),
        ({"prediction_id": "a1", "prediction": 1}, False),
        ({"time": 1, "prediction": 1}, False),
    ],
)
def test_the_schema_and_intake_agree_on_predictions(event: dict[str, Any], good: bool) -> None:
    assert (fits("prediction", event), reads("predictions", event)) == (good, good)


@pytest.mark.parametrize(
    ("event", "good"),
    [
        ({"prediction_id": "a1", "label": "ok"}, True),
        ({"prediction_id": "a1", "label": 0, "time": "2026-05-01T10:00:00+02:00", "weight": 2, "origin": "chargeback"}, True),
        ({"prediction_id": "a1", "label": True, "inclusion_probability": 0.1, "time": None}, True),
        ({"prediction_id": "a1", "op": "retract"}, True),
        ({"prediction_id": "a1", "op": "delete"}, False),
        ({"prediction_id": "a1"}, False),
        ({"prediction_id": "a1", "label": None}, False),
        ({"prediction_id": "a1", "label": {"a": 1}}, False),
        ({"prediction_id": "a1", "label": 1, "inclusion_probability": 0}, False),
        ({"label": 1}, False),
    ],
)
def test_the_schema_and_intake_agree_on_labels(event: dict[str, Any], good: bool) -> None:
    assert (fits("label", event), reads("labels", event)) == (good, good)


def reads(kind: EventKind, event: dict[str, Any]) -> bool:
    source = Source(topic="p") if kind == "predictions" else Labels(topic="l")
    try:
        Reading(kind, source, Features(), 500).read(msgspec.convert(event, STRUCTS[kind]))
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("event", "good"),
    [
        ({"stream": "s", "action": "verdict", "fingerprint": "f", "verdict": "false_alarm", "by": "ana"}, True),
        ({"stream": "s", "action": "silence", "fingerprint": "f", "until": "2026-05-01T10:00:00Z"}, True),
        ({"stream": "s", "action": "rebaseline", "feature": "amount", "version": 7}, True),
        ({"stream": "s", "action": "approve", "request_id": "r"}, True),
        ({"stream": "s", "action": "approve"}, False),
        ({"stream": "s", "action": "verdict", "fingerprint": "f"}, False),
        ({"stream": "s", "action": "silence", "fingerprint": "f"}, False),
        ({"stream": "s", "action": "dance"}, False),
        ({"stream": "s", "action": "resume", "why": "x"}, False),
    ],
)
def test_the_schema_and_intake_agree_on_control_events(event: dict[str, Any], good: bool) -> None:
    try:
        command(json.dumps(event).encode(), Config.model_validate(CONFIG))
        obeyed = True
    except Refused:
        obeyed = False
    assert (fits("control", event), obeyed) == (good, good)


def test_what_a_drifting_model_brings_fits_the_schemas() -> None:
    published = drifted()
    assert {name for name, events in published.items() if events} == {"alert", "retrain", "metrics"}
    for name, events in published.items():
        for event in events:
            assert list(validator(name).iter_errors(event)) == []


def drifted() -> dict[str, list[Any]]:
    """What a real task publishes of a model that begins to err."""
    memory = Memory()
    memory.create("stream-monitor.blocks")
    ids, seconds = [str(i) for i in range(2_000)], [float(i) for i in range(2_000)]
    wrong = [float(i >= 1_000 and i % 2 == 0) for i in range(2_000)]
    predictions = worlds.predictions(ids, seconds, [0.0, 1.0] * 1_000, latency=[5.0] * 2_000)
    labels = worlds.labels(ids, seconds, [(i % 2 + bad) % 2 for i, bad in enumerate(wrong)])
    blocks = [worlds.block(section) for section in (worlds.configuration(), predictions, labels)]
    for block in (*blocks, worlds.drained(5_000.0), worlds.drained(10_000.0)):
        memory.append("stream-monitor.blocks", encode(block), partition=0)
    log, watch = MemoryLog(memory, "watch", ["stream-monitor.blocks"]), Watch()
    while not log.drained:
        step(watch, log)
    topics = {"alert": "alerts", "retrain": "retrain", "metrics": "metrics"}
    return {name: [json.loads(v) for v in memory.values(f"stream-monitor.{topic}")] for name, topic in topics.items()}


def test_dead_letters_fit_their_schema() -> None:
    partition = Partition("p", 0)
    records = [Stored(0, 0, None, b"\xff"), Stored(1, 0, None, b'{"prediction_id": 1}')]
    slice = Slice(10**15, [Batch(partition, records)], [Gap(partition, 2, 5, "corrupt")], {partition: End(6, True)})
    config = Config.model_validate(CONFIG | {"dead_letters": {"payload": "full"}})
    letters = [json.loads(o.value or b"") for o in Intake(config).process(slice) if o.channel == "dead-letters"]
    assert [letter["data"]["reason"] for letter in letters] == ["unreadable", "invalid_json", "missing_time"]
    for letter in letters:
        assert list(validator("dead_letter").iter_errors(letter)) == []


def test_the_schema_of_the_configuration_takes_what_people_write() -> None:
    written = CONFIG | {
        "kafka": {"bootstrap_servers": "a:9092,b:9092", "sasl_password_file": "/run/secrets/kafka", "session_timeout": "45s"}
    }
    assert list(validator("config").iter_errors(written)) == []
    assert not fits("config", CONFIG | {"kafka": {"session_timeout": 45}})
    assert not fits("config", CONFIG | {"kafka": {"grop": "x"}})
    assert not fits("config", {})
