"""Rules of performance that can never say anything, and why."""

from __future__ import annotations

from collections.abc import Iterator

from stream_monitor.config.better import ESTIMATED, SERVING, known_of
from stream_monitor.config.performance import LimitRule, Rule
from stream_monitor.config.stream import StreamConfig


def silent_rules(stream: StreamConfig) -> Iterator[tuple[str, str]]:
    """What can never say anything: its path in the stream, and why."""
    performance = stream.performance
    for at, limit in enumerate(performance.limits):
        why = _of_basis(limit, limit.metric) or _of_limit(limit)
        if why:
            yield f".performance.limits.{at}", why
    against = performance.against_reference
    for metric in against.metrics if "metrics" in against.model_fields_set else ():
        why = _of_basis(against, metric)
        if stream.task != "auto" and stream.task not in known_of(metric):
            why = f"is no metric of a {stream.task} task"
        if why:
            yield ".performance.against_reference.metrics", f"{metric} {why}"
    if stream.task in ("multiclass", "regression"):
        named = {".positive": stream.positive, ".performance.cost": performance.cost}
        yield from ((key, f"is for binary tasks, and this is {stream.task}") for key, said in named.items() if said is not None)


def _of_basis(rule: Rule, metric: str) -> str | None:
    """Why windows of a rule's basis never have its metric."""
    if rule.basis == "estimated" and metric not in ESTIMATED:
        return f"is not estimated; there are {', '.join(sorted(ESTIMATED))}"
    if rule.basis == "cohort" and metric in SERVING:
        return f"is known by arrival only, not by {rule.basis}"
    return None


def _of_limit(rule: LimitRule) -> str | None:
    """Why a limit is never crossed for certain, or in a segment."""
    if rule.certain and rule.metric.startswith("latency"):
        return f"has no interval, so {rule.metric} is never certain to be beyond a limit"
    return f"{rule.metric} is not known of segments" if rule.segment and rule.metric in SERVING else None
