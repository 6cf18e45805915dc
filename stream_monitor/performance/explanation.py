"""Which segments explain a rise of the mean loss."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import reduce
from itertools import accumulate
from statistics import NormalDist
from typing import NamedTuple

from scipy.special import chdtri

_DOUBT = 0.01
"""The chance that any segment seems to have risen though none has."""
_BYSTANDER = 0.5
"""The rest of the rows must have risen by no more than this part of a segment's rise, or it is no cause."""
_AS_MUCH = 0.8
"""The part of a segment's excess that crossings within it must have, in no more than this part of its rows, to replace it."""
_CLEARLY = 0.5
"""The part of the limit below which what is beside crossings must be for them to replace a segment that is known as a cause."""
_SPLITS = 3
"""Times that segments of the same keys are split, at most."""
_WORTH = 0.1
"""The part of the whole rise that a segment holds at least that is named after those that have risen most."""
_FEWEST = 20
"""Rows of a segment after the change below which it is not looked at."""
_NEW = 10
"""How many times as often as before a segment comes that is as good as new: its few rows before are no past of its own."""
_AT_FIRST = 0.25
"""The part of its rise by which a cause had risen at first."""
OTHER = "(other)"
"""The value of a key for all rows whose value is not looked at."""


class Counts(NamedTuple):
    """Rows of a segment and the sum of their losses, before a change and after it."""

    segment: str
    """Keys with their values: region=eu, or region=eu,device=ios for a crossing of two."""
    n_before: float
    loss_before: float
    n_after: float
    loss_after: float
    squares_before: float | None = None
    """Sums of squared losses; without them losses lie between 0 and 1, and are taken for errors."""
    squares_after: float | None = None


class Cause(NamedTuple):
    """A segment that explains some of a rise."""

    segment: str
    share: float
    """Of the whole rise: its rows after the change times its own rise, over the same of all rows."""
    before: float
    after: float
    """Its mean losses."""
    n_after: float
    z: float
    """Its own rise in standard errors."""


def causes(segments: Sequence[Counts], total: Counts, most: int = 5, known: Collection[str] = ()) -> list[Cause]:
    """The segments that explain most of a rise, the largest share first; none where everything has risen, or nothing has.

    A segment is a cause if its own rise is significant (Bonferroni over all segments), significantly more than that of the rows
    outside of it, others by the same keys that are causes left aside, and at least twice as much.  Crossings are named in place
    of a segment when they hold nearly as much of the rise in fewer rows, and otherwise it in place of them.  A segment that is
    as good as new is compared with all rows before.  Keys that nearly coincide, as region and currency, are all named.
    What is left of a key is no cause beside one that it may contain.  Crossings that are `known` as causes remain until what is
    beside them has risen beyond doubt, and a known segment while that is not clear.
    """
    excess = total.n_after * _rise(total)
    if not segments or excess <= 0:
        return []
    limit = NormalDist().inv_cdf(1 - _DOUBT / len(segments))
    tables: dict[tuple[str, ...], list[_Segment]] = {}
    for segment in (_segment(counts, total) for counts in segments):
        tables.setdefault(tuple(sorted(segment.parts)), []).append(segment)
    fallen = [one for table in tables.values() for one in _fallen(table, total, limit, _DOUBT / len(tables))]
    finest, names = _finest(fallen, total, limit, known), {one.segment for one in segments}
    found = [
        Cause(one.name, one.excess / excess, _before(one.seen), _after(one.seen), one.counts.n_after, _z(one.seen))
        for one in finest
        if not any(_may_contain(one, other, names) for other in finest)
    ]
    return sorted(found, key=lambda cause: (-cause.share, cause.segment))[:most]


def rose_at_first(cause: Cause, first: Counts) -> bool:
    """Whether a cause had risen in the first rows after a change, unless these plainly say that it had not."""
    if min(first.n_before, first.n_after) < 1:
        return True
    error = math.sqrt(_error_before(first) + _error_after(first))
    return _rise(first) + 2 * error >= _AT_FIRST * (cause.after - cause.before)


class _Segment(NamedTuple):
    name: str
    parts: dict[str, str]
    """Its value of each key."""
    counts: Counts
    seen: Counts
    """The same, with what it is compared with."""
    rise: float
    excess: float
    """The sum of losses beyond what there would be without its rise."""


def _segment(counts: Counts, total: Counts) -> _Segment:
    pairs = (part.partition("=") for part in counts.segment.split(","))
    seen = _with_a_past(counts, total)
    rise = _rise(seen)
    return _Segment(counts.segment, {key: value for key, _, value in pairs}, counts, seen, rise, counts.n_after * rise)


def _may_contain(rest: _Segment, other: _Segment, names: Collection[str]) -> bool:
    """Whether rows of a segment may be in what is left of other keys, of which these are some or which are some of these."""
    if set(rest.parts.values()) != {OTHER} or OTHER in other.parts.values():
        return False
    if other.parts.keys() < rest.parts.keys():
        return True
    return rest.parts.keys() < other.parts.keys() and _called({key: other.parts[key] for key in rest.parts}) not in names


def _called(parts: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in parts.items())


