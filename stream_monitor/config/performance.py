"""What is said about performance: limits, the comparison with the reference, and the risk."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from stream_monitor.config.better import BETTER, is_share, lowest
from stream_monitor.config.duration import Duration
from stream_monitor.config.nearest import nearest_word
from stream_monitor.config.settings import Settings, Severity

Basis = Literal["arrival", "cohort", "estimated"]
"""Outcomes by when their label came, by when they were predicted, or as estimated before labels come."""
_LEAST_SHARE = 0.01
_SEGMENT = re.compile(r"[^=,]+=[^=,]+(,[^=,]+=[^=,]+)*")


def _known(metric: str) -> str:
    if metric in BETTER:
        return metric
    meant = nearest_word(metric.lower(), BETTER)
    hint = f"did you mean {meant}?" if meant else f"there are {', '.join(sorted(BETTER))}"
    raise ValueError(f"{metric!r} is not a known metric; {hint}")


def _with_a_better(metric: str) -> str:
    if BETTER[metric] == "neither":
        raise ValueError(f"{metric} is neither better nor worse when it rises; give it a limit instead")
    return metric


def _segment(text: str) -> str:
    text = re.sub(r",\s+", ",", text)
    if not _SEGMENT.fullmatch(text):
        raise ValueError(f"not a segment: {text!r}; write it like region=eu, or region=eu,device=ios")
    return text


Finite = Annotated[float, Field(allow_inf_nan=False)]
Metric = Annotated[str, AfterValidator(_known)]
Ranked = Annotated[Metric, AfterValidator(_with_a_better)]


class Rule(Settings):
    """When windows say something, and how severe it is."""

    windows: int = Field(1, ge=1, le=1_000)
    """How many in a row open a finding, and how many in a row end it, if together they do so beyond doubt."""
    minimum: int = Field(30, ge=0)
    """Rows below which a window says nothing."""
    coverage: float = Field(0.0, ge=0, le=1)
    """The share of predictions with a label below which a window says nothing."""
    basis: Basis = "arrival"
    """Which outcomes it is about: by when labels came, by when predictions were made, or as estimated before labels come."""
    severity: Severity = "warning"
    """Of its alert."""


class LimitRule(Rule):
    """A fixed limit of a metric."""

    metric: Metric
    """What it is about."""
    below: Finite | None = None
    """What is below it is a finding."""
    above: Finite | None = None
    """One of the two: what is beyond it is a finding."""
    window: Duration | None = Field(None, gt=0)
    """The first of `metrics` unless said."""
    certain: bool = False
    """Whether the whole 95% interval must be beyond the limit to open a finding, not the value alone."""
    segment: Annotated[str, AfterValidator(_segment)] | None = None
    """Rows of this segment only: region=eu, or region=eu,device=ios."""

    @property
    def limit(self) -> float:
        """The limit, whichever side of it is a finding."""
        limit = self.above if self.below is None else self.below
        assert limit is not None
        return limit

    @model_validator(mode="after")
    def _one_side(self) -> LimitRule:
        if (self.below is None) == (self.above is None):
            raise ValueError(f"a limit of {self.metric} needs either below or above")
        return self

    @model_validator(mode="after")
    def _can_be_crossed(self) -> LimitRule:
        low, limit = lowest(self.metric), self.limit
        if not is_share(self.metric) or low < limit < 1 or limit == (low if self.below is None else 1):
            return self
        side, always = ("above", limit < low) if self.below is None else ("below", limit > 1)
        raise ValueError(f"{self.metric} lies between {low:g} and 1: it is {'always' if always else 'never'} {side} {limit:g}")


class AgainstRule(Rule):
    """Metrics that are compared with their reference; an improvement is told as info."""

    windows: int = Field(3, ge=1, le=1_000)
    """How many in a row open a finding, and how many in a row end it."""
    metrics: tuple[Ranked, ...] = ("roc_auc",)
    """Errors and absolute errors are watched as the loss in any case, by detectors."""
    least: dict[Ranked, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    """By how much a metric must be worse, in its own units: 0.01 where it lies between 0 and 1, otherwise 0, unless said."""
    level: float = Field(0.01, gt=0, lt=0.5)
    """The chance that a single window is called worse while it is like the reference."""

    def smallest(self, metric: str) -> float:
        """The smallest difference of a metric that matters."""
        return self.least.get(metric, _LEAST_SHARE if is_share(metric) else 0.0)


class RiskRule(Settings):
    """The mean loss against that of the reference after each outcome, valid however often one looks (detector `betting`)."""

    rise: float = Field(0.05, ge=0, allow_inf_nan=False)
    """How much more is tolerated, in units of the loss."""
    level: float = Field(0.01, gt=0, lt=1)
    """The chance that there is ever a false alarm."""
    bound: float = Field(1.0, gt=0, allow_inf_nan=False)
    """The largest loss that counts; what exceeds it counts as that."""
    severity: Severity = "critical"
    """Of its alert."""

    @model_validator(mode="after")
    def _rise_within_bound(self) -> RiskRule:
        if self.rise >= self.bound:
            raise ValueError(f"rise must be below bound, {self.bound:g}, got {self.rise:g}")
        return self


class Costs(Settings):
    """What an outcome of a binary task costs; negative what it earns."""

    tp: Finite = 0.0
    """Of a true positive."""
    fp: Finite = 0.0
    """Of a false positive."""
    fn: Finite = 0.0
    """Of a false negative."""
    tn: Finite = 0.0
    """Of a true negative."""


class EstimateRule(Settings):
    """How performance is estimated before labels come."""

    calibrated_on: Literal["reference", "latest"] = "reference"
    """What the reference's outcomes say is used for good; or what the latest say, anew with every `reference.rows` of them."""


class Performance(Settings):
    """When performance is an alert, and what it is measured by."""

    limits: tuple[LimitRule, ...] = Field((), max_length=200)
    against_reference: AgainstRule = AgainstRule()
    risk: RiskRule | None = None
    estimates: EstimateRule = EstimateRule()
    cost: Costs | None = None
    """Makes `cost` a metric of a binary task: the mean over outcomes."""

    @model_validator(mode="after")
    def _cost_is_known(self) -> Performance:
        named = [*self.against_reference.metrics, *(rule.metric for rule in self.limits)]
        if self.cost is None and "cost" in named:
            raise ValueError("a rule about cost needs the cost of outcomes: cost: {fp: 1, fn: 20}")
        return self
