"""Whether a version errs more than the one before it, which its own reference cannot tell."""

from __future__ import annotations

import math

from scipy.special import stdtrit

from stream_monitor.alerting.alerts import Moment, Telling
from stream_monitor.events import ChangeEstimate, Effect, iso
from stream_monitor.figures import number
from stream_monitor.running import Running
from stream_monitor.task import Output
from stream_monitor.version import Version
from stream_monitor.watching.group import Group
from stream_monitor.watching.level import Level

_LEVEL = 1e-3
"""The chance that a version is said to err more though it does not."""
_BATCHES = 20
"""By which persistence is known, and so standard errors."""
_FIRST = 250
"""Outcomes by which a version is compared first, and then whenever there are twice as many, until it has its reference."""
_BACK = 1.64
"""Standard errors by which a loss must be nearer than half way to what it was before, to be that again."""


def compare(stream: Running, moment: Moment) -> list[Output]:
    """Says which versions err more than the one before, by what each has learnt so far, and which of these no longer do."""
    outputs: list[Output] = []
    for version in stream.watched.versions.values():
        if version.idle or stream.of_one_class:
            continue
        losses = version.groups["loss"]
        if not version.compared:
            _look(version, stream.watched.before(version))
        if losses.better is None or version.first is None:
            continue
        about = {"model": version.subject.model, "version": version.subject.version}
        if _is_back(version.first, losses.better, version.last_level(losses.terms.resolve_after)):
            losses.better = None
            outputs += stream.alerts.end("recovered", moment, alertname="VersionWorse", **about)
        elif not stream.alerts.firing_with(alertname="VersionWorse", **about):
            telling = _telling(stream, version, version.first, losses.better, moment)
            outputs += stream.alerts.tell("opened", telling, moment, signal="loss", **about)
    return outputs


def _look(version: Version, before: Level | None) -> None:
    """Compares a version with the one before if it has enough outcomes for that; its reference is the last of them."""
    losses = version.groups["loss"]
    rows = _FIRST if version.first is None else 2 * version.first.n
    if not losses.learnt and losses.warmup.rows < rows:
        return
    version.first = own = version.first_level()
    if own and before and _is_worse(own, before, losses):
        losses.better = before
    version.compared = losses.learnt or losses.better is not None


def _is_worse(own: Level, before: Level, losses: Group) -> bool:
    """Whether it errs more beyond doubt; few outcomes may not show how persistent losses are, so they are as those before."""
    rise, error = own.mean - before.mean, max(own.error, before.error * math.sqrt(before.n / own.n))
    return rise > _sure(losses) * math.hypot(error, before.error) and rise >= losses.terms.least * before.sd


def _sure(losses: Group) -> float:
    """Standard errors that are beyond doubt: half of the chance is for the reference, half for all looks before."""
    looks = math.ceil(math.log2(max(losses.terms.rows / _FIRST, 1)))
    chance = _LEVEL if not looks else _LEVEL / 2 if losses.learnt else _LEVEL / 2 / looks
    return -float(stdtrit(_BATCHES, chance))


def _is_back(own: Level, before: Level, now: Level | None) -> bool:
    """Whether the last outcomes are nearer to the version before than half way, beyond doubt."""
    return now is not None and now.mean + _BACK * math.hypot(now.error, before.error) <= (own.mean + before.mean) / 2


def _telling(stream: Running, version: Version, own: Level, before: Level, moment: Moment) -> Telling:
    what = f"{'errors' if own.rate else 'mean absolute error'} {_figure(before)} -> {_figure(own)}"
    losses = version.groups["loss"]
    span = losses.span if losses.learnt else losses.warmup.last - losses.warmup.first
    immature = span < stream.record.config.reference.span
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
