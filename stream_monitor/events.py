"""What goes out: CloudEvents 1.0 as JSON, with ids that are the same whenever the same thing is said."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stream_monitor.config.settings import Severity

AlertKind = Literal["concept_drift", "data_drift", "prediction_drift", "performance", "data_quality", "no_data", "monitor"]
EndReason = Literal["recovered", "retired", "rebaselined", "resumed", "configured", "reevaluated"]
Withdrawal = Literal["alert_ended", "false_alarm", "label_bias"]


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Position(_Out):
    """Rows of the stream so far."""

    predictions: int
    outcomes: int


class Effect(_Out):
    """How large a change is: in standard deviations of the reference, or in points of 1 of a rate."""

    value: float | None
    unit: Literal["sd", "points", "ratio"]


class Share(_Out):
    """How often a category comes."""

    category: str
    before: float
    after: float


class ChangeEstimate(_Out):
    """What changed, since when, and by how much."""

    position: int
    """The prediction with which it began, as far as can be told; of a metric, that with which it was seen."""
    interval: tuple[int, int] | None = None
    """Predictions between which it began, with 95% confidence."""
    time: str
    direction: Literal["up", "down", "both"]
    statistic: Literal["mean", "rate", "spread", "shares", "distribution", "metric"]
    """What has changed: mean, error rate, standard deviation, shares of categories, the distribution, or a metric."""
    before: float | None
    after: float | None
    effect: Effect
    shares: list[Share] = []
    """Of categories, those first that changed most."""
    together: list[str] = []
    """Other features that changed at about the same time; of all as one, those that have surely moved, the most first."""
    mostly: float | None = None
    """Of a number that mostly is one value and of which it has changed how often others come or what they are: that value;
    shares are of it and all others, a share before and after is that of others, and so is a mean."""
    label_age_s: float | None = None
    """Of a loss where a part of labels comes later: the age of predictions up to which labels are in it."""


class SegmentCause(_Out):
    """A segment that explains some of a rise of the loss."""

    segment: str
    share: float
    """Of the whole rise, at most 1."""
    before: float
    after: float
    """Its mean loss."""
    loss: Literal["error_rate", "mae"] = "error_rate"
    """What that is."""
    outcomes: int
    """Since the change."""


class Evidence(_Out):
    """Why an alert was raised."""

    detector: str
    statistic: float | None
    threshold: float | None
    n_reference: int
    n_current: int
    immature: bool = False
    """Whether the reference spans less time than configured."""
    chance_interval_s: float | None = None
    """Chance alone raises as much once in so many seconds, somewhere in the stream; null where that is not known."""
    extrapolated: bool = False
    """Whether the promise on false alarms is beyond the run lengths for which it was measured."""
    config_hash: str
    software: str


REMARKS = ("acknowledgedBy", "verdict", "verdictBy", "silencedUntil")
"""What people say of an alert."""


class Alert(_Out):
    """The state of an alert, in the words of Alertmanager."""

    status: Literal["firing", "resolved"]
    transition: Literal["opened", "updated", "resolved"]
    revision: int
    fingerprint: str
    startsAt: str
    endsAt: str | None = None
    endReason: EndReason | None = None
    labels: dict[str, str]
    annotations: dict[str, str]
    position: Position
    change: ChangeEstimate | None = None
    evidence: Evidence | None = None
    causes: list[SegmentCause] = []
    """Segments that explain most of it, where not everything has changed alike."""
    acknowledgedBy: str | None = None
    verdict: Literal["real", "false_alarm", "expected"] | None = None
    verdictBy: str | None = None
    silencedUntil: str | None = None


class DataSinceChange(_Out):
    """The data a new model could learn from."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    from_: str = Field(alias="from")
    to: str
    matured_to: str
    """Predictions before this have had their whole wait for a label."""
    rows: int
    """Predictions of the version since then, but for those that failed."""
    labelled: int
    """How many of these have a label."""
    coverage: float | None


