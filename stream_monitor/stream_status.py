"""What a stream is doing now, for people and for /status."""

from __future__ import annotations

from typing import Any

from stream_monitor.events import REMARKS, Alert, iso
from stream_monitor.stream import Stream
from stream_monitor.version import Version


def status(stream: Stream) -> dict[str, Any]:
    """What a stream is doing now, as plain values."""
    return {
        "clock": iso(stream.join.clock.now) if stream.join.clock.started else None,
        "positions": {"predictions": stream.join.position, "outcomes": stream.outcomes},
        "waiting": stream.join.waiting.live,
        "labels_compared_at_s": stream.age.within(stream.join.wait) / 1e6 if stream.join.labelled else None,
        "waiting_sampled": 0.5**stream.join.sampling.halvings,
        "task": stream.judge.task,
        "versions": [
            {"model": one.subject.model, "version": one.subject.version, "outcomes": one.outcomes, "idle": one.idle}
            for one in stream.watched.versions.values()
        ],
        "models": _costs(stream), "not_estimated": _not_estimated(stream),
        "not_judged": _not_judged(stream),
        "warming_up": _warming_up(stream),
        "references": {name: group.span / 1e6 for name, group in stream.watched.groups().items() if group.learnt},
        "not_watched": dict(stream.watched.features.not_watched),
        "firing": [alert.annotations["summary"] for alert in stream.alerts.firing.values()],
        "alerts": [
            {"fingerprint": alert.fingerprint, "startsAt": alert.startsAt, **alert.labels, **_said(alert)}
            for alert in stream.alerts.firing.values()
        ],
        "signals": [
            reading | {"version": _version(owner)} for owner, group in stream.watched.owned() for reading in group.summary()
        ],
        "budget": _budget(stream),
        "counts": dict(stream.totals),
        "metrics": list(stream.last_metrics.values()), "cohorts": list(stream.last_cohorts.values()),
    }  # fmt: skip


def _said(alert: Alert) -> dict[str, str]:
    """What people have said of it."""
    said: dict[str, str] = alert.model_dump(include=set(REMARKS), exclude_none=True)
    return said


def _warming_up(stream: Stream) -> dict[str, dict[str, int]]:
    """Rows of the references that are being learnt, and how many are wanted; that of a risk only where one is configured."""
    risk = stream.record.config.performance.risk is not None
    groups = {name: one for name, one in stream.watched.groups().items() if not one.learnt and (risk or one.sort != "risk")}
    return {name: {"rows": group.warmup.rows, "wanted": group.warmup.wanted} for name, group in groups.items()}


def _not_estimated(stream: Stream) -> dict[str, str]:
    """Versions whose performance is not estimated before labels come, and why."""
    refused, learnt = stream.estimates.refused, stream.estimates.learnt
    waiting = [number for number, one in stream.watched.versions.items() if one.outcomes and number not in learnt]
    if stream.judge.task == "regression" and not stream.record.config.models.estimate_loss:
        why = dict.fromkeys(waiting, "`models.estimate_loss` is off")
    elif stream.of_one_class:
        why = dict.fromkeys(waiting, "labels have only been of one class")
    else:
        why = dict.fromkeys(filter(stream.estimates.waits, waiting), "labels of too few predictions are complete")
    return {stream.watched.versions[number].subject.version: reason for number, reason in (why | refused).items()}


def _not_judged(stream: Stream) -> list[dict[str, Any]]:
    """Rules about versions whose windows have too few rows for them, or nothing, one after the other."""
    return [
        {"version": version.subject.version, "rule": rule, "windows": n}
        for number, version in stream.watched.versions.items()
        for rule, n in stream.rules.unheard(number).items()
    ]


def _costs(stream: Stream) -> dict[str, Any]:
    """What models that learn take."""
    known = [one.models for one in stream.watched.versions.values() if one.models]
    return {
        "seconds": sum(one.seconds for one in known), "rows": sum(one.rows for one in known),
        "halvings": max((one.shedding.halvings for one in known), default=0),
    }  # fmt: skip


def _budget(stream: Stream) -> dict[str, Any]:
    """What was asked, what each group of signals was given of it, and what came of it."""
    config, spent, given = stream.record.config, stream.watched.retired, []
    for owner, group in stream.watched.owned():
        spent = spent.plus(group.spent)
        if (mine := group.given()) is not None:
            given.append(mine | {"version": _version(owner)})
    own = config.false_alarms is not None
    return {
        "asked": config.false_alarms if own else stream.record.false_alarms, "streams": 1 if own else stream.record.streams,
        "expected": spent.expected, "opened": spent.opened, "false_alarms": stream.alerts.false_alarms, "given": given,
    }  # fmt: skip


def _version(owner: Version | None) -> str:
    return owner.subject.version if owner else ""
