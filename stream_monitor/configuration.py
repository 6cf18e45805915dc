"""Another configuration for a stream that runs: what did not change goes on, what did begins again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from stream_monitor import due, turnover
from stream_monitor.config.stream import StreamConfig, StreamRecord
from stream_monitor.estimation.estimates import Estimates
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.performance.rules import Rules
from stream_monitor.stream import Stream
from stream_monitor.task import Output
from stream_monitor.watching.judge import Judge
from stream_monitor.watching.reference import Sort
from stream_monitor.watching.terms import terms

_OF_TASK: set[Sort] = {"prediction", "loss", "risk"}


@lru_cache(64)
def parsed(document: bytes) -> StreamRecord:
    """The configuration in a section's document; the models of a stream share one, and nobody changes it."""
    return StreamRecord.model_validate(msgspec.json.decode(document))


def configure(stream: Stream, record: StreamRecord, arrived: int) -> list[Output]:
    """Takes a configuration that is in force from now on."""
    old, stream.record = stream.record.config, record
    new = record.config
    stream.alerts.configure(record)
    for group in stream.watched.groups().values():
        group.terms = terms(new, group.sort, record.limits.features)
    if (new.quality, new.no_data) != (old.quality, old.no_data):
        stream.checks.configure(new.quality, new.no_data)
    outputs = _switched_off(stream, arrived) + _models(stream, old, arrived) + _rules(stream, old, arrived)
    if new.task != old.task:
        outputs += _judge_anew(stream, arrived)
    stream.judge.fractions.state_class(new.positive)
    if _measured_by(new) != _measured_by(old):
        outputs += _measure_anew(stream, arrived)
    if (new.labels, new.positive, new.segments, new.metrics) != (old.labels, old.positive, old.segments, old.metrics):
        stream.configure_labels()
        if stream.join.clock.started and _age(new) != _age(old):
            first = _first_complete(stream)
            stream.ledger.relearn(first)
            stream.estimates.relearn(first)
            outputs += due.compare_anew(stream, stream.moment(arrived)) + _models_anew(stream, arrived)
    if _learnt_from(new) != _learnt_from(old):
        outputs += stream.rebaseline(arrived, "configured")
    elif _watched_with(new) != _watched_with(old):
        for kind in ("data_drift", "prediction_drift", "concept_drift"):
            outputs += stream.alerts.end("configured", stream.moment(arrived), kind=kind)
        outputs += stream.alerts.end("configured", stream.moment(arrived), signal="risk")
        stream.watched.configure(record)
    stream.watched.share(record)
    return outputs


def _switched_off(stream: Stream, arrived: int) -> list[Output]:
    """Ends alerts that are not wanted any more."""
    alerts, moment = stream.record.config.alerts, stream.moment(arrived)
    outputs = [output for name in alerts.off for output in stream.alerts.end("configured", moment, alertname=name)]
    for kind in ("data_drift", "prediction_drift", "concept_drift"):
        outputs += stream.alerts.end("configured", moment, kind=kind) if alerts.severe(kind) is None else []
    return outputs


def _models(stream: Stream, old: StreamConfig, arrived: int) -> list[Output]:
    """Models that learn beside the versions begin again, and so do estimates."""
    new = stream.record.config
    if (new.models, new.performance.estimates) != (old.models, old.performance.estimates):
        stream.estimates = Estimates(stream.ledger, new)
        for number in stream.watched.versions:
            turnover.refer(stream, number)
    return [] if new.models == old.models else _models_anew(stream, arrived)


def _models_anew(stream: Stream, arrived: int) -> list[Output]:
    for version in stream.watched.versions.values():
        version.models = None
    return stream.alerts.end("configured", stream.moment(arrived), signal="model")


def _rules(stream: Stream, old: StreamConfig, arrived: int) -> list[Output]:
    """So do limits of metrics."""
    if stream.record.config.performance == old.performance:
        return []
    stream.rules = Rules(stream.record.config)
    if stream.record.config.performance.risk != old.performance.risk:
        for version in stream.watched.versions.values():
            version.groups["risk"].configure(version.groups["risk"].terms)
    return stream.alerts.end("configured", stream.moment(arrived), kind="performance")


def _judge_anew(stream: Stream, arrived: int) -> list[Output]:
    """Takes another task; where that may be of another kind, what is predicted and how it errs is learnt anew."""
    before, config = stream.judge.task, stream.record.config
    stream.judge = Judge(config.task, config.positive)
    outputs = stream.alerts.end("configured", stream.moment(arrived), alertname="TaskUnknown")
    if stream.judge.task == before:
        return outputs
    stream.count({"incomparable": stream.join.withdraw(stream.judge.foreign)})
    for version in stream.watched.versions.values():
        version.models = None
        version.forget_levels()
        for sort in _OF_TASK & version.groups.keys():
            version.groups[sort].begin_again()
    for signal in sorted((*_OF_TASK, "model")):
        outputs += stream.alerts.end("configured", stream.moment(arrived), signal=signal)
    return outputs


def _measure_anew(stream: Stream, arrived: int) -> list[Output]:
    """Closes all windows; outcomes are measured from here on."""
    outputs = due.close_windows(stream, stream.join.clock.now, arrived, everything=True)
    counts = stream.ledger.windows.counts
    stream.ledger = Ledger(stream.record.config, stream.words, stream.join.classes)
    stream.ledger.windows.counts = counts
    for version in stream.watched.versions.values():
        version.forget_segments()
    stream.estimates = Estimates(stream.ledger, stream.record.config)
    for number in stream.watched.versions:
        stream.ledger.begins(number, stream.join.clock.now)
        turnover.refer(stream, number)
    return outputs + stream.alerts.end("configured", stream.moment(arrived), alertname="ThirdClass")


def _first_complete(stream: Stream) -> int:
    """The first of the shortest windows of which labels are complete once their wait is over.

    Where no label is one, earlier predictions without a label do not get that.
    """
    labels = stream.record.config.labels
    if labels is None or labels.absent is None:
        return 0
    return (stream.join.clock.now - stream.age.within(stream.join.wait)) // stream.ledger.windows.length + 1


def _age(config: StreamConfig) -> tuple[Any, ...]:
    """What is said about the age at which labels are compared."""
    labels = config.labels
    return () if labels is None else (labels.age, labels.absent and labels.absent.after)


def _learnt_from(config: StreamConfig) -> tuple[Any, ...]:
    """What references depend on."""
    return config.reference.model_copy(update={"renew_after": None}), config.features


def _measured_by(config: StreamConfig) -> tuple[Any, ...]:
    """What metrics of outcomes depend on."""
    return config.metrics, config.segments, config.task, config.positive, config.performance.cost


def _watched_with(config: StreamConfig) -> tuple[Any, ...]:
    """What detectors depend on."""
    return config.detectors, config.alerts.resolve_after, config.alerts.min_effect