class RetrainRequest(_Out):
    """A request to train a model version anew, and what became of it."""

    status: Literal["proposed", "approved", "rejected", "completed", "expired", "superseded", "withdrawn"]
    """`superseded`: there is a newer version; `withdrawn`: its alert has ended or was called a `false_alarm`,
    or its labels are not like the rest, and nobody had approved it."""
    revision: int
    request_id: str
    stream: str
    model: str
    version: str
    reason: Literal["concept_drift"]
    alert_ids: list[str]
    fingerprints: list[str]
    severity: Severity
    data_since_change: DataSinceChange
    minimum_labels: int
    ready: bool
    """Whether there are as many labels since the change as asked for."""
    requestedAt: str
    by: str | None = None
    """Who decided last: approved, rejected or completed it, or called its alert a `false_alarm`."""
    endReason: Withdrawal | None = None
    """Why it was withdrawn."""


class Period(_Out):
    """A window of event time; the end does not belong to it."""

    start: str
    end: str


class Latency(_Out):
    """Of predictions in the window, milliseconds."""

    n: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Measured(_Out):
    """A metric over some outcomes."""

    value: float | None
    """Null where it is not defined, as precision without a positive prediction."""
    n: float
    """Outcomes that it rests on; with weights, as many equally weighted ones as would say as much."""
    low: float | None = None
    high: float | None = None
    """Between these with 95% confidence."""


class Serving(_Out):
    """How predictions went that say so by their `status`."""

    n: int
    errors: int
    timeouts: int
    error_rate: Measured
    """The share that failed, timeouts included."""
    timeout_rate: Measured


class CoverageByAge(_Out):
    """How many predictions have a label some time after their window."""

    age_s: float
    coverage: float


class LabelHealth(_Out):
    """Of labels in the window, by the time at which they came."""

    joined: int
    corrected: int
    withdrawn: int
    delay_p50_s: float | None
    """From prediction to label; 0 where the time of the label is the earlier one."""
    delay_p95_s: float | None
    waiting: int
    """Predictions of the stream whose wait is not over, labelled or not."""
    matured: int
    """Predictions of the stream whose wait ended in the window."""
    coverage: float | None
    """The share of those that had a label by then."""
    by_age: list[CoverageByAge] = []
    """The share of predictions with a label, by how long ago their window ended; of the last window of each age."""


class Confusion(_Out):
    """How often each class was predicted for each: a row for each actual class, a column for each predicted one."""

    classes: list[str]
    counts: list[list[float]]


class SegmentPerformance(_Out):
    """The same of a segment, such as `region=eu`."""

    segment: str
    outcomes: int
    """Each as one, whatever its weight."""
    partial: bool = False
    """Whether it had no place of its own for some of the time, the outcomes of which are among `(other)`."""
    loss: float | None
    """The mean of what is watched for concept drift: errors, or absolute errors."""
    metrics: dict[str, Measured]


class Performance(_Out):
    """What outcomes say."""

    task: Literal["binary", "multiclass", "regression"] | None = None
    outcomes: int
    metrics: dict[str, Measured] = {}
    """By name: accuracy, roc_auc, mae, ..."""
    reference: dict[str, float] = {}
    """The same of the reference, where that is known."""
    positive: str | None = None
    """The positive class of a binary task."""
    confusion: Confusion | None = None
    classes: dict[str, dict[str, Measured]] = {}
    """Of each class of a multiclass task."""
    error_quantiles: dict[str, float] = {}
    """Of a regression, prediction less label."""
    roc_auc_error: float | None = None
    """The most that `roc_auc` may be off because there were too many scores to keep all."""
    segments: list[SegmentPerformance] = []
    """Those with enough outcomes, the largest first."""
    segments_hidden: int = 0
    """Segments with too few."""


class CohortHealth(_Out):
    """How complete the labels of a window's predictions are."""

    final: bool
    """Whether no label can come any more that would count."""
    labelled: int
    waiting: int
    """Predictions without a label that may still get one."""
    coverage: float | None
    """The share of predictions that have a label."""
    delay_p50_s: float | None
    """From prediction to label; 0 where the time of the label is the earlier one."""
    delay_p95_s: float | None
    expected_coverage: float | None = None
    """The same once it is final, by the windows that are; null where nothing waits any more."""
    expected_complete: str | None = None
    """When 98% of the labels that will come are expected to be there; null where nothing waits any more."""


