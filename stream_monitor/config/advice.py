"""What a configuration leaves open: what cannot work, what is not watched, and what is found out from the first rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from stream_monitor.config.alert_name import OUR_LABELS
from stream_monitor.config.deployment import Config, Kafka
from stream_monitor.config.duration import show
from stream_monitor.config.silent_rules import silent_rules
from stream_monitor.config.stream import StreamConfig
from stream_monitor.models import catalogue

Level = Literal["ok", "warning", "error"]
_HOUR, _DAY = 3_600_000_000, 86_400_000_000


class Advice(NamedTuple):
    """One thing about a configuration that its author should know."""

    level: Level
    key: str
    """The dotted path of the setting, or what it is about."""
    text: str
    where: str = ""
    """A file and a line, or an environment variable; empty where it is about Kafka, or nothing is wrong."""


def advice(config: Config) -> list[Advice]:
    """Everything that can be said without asking Kafka, stream after stream."""
    said = list(_deployment(config))
    for name, stream in config.streams.items():
        said += [one._replace(key=f"streams.{name}{one.key}") for one in _stream(config, stream)]
    return said


def kept(retention: int, key: str) -> Iterator[Advice]:
    """Whether the record of blocks, kept for so many microseconds, goes back as far as a restart has to read it."""
    if retention < _HOUR:
        text = f"is {show(retention)}: a restart reads blocks from snapshots on, which are minutes old, and could miss some"
        yield Advice("error", key, text)
    elif retention < _DAY:
        yield Advice("warning", key, f"is {show(retention)}: after an outage that is as long, blocks would be lost")


def _deployment(config: Config) -> Iterator[Advice]:
    if len(config.streams) > config.limits.streams:
        yield Advice("error", "limits.streams", f"is {config.limits.streams}, and there are {len(config.streams)} streams")
    yield from kept(config.topics.retention, "topics.retention")
    if config.kafka.session_timeout >= config.kafka.poll_interval:
        yield Advice("warning", "kafka.session_timeout", "is as long as kafka.poll_interval: a stuck replica is noticed late")
    if config.kafka.sasl_mechanism is not None and not config.kafka.security_protocol.startswith("SASL"):
        yield Advice("error", "kafka.sasl_mechanism", "has no effect without security_protocol: SASL_SSL or SASL_PLAINTEXT")
    yield from _credentials(config.kafka)
    if config.kafka.security_protocol == "SASL_PLAINTEXT":
        text = "SASL_PLAINTEXT does not encrypt: events, and with PLAIN the password, are sent openly"
        yield Advice("warning", "kafka.security_protocol", text)
    if config.dead_letters.payload == "full":
        yield Advice("warning", "dead_letters.payload", "dead letters will carry whole events, features included")
    if config.http.host not in ("127.0.0.1", "::1", "localhost"):
        yield Advice("ok", "http.host", "is not of this machine alone: status and metrics are open to whoever reaches it")
    own = f"{config.topics.prefix}."
    for name, stream in config.streams.items():
        for source in (stream.predictions, stream.labels):
            if source is not None and source.topic.startswith(own):
                yield Advice("error", f"streams.{name}", f"reads {source.topic}, which is named like our own topics ({own}...)")


def _credentials(kafka: Kafka) -> Iterator[Advice]:
    """Who a client says it is; what `client` holds may say it as well."""
    if not kafka.security_protocol.startswith("SASL") or any(name.startswith("sasl_") for name in kafka.client):
        return
    if kafka.sasl_mechanism is None:
        yield Advice("error", "kafka.sasl_mechanism", f"is needed with security_protocol: {kafka.security_protocol}")
    elif kafka.sasl_mechanism == "PLAIN" or kafka.sasl_mechanism.startswith("SCRAM"):
        for key, value in (("sasl_username", kafka.sasl_username), ("sasl_password", kafka.sasl_password)):
            if value is None:
                yield Advice("error", f"kafka.{key}", f"is needed with sasl_mechanism: {kafka.sasl_mechanism}")


def _stream(config: Config, stream: StreamConfig) -> Iterator[Advice]:
    yield from _labels(stream)
    yield from _features(stream)
    yield from _reference(stream)
    yield from _detectors(stream)
    yield from _models(stream)
    yield from (Advice("warning", key, why) for key, why in silent_rules(stream))
    yield from _inferred(stream)
    if stream.per == "model":
        yield Advice("ok", ".per", "each model is a stream of its own, from its first prediction; labels must carry the model")


def _labels(stream: StreamConfig) -> Iterator[Advice]:
    if stream.labels is None:
        text = "are missing: neither performance nor concept drift is watched, and no retrain is requested"
        yield Advice("warning", ".labels", text)
    elif stream.labels.topic == stream.predictions.topic:
        text = (
            f"is {stream.labels.topic}, as that of predictions: events would be read as both, and be dead letters as one; "
            "labels need a topic of their own"
        )
        yield Advice("error", ".labels.topic", text)


def _features(stream: StreamConfig) -> Iterator[Advice]:
    features = stream.features
    if features.include is not None and (both := sorted(set(features.include) & set(features.exclude))):
        yield Advice("warning", ".features", f"are included and excluded, so not watched: {', '.join(both)}")
    if features.include is not None and not set(features.include) - set(features.exclude):
        yield Advice("warning", ".features.include", "leaves none: data drift is not watched")
    unread = sorted(name for name in features.types if name in features.exclude)
    if unread:
        yield Advice("warning", ".features.types", f"says something about features that are excluded: {', '.join(unread)}")


def _reference(stream: StreamConfig) -> Iterator[Advice]:
    reference = stream.reference
    if reference.file is not None:
        return
    if not reference.span:
        text = (
            f"is not set: the first {reference.rows:,} rows are the reference, even if they are from one minute, "
            "and nothing says so; with 1d or 7d alerts do. What makes it longer is more `rows`, or a file"
        )
        yield Advice("warning", ".reference.span", text)


def _detectors(stream: StreamConfig) -> Iterator[Advice]:
    chosen, rows = stream.detectors, stream.reference.rows
    for kind, named in (
        ("features", chosen.features),
        ("prediction", chosen.prediction),
        ("score", chosen.score),
        ("loss", chosen.loss),
    ):
        if not named:
            yield Advice("warning", f".detectors.{kind}", "are none: nothing watches them")
        for name, settings in named.items():
            window = settings.get("window", 0)
            if isinstance(window, int) and window > rows:
                yield Advice(
                    "warning", f".detectors.{kind}.{name}", f"window ({window}) is longer than reference.rows ({rows})"
                )
    silent = sorted(kind for kind, severity in stream.alerts.severity.items() if severity == "none")
    if silent:
        yield Advice("warning", ".alerts.severity", f"is none, so never alerted: {', '.join(silent)}")
    if ours := sorted(OUR_LABELS & stream.alerts.labels.keys()):
        yield Advice("error", ".alerts.labels", f"has what alerts say themselves: {', '.join(ours)}; give it another name")


def _models(stream: StreamConfig) -> Iterator[Advice]:
    regression, models = "regression" in stream.measured_as, stream.models
    tasks = ({"regression"} if regression else set()) | ({"classification"} if stream.measured_as != {"regression"} else set())
    idle = [name for name in models.challengers if catalogue.ENTRIES[name].task not in tasks]
    if idle:
        yield Advice("warning", ".models.challengers", f"are not for a {stream.task} task, and do nothing: {', '.join(idle)}")
    if (
        stream.task == "auto"
        and stream.per == "stream"
        and len({catalogue.ENTRIES[name].task for name in models.challengers}) > 1
    ):
        text = "are of classifications and of regressions, which no stream is both: some do nothing"
        yield Advice("warning", ".models.challengers", text)
    if models.estimate_loss and not regression:
        yield Advice("warning", ".models.estimate_loss", f"does nothing in a {stream.task} task: it is of regressions")


def _inferred(stream: StreamConfig) -> Iterator[Advice]:
    if stream.labels is not None and stream.task == "auto":
        yield Advice("ok", ".task", "is found out from the first predictions: binary, multiclass or regression")
    if not stream.features.types:
        yield Advice("ok", ".features.types", "are found out: texts, and numbers of few different values, are categories")
    chosen = stream.detectors
    watched = {
        "features": chosen.features, "categories": chosen.categories, "prediction": chosen.prediction, "score": chosen.score,
        "loss": chosen.loss if stream.labels else {},
    }  # fmt: skip
    yield Advice("ok", ".detectors", "; ".join(f"{kind}: {', '.join(named) or 'nothing'}" for kind, named in watched.items()))
