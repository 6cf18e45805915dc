"""A change as an engineer would say it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from stream_monitor.config.duration import show
from stream_monitor.events import SegmentCause, iso
from stream_monitor.figures import number
from stream_monitor.watching.finding import ALL, CATEGORIES, Finding

_LENGTHS = (("years", 31_557_600e6), ("days", 86_400e6), ("hours", 3_600e6), ("minutes", 60e6), ("seconds", 1e6))
_MOST = 1e6
"""Years beyond which a chance is not worth a number."""
_MOSTLY = 0.5
"""The part of a rise above which it is most of it."""
_WHOLE = {ALL: "features", CATEGORIES: "categorical features"}
_LONG = 3_600_000_000
"""Microseconds beyond which it is said between which times a change began."""
_NAMED = 3
"""How many categories and other signals are named in a summary."""
_MINUTE, _SECOND = 60_000_000, 1_000_000


class Context(NamedTuple):
    """What the stream knows about a change, beside the finding."""

    immature: bool
    """Whether the reference spans less time than configured."""
    rarity: float | None = None
    """Microseconds after which chance alone raises as much; None where it is not known."""
    shares: tuple[tuple[str, float, float], ...] = ()
    """Categories with their shares before and after."""
    rise: float | None = None
    """How much more than in the reference is tolerated, of a risk."""
    doubt: str = ""
    """Why a loss may not be what it seems."""
    too_short: str = ""
    """How long the reference is, if neither it nor the stream so far is of the days in which a rhythm of the day is learnt."""
    no_week: bool = False
    """Whether neither it nor the stream so far is of the weeks in which a rhythm of the week is learnt."""
    age: int | None = None
    """The age of predictions at which losses are taken, microseconds, where a part of labels comes later."""

    def by_change(self) -> list[tuple[str, float, float]]:
        """The shares, those that have changed most first; by name where it is the same to what is written."""
        return sorted(self.shares, key=lambda one: (-round(abs(one[2] - one[1]), 3), one[0]))


def summary(finding: Finding, subject: str, context: Context) -> str:
    """What has changed, since when and by how much, in a line."""
    since = iso(finding.began_time)
    if finding.sort in ("loss", "risk"):
        what = "errs more" if finding.direction == "up" else "errs less"
        what += " than is tolerated" if finding.sort == "risk" else ""
        if finding.unit == "points":
            return f"{subject} {what} since {since}: errors {100 * finding.before:.1f}% -> {100 * finding.after:.1f}%"
        return f"{subject} {what} since {since}: mean absolute error {number(finding.before)} -> {number(finding.after)}"
    if finding.name in _WHOLE:
        return f"the {_WHOLE[finding.name]} of {subject} {_together(finding, since)}"
    what = f"{finding.name} of {subject}" if finding.sort == "feature" else f"the {finding.sort} of {subject}"
    if finding.moved == "shares" and math.isnan(finding.mostly):
        return f"{what} comes in other shares since {since}: {_shares(context)}"
    if finding.moved == "spread":
        return f"{what} is spread {_wider(finding)} since {since}: {_by(finding)}"
    how = {"up": "upwards", "down": "downwards", "both": "in shape"}[finding.direction]
    return f"{what} has drifted {how} since {since}: {_by(finding)}"


def description(finding: Finding, context: Context) -> str:
    """What it was compared with, how surprising it is, and what else changed."""
    wider = f", which compares with {finding.n_reference:,} before" if finding.n_reference > finding.known else ""
    if context.rise is not None:
        wider = f", which tolerates {number(context.rise)} above the most that the mean of these may be"
    said = [context.doubt] if context.doubt else []
    said += [f"compared with the {finding.known:,} values of the reference", f"found by {finding.detector}{wider}"]
    if finding.between and finding.between[1] - finding.between[0] > _LONG:
        said.append(f"it began between {iso(finding.between[0])} and {iso(finding.between[1])}, with 95% confidence")
    if finding.sort in ("loss", "risk"):
        said.append(f"the new figure is of {finding.n_current:,} outcomes")
    if context.age is not None:
        said.append(at_age(context.age))
    if context.rarity is not None:
        said.append(f"chance alone raises as much in this stream {_once(context.rarity)}")
    if context.immature:
        said.append("the reference is of less time than `reference.span`: it has too few rows for that")
    if context.too_short:
        said.append(f"the reference is of {context.too_short}: a rhythm of the day looks like this too until it has come twice")
    elif context.no_week:
        said.append("less than two weeks were known by then: a rhythm of the week looks like this too until it has come twice")
    if finding.extrapolated:
        said.append("the promise on false alarms is extrapolated")
    if finding.together:
        others = ", ".join(finding.together[:_NAMED])
        more = len(finding.together) - _NAMED
        how = "surely changed by itself" if finding.name in _WHOLE else "changed at the same time"
        said.append(f"{how}: {others}" + (f" and {more} more" if more > 0 else ""))
    return "; ".join(said)


def at_age(age: int) -> str:
    """What errors are of, where a part of labels comes later than at an age of predictions."""
    unit = _MINUTE if age > _MINUTE else _SECOND
    return f"of predictions {show(age // unit * unit)} after they were made: labels that came later are not in it"


def mostly(causes: Sequence[SegmentCause]) -> str:
    """The segments that explain a rise, or some of it; nothing where there are none."""
    said = [f"{one.segment} ({one.share:.0%}: {_loss(one)})" for one in causes]
    held: dict[tuple[str, ...], float] = {}  # only segments by the same keys have no rows in common
    for one in causes:
        keys = tuple(part.partition("=")[0] for part in one.segment.split(","))
        held[keys] = held.get(keys, 0.0) + one.share
    how = "most" if max(held.values(), default=0.0) > _MOSTLY else "a part"
    return f"{how} of it in {', '.join(said)}" if said else ""


def _together(finding: Finding, since: str) -> str:
    """What has become of features that are watched as one."""
    if finding.together:
        return f"have drifted since {since}, {finding.together[0]} most: {_by(finding)}"
    what = "how they go together, a shape, or many of them a little"
    return f"have drifted together since {since}: no mean or spread has surely moved, so it is {what}"


def _by(finding: Finding) -> str:
    """How far a mean, a standard deviation or a share has moved."""
    if not math.isnan(finding.mostly):
        return _apart(finding)
    if finding.unit == "points":
        return f"a share {100 * finding.before:.1f}% -> {100 * finding.after:.1f}%"
    if finding.unit == "sd" and finding.moved != "spread":
        by = "" if math.isnan(finding.effect) else f" ({finding.effect:+.2f} sd)"
        return f"mean {number(finding.before)} -> {number(finding.after)}{by}"
    ratio = f" ({_times(finding.effect)} {_wider(finding)})" if finding.effect else ""
    return f"sd {number(finding.before)} -> {number(finding.after)}{ratio}"


def _apart(finding: Finding) -> str:
    """How often a number is now what it mostly is, and what others are; what of it has moved."""
    said = [f"{number(one)} in {100 * was:.1f}% -> {100 * now:.1f}% of rows" for one, was, now in finding.shares[:1]]
    if finding.moved == "mean":
        said.append(f"mean of others {number(finding.before)} -> {number(finding.after)} ({finding.effect:+.2f} sd)")
    return ", ".join(said)


def _wider(finding: Finding) -> str:
    return "wider" if finding.effect > 1 else "narrower"


def _times(ratio: float) -> str:
    """How many times more or less; in percent where that is less than twice."""
    if 0.5 < ratio < 2:
        return f"{100 * abs(ratio - 1):.2g}%"
    return f"{max(ratio, 1 / ratio):,.{1 if 0.1 < ratio < 10 else 0}f} times"


def _loss(cause: SegmentCause) -> str:
    if cause.loss == "mae":
        return f"mean absolute error {number(cause.before)} -> {number(cause.after)}"
    return f"errors {100 * cause.before:.1f}% -> {100 * cause.after:.1f}%"


def _shares(context: Context) -> str:
    moved = context.by_change()[:_NAMED]
    return ", ".join(f"{name} {100 * before:.1f}% -> {100 * after:.1f}%" for name, before, after in moved)


def _once(microseconds: float) -> str:
    if microseconds > _MOST * _LENGTHS[0][1]:
        return "less than once in a million years"
    for name, length in _LENGTHS:
        if microseconds >= 2 * length:
            return f"once in {microseconds / length:,.0f} {name}"
    return "all the time"
