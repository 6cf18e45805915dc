"""Rules of performance that can never say anything, and why."""

from __future__ import annotations

from collections.abc import Iterator

from stream_monitor.config.better import SERVING, estimated_of, known_of
from stream_monitor.config.duration import show
from stream_monitor.config.performance import LimitRule
from stream_monitor.config.stream import StreamConfig


def silent_rules(stream: StreamConfig) -> Iterator[tuple[str, str]]:
    """What can never say anything: its path in the stream, and why."""
    performance = stream.performance
    for at, limit in enumerate(performance.limits):
        why = _of_basis(stream, limit.basis, limit.metric, limit.window) or _of_limit(limit)
        if why or (why := _of_classes(stream, limit.metric)):
            yield f".performance.limits.{at}", why
        elif other := _excluded(stream, at):
            yield (
                f".performance.limits.{at}",
                f"is of {limit.metric}, and a stream has that or {other}: one of both says nothing",
            )
    against = performance.against_reference
    for metric in against.metrics:
        why = _of_basis(stream, against.basis, metric)
        if stream.task != "auto" and stream.task not in known_of(metric) and "metrics" in against.model_fields_set:
            why = f"is no metric of a {stream.task} task"
        if why:
            yield ".performance.against_reference.metrics", f"{metric} {why}"
    if stream.task in ("multiclass", "regression"):
        named = {".positive": stream.positive, ".performance.cost": performance.cost}
        yield from ((key, f"is for binary tasks, and this is {stream.task}") for key, said in named.items() if said is not None)


def _of_basis(stream: StreamConfig, basis: str, metric: str, window: int | None = None) -> str | None:
    """Why windows of a rule's basis never have its metric."""
    if basis == "cohort" and metric in SERVING:
        return "is known by arrival only, not by cohort"
    if basis != "estimated":
        return None
    kinds = estimated_of(metric) & stream.measured_as
    if window not in (None, stream.metrics.window):
        return f"is estimated of windows of {show(stream.metrics.window)} only, the shortest"
    if kinds == {"regression"} and not stream.models.estimate_loss:
        return "is estimated with models: {estimate_loss: true} only"
    return None if kinds else "is not estimated"


def _of_classes(stream: StreamConfig, metric: str) -> str | None:
    """Why a task that is binary by what is said of it never has a metric."""
    if stream.task != "auto" or stream.positive is None or known_of(metric) != {"regression"}:
        return None
    return f"{metric} is of regressions, and a positive class is stated"


def _excluded(stream: StreamConfig, at: int) -> str | None:
    """A metric of an earlier limit that no task has which has that of this one; models may have other tasks each."""
    if stream.task != "auto" or stream.per == "model":
        return None
    limits = stream.performance.limits
    return next((one.metric for one in limits[:at] if not known_of(one.metric) & known_of(limits[at].metric)), None)


def _of_limit(rule: LimitRule) -> str | None:
    """Why a limit is never crossed for certain, or in a segment."""
    if rule.certain and rule.metric.startswith("latency"):
        return f"has no interval, so {rule.metric} is never certain to be beyond a limit"
    return f"{rule.metric} is not known of segments" if rule.segment and rule.metric in SERVING else None
