"""What is said about one stream: a section of the configuration file, and a record of the log, in force from its offset."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

import detectors
from stream_monitor.config.alert_name import OptionalAlert
from stream_monitor.config.better import Kind, known_of
from stream_monitor.config.budget import FalseAlarms
from stream_monitor.config.duration import Duration, parse, show
from stream_monitor.config.fields import LabelField, PredictionField
from stream_monitor.config.models import Models
from stream_monitor.config.nearest import nearest_word
from stream_monitor.config.performance import AgainstRule, Performance
from stream_monitor.config.problem import Misfit, Path
from stream_monitor.config.quality import NoData, Quality
from stream_monitor.config.settings import Settings, Severity

Scalar = str | int | float | bool
DriftKind = Literal["concept_drift", "data_drift", "prediction_drift"]
DetectedKind = DriftKind | Literal["performance"]
"""Kinds of alerts that detectors raise."""
Budget = FalseAlarms | dict[Severity, FalseAlarms]
"""One line for all alarms, or one for each severity."""
Effect = Annotated[float, Field(ge=0, le=100)]
Weight = Annotated[float, Field(ge=0, le=1_000)]
_DAY = parse("1d")
_STEPS = 60
_TOPIC = re.compile(r"[A-Za-z0-9._-]+")


class Source(Settings):
    """A topic that events come from."""

    topic: str = Field(min_length=1, max_length=249)
    """The name of the topic."""
    fields: dict[PredictionField, str] = Field(default_factory=dict)
    """Where to find our fields in their events: our name to their dotted path, `features: "*"` for all that is left.

    `score: probabilities.1` is the second item of a list.
    """
    zone: str = "UTC"
    """The time zone of times without one."""
    unit: Literal["auto", "s", "ms", "us", "ns"] = "auto"
    """Of times that are numbers; by size if auto."""

    @field_validator("topic")
    @classmethod
    def _possible_in_kafka(cls, topic: str) -> str:
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            raise ValueError(f"Kafka has no topic like {topic!r}: only letters, digits, `.`, `_` and `-` may be in a name")
        return topic

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo, available_timezones

        if zone != "UTC" and zone not in available_timezones():
            raise ValueError(f"unknown time zone {zone!r}; use a name like Europe/Lisbon")
        return "UTC" if zone == "UTC" else ZoneInfo(zone).key


class Absent(Settings):
    """What it means when no label comes."""

    label: Scalar
    """The label that no label means."""
    after: Duration = Field(gt=0)
    """After how long, from the prediction's time."""


class Labels(Source):
    """Labels and how long to wait for them."""

    fields: dict[LabelField, str] = Field(default_factory=dict)
    """Where to find our fields in their events: our name to their dotted path."""
    wait: Duration = Field(parse("7d"), gt=0)
    """How long a prediction is waited for, from its time."""
    age: Duration | None = Field(None, gt=0)
    """How old predictions are when what is watched of their losses takes them, with the label that they have by then.

    As old as most are, of errors and of others, when their label comes, unless said.
    """
    absent: Absent | None = None
    values: dict[str, Scalar] = Field(default_factory=dict)
    """Renames labels, theirs to ours."""

    @property
    def waits(self) -> tuple[int, ...]:
        """How long a label is waited for, and, if that means one, how long none."""
        return (self.wait,) if self.absent is None else (self.wait, self.absent.after)

    @model_validator(mode="after")
    def _absence_within_wait(self) -> Labels:
        if self.absent is not None and self.absent.after > self.wait:
            raise ValueError("labels.absent.after may not be longer than labels.wait")
        if self.age is not None and self.age > self.wait:
            raise ValueError("labels.age may not be longer than labels.wait")
        if self.age is not None and self.absent is not None:
            raise ValueError("labels.age is labels.absent.after where the absence of a label is one")
        return self


class Features(Settings):
    """Which features are watched, and as what."""

    include: tuple[str, ...] | None = None
    """Only these; all unless said."""
    exclude: tuple[str, ...] = ()
    """Not these."""
    types: dict[str, Literal["numeric", "categorical"]] = Field(default_factory=dict)
    """What features are, where it is not to be found out from the first rows."""


