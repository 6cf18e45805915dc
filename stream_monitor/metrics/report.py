"""A stream in numbers: metrics events for subscribers."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from stream_monitor.alerting.alerts import Moment, Subject
from stream_monitor.config.stream import StreamRecord
from stream_monitor.events import (
    CohortHealth,
    Confusion,
    CoverageByAge,
    Estimated,
    LabelHealth,
    Latency,
    Measured,
    Metrics,
    MetricsEvent,
    Performance,
    Period,
    SegmentPerformance,
    Serving,
    SignalReading,
    SinceBeginning,
    encode,
    finite,
    identity,
    iso,
)
from stream_monitor.joining.join import Join
from stream_monitor.metrics.binary import Binary
from stream_monitor.metrics.cohorts import Seen
from stream_monitor.metrics.judged import possible
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.metrics.multiclass import Multiclass
from stream_monitor.metrics.reading import Readings
from stream_monitor.metrics.regression import Regression
from stream_monitor.metrics.tally import ALL, Measure, Tally
from stream_monitor.metrics.windows import Closed, Window
from stream_monitor.task import Output
from stream_monitor.watched import Watched

_QUANTILES = (0.05, 0.5, 0.95)


class Reported(Protocol):
    """What is reported of a stream."""

    name: str
    record: StreamRecord
    join: Join
    ledger: Ledger
    watched: Watched
    last_metrics: dict[str, dict[str, Any]]
    last_cohorts: dict[str, dict[str, Any]]


def window(stream: Reported, closed: Closed, estimated: Estimated | None, moment: Moment) -> Output:
    """The metrics event of a window that closed."""
    number = closed.key.version
    data = Metrics(
        **_place(stream, number, closed.start, closed.length),
        basis="arrival",
        predictions=closed.window.predictions,
        rate_per_s=closed.window.predictions / (closed.length / 1e6),
        counts=dict(sorted(closed.counts.items())),
        latency=_latency(closed.window),
        serving=_serving(closed.window),
        labels=_labels(stream, closed),
        performance=_performance(stream, number, closed.window.tally, closed.start, closed.end),
        estimated=estimated,
        since=_since(stream, number, closed.end) if closed.length == stream.ledger.windows.length else None,
        models=_models(stream, number),
        signals=_signals(stream, number),
    )
    if stream.watched.predicts(number) and closed.length == stream.ledger.windows.length:
        stream.last_metrics[str(number)] = data.model_dump(exclude={"signals"})
    return _event(stream, data, closed.end, moment, closed.key.number, closed.length)


def cohort(stream: Reported, seen: Seen, estimated: Estimated | None, moment: Moment) -> Output:
    """The metrics event of what became of the predictions of a window."""
    number, mine = seen.key.version, seen.cohort
    data = Metrics(
        **_place(stream, number, seen.start, seen.length),
        basis="cohort",
        predictions=mine.predictions,
        rate_per_s=mine.predictions / (seen.length / 1e6),
        cohort=CohortHealth(
            final=seen.final,
            labelled=mine.labelled,
            waiting=mine.waiting,
            coverage=mine.coverage,
            delay_p50_s=mine.delay.quantile(0.5),
            delay_p95_s=mine.delay.quantile(0.95),
            **_forecast(stream, seen),
        ),
        performance=_performance(stream, number, mine.tally, seen.start, seen.end),
        estimated=estimated,
    )
    if stream.watched.predicts(number) and seen.final and seen.length == stream.ledger.windows.length:
        stream.last_cohorts[str(number)] = data.model_dump()
    return _event(stream, data, moment.clock, moment, seen.key.number, seen.length)


def _performance(stream: Reported, number: int, tally: Tally, start: int, end: int) -> Performance:
    """What the outcomes of a version from one time to another say."""
    ledger = stream.ledger
    measure, kind = ledger.measure, ledger.vocabulary.now.kind
    if measure is None or not tally.sums:
        return Performance(outcomes=tally.outcomes, task=kind)
    shown, hidden = _segments(stream, tally, start, end)
    names = ledger.numbers.names()
    return Performance(
        task=kind,
        outcomes=tally.outcomes,
        metrics=measured(tally.readings(measure)),
        reference=_reference(stream, number),
        positive=names[1] if kind == "binary" else None,
        confusion=_confusion(measure, tally, names),
        classes=_classes(measure, tally, names),
        error_quantiles=_quantiles(tally),
        roc_auc_error=tally.rankings[ALL].roc_auc_error() if ALL in tally.rankings else None,
        segments=shown,
        segments_hidden=hidden,
    )


def _models(stream: Reported, number: int) -> list[dict[str, Any]]:
    version = stream.watched.versions.get(number)
    return version.models.summary() if version and version.models else []


def _forecast(stream: Reported, seen: Seen) -> dict[str, Any]:
    """When the labels of a window are expected to be complete, and how complete; nothing where none is waited for."""
    forecast = None if seen.final or not seen.cohort.waiting else stream.ledger.cohorts.forecast()
    if forecast is None:
        return {}
    coverage, late = forecast
    return {"expected_coverage": coverage, "expected_complete": iso(seen.end + round(late * 1e6))}


def _place(stream: Reported, number: int, start: int, length: int) -> dict[str, Any]:
    model, version = stream.join.versions.name(number) if number >= 0 else ("", "other")
    window = Period(start=iso(start), end=iso(start + length))
    return {"stream": stream.name, "model": model, "version": version, "window": window}


def _event(stream: Reported, data: Metrics, time: int, moment: Moment, number: int, length: int) -> Output:
    subject = Subject(stream.name, data.model, data.version)
    what = "metrics", stream.record.deployment, *subject, data.basis, number, length, moment.predictions, moment.outcomes
    event = MetricsEvent(
        id=identity(*what, moment.clock),
        source=f"/stream-monitor/{stream.record.deployment}",
        subject=subject.text,
        time=iso(time),
        recordedtime=iso(moment.arrived),
        data=data,
    )
    return Output("metrics", stream.name.encode(), encode(event))


def measured(readings: Readings) -> dict[str, Measured]:
    """Readings as events have them."""
    return {
        name: Measured(value=finite(one.value), n=one.n, low=finite(one.low), high=finite(one.high))
        for name, one in readings.items()
    }


def _segments(stream: Reported, tally: Tally, start: int, end: int) -> tuple[list[SegmentPerformance], int]:
    """The segments with enough outcomes, the largest first, and how many there are besides."""
    ledger, least = stream.ledger, stream.record.config.segments.minimum
    assert ledger.measure is not None
    whole = ledger.segments.throughout(start // ledger.windows.length, (end - 1) // ledger.windows.length)
    found = []
    for place in tally.sums:
        weight, loss, _ = tally.loss(place)
        if place != ALL and (rows := tally.rows(place)) >= least:
            metrics = measured(tally.readings(ledger.measure, place))
            mean = max(loss, 0.0) / weight if weight and possible(np.array((weight, loss))) else None
            name, partial = ledger.segments.name(place), place not in whole
            found.append(SegmentPerformance(segment=name, outcomes=rows, partial=partial, loss=mean, metrics=metrics))
    found.sort(key=lambda one: (-one.outcomes, one.segment))
    return found, len(tally.sums) - 1 - len(found)


def _confusion(measure: Measure, tally: Tally, names: list[str]) -> Confusion | None:
    if isinstance(measure, Regression):
        return None
    assert isinstance(measure, Binary | Multiclass)
    names, counts = [*names, "(another)"], np.pad(measure.confusion(tally.measured()), ((0, 1), (0, 0)))
    if not possible(counts):
        return None
    always = 2 if isinstance(measure, Binary) else 0
    used = [i for i in range(len(names)) if i < always or counts[i].any() or counts[:, i].any()]
    return Confusion(classes=[names[i] for i in used], counts=counts[used][:, used].tolist()) if used else None


def _classes(measure: Measure, tally: Tally, names: list[str]) -> dict[str, dict[str, Measured]]:
    if not isinstance(measure, Multiclass):
        return {}
    by_class = zip(names, measure.per_class(tally.measured()), strict=True)
    return {name: measured(of._asdict()) for name, of in by_class if of.recall.n or of.precision.n}


def _quantiles(tally: Tally) -> dict[str, float]:
    if tally.errors is None:
        return {}
    found = {f"p{round(100 * q)}": tally.errors.quantile(q) for q in _QUANTILES}
    return {name: value for name, value in found.items() if value is not None}


def _since(stream: Reported, number: int, now: int) -> SinceBeginning | None:
    since = stream.ledger.since.get(number)
    if since is None:
        return None
    arrival, final = (_performance(stream, number, tally, since.start, now) for tally in (since.arrival, since.cohort))
    return SinceBeginning(start=iso(since.start), arrival=arrival, cohort=final)


def _reference(stream: Reported, number: int) -> dict[str, float]:
    """What is known of the reference: its accuracy, or its mean absolute error."""
    since = stream.ledger.since.get(number)
    weight, loss, _ = since.reference.loss() if since and since.reference else (0.0, 0.0, 0.0)
    if not weight:
        return {}
    return {"mae": loss / weight} if stream.ledger.vocabulary.kind == "regression" else {"accuracy": 1 - loss / weight}


def _latency(window: Window) -> Latency:
    return Latency(n=window.latency.n, mean=window.latency.mean(), **window.latencies())


def _serving(window: Window) -> Serving | None:
    rates = window.rates()
    if not rates:
        return None
    went = window.statuses
    return Serving(n=sum(went.values()), errors=went["error"], timeouts=went["timeout"], **measured(rates))


def _labels(stream: Reported, closed: Closed) -> LabelHealth:
    window = closed.window
    return LabelHealth(
        joined=window.delay.n,
        corrected=window.corrected,
        withdrawn=window.withdrawn,
        delay_p50_s=window.delay.quantile(0.5),
        delay_p95_s=window.delay.quantile(0.95),
        waiting=stream.join.waiting.live,
        matured=closed.counts.get("matured", 0),
        coverage=closed.coverage,
        by_age=[CoverageByAge(age_s=age / 1e6, coverage=share) for age, share in stream.ledger.cohorts.punctuality.by_age()],
    )


def _signals(stream: Reported, number: int) -> list[SignalReading]:
    version = stream.watched.versions.get(number)
    groups = [stream.watched.features, *(version.groups.values() if version else ())]
    return [SignalReading(**reading) for group in groups for reading in group.summary()]