class Estimated(_Out):
    """What the scores of a window's predictions, or their features, let expect before labels come."""

    metrics: dict[str, Measured]
    """By name; between low and high is what labels will show if only the inputs have changed."""
    learnt_from: int
    """Outcomes that it was learnt from what scores are worth."""
    calibration_error: float | None
    """Expected calibration error of the scores as they are, of the worst class, on outcomes that nothing was learnt from."""
    calibrated: bool | None
    """Whether scores of any class are calibrated, because that makes this error smaller; null where there are none."""


class SinceBeginning(_Out):
    """A version since it began."""

    start: str
    arrival: Performance
    """Outcomes whose label has come."""
    cohort: Performance
    """Outcomes of predictions whose wait is over."""


class SignalReading(_Out):
    """What a detector said of a signal when the window closed."""

    signal: Literal["feature", "prediction", "score", "loss", "risk"]
    name: str
    detector: str
    statistic: float | None
    threshold: float | None
    firing: bool


class Metrics(_Out):
    """Everything about one stream and model version in one window.

    Windows are of event time.  `arrival`: outcomes whose label came in the window, whenever they were predicted; said once.
    `cohort`: outcomes of the window's predictions, whenever their label came; said again as labels come, until it is final.
    """

    stream: str
    model: str
    version: str
    basis: Literal["arrival", "cohort"]
    window: Period
    predictions: int
    rate_per_s: float
    counts: dict[str, int] = {}
    """Of the stream: duplicates, late, ahead, missing, infinite, ... in the window."""
    latency: Latency | None = None
    serving: Serving | None = None
    labels: LabelHealth | None = None
    cohort: CohortHealth | None = None
    performance: Performance
    estimated: Estimated | None = None
    """Of the window's predictions, where they have scores."""
    since: SinceBeginning | None = None
    models: list[dict[str, Any]] = []
    """How challengers stand against the model in production, what is known of where it errs, and what is learnt from.

    Of a challenger `loss` and `production` are the mean losses of both over all `compared` outcomes, `difference` between `low`
    and `high` is the mean of production's less its own over the `n` since `since`: error rates, or absolute errors in full.  Of
    a regression `cut` has what `better` is judged by, the same difference where errors above `at` count as that, and in how
    many of its `rows` one was.
    """
    signals: list[SignalReading] = []


class CloudEvent(_Out):
    """The envelope."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    type: str
    source: str
    subject: str
    time: str
    recordedtime: str
    """When the row arrived that caused this."""
    datacontenttype: Literal["application/json"] = "application/json"


class AlertEvent(CloudEvent):
    """An alert opened, changed or resolved."""

    type: Literal["io.streammonitor.alert.v1"] = "io.streammonitor.alert.v1"
    data: Alert


class RetrainEvent(CloudEvent):
    """A retrain request was made or changed."""

    type: Literal["io.streammonitor.retrain.requested.v1"] = "io.streammonitor.retrain.requested.v1"
    expirytime: str | None
    """Null while there are too few labels."""
    data: RetrainRequest


class MetricsEvent(CloudEvent):
    """A window closed."""

    type: Literal["io.streammonitor.metrics.v1"] = "io.streammonitor.metrics.v1"
    data: Metrics


def encode(event: CloudEvent) -> bytes:
    """An event as JSON."""
    return event.model_dump_json(by_alias=True, exclude_none=False).encode()


def identity(*parts: Any) -> str:
    """A deterministic id: the same for the same parts, in any process."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def iso(microseconds: int) -> str:
    """Epoch microseconds as an RFC 3339 time in UTC."""
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000)
    return moment.isoformat(timespec="milliseconds" if microseconds % 1_000 == 0 else "microseconds").replace("+00:00", "Z")


def finite(value: float | None) -> float | None:
    """A number that JSON knows; None where it is missing or infinite."""
    return float(value) if value is not None and math.isfinite(value) else None
