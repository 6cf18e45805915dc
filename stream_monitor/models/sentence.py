"""What has become of a model that learns, as a sentence."""

from __future__ import annotations

from collections.abc import Callable

from stream_monitor.events import iso
from stream_monitor.models.error_model import Split
from stream_monitor.models.models import ERRORS, Found

Named = Callable[[str, float], str]
"""The category of a feature behind a number."""


def sentence(found: Found, subject: str, regression: bool, named: Named) -> str:
    """Says what was found beside a subject, such as `fraud/7`; numbers are points of the error rate, or the error's unit."""
    if found.step == "begun_anew":
        who = "the error model" if found.model == ERRORS else f"challenger {found.model}"
        return f"{who} of {subject} has begun anew: {found.reason}"
    if found.step == "set_aside":
        return f"challenger {found.model} of {subject} was set aside: {found.reason}"
    if found.step == "no_longer_better":
        return f"challenger {found.model} is no longer better than {subject}"
    errs = "errs" if found.threshold is None else f"errs (absolute errors above {found.threshold:.3g})"
    if found.step == "no_longer_errs":
        return f"where {subject} {errs} can no longer be told from its features"
    if found.step in ("errs", "still_errs"):
        where = "; ".join(_where(split, named) for split in found.splits) or "in no single feature"
        return f"where {subject} {errs} can be told from its features: {where}"
    return f"challenger {found.model} has been better than {subject} by {_by(found, regression)}"


def _by(found: Found, regression: bool) -> str:
    """The difference in full, and the one that was judged; that first where the challenger is not better in full."""
    unit, since, cut = " of mean absolute error" if regression else " points", iso(found.standing.since), found.cut
    full = _between(*found.standing[1:4], unit, 1.0 if regression else 100.0)
    if cut is None or not cut.rows:
        return f"{full} in the mean since {since}"
    judged, how = _between(cut.difference, cut.low, cut.high), f"with errors above {cut.at:.3g} counted as that"
    if found.standing.difference > 0:
        return f"{full} in the mean since {since}; as it is judged, {how}, by {judged}"
    return f"{judged} in the mean since {since}, {how}; in full it is not, by {full}"


def _between(difference: float, low: float, high: float, unit: str = "", scale: float = 1.0) -> str:
    return f"{scale * difference:.3g}{unit} [{scale * low:.3g}, {scale * high:.3g}]"


def _where(split: Split, named: Named) -> str:
    """The values of a feature with which there are more errors."""
    if split.missing:
        side = "is missing" if split.grow else "is not missing"
    elif split.category is not None:
        side = f"{'is' if split.grow else 'is not'} {named(split.feature, split.category)}"
    elif split.up_to is None:
        side = f"{'>' if split.grow else '<='} {split.above:.4g}"
    elif split.grow:
        side = f"> {split.above:.4g} and <= {split.up_to:.4g}"
    else:
        side = f"<= {split.above:.4g} or > {split.up_to:.4g}"
    low, high = sorted((split.rate_above, split.rate_below))
    return f"{split.feature} {side} (errs in {high:.1%} of these, in {low:.1%} of the others)"
