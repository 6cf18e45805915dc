"""Whether a version errs more than the one before it, which its own reference cannot tell."""

from __future__ import annotations

import math

from stream_monitor.alerting.alerts import Moment, Telling
from stream_monitor.events import ChangeEstimate, Effect, iso
from stream_monitor.figures import number
from stream_monitor.running import Running
from stream_monitor.task import Output
from stream_monitor.version import Version
from stream_monitor.watching.group import Terms
from stream_monitor.watching.level import Level

_SURE = 3.5
"""Standard errors that chance gives once in a thousand times: Student's t, as persistence is known from twenty batches."""
_BACK = 1.64
"""Standard errors by which a loss must be nearer than half way to what it was before, to be that again."""


def compare(stream: Running, moment: Moment) -> list[Output]:
    """Says which versions err more than the one before, once by what each has learnt, and which of these no longer do."""
    outputs: list[Output] = []
    for version in stream.watched.versions.values():
        if version.idle or stream.of_one_class:
            continue
        own, losses = version.learnt_level(), version.groups["loss"]
        if own is None:
            continue
        if not version.compared:
            version.compared, before = True, stream.watched.before(version)
            losses.better = before if before and _is_worse(own, before, losses.terms) else None
        if losses.better is None:
            continue
        about = {"model": version.subject.model, "version": version.subject.version}
        if _is_back(own, losses.better, version.last_level(losses.terms.resolve_after)):
            losses.better = None
            outputs += stream.alerts.end("recovered", moment, alertname="VersionWorse", **about)
        elif not stream.alerts.firing_with(alertname="VersionWorse", **about):
            telling = _telling(stream, version, own, losses.better, moment)
            outputs += stream.alerts.tell("opened", telling, moment, signal="loss", **about)
    return outputs


def _is_worse(own: Level, before: Level, terms: Terms) -> bool:
    rise = own.mean - before.mean
    return rise > _SURE * math.hypot(own.error, before.error) and rise >= terms.least * before.sd


def _is_back(own: Level, before: Level, now: Level | None) -> bool:
    """Whether the last outcomes are nearer to the version before than half way, beyond doubt."""
    return now is not None and now.mean + _BACK * math.hypot(now.error, before.error) <= (own.mean + before.mean) / 2


def _telling(stream: Running, version: Version, own: Level, before: Level, moment: Moment) -> Telling:
    what = f"{'errors' if own.rate else 'mean absolute error'} {_figure(before)} -> {_figure(own)}"
    immature = version.groups["loss"].span < stream.record.config.reference.span
    summary = (
        f"{version.subject.text} errs more than {before.version} did: {what}, "
        f"by {before.n:,} outcomes of {before.version} and its own first {own.n:,}"
        f"{'; these span less time than they should' if immature else ''}"
    )
    rise = own.mean - before.mean
    effect = Effect(value=rise, unit="points") if own.rate else Effect(value=rise / before.sd, unit="sd")
    change = ChangeEstimate(
        position=moment.predictions, time=iso(version.began), direction="up", statistic="rate" if own.rate else "mean",
        before=before.mean, after=own.mean, effect=effect,
    )  # fmt: skip
    return Telling(version.subject, "performance", "VersionWorse", "critical", summary, change)


def _figure(level: Level) -> str:
    return f"{100 * level.mean:.1f}%" if level.rate else number(level.mean)
