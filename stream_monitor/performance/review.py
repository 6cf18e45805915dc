"""What windows of metrics are alerts about, and which segments explain a loss that rises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

from stream_monitor.alerting import doubts
from stream_monitor.alerting.alerts import Alerts, Moment, Subject, Telling
from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.better import BETTER, SERVING, is_share
from stream_monitor.config.duration import show
from stream_monitor.config.settings import Severity
from stream_monitor.config.stream import StreamRecord
from stream_monitor.estimation.estimates import Estimates, Verdict
from stream_monitor.events import Alert, ChangeEstimate, Effect, SegmentCause, iso
from stream_monitor.figures import number
from stream_monitor.joining.join import Join
from stream_monitor.metrics.cohorts import Seen
from stream_monitor.metrics.history import Split
from stream_monitor.metrics.label_bias import FIFTHS, MEAN, Bias
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.metrics.reading import NOTHING, Reading, Readings
from stream_monitor.metrics.tally import ALL, Tally
from stream_monitor.metrics.windows import Closed
from stream_monitor.performance.course import Kind
from stream_monitor.performance.explanation import Counts, causes, rose_at_first
from stream_monitor.performance.rules import Rules, Said, Told
from stream_monitor.task import Output
from stream_monitor.watched import Watched

_NAMES: dict[Kind, AlertName] = {"improved": "PerformanceGain", "worse": "PerformanceDrop", "beyond": "MetricLimit"}
_BY = {"arrival": "whose labels came then", "cohort": "of predictions of that time"}
"""How windows count outcomes."""
_EXPLAINED = ("concept_drift", "performance")
_OF_ONE_CLASS = ("recall", "specificity")
"""Metrics that labels of one class are enough for."""
_KEPT = 3
"""Segments that an alert names."""
_FIRST = 4
"""The part of the windows since a limit was passed in which a cause must have risen already."""


class Reviewed(Protocol):
    """What is known of a stream."""

    name: str
    record: StreamRecord
    join: Join
    ledger: Ledger
    estimates: Estimates
    rules: Rules
    alerts: Alerts
    watched: Watched

    @property
    def of_one_class(self) -> bool:
        """Whether labels have only ever been of one class."""


def window(stream: Reviewed, closed: Closed, expected: Readings, moment: Moment) -> list[Output]:
    """Alerts about a window, by when labels came, and by what is `expected` of its predictions before that."""
    coverage = 1.0 if closed.coverage is None else closed.coverage
    readings = _Readings(stream, closed.window.tally, _serving(closed))
    reference, others = _reference(stream, closed.key.version), partial(_others, stream, closed)
    said = Said("arrival", closed.length, closed.start, coverage, readings.of, reference, others)
    outputs = _told(stream, closed.key.version, said, moment)
    if expected:
        said = Said("estimated", closed.length, closed.start, 1.0, lambda segment: {} if segment else expected, reference)
        outputs += _told(stream, closed.key.version, said, moment)
    return outputs


def punctuality(stream: Reviewed, moment: Moment) -> list[Output]:
    """Labels that come later than they used to, or not at all, or again as usual."""
    late, stream.ledger.cohorts.late = stream.ledger.cohorts.late, None
    if late is None:
        return []
    if late.over:
        return stream.alerts.end("recovered", moment, alertname="LabelsLate")
    what = "do not all come that used to" if late.lost else "come later than they used to"
    when = f"{show(late.age)} after a window ends" if late.age else "when a window ends"
    over = ", when their wait is over" if late.lost else ""
    summary = (
        f"labels of {stream.name} {what}: {when}{over}, {late.coverage:.0%} of its predictions have one, and it was never "
        f"less than {late.usual:.0%} before"
    )
    telling = Telling(Subject(stream.name), "data_quality", "LabelsLate", "warning", summary)
    return stream.alerts.tell("opened", telling, moment, signal="label_coverage")


def reconciled(stream: Reviewed, seen: Seen) -> list[Verdict]:
    """What complete labels say of what was expected of the predictions of a window, one of the shortest."""
    measure = stream.ledger.measure
    if not seen.final or seen.length != stream.ledger.windows.length or measure is None:
        return []
    realised = {} if stream.of_one_class else seen.cohort.tally.readings(measure)
    if realised.get("actual_positive_rate", NOTHING).value == 1:
        del realised["precision"]  # which can only be 1
    return stream.estimates.final(seen.key, realised)


def cohort(stream: Reviewed, seen: Seen, verdicts: list[Verdict], moment: Moment) -> list[Output]:
    """Alerts about the predictions of a window, once they are final."""
    if not seen.final:
        return _biased(stream, seen, moment)
    coverage = 1.0 if seen.cohort.coverage is None else seen.cohort.coverage
    readings = _Readings(stream, seen.cohort.tally, {})
    said = Said("cohort", seen.length, seen.start, coverage, readings.of, _reference(stream, seen.key.version))
    outputs = _told(stream, seen.key.version, said, moment)
    return outputs + [output for one in verdicts for output in _apart(stream, seen, one, moment)]


def explained(stream: Reviewed, moment: Moment) -> list[Output]:
    """Which segments explain the alerts that say that a version errs more, where that has become known or another."""
    outputs: list[Output] = []
    falls = [
        (fingerprint, version, _microseconds(alert.change.time))
        for fingerprint, alert in sorted(stream.alerts.firing.items())
        if (version := _of(stream, alert)) is not None and alert.change is not None
    ]
    for fingerprint, version, since in falls:
        if version in stream.ledger.since and _by_reference(stream.alerts.firing[fingerprint]):
            stream.ledger.since[version].history.fell(since, stream.ledger.windows.length)
    for fingerprint, version, since in falls:
        told = [one.segment for one in stream.alerts.firing[fingerprint].causes]
        rose = _by_reference(stream.alerts.firing[fingerprint])
        outputs += stream.alerts.explain(fingerprint, _causes(stream, version, since, rose, told), moment)
    return outputs


def suspected(stream: Reviewed, version: int) -> bool:
    """Whether labels that have come may not be like the rest, though that is not beyond doubt."""
    config, bias = stream.record.config, stream.ledger.biases.get(version)
    if "LabelBias" in config.alerts.off or (config.labels and config.labels.absent):
        return False
    return bias is not None and bias.suspected


def _biased(stream: Reviewed, seen: Seen, moment: Moment) -> list[Output]:
    """Labels that came early and are not like the rest, so that what they say of performance is not what all will say."""
    version = seen.key.version
    config, bias = stream.record.config.labels, stream.ledger.biases.get(version)
    if not stream.watched.predicts(version) or bias is None or (config and config.absent):
        return []
    subject = stream.watched.versions[version].subject
    labels = {"model": subject.model, "version": subject.version, "signal": "label_coverage"}
    worst = bias.worst
    if worst is None:
        outputs = stream.alerts.end("recovered", moment, alertname="LabelBias", **labels)
    else:
        summary = f"labels of {subject.name} that have come so far are not like the rest: {_differs(stream, worst)}"
        outputs = stream.alerts.open(subject, "data_quality", "LabelBias", "warning", summary, moment, **labels)
    return outputs + doubts.reconsider(stream.alerts, subject, moment, bias.suspected)


def _differs(stream: Reviewed, bias: Bias) -> str:
    """In what predictions with a label differ from those that wait for one."""
    if bias.what == MEAN:
        what, labelled, rest = "the mean score", number(bias.labelled), number(bias.rest)
    else:
        fifth = f"the {FIFTHS[bias.what]} fifth of scores" if bias.what in FIFTHS else stream.ledger.segments.name(bias.what)
        what, labelled, rest = f"the share of {fifth}", f"{bias.labelled:.0%}", f"{bias.rest:.0%}"
    return f"{what} is {labelled} among predictions with a label, {rest} among those that wait"


def _apart(stream: Reviewed, seen: Seen, verdict: Verdict, moment: Moment) -> list[Output]:
    """An estimate that stays apart from what labels show: the relation has changed, not only the inputs."""
    version = seen.key.version
    if not stream.watched.predicts(version):
        return []
    subject = stream.watched.versions[version].subject
    labels = {"model": subject.model, "version": subject.version, "signal": "metric", "metric": verdict.metric}
    if verdict.changed is None:
        return stream.alerts.end("recovered", moment, alertname="EstimateApart", **labels)
    improved = (verdict.changed == "above") == (BETTER[verdict.metric] == "higher")
    severity: Severity = "info" if improved else "warning"
    telling = _gap(stream, seen, verdict, subject, severity, moment)
    for fingerprint in stream.alerts.firing_with(alertname="EstimateApart", **labels):
        told = stream.alerts.firing[fingerprint].change
        if told and telling.change and told.direction == telling.change.direction:
            return []
    over = stream.alerts.end("recovered", moment, alertname="EstimateApart", **labels)
    return over + stream.alerts.tell("opened", telling, moment, **labels)


def _gap(stream: Reviewed, seen: Seen, verdict: Verdict, subject: Subject, severity: Severity, moment: Moment) -> Telling:
    realised, estimated, windows = verdict.realised, verdict.estimated, "the last window"
    if verdict.together:
        realised, estimated, windows = verdict.together.realised, verdict.together.estimated, "the last windows together"
    now, expected = realised.value or 0.0, estimated.value or 0.0
    scores = stream.ledger.vocabulary.kind != "regression"
    lost = ", or scores lost their meaning" if scores and severity != "info" else ""
    summary = (
        f"{verdict.metric} of {subject.name} is {verdict.changed} what its {'scores' if scores else 'features'} let expect "
        f"since {iso(verdict.since)}, as labels show that are complete until {iso(seen.start + seen.length)}: {number(now)}"
        f"{_interval(realised)} against {number(expected)}{_interval(estimated)}, "
        f"over {realised.n:,.0f} outcomes of {windows}; "
        f"the relation of features and labels changed{lost}"
    )
    change = ChangeEstimate(
        position=moment.predictions, time=iso(verdict.since), direction="up" if verdict.changed == "above" else "down",
        statistic="metric", before=expected, after=now, effect=_effect(verdict.metric, now, expected),
    )  # fmt: skip
    doubt = doubts.partial(stream.alerts, subject, seen.cohort.coverage)
    return Telling(subject, "performance", "EstimateApart", severity, summary, change, doubt=doubt)


class _Readings:
    """Metrics of a window by segment, each read once."""

    def __init__(self, stream: Reviewed, tally: Tally, serving: Readings) -> None:
        self._stream, self._tally, self._serving = stream, tally, serving
        self._read: dict[str, Readings] = {}

    def of(self, segment: str) -> Readings:
        """The metrics of a segment, or of all rows if that is empty; nothing where there are none."""
        if segment not in self._read:
            self._read[segment] = self._now(segment) | ({} if segment else self._serving)
        return self._read[segment]

    def _now(self, segment: str) -> Readings:
        ledger = self._stream.ledger
        if ledger.measure is None:
            return {}
        named = (place for place in self._tally.sums if place != ALL and ledger.segments.name(place) == segment)
        place = next(named, None) if segment else ALL
        readings = {} if place is None else self._tally.readings(ledger.measure, place)
        held = readings.keys() - _OF_ONE_CLASS if self._stream.of_one_class else ()
        return {name: reading for name, reading in readings.items() if name not in held}


def _serving(closed: Closed) -> Readings:
    sketch, quantiles = closed.window.latency, closed.window.latencies()
    named = {"latency": sketch.mean(), **{f"latency_{name}": value for name, value in quantiles.items()}}
    return {name: Reading(value, sketch.n) for name, value in named.items() if value is not None} | closed.window.rates()


def _reference(stream: Reviewed, version: int) -> Readings:
    since, measure = stream.ledger.since.get(version), stream.ledger.measure
    reference = since.reference if since else None
    return {} if reference is None or measure is None else reference.readings(measure)


def _others(stream: Reviewed, closed: Closed) -> float:
    """The share of labels of one of the shortest windows that are of other ages than usual, where that makes a difference."""
    since, version = stream.ledger.since.get(closed.key.version), stream.watched.versions.get(closed.key.version)
    others = since.ebb.at(closed.key.number, closed.length) if since else 0.0
    return others if others == 1 or (version and doubts.unlike(stream.alerts, version.subject)) else 0.0


def _told(stream: Reviewed, version: int, said: Said, moment: Moment) -> list[Output]:
    if version not in stream.watched.versions:
        return []
    subject = stream.watched.versions[version].subject
    outputs: list[Output] = []
    for told in stream.rules.window(version, said):
        labels = {"model": subject.model, "version": subject.version, "signal": "metric", "metric": told.step.metric}
        labels |= {"basis": told.basis, "rule": told.rule} | ({"segment": told.segment} if told.segment else {})
        telling = _telling(told, subject, moment)._replace(doubt=_doubt(stream, told, subject, said.coverage, labels))
        explains = (
            told.step.step == "opened" and told.step.kind == "worse" and told.step.severity != "info" and not told.segment
        )
        if explains and version in stream.ledger.since:
            rose = _errs_more(told.rule, told.basis)
            telling = telling._replace(causes=_causes(stream, version, told.step.since, rose))
        outputs += stream.alerts.tell(told.step.step, telling, moment, **labels)
    return outputs


def _doubt(stream: Reviewed, told: Told, subject: Subject, coverage: float, labels: dict[str, str]) -> str:
    """What is said against what a rule says; of predictions of one time that is decided as its alert opens."""
    if told.basis == "arrival":
        return doubts.of_arrival(stream.alerts, subject, told.step.metric)
    if told.basis == "estimated":
        return ""
    if told.step.step == "opened":
        return doubts.partial(stream.alerts, subject, coverage)
    return doubts.said(stream.alerts, labels)


def _telling(told: Told, subject: Subject, moment: Moment) -> Telling:
    step = told.step
    value = step.reading.value or 0.0
    where = f" where {told.segment}" if told.segment else ""
    estimated = told.basis == "estimated"
    how = "is estimated to be" if estimated else "is"
    how += {"improved": " better", "worse": " worse", "beyond": " beyond its limit"}[step.kind]
    against = "the reference" if told.rule.endswith("reference") else "the limit"
    rows = "predictions" if estimated or step.metric in SERVING else f"outcomes {_BY[told.basis]}"
    summary = (
        f"{step.metric} of {subject.name}{where} {how} since {iso(step.since)}: {number(value)}{_interval(step.reading)}, "
        f"{against} is {number(step.against)}, over {step.reading.n:,.0f} {rows}"
    )
    change = ChangeEstimate(
        position=moment.predictions, time=iso(step.since), direction="up" if value > step.against else "down",
        statistic="metric", before=step.against, after=value, effect=_effect(step.metric, value, step.against),
    )  # fmt: skip
    return Telling(subject, "performance", _NAMES[step.kind], step.severity, summary, change)


def _effect(metric: str, value: float, against: float) -> Effect:
    """In points of what lies between 0 and 1, else as a ratio."""
    if is_share(metric):
        return Effect(value=value - against, unit="points")
    return Effect(value=value / against if against else None, unit="ratio")


def _interval(reading: Reading) -> str:
    return "" if reading.low is None or reading.high is None else f" [{number(reading.low)}, {number(reading.high)}]"


def _of(stream: Reviewed, alert: Alert) -> int | None:
    """The number of the version that an alert says errs more; None if it says something else."""
    if alert.labels["kind"] not in _EXPLAINED or alert.labels["severity"] == "info" or "segment" in alert.labels:
        return None
    if alert.labels["alertname"] in ("EstimateApart", "VersionWorse"):
        return None
    names = alert.labels.get("model"), alert.labels.get("version")
    numbers = (number for number, one in stream.watched.versions.items() if (one.subject.model, one.subject.version) == names)
    return next(numbers, None)


def _by_reference(alert: Alert) -> bool:
    """Whether an alert is that it errs more than its reference, by labels."""
    return _errs_more(alert.labels.get("rule", "reference"), alert.labels.get("basis", ""))


def _errs_more(rule: str, basis: str) -> bool:
    """Whether labels show that it errs more than its reference, not only that it is beyond a limit."""
    return rule.endswith("reference") and basis != "estimated"


def _causes(stream: Reviewed, version: int, since: int, rose: bool, told: Sequence[str] = ()) -> tuple[SegmentCause, ...]:
    """What explains that losses are larger since a time; where it is not known that they `rose` then, what did by then."""
    known = stream.ledger.since.get(version)
    split = known.history.split(since, stream.ledger.windows.length) if known else {}
    if known is None or ALL not in split or not split[ALL][0][0]:
        return ()
    squared = stream.ledger.vocabulary.kind == "regression"
    loss: Literal["error_rate", "mae"] = "mae" if squared else "error_rate"

    def counts(place: int, name: str, split: Split = split) -> Counts:
        before, after = split[place]
        squares = (before[2], after[2]) if squared else (None, None)
        return Counts(name, before[0], before[1], after[0], after[1], *squares)

    named = [(place, stream.ledger.segments.name(place)) for place in split if place != ALL]
    segments = [counts(place, name) for place, name in named if name]
    found = causes(segments, counts(ALL, ""), _KEPT, told)
    if found and not rose:
        early = known.history.split(since, stream.ledger.windows.length, _FIRST)
        first = {name: counts(place, name, early) for place, name in named if name and place in early}
        found = [one for one in found if one.segment not in first or rose_at_first(one, first[one.segment])]
    return tuple(
        SegmentCause(
            segment=one.segment, share=min(one.share, 1.0), before=one.before, after=one.after, loss=loss,
            outcomes=round(one.n_after),
        )
        for one in found
    )  # fmt: skip


def _microseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1e6)
