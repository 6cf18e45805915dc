"""Whether a version errs more than the one before it, which its own reference cannot tell."""

from __future__ import annotations

import math

from scipy.special import stdtrit

from stream_monitor.alerting.alerts import Moment, Telling
from stream_monitor.alerting.wording import at_age
from stream_monitor.events import ChangeEstimate, Effect, iso
from stream_monitor.figures import number
from stream_monitor.running import Running
from stream_monitor.task import Output
from stream_monitor.version import Version
from stream_monitor.watching.by_segment import Within
from stream_monitor.watching.group import Group
from stream_monitor.watching.level import Level, Past
from stream_monitor.watching.reference import BATCHES

_LEVEL = 1e-3
"""The chance that a version is said to err more though it does not: a third for its reference, a third for all looks before
and a third for all after."""
_FIRST, _LATER = 250, 4
"""Outcomes by which a version is compared first, and then whenever there are twice as many; and looks after its reference.

Measured with 2,000 pairs of versions that err alike, in 22%: none is told of where losses are independent, or their rate varies
by 10 points and is correlated over 10 outcomes; 5 in 1,000 where over 100 (5.5 with looks up to the reference only).
"""
_BACK = 1.64
"""Standard errors by which a loss must be nearer than half way to what it was before, to be that again."""
_HARDER = 0.25
"""The part of a rise that other traffic explains from which on that is said."""
_OTHER = 0.2
"""Standard deviations by which mean scores differ that are said to."""


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


def _look(version: Version, before: Past | None) -> None:
    """Compares a version with the one before: by its first outcomes, the last of which are its reference, and on the whole.

    That is over once its loss changes by its own reference, which may be the world's.
    """
    losses, last = version.groups["loss"], version.first.n if version.first else 0
    reference = version.learnt_level()
    if reference is None:
        if losses.warmup.rows >= max(_FIRST, 2 * last):
            _hold(version, version.first_level(), before, before and before.late)
    elif last < reference.n <= version.life.n:
        _hold(version, reference, before, before and before.late)
    elif reference.n > version.life.n or losses.has_changed or last * 2 > reference.n * 2**_LATER:
        version.compared = True
    elif version.life.n >= 2 * last and (own := version.whole_level()):
        _hold(version, own, before, before and before.whole)


def _hold(version: Version, own: Level | None, past: Past | None, before: Level | None) -> None:
    """Takes how a version errs by now; where that is more than the one before did, it is over."""
    version.first, losses = own, version.groups["loss"]
    if own and past and before and _is_worse(own, before, losses):
        last = past.last
        if last and last.mean > (own.mean + before.mean) / 2 and not _is_worse(own, last, losses):
            return  # losses had risen by then, which is likelier than that they did with this version
        alike = [one for one in version.life.by_segment.within(past.by_segment) if one.comparable]
        if all(_is_worse(*_levels(one, own, before), losses) for one in alike):
            losses.better = before
            version.compared = True


def _levels(one: Within, own: Level, before: Level) -> tuple[Level, Level]:
    """How both err on the traffic of the new one; the other as persistently as on its own."""
    n, persistence = before.n, max(before.n * before.error**2 / before.sd**2, 1.0)
    error = math.sqrt(persistence * one.spread)
    if error > 0:
        n = max(round(n * (before.error / error) ** 2), 1)
    return (
        own._replace(mean=one.after, error=own.error / math.sqrt(one.share)),
        before._replace(mean=one.before, error=error, n=n),
    )


def _is_worse(own: Level, before: Level, losses: Group) -> bool:
    """Whether it errs more beyond doubt; few outcomes may not show how persistent losses are, so they are as those before."""
    rise, error = own.mean - before.mean, max(own.error, before.error * math.sqrt(before.n / own.n))
    return rise > _sure(losses, own.n) * math.hypot(error, before.error) and rise >= losses.terms.least * before.sd


