"""What a window's counts say is wrong with features, each rule with how it says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.config.quality import Name, Quality
from stream_monitor.figures import number, of_rows, percent
from stream_monitor.quality import units
from stream_monitor.quality.evidence import Evidence, Judged, judge
from stream_monitor.quality.feature_counts import FeatureCounts
from stream_monitor.quality.issue import Found
from stream_monitor.quality.known import Known, Worst
from stream_monitor.quality.open_issues import OpenIssues
from stream_monitor.quality.shares import LEVEL, Verdict
from stream_monitor.quality.unit_jumps import SOME, UnitJumps

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_LONGER = 2
"""How many times the longest run of one value in the reference a feature must have had only one."""
_FEW = 10
"""Rows with a new feature from which on it is worth a word."""
_NEW = 0.01
_VARIED = 0.9
"""The most that one value may have in any fifth of the reference of a feature that is said to be constant."""

_SURELY_MIXED = 60.0
"""The least factor by which some values are said to be in another unit than the others."""


class Look(NamedTuple):
    """What a rule goes by."""

    stream: str
    known: Known
    counts: FeatureCounts
    limits: Quality
    category: Callable[[str, float], str | None]
    """The text of a feature's category by its number; None of those beyond the limit, which may share one."""
    excused: Set[str]
    """Features whose values are missing for a reason that is said already."""
    drifting: Set[str]
    """Features of which it is said already that they drift: a few values beyond their range are no news."""
    issues: OpenIssues
    """What is said already."""
    past: Mapping[Name, Evidence]
    """What the windows before this one have left undecided."""
    full: bool
    """Whether the reference has as many features as it may have; then the others are not new."""
    jumped: Set[str] = frozenset()
    """Features that are or were in another unit in this window, as is said: that they leave their range follows."""

    def judge(self, name: Name, k: Ints, n: Ints, reference: Worst, least: float, usual: Ints | int = 0) -> Judged:
        """Whether shares are too large, in this window or in several."""
        said = self.issues.shares(name)
        shares = np.array([said.get(feature, np.nan) for feature in self.known.names])
        return judge(k, n, self.past[name], shares, reference, least, self.limits.rows, usual)

    def are(self, some: Set[str]) -> Mask:
        """Which features are among some."""
        return np.array([name in some for name in self.known.names], np.bool_)

    def title(self, feature: str) -> str:
        """A feature as summaries name it."""
        return f"{feature} of {self.stream}"

    def text(self, feature: str, category: float) -> str:
        """A category as summaries name it: in quotes, as it may be empty or end with a space."""
        text = self.category(feature, category)
        return "many others" if text is None else json.dumps(text, ensure_ascii=False)


class Findings(NamedTuple):
    """The features that a rule finds wrong, and those that it finds to be as they should be."""

    bad: list[Found]
    well: set[str]
    left: Evidence | None = None
    """For the next window; None where each is judged by itself."""
    wrong: Set[str] = frozenset()
    """Features of which something was said that does not hold."""
    counts: Mapping[str, tuple[int, int]] = MappingProxyType({})
    """Of features that something is said of: how many of how many rows are so."""


def missing(look: Look) -> Findings:
    """Values that are missing more often than in the reference; not those of what has vanished altogether."""
    counts = look.counts
    judged = _missing(look, "MissingValues")
    gone = counts.missing == counts.rows
    judged = _only(judged, ~gone & ~look.are(look.issues.open("VanishedFeature")))

    def words(i: int, before: str, after: str) -> str:
        most = float(look.known.missing.share[i])
        usual = f"at most {percent(most)} in a fifth of" if most else "none in"
        return f"is missing in {after}, {usual} the reference"

    return _findings(look, "MissingValues", judged, words)


def vanished(look: Look) -> Findings:
    """Features of the reference that no row has, until they are there about as often as in it."""
    gone = look.counts.missing == look.counts.rows
    judged = _only(_missing(look, "VanishedFeature"), gone)
    return _findings(look, "VanishedFeature", judged, lambda i, before, after: f"is there no more: it is missing in {after}")


def infinite(look: Look) -> Findings:
    """Infinities; those of the reference are among its missing values."""
    counts = look.counts
    rows = np.full(len(counts.missing), counts.rows)
    judged = look.judge("InfiniteValues", counts.infinite, rows, look.known.missing, look.limits.outside)
    return _findings(look, "InfiniteValues", judged, lambda i, before, after: f"is infinite in {after}")


def outside(look: Look) -> Findings:
    """Values outside the range of the reference, unless another unit explains them, or may do so in the next window."""
    counts, known = look.counts, look.known
    judged = look.judge("OutOfRange", counts.below + counts.above, counts.present, known.outside, look.limits.outside)
    width = known.highest - known.lowest
    near = (counts.lowest >= known.lowest - width) & (counts.highest <= known.highest + width)
    near &= ~((counts.lowest < 0) & (known.lowest >= 0) | (counts.highest > 0) & (known.highest <= 0)) | known.slow
    judged = _only(judged, ~(look.are(look.drifting) & near) & ~look.are(look.jumped))
    if look.limits.severe("UnitJump") is not None:
        for i in np.flatnonzero(judged.verdict.bad).tolist():
            judged.verdict.bad[i] = not _begins_to_jump(look, i)

    def words(i: int, before: str, after: str) -> str:
        low, high = number(known.lowest[i]), number(known.highest[i])
        extremes = {
            "below": f"the smallest is {number(counts.lowest[i])}",
            "above": f"the largest is {number(counts.highest[i])}",
        }
        sides = [one for one, n in (("below", counts.below[i]), ("above", counts.above[i])) if n] or ["above"]
        far = ", ".join(extremes[one] for one in sides)
        return f"is {' or '.join(sides)} its range in {after}: {far}, in the reference {low} to {high}{_mixed(look, i)}"

    return _findings(look, "OutOfRange", judged, words)