class Reference(Settings):
    """What everything is compared with: the first rows, a file, or a time range of the topic."""

    rows: int = Field(2_000, ge=50, le=100_000)
    """How many rows it has, unless it is a file or a time range."""
    span: Duration = Field(0, ge=0)
    """How much event time it should be of; alerts by one of less say `immature`.

    It makes no reference longer: that takes more `rows`, or a file.
    """
    renew_after: Duration | None = Field(None, gt=0)
    """A change that has lasted so long is the new normal: what is watched is learnt anew from the rows to come.

    An improvement of the loss never is.
    """
    file: str | None = None
    """Predictions (with a `label` where known) in a file that intake can read."""
    since: str | None = None
    """Where a time range of the prediction topic begins, by the time of its records."""
    until: str | None = None
    """A time range of the prediction topic, by the time of its records, as ISO times; UTC without a zone."""

    @field_validator("since", "until")
    @classmethod
    def _time(cls, time: str | None) -> str | None:
        try:
            return time and datetime.fromisoformat(time).isoformat()
        except ValueError:
            raise ValueError(f"not a time: {time!r}; write it like 2026-05-01T00:00:00Z") from None

    @model_validator(mode="after")
    def _one_kind(self) -> Reference:
        if (self.since is None) != (self.until is None):
            raise ValueError("a time range needs both reference.since and reference.until")
        if self.since is not None and self.file is not None:
            raise ValueError("a reference is a file or a time range, not both")
        if self.since is not None and self.until is not None and _in_utc(self.since) >= _in_utc(self.until):
            raise ValueError(f"reference.since must be before reference.until, got {self.since} and {self.until}")
        return self


class Versions(Settings):
    """What a new model version is compared with, and when an old one is over."""

    reference: Literal["own", "previous"] = "own"
    """What a new version is compared with: its own first rows, or what the one before was compared with."""
    retire_after: Duration = Field(parse("1d"), gt=0)
    """For how long a version must be silent, while others of the stream predict, to be over."""


class Metrics(Settings):
    """Windows of event time that metrics are given for."""

    window: Duration = Field(parse("1h"), ge=parse("1s"))
    """The length of the shortest windows."""
    also: tuple[Duration, ...] | None = None
    """Longer windows, each a multiple of the first; a day unless said, where it is one."""
    grace: Duration = Field(parse("1m"), ge=0)
    """How long a window stays open for rows that come late, by the stream's clock."""
    top_k: int = Field(3, ge=1, le=20)
    """Of many classes: in how many of the most likely ones the actual one is, for `top_k_accuracy`."""

    @model_validator(mode="after")
    def _multiples(self) -> Metrics:
        for one in self.also or ():
            if one <= self.window or one % self.window:
                raise ValueError(f"metrics.also: {show(one)} is no multiple of metrics.window, {show(self.window)}")
        return self

    @property
    def step(self) -> int:
        """Microseconds in which outcomes come to be compared together: a second for each minute of the shortest window."""
        return self.window // _STEPS

    @property
    def longer(self) -> tuple[int, ...]:
        """The lengths of the longer windows, the shortest first."""
        if self.also is None:
            return (_DAY,) if self.window < _DAY and _DAY % self.window == 0 else ()
        return tuple(sorted(set(self.also)))


class Segments(Settings):
    """How predictions are divided: by the `segments` that come with them."""

    keys: tuple[str | tuple[str, str], ...] = Field((), max_length=16)
    """Each divides them; two together by what both say."""
    top: int = Field(10, ge=1, le=1_000)
    """How many values of each key have metrics of their own, those that come most often; all others are one."""
    minimum: int = Field(30, ge=1)
    """Outcomes below which a segment of a window is not shown."""

    @model_validator(mode="after")
    def _each_once(self) -> Segments:
        divided = [frozenset(names) for names in self.crossings]
        for at, names in enumerate(self.crossings):
            if divided[at] in divided[:at] or len(divided[at]) < len(names):
                raise ValueError(f"segments.keys.{at}: {','.join(names)} is there twice")
        return self

    @property
    def crossings(self) -> tuple[tuple[str, ...], ...]:
        """The keys, each as the names that it is of."""
        return tuple((key,) if isinstance(key, str) else key for key in self.keys)