def _sure(losses: Group, n: int) -> float:
    """Standard errors that are beyond doubt at a look by so many outcomes."""
    before = math.ceil(math.log2(max(losses.terms.rows / _FIRST, 1)))
    looks = max(before, 1) if not losses.learnt else 1 if n <= losses.terms.rows else _LATER
    return -float(stdtrit(BATCHES, _LEVEL / 3 / looks))


def _is_back(own: Level, before: Level, now: Level | None) -> bool:
    """Whether the last outcomes are nearer to the version before than half way, beyond doubt."""
    return now is not None and now.mean + _BACK * math.hypot(now.error, before.error) <= (own.mean + before.mean) / 2


def _telling(stream: Running, version: Version, own: Level, before: Level, moment: Moment) -> Telling:
    what = f"{'errors' if own.rate else 'mean absolute error'} {_figure(before)} -> {_figure(own)}"
    immature = version.life.span < stream.record.config.reference.span
    summary = (
        f"{version.subject.name} errs more than {before.version} did: {what}, "
        f"by {before.n:,} outcomes of {before.version} and its own first {own.n:,}"
        f"{'; these span less time than they should' if immature else ''}"
    )
    rise, age = own.mean - before.mean, stream.age.partial(stream.join.wait)
    effect = Effect(value=rise, unit="points") if own.rate else Effect(value=rise / before.sd, unit="sd")
    change = ChangeEstimate(
        position=moment.predictions, time=iso(version.began), direction="up", statistic="rate" if own.rate else "mean",
        before=before.mean, after=own.mean, effect=effect, label_age_s=None if age is None else age / 1e6,
    )  # fmt: skip
    doubt = "; ".join(filter(None, (_traffic(stream, version, own, before), "" if age is None else at_age(age))))
    return Telling(version.subject, "performance", "VersionWorse", "critical", summary, change, doubt=doubt)


def _traffic(stream: Running, version: Version, own: Level, before: Level) -> str:
    """In what its traffic is another one, as far as is known; nothing where it is not."""
    past, keys = stream.watched.before(version), [",".join(key) for key in stream.record.config.segments.crossings]
    found = version.life.by_segment.within(past.by_segment) if past else []
    other = ", ".join(keys[one.key] for one in found if not one.comparable)
    if other:
        return f"it gets other traffic than {before.version} did, by {other}{_scores(stream, version, before)}"
    harder = max(found, key=lambda one: one.before - one.usual, default=None)
    if harder and harder.before - harder.usual > _HARDER * (own.mean - before.mean):
        mine, then = _levels(harder, own, before)
        return f"it gets other traffic, by {keys[harder.key]}, on which that is {_figure(then)} -> {_figure(mine)}"
    older = stream.watched.versions.get(before.number)
    beside = older and not older.idle and older.seen - version.began > (version.seen - version.began) / 2
    if found or not beside or version.number in stream.watched.shadows.numbers:
        return ""
    unknown = "whether both get the same traffic is not known without `segments.keys`"
    return f"{before.version} still predicts: {unknown}{_scores(stream, version, before)}"


def _scores(stream: Running, version: Version, before: Level) -> str:
    """That scores of two versions that predict differ as well, if they do."""
    both = [stream.watched.versions[one] for one in (before.number, version.number) if stream.watched.predicts(one)]
    then, now = [*(one.groups["score"].so_far() for one in both), None, None][:2]
    if then is None or now is None:
        return ""
    gap, sd = abs(float(now.mean[0] - then.mean[0])), float(then.sd[0])
    if gap <= _OTHER * sd or gap <= 3 * sd * math.sqrt(1 / now.n[0] + 1 / then.n[0]):
        return ""
    return f"; mean scores differ: {number(float(then.mean[0]))} -> {number(float(now.mean[0]))}"


def _figure(level: Level) -> str:
    return f"{100 * level.mean:.1f}%" if level.rate else number(level.mean)