def _fallen(table: list[_Segment], total: Counts, limit: float, doubt: float) -> list[_Segment]:
    """Of segments that share no rows, those that have risen and set themselves apart from all the rest, and so on of this.

    In order of their rises they are split in two where the parts differ most surely; that they do is judged as Scheffé (1953)
    does, who allows for every split there is of so many groups: segments, and rows of none of them if there are any.  What is
    left is split again for those that hold enough of the whole rise.
    """
    ranked = sorted((one for one in table if one.counts.n_after >= _FEWEST), key=lambda one: (-one.rise, one.name))
    found, left, least = list[_Segment](), total, -math.inf
    for _ in range(_SPLITS):
        parts = list(accumulate((one.counts for one in ranked), _plus))
        rests = [_plus(left, part, -1) for part in parts]
        apart = [_apart(_with_a_past(part, total), rest) for part, rest in zip(parts, rests)]
        if not apart or max(apart) <= math.sqrt(chdtri(max(len(ranked) - (rests[-1].n_after < 1), 1), doubt)):
            break
        at = apart.index(max(apart))
        some = [one for one in ranked[: at + 1] if _z(one.seen) > limit and _stands_out(one, rests[at], limit)]
        found += [one for one in some if one.excess >= least]
        ranked, left, least = ranked[at + 1 :], rests[at], _WORTH * total.n_after * _rise(total)
    return found


def _stands_out(segment: _Segment, rest: Counts, limit: float) -> bool:
    return _apart(segment.seen, rest) > limit and _rise(rest) <= _BYSTANDER * segment.rise


def _finest(fallen: list[_Segment], total: Counts, limit: float, known: Collection[str]) -> list[_Segment]:
    """Crossings or what they lie in, whichever holds the rise in fewer rows."""
    left = {one.name for one in fallen}
    for parent in sorted(fallen, key=lambda one: (len(one.parts), one.name)):
        crossings: dict[tuple[str, ...], list[_Segment]] = {}
        for one in fallen:
            if one.parts.items() > parent.parts.items():
                crossings.setdefault(tuple(sorted(one.parts)), []).append(one)
        for within in crossings.values():
            left -= {parent.name} if _holds(within, parent, total, limit, known) else {one.name for one in within}
    return [one for one in fallen if one.name in left]


def _holds(within: list[_Segment], parent: _Segment, total: Counts, limit: float, known: Collection[str]) -> bool:
    """Whether crossings hold nearly all of a rise in fewer rows, and what is beside them has hardly risen."""
    together = reduce(_plus, (one.counts for one in within))
    beside = _with_a_past(_plus(parent.counts, together, -1), total)
    if min(beside.n_before, beside.n_after) < 1:
        return False
    together = _with_a_past(together, total)
    n, rows, excess = parent.counts.n_after, together.n_after, sum(one.excess for one in within)
    little = (parent.excess - excess) * rows <= _BYSTANDER * excess * (n - rows)
    nearly_all = little and rows <= _AS_MUCH * n and excess >= _AS_MUCH * parent.excess
    if any(one.name in known for one in within):
        return nearly_all or _z(beside) <= limit
    return nearly_all and _apart(together, beside) > limit and (parent.name not in known or _z(beside) <= _CLEARLY * limit)


def _with_a_past(counts: Counts, total: Counts) -> Counts:
    """Counts with those of all rows before in place of none of its own, or next to none."""
    if counts.n_before * total.n_after * _NEW > counts.n_after * total.n_before:
        return counts
    return counts._replace(n_before=total.n_before, loss_before=total.loss_before, squares_before=total.squares_before)


def _plus(one: Counts, other: Counts, times: int = 1) -> Counts:
    squares = [
        None if a is None or b is None else a + times * b
        for a, b in ((one.squares_before, other.squares_before), (one.squares_after, other.squares_after))
    ]
    return Counts(
        one.segment, one.n_before + times * other.n_before, one.loss_before + times * other.loss_before,
        one.n_after + times * other.n_after, one.loss_after + times * other.loss_after, *squares,
    )  # fmt: skip


def _before(counts: Counts) -> float:
    return counts.loss_before / counts.n_before if counts.n_before > 0 else 0.0


def _after(counts: Counts) -> float:
    return counts.loss_after / counts.n_after if counts.n_after > 0 else 0.0


def _rise(counts: Counts) -> float:
    return _after(counts) - _before(counts)


def _z(counts: Counts) -> float:
    """A rise in standard errors; of errors, the signed root of the likelihood ratio, which few rows do not fool."""
    if counts.squares_before is not None and counts.squares_after is not None:
        error = math.sqrt(_error_before(counts) + _error_after(counts))
        return _rise(counts) / error if error > 0 else 0.0
    before, after = _before(counts), _after(counts)
    together = (counts.loss_before + counts.loss_after) / (counts.n_before + counts.n_after)
    ratio = counts.n_before * _divergence(before, together) + counts.n_after * _divergence(after, together)
    return math.copysign(math.sqrt(2 * max(ratio, 0.0)), after - before)


def _apart(part: Counts, rest: Counts) -> float:
    """By how many standard errors the rise of some rows is more than that of all others; 0 where there are no others."""
    if min(rest.n_before, rest.n_after) < 1:
        return 0.0
    error = math.sqrt(sum(of(counts) for of in (_error_before, _error_after) for counts in (part, rest)))
    return (_rise(part) - _rise(rest)) / error if error > 0 else 0.0


def _error_before(counts: Counts) -> float:
    return _squared_error(counts.n_before, counts.loss_before, counts.squares_before)


def _error_after(counts: Counts) -> float:
    return _squared_error(counts.n_after, counts.loss_after, counts.squares_after)


def _squared_error(n: float, loss: float, squares: float | None) -> float:
    """The squared standard error of a mean; that of a rate as if there were half an error and half a success more."""
    if squares is not None:
        return max(squares / n - (loss / n) ** 2, 0.0) / n
    rate = (loss + 0.5) / (n + 1)
    return max(rate * (1 - rate), 0.0) / n


def _divergence(rate: float, other: float) -> float:
    """Kullback and Leibler's, of one error rate from another."""
    terms = ((rate, other), (1 - rate, 1 - other))
    return sum(a * math.log(a / b) for a, b in terms if a > 0 and b > 0)