class Detectors(Settings):
    """Detectors by name, with their settings, for each kind of signal."""

    features: dict[str, dict[str, Any]] = Field({"scan": {"stride": 16}})
    """Of features that are numbers."""
    categories: dict[str, dict[str, Any]] = Field({"counts": {}})
    """Of features that are texts, or have few different values."""
    prediction: dict[str, dict[str, Any]] = Field({"scan": {}})
    """Of a regression; predicted classes are watched as categories are."""
    score: dict[str, dict[str, Any]] = Field({"scan": {}})
    """Of scores; where predictions have only those of classes, of the highest."""
    loss: dict[str, dict[str, Any]] = Field({"scan": {}})
    """Of what outcomes cost: errors, or absolute errors."""

    @field_validator("features", "categories", "prediction", "score", "loss")
    @classmethod
    def _buildable(cls, chosen: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, settings in chosen.items():
            made = detectors.detector(name)
            parameters = inspect.signature(made).parameters.values()
            known = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
            unknown = sorted(settings.keys() - set(known))
            if unknown and not any(one.kind is one.VAR_KEYWORD for one in parameters):
                meant = nearest_word(unknown[0], known)
                hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known) or 'none'}"
                raise ValueError(f"{name} has no setting {unknown[0]!r}; {hint}")
            try:
                made(1, **settings)
            except TypeError:
                raise ValueError(f"{name}: a setting is of a wrong type: {settings}") from None
        return chosen


class Alerts(Settings):
    """What alerts carry, how severe they are and when they end."""

    labels: dict[str, str] = Field(default_factory=dict)
    """Labels that every alert carries, beside those that say what it is about (`severity`, `stream`, `feature` and so on)."""
    runbook_url: str | None = None
    """An annotation that every alert carries."""
    severity: dict[DriftKind, Severity | Literal["none"]] = Field(default_factory=dict)
    """By kind; `none` turns one off."""
    resolve_after: int = Field(2_000, ge=1)
    """Rows of its signal over which a signal must have been back."""
    min_effect: dict[str, Effect] = Field(default_factory=dict)
    """The smallest change that matters, by kind or by feature: in standard deviations, or points of a share times ten."""
    weights: dict[DriftKind, Weight] = Field(default_factory=dict)
    """How much of the budget a signal of each kind gets, against 1 for others."""
    off: tuple[OptionalAlert, ...] = ()
    """Alerts that are never raised, by name, such as LabelBias; those about the monitor itself always are."""

    def least(self, kind: DetectedKind) -> float:
        """The smallest change of a kind of signal that matters, in standard deviations."""
        return self.min_effect.get(kind, 0.1 if kind in ("data_drift", "prediction_drift") else 0.01)

    def weight(self, kind: DetectedKind) -> float:
        """How much of the budget a signal of a kind gets."""
        return 1.0 if kind == "performance" else self.weights.get(kind, 1.0)

    def severe(self, kind: DetectedKind) -> Severity | None:
        """How severe a change of a kind of signal is; None where it is no alert."""
        if kind == "performance":
            return "critical"
        chosen = self.severity.get(kind, "critical" if kind == "concept_drift" else "warning")
        return None if chosen == "none" else chosen


class Retrain(Settings):
    """When a retrain request is made and what becomes of it."""

    enabled: bool = True
    """Whether any is made."""
    auto: bool = False
    """Whether a request is approved as it is made; otherwise it is proposed."""
    minimum_labels: int = Field(1_000, ge=0)
    """Labels since the change, before a request is ready."""
    expires: Duration = Field(parse("7d"), gt=0)
    """Counts from when there are enough labels."""
    cooldown: Duration = Field(parse("1d"), ge=0)
    """Between the end of a request and the next, which is made even if nothing new is found, as long as the alert fires.

    It doubles each time that a request of the same alert expires again.
    """


