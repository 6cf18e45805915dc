"""The topics and what is in them, as an AsyncAPI 3.0 document that refers to the schema files."""

from __future__ import annotations

from typing import Any, NamedTuple

from stream_monitor import __version__

Document = dict[str, Any]
_OURS = "io.streammonitor"


class Message(NamedTuple):
    """A kind of event."""

    name: str
    """As its schema file is called."""
    title: str
    key: str
    """What the record's key is."""
    type: str | None = None
    """Its CloudEvents type; None for events that come in as plain JSON."""


class Topic(NamedTuple):
    """A topic, and whether we read or write it."""

    id: str
    address: str | None
    """None where the configuration names it."""
    action: str
    message: str
    summary: str


MESSAGES = (
    Message("prediction", "Prediction", "free; `prediction_id` is customary"),
    Message("label", "Label", "free; the `prediction_id` where records without a value withdraw labels"),
    Message("control", "Control event", "free"),
    Message("alert", "Alert", "the stream's name, or the fingerprint where compacted", f"{_OURS}.alert.v1"),
    Message("retrain", "Retrain", "the stream's name, or the request id where compacted", f"{_OURS}.retrain.requested.v1"),
    Message("metrics", "Metrics of a window", "the stream's name", f"{_OURS}.metrics.v1"),
    Message("dead_letter", "Dead letter", "the stream's or the topic's name", f"{_OURS}.deadletter.v1"),
)  # fmt: skip
TOPICS = (
    Topic("predictions", None, "receive", "prediction", "What models said: `streams.NAME.predictions.topic`."),
    Topic("labels", None, "receive", "label", "What turned out to be true: `streams.NAME.labels.topic`."),
    Topic("control", "{prefix}.control", "receive", "control", "Verdicts, silences, new baselines, decisions on retraining."),
    Topic("alerts", "{prefix}.alerts", "send", "alert", "Every transition of every alert, in order for each stream."),
    Topic("alertsCurrent", "{prefix}.alerts.current", "send", "alert", "The latest state of every alert; compacted."),
    Topic("retrain", "{prefix}.retrain", "send", "retrain", "Every transition of every retrain request."),
    Topic("retrainCurrent", "{prefix}.retrain.current", "send", "retrain", "The latest state of every request; compacted."),
    Topic("metrics", "{prefix}.metrics", "send", "metrics", "What happened in each window that closed, by model version."),
    Topic("deadLetters", "{prefix}.dead-letters", "send", "dead_letter", "What could not be used, where it was and why."),
)
_ABOUT = """\
Reads the predictions and labels of models, and says when a model drifts or errs more.
Events out are CloudEvents 1.0 in structured JSON, at least once with ids that are the same every time: drop what was seen.
Topics are read with isolation.level=read_committed.  Blocks, snapshots and what waits are internal and not described here.
"""


def asyncapi() -> Document:
    """The document, to be written beside the schemas."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Stream Monitor", "version": __version__, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "`kafka.bootstrap_servers`"}},
        "channels": {topic.id: _channel(topic) for topic in TOPICS},
        "operations": {f"{topic.action}{topic.id[0].upper()}{topic.id[1:]}": _operation(topic) for topic in TOPICS},
        "components": {"messages": {message.name: _message(message) for message in MESSAGES}},
    }  # fmt: skip


def _channel(topic: Topic) -> Document:
    channel: Document = {"address": topic.address, "summary": topic.summary}
    channel["messages"] = {topic.message: {"$ref": f"#/components/messages/{topic.message}"}}
    if topic.address is not None:
        channel["parameters"] = {"prefix": {"description": "`topics.prefix`", "default": "stream-monitor"}}
    return channel


def _operation(topic: Topic) -> Document:
    return {
        "action": topic.action,
        "channel": {"$ref": f"#/channels/{topic.id}"},
        "summary": topic.summary,
        "messages": [{"$ref": f"#/channels/{topic.id}/messages/{topic.message}"}],
    }


def _message(message: Message) -> Document:
    return {
        "name": message.type or message.name,
        "title": message.title,
        "contentType": "application/json" if message.type is None else "application/cloudevents+json",
        "payload": {"$ref": f"./{message.name}.schema.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": message.key}}},
    }