def unseen(look: Look) -> Findings:
    """Categories that the reference does not have."""
    counts = look.counts
    judged = look.judge("UnseenCategories", counts.unseen, counts.present, look.known.unseen, look.limits.outside)

    def words(i: int, before: str, after: str) -> str:
        names = ", ".join(dict.fromkeys(look.text(look.known.names[i], one) for one in counts.strangers.get(i, [])))
        return f"has categories that the reference does not have in {after}, first {names}"

    return _findings(look, "UnseenCategories", judged, words)


def constant(look: Look) -> Findings:
    """Features that had one value only, though they vary in every fifth of the reference, and never kept one for so long."""
    counts, known = look.counts, look.known
    n, common = counts.present, known.common
    still = (n >= look.limits.rows) & (counts.lowest == counts.highest)
    usual = (common.k + 0.5) / (common.n + 1.0)
    chance = n * np.log(np.minimum(usual, 1.0))
    bad = still & (usual <= _VARIED) & (common.n > 0) & (chance < np.log(LEVEL / max(len(n), 1))) & (n > _LONGER * known.steady)
    many = np.zeros(len(n), np.bool_)
    for i in np.flatnonzero(still & known.texts).tolist():
        many[i] = look.category(known.names[i], counts.lowest[i]) is None
    verdict = Verdict(bad & ~many, many | (counts.lowest != counts.highest), known.common.share, np.ones(len(n)))
    judged = Judged(verdict, n, Evidence.none(len(n)), Evidence.none(len(n)))

    def words(i: int, before: str, after: str) -> str:
        name = known.names[i]
        value = look.text(name, counts.lowest[i]) if known.texts[i] else number(counts.lowest[i])
        return f"has the same value, {value}, in {after}; it varies in the reference"

    return _findings(look, "ConstantFeature", judged, words)


def unit(look: Look, jumps: UnitJumps, is_open: Set[str]) -> Findings:
    """Features that are as they were, but in another unit, by the last rows."""
    names, bad = look.known.names, []
    seen = jumps.see(look.known, look.counts, {i for i, name in enumerate(names) if name in is_open})
    for i, jump in sorted(seen.jumps.items()):
        n = int((~np.isnan(look.counts.ring[:, i])).sum())
        bad.append(Found(names[i], f"{look.title(names[i])} {jump.text}", 0.0, 1.0, n, i in seen.anew))
    return Findings(bad, {names[i] for i in seen.back}, wrong={names[i] for i in seen.wrong})


def new(look: Look, is_open: Set[str]) -> Findings:
    """Features that the reference does not have; they are not watched."""
    rows, bad = look.counts.rows, []
    if rows >= look.limits.rows and not look.full:
        for name, n in sorted(look.counts.new.items()):
            if n >= max(_FEW, _NEW * rows):
                words = f"{look.title(name)} is new, in {of_rows(n / rows, rows)}: it is not watched; `rebaseline` learns it"
                bad.append(Found(name, words, 0.0, n / rows, rows))
    return Findings(bad, {name for name in is_open if name not in look.counts.new})


RULES: dict[Name, Callable[[Look], Findings]] = {
    "MissingValues": missing, "VanishedFeature": vanished, "InfiniteValues": infinite, "OutOfRange": outside,
    "UnseenCategories": unseen, "ConstantFeature": constant,
}  # fmt: skip


def _begins_to_jump(look: Look, feature: int) -> bool:
    """Whether a feature is in another unit by its latest values, and was not by those before: there will be more to go by."""
    latest = look.counts.latest()[:, feature]
    before, after = (
        units.jump(look.known, feature, some, units.size(look.known, feature, some)) for some in (latest[:SOME], latest[-SOME:])
    )
    return after is not None and before is None


def _mixed(look: Look, feature: int) -> str:
    """That a feature's latest values beyond its range are in another unit, as those of one of several clients; or nothing."""
    known, latest = look.known, look.counts.latest()[:, feature]
    beyond = latest[(latest < known.low[feature]) | (latest > known.high[feature])]
    jump = units.jump(known, feature, beyond, units.size(known, feature, beyond))
    if jump is None or jump.intercept or max(jump.slope, 1 / jump.slope) < _SURELY_MIXED:
        return ""
    return f"; what is beyond it {jump.text}"


def _missing(look: Look, name: Name) -> Judged:
    counts = look.counts
    rows = np.full(len(counts.missing), counts.rows)
    known, limits = look.known, look.limits
    judged = look.judge(name, counts.missing, rows, known.missing, limits.missing, known.longest - counts.forgiven)
    return _only(judged, ~look.are(look.excused))


def _only(judged: Judged, where: Mask) -> Judged:
    """What is not explained by something else."""
    return judged._replace(verdict=judged.verdict._replace(bad=judged.verdict.bad & where))


def _findings(look: Look, rule: Name, judged: Judged, words: Callable[[int, str, str], str]) -> Findings:
    bad, (verdict, n, left, own) = [], judged
    names, said = look.known.names, look.issues.said(rule)
    counts = {name: (int(own.k[i]), int(own.n[i])) for i, name in enumerate(names) if name in said}
    for i in np.flatnonzero(verdict.bad).tolist():
        name, before, after, rows = names[i], float(verdict.before[i]), float(verdict.after[i]), int(n[i])
        anew = said[name].otherwise(*counts[name]) if name in said else None
        after, rows = anew or (after, rows)
        what = words(i, percent(before), of_rows(after, rows))
        bad.append(Found(name, f"{look.title(name)} {what}", before, after, rows, anew is not None))
    return Findings(bad, {names[i] for i in np.flatnonzero(verdict.well).tolist()}, left, counts=counts)