class StreamConfig(Settings):
    """One stream: where its events come from and how it is watched."""

    predictions: Source
    labels: Labels | None = None
    per: Literal["stream", "model"] = "stream"
    """Whether all models are one stream, or each is one of its own."""
    task: Literal["auto", "binary", "multiclass", "regression"] = "auto"
    """What is predicted; found out from the first predictions if auto."""
    positive: Scalar | None = None
    """The positive class of a binary task; found if it is safe."""
    features: Features = Features()
    reference: Reference = Reference()
    versions: Versions = Versions()
    metrics: Metrics = Metrics()
    segments: Segments = Segments()
    performance: Performance = Performance()
    models: Models = Models()
    quality: Quality = Quality()
    no_data: NoData = NoData()
    detectors: Detectors = Detectors()
    alerts: Alerts = Alerts()
    false_alarms: Budget | None = None
    """A budget of its own; otherwise the stream has its share of the deployment's."""
    retrain: Retrain = Retrain()

    @model_validator(mode="after")
    def _a_reference_is_of_one_stream(self) -> StreamConfig:
        given = [key for key in ("file", "since") if getattr(self.reference, key) is not None]
        if self.per == "model" and given:
            raise ValueError(f"reference.{given[0]} is of one model, not with per: model; each model's first rows are its own")
        return self

    @model_validator(mode="after")
    def _rules_can_speak(self) -> StreamConfig:
        windows = (self.metrics.window, *self.metrics.longer)
        keys = [",".join(key) for key in self.segments.crossings]
        for at, rule in enumerate(self.performance.limits):
            path = ("performance", "limits", at)
            if rule.window not in (None, *windows):
                known = ", ".join(map(show, windows))
                raise Misfit((*path, "window"), f"is no window of metrics, which are {known}; metrics.also adds others")
            if rule.segment is None:
                continue
            if ",".join(part.partition("=")[0] for part in rule.segment.split(",")) not in keys:
                known = "; ".join(keys) or "there are none"
                raise Misfit((*path, "segment"), f"is by none of segments.keys, in their order ({known}): {rule.segment}")
            if rule.metric in ("roc_auc", "average_precision") or rule.basis == "estimated":
                what = "what is estimated" if rule.basis == "estimated" else rule.metric
                raise Misfit(path, f"a rule about {what} is of all rows, never of a segment")
        return self

    @model_validator(mode="after")
    def _rules_are_for_the_task(self) -> StreamConfig:
        """What is compared unless said otherwise is for binary tasks, and nothing for others."""
        against = self.performance.against_reference.metrics
        named: list[tuple[Path, str]] = [(("limits", at), rule.metric) for at, rule in enumerate(self.performance.limits)]
        if against != AgainstRule().metrics:
            named += [(("against_reference", "metrics"), metric) for metric in against]
        for where, metric in named:
            if not known_of(metric) & self.measured_as:
                raise Misfit(("performance", *where), f"{metric} is no metric of a {self.task} task")
        return self

    @property
    def measured_as(self) -> set[Kind]:
        """The kinds of outcomes that there can be; without a positive class, two classes may be measured as many."""
        if self.task == "auto":
            return {"binary", "multiclass", "regression"}
        return {"binary", "multiclass"} if self.task == "binary" and self.positive is None else {self.task}

    @field_validator("task", mode="before")
    @classmethod
    def _no_ranking(cls, task: object) -> object:
        if task == "ranking":
            raise ValueError("ranking is not supported: there is no loss per prediction to watch")
        return task


class Limits(Settings):
    """What is bounded; beyond it something is left out, counted and said."""

    streams: int = Field(10_000, ge=1)
    """Streams, those of models included."""
    versions: int = Field(20, ge=1)
    """Model versions of a stream that are live at once."""
    features: int = Field(500, ge=1)
    """Features of a stream."""
    categories: int = Field(1_000, ge=1)
    """Different values of a text that are told apart."""
    waiting: int = Field(10_000_000, ge=1_000)
    """Predictions of a stream that wait for a label; beyond it they are sampled by the hash of their id."""
    early_labels: int = Field(100_000, ge=0)
    """Labels of a stream that came before their prediction."""


class StreamRecord(Settings):
    """A stream's configuration as it stands in the log."""

    revision: int = 0
    deployment: str = "default"
    config: StreamConfig
    limits: Limits = Limits()
    false_alarms: Budget = "1 per 30d"
    """The deployment's budget."""
    streams: int = 1
    """How many streams share it."""


def _in_utc(time: str) -> datetime:
    read = datetime.fromisoformat(time)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
