"""A stream in numbers: metrics events for subscribers, and the status for people."""

from __future__ import annotations

import math
from typing import Any, Protocol

from stream_monitor.alerting.alerts import Alerts, Moment, Subject
from stream_monitor.config.stream import StreamRecord
from stream_monitor.events import (
    LabelHealth,
    Latency,
    Metrics,
    MetricsEvent,
    Performance,
    Period,
    SignalReading,
    encode,
    finite,
    identity,
    iso,
)
from stream_monitor.joining.join import Join
from stream_monitor.metrics.windows import Key, Window, Windows
from stream_monitor.task import Output
from stream_monitor.version import Version
from stream_monitor.watching.budget import Spent
from stream_monitor.watching.group import Group
from stream_monitor.watching.judge import Judge


class Reported(Protocol):
    """What is reported of a stream."""

    name: str
    record: StreamRecord
    join: Join
    judge: Judge
    windows: Windows
    features: Group
    alerts: Alerts
    versions: dict[int, Version]
    outcomes: int
    totals: dict[str, int]
    last_metrics: dict[str, dict[str, Any]]
    retired: Spent

    def groups(self) -> dict[str, Group]:
        """All groups of signals, by name."""


def metrics(stream: Reported, key: Key, window: Window, moment: Moment) -> Output:
    """The metrics event of a window that closed."""
    start, length = key.number * stream.windows.length, stream.windows.length
    model, version = stream.join.versions.name(key.version) if key.version >= 0 else ("", "other")
    subject = Subject(stream.name, model, version)
    data = Metrics(
        stream=stream.name,
        model=model,
        version=version,
        window=Period(start=iso(start), end=iso(start + length)),
        predictions=window.predictions,
        rate_per_s=window.predictions / (length / 1e6),
        counts=stream.windows.counts,
        latency=_latency(window),
        labels=_labels(stream, window),
        performance=_performance(stream, key, window),
        signals=_signals(stream, key.version),
    )
    event = MetricsEvent(
        id=identity("metrics", stream.record.deployment, *subject, key.number, length, moment.predictions, moment.outcomes),
        source=f"/stream-monitor/{stream.record.deployment}",
        subject=subject.text,
        time=iso(start + length),
        recordedtime=iso(moment.arrived),
        data=data,
    )
    if key.version >= 0:
        stream.last_metrics[str(key.version)] = data.model_dump(exclude={"signals"})
    return Output("metrics", stream.name.encode(), encode(event))


def status(stream: Reported) -> dict[str, Any]:
    """What a stream is doing now, as plain values."""
    return {
        "clock": iso(stream.join.clock.now) if stream.join.clock.started else None,
        "positions": {"predictions": stream.join.position, "outcomes": stream.outcomes},
        "waiting": stream.join.waiting.live,
        "waiting_sampled": 0.5**stream.join.sampling.halvings,
        "task": stream.judge.task,
        "versions": [
            {"model": one.subject.model, "version": one.subject.version, "outcomes": one.outcomes}
            for one in stream.versions.values()
        ],
        "warming_up": {name: group.warmup.rows for name, group in stream.groups().items() if not group.learnt},
        "not_watched": dict(stream.features.not_watched),
        "firing": [alert.annotations["summary"] for alert in stream.alerts.firing.values()],
        "alerts": [
            {"fingerprint": alert.fingerprint, "startsAt": alert.startsAt, **alert.labels}
            for alert in stream.alerts.firing.values()
        ],
        "signals": [
            reading | {"version": version} for version, group in _groups(stream) for reading in group.summary()
        ],
        "budget": _budget(stream),
        "counts": dict(stream.totals),
        "metrics": list(stream.last_metrics.values()),
    }  # fmt: skip


def _budget(stream: Reported) -> dict[str, Any]:
    """What was asked, what each group of signals was given of it, and what came of it."""
    config, spent, given = stream.record.config, stream.retired, []
    for version, group in _groups(stream):
        spent = spent.plus(group.spent)
        if (mine := group.given()) is not None:
            given.append(mine | {"version": version})
    own = config.false_alarms is not None
    return {
        "asked": config.false_alarms if own else stream.record.false_alarms, "streams": 1 if own else stream.record.streams,
        "expected": spent.expected, "opened": spent.opened, "false_alarms": stream.alerts.false_alarms, "given": given,
    }  # fmt: skip


def _groups(stream: Reported) -> list[tuple[str, Group]]:
    named: list[tuple[str, Group]] = [("", stream.features)]
    for one in stream.versions.values():
        named += [(one.subject.version, one.score), (one.subject.version, one.loss)]
    return named


def _latency(window: Window) -> Latency:
    sketch = window.latency
    p50, p95, p99 = (sketch.quantile(q) for q in (0.5, 0.95, 0.99))
    return Latency(n=sketch.n, mean=sketch.mean(), p50=p50, p95=p95, p99=p99)


def _labels(stream: Reported, window: Window) -> LabelHealth:
    matured = stream.windows.counts.get("matured", 0)
    labelled = stream.windows.counts.get("matured_labelled", 0)
    return LabelHealth(
        joined=window.delay.n,
        corrected=window.corrected,
        withdrawn=window.withdrawn,
        delay_p50_s=window.delay.quantile(0.5),
        delay_p95_s=window.delay.quantile(0.95),
        waiting=stream.join.waiting.live,
        matured=matured,
        coverage=labelled / matured if matured else None,
    )


def _performance(stream: Reported, key: Key, window: Window) -> Performance:
    n = window.outcomes
    if n <= 0 or stream.judge.task is None:
        return Performance(outcomes=max(n, 0))
    version = stream.versions.get(key.version)
    known = version.loss.references()[0] if version else None
    reference = float(known.mean[0]) if known is not None and known.names else None
    if stream.judge.task == "regression":
        rmse = math.sqrt(max(window.squares, 0.0) / n)
        return Performance(outcomes=n, mae=finite(window.loss / n), rmse=finite(rmse), reference=reference)
    return Performance(outcomes=n, accuracy=1 - window.loss / n, reference=None if reference is None else 1 - reference)


def _signals(stream: Reported, number: int) -> list[SignalReading]:
    version = stream.versions.get(number)
    groups = [stream.features, *([version.score, version.loss] if version else [])]
    return [SignalReading(**reading) for group in groups for reading in group.summary()]
