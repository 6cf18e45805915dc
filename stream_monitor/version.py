"""One model version of a stream: what it says and how it errs, each with a reference of its own, and its retrain request."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.alerting.alerts import Subject
from stream_monitor.alerting.retrain import Retrain
from stream_monitor.config.stream import StreamConfig
from stream_monitor.joining.kept_features import KeptFeatures
from stream_monitor.joining.labelled import Labelled
from stream_monitor.joining.lots import Lots
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.packed import Values
from stream_monitor.models.models import Found, Models
from stream_monitor.watching.by_segment import BySegment
from stream_monitor.watching.group import Group
from stream_monitor.watching.level import Level, Past
from stream_monitor.watching.lifetime import Lifetime
from stream_monitor.watching.reference import Reference, Sort
from stream_monitor.watching.terms import terms
from stream_monitor.watching.words import numbered

_ENOUGH = 100
"""Outcomes by which it is known how a version errs of late."""
_LATER = 1.64
"""Standard errors by which it errs more of late than on the whole beyond doubt."""
_DAY = 86_400_000_000
"""Event time by which it is known how it errs on the whole: outcomes of less are of one time of day."""
_PART = 4
"""The part of `resolve_after` by which it is known how it errs now."""
_PARTS = (2, 4, 8, 16)
"""Parts of `resolve_after` that are looked at by themselves, as its loss may have risen too late for a detector to say so."""
_RISEN = 2.0
"""Standard errors by which such a part must be worse.

Measured with an error rate that rose from 20% to 32% in the last of 3,000 outcomes, before a version that errs as much, and a
reference of 1,000: with 1,000, 500, 250 and 100 such outcomes 3%, 2%, 5% and 44% of these versions are told, instead of 57% and
else all; of versions that err by 10 points more, after one that stays at 20%, 97% instead of 99%.
"""


class Version:
    """What is known of a model version while it is live."""

    def __init__(self, number: int, subject: Subject, config: StreamConfig, seen: int) -> None:
        self.number, self.subject = number, subject
        sorts: tuple[Sort, ...] = ("prediction", "score", "loss", "risk")
        self.groups: dict[Sort, Group] = {sort: Group(sort, terms(config, sort)) for sort in sorts}
        self.retrain = Retrain()
        self.models: Models | None = None
        """What learns beside it, once it is known what a loss is."""
        self.outcomes = 0
        self.watched_lots, self.learnt_lots = Lots(), Lots()
        """Which of its outcomes detectors see, and models."""
        self.labelled = Labelled()
        """Its predictions, and which of them have a label."""
        self.life = Lifetime()
        """Its losses since it began, or was said to be the new normal."""
        self.before: Past | None = None
        """How the version before it erred, once that is forgotten."""
        self.compared = False
        """Whether it is compared with the version before no more."""
        self.first: Level | None = None
        """How it erred when it was last compared with the version before."""
        self.began = self.seen = seen
        """The stream's clock at its first prediction, and at its last."""

    def learn(
        self, outcomes: Outcomes, losses: npt.NDArray[np.float64], times: npt.NDArray[np.int64], kept: KeptFeatures
    ) -> list[Found]:
        """Lets its models learn from new outcomes, float64[n] their losses, of predictions whose features were kept."""
        assert self.models is not None
        value = numbered(Values(outcomes.value, outcomes.code))
        label = numbered(Values(outcomes.label_value, outcomes.label_code))
        features = outcomes.features.astype(np.float64)
        names = kept.names[: features.shape[1]]
        return self.models.learn(names, features, value, label, losses, outcomes.ids, times, kept.texts)

    def first_level(self) -> Level | None:
        """How it errs by its reference, or by what there is of it; None where there is nothing."""
        reference = self.groups["loss"].so_far()
        return self._level(reference, float(reference.mean[0]), int(reference.n[0])) if reference else None

    def learnt_level(self) -> Level | None:
        """How it errs by its reference; None while it has none."""
        return self.first_level() if self.groups["loss"].learnt else None

    def last_level(self, least: int, part: int = 1) -> Level | None:
        """How it has erred of late, in a part of `resolve_after`, since its reference; None where there were fewer outcomes."""
        return self._late(self.groups["loss"].terms.resolve_after // part, least)

    def risen_level(self) -> Level | None:
        """How it has erred since its loss rose; None where that does not last."""
        losses = self.groups["loss"].watched.get("numbers")
        return self._late(losses.risen(), 1) if losses else None

    def errs_now(self) -> float:
        """Its mean loss in a part of `resolve_after` outcomes, the last; NaN while there are fewer since its reference."""
        wanted = self.groups["loss"].terms.resolve_after // _PART
        late = self._late(wanted, wanted)
        return late.mean if late else math.nan

    def whole_level(self) -> Level | None:
        """How it errs by all its outcomes; None while it has no reference of its own ones, or they are of less than a day."""
        known = self.learnt_level()
        if known is None or known.n > self.life.n or self.life.span < _DAY:
            return None
        mean, n = self.life.mean, self.life.n
        rate = (mean * n + 0.5) / (n + 1)
        error = self.life.error(rate * (1 - rate) if known.rate else known.sd**2)
        return known._replace(mean=mean, error=error, n=n)

    def past(self) -> Past | None:
        """How it errs, for versions after it; where one before it is better, how that erred.  None if that is not known."""
        better, late, risen = self.groups["loss"].better, self.last_level(_ENOUGH), self.risen_level()
        known = [risen] if risen else [one for one in (self.learnt_level(), late) if one]
        if better or not known:
            return Past(better, better, None, self.life.by_segment) if better else None
        worse, whole = max(known, key=lambda one: one.mean), self.whole_level()
        if not whole:
            return Past(worse, worse, self._worst_part(worse, None), self.life.by_segment)
        surely = risen or (late and late.mean - whole.mean > _LATER * late.error)
        part = self._worst_part(worse, whole)
        return Past(_varied(worse, whole), worse if surely else whole, part, self.life.by_segment)

    def _worst_part(self, than: Level, whole: Level | None) -> Level | None:
        """The part of its last outcomes that is most surely worse than a level, if any surely is."""
        parts = [part for one in _PARTS if (part := self.last_level(_ENOUGH, one))]
        levels = [_varied(part, whole) if whole else part for part in parts]
        most = max(levels, key=lambda one: (one.mean - than.mean) / one.error, default=None)
        return most if most and most.mean - than.mean > _RISEN * most.error else None

    def begin_again(self, sort: Sort) -> None:
        """Learns a reference anew; a loss that had one is the new normal, and compared with the version before no more."""
        if sort == "loss":
            self.compared, self.life = self.compared or self.groups[sort].learnt, Lifetime()
        self.groups[sort].begin_again()

    def forget_levels(self) -> None:
        """Compares it anew with the version before, as losses are other ones from now on."""
        self.compared, self.first, self.before, self.life = False, None, None, Lifetime()

    def forget_segments(self) -> None:
        """Divides losses by segments anew."""
        self.life.by_segment = BySegment()
        if self.before:
            self.before = self.before._replace(by_segment=BySegment())

    @property
    def idle(self) -> bool:
        """It no longer predicts, while others do; labels of what it predicted may still come."""
        return self.subject.idle

    def rest(self) -> list[Group]:
        """Makes it idle; gives the groups of signals that came with its predictions, which are gone."""
        self.subject = self.subject._replace(idle=True)
        return [self.groups.pop("prediction"), self.groups.pop("score")]

    def inherit(self, older: Version) -> None:
        """Takes the references of another version, where it has them."""
        for sort, mine in self.groups.items():
            theirs = older.groups.get(sort)
            if theirs is not None and theirs.learnt:
                mine.adopt(theirs.references())

    def named(self) -> dict[str, Group]:
        """Its groups of signals, by a name for snapshots."""
        return {f"{sort}/{self.number}": group for sort, group in self.groups.items()}

    def state(self) -> dict[str, Any]:
        """Everything but the groups, as plain values."""
        return {
            "number": self.number, "subject": list(self.subject), "outcomes": self.outcomes, "seen": self.seen,
            "labelled": self.labelled.state(), "lots": [self.watched_lots.state(), self.learnt_lots.state()],
            "retrain": self.retrain.state(),
            "models": [self.models.task, self.models.state()] if self.models else None,
            "began": self.began, "compared": self.compared, "life": self.life.state(),
            "before": self.before.state() if self.before else None,
            "first": list(self.first) if self.first else None,
        }  # fmt: skip

    @classmethod
    def restored(cls, state: dict[str, Any], config: StreamConfig) -> Version:
        """A version from a `state()`, its groups still empty."""
        version = cls(state["number"], Subject(*state["subject"]), config, state["seen"])
        if version.subject.idle:
            version.rest()
        version.outcomes, version.began, version.compared = state["outcomes"], state["began"], state["compared"]
        version.before = Past.restored(state["before"]) if state["before"] else None
        version.life.restore(state["life"])
        version.first = Level(*state["first"]) if state["first"] else None
        version.labelled.restore(state["labelled"])
        for lots, its in zip((version.watched_lots, version.learnt_lots), state["lots"], strict=True):
            lots.restore(its)
        version.retrain.restore(state["retrain"])
        if state["models"]:
            task, models = state["models"]
            version.models = Models(config.models, task)
            version.models.restore(models)
        return version

    def _late(self, wanted: int, least: int) -> Level | None:
        """How it has erred in so many last outcomes; None where there were not as many as the least."""
        losses = self.groups["loss"].watched.get("numbers")
        mean, n = losses.last(wanted) if losses else (0.0, 0)
        return self._level(losses.reference, mean, n) if losses and n and min(wanted, n) >= least else None

    def _level(self, reference: Reference, mean: float, n: int) -> Level:
        rate, sd = (mean * n + 0.5) / (n + 1), float(reference.sd[0])
        error = reference.own_error(0, n) * (math.sqrt(rate * (1 - rate)) if reference.rate else sd)
        return Level(self.number, self.subject.version, mean, error, sd, n, reference.rate)


def _varied(level: Level, whole: Level) -> Level:
    """A level no surer than its loss varied from batch to batch in all outcomes."""
    return level._replace(error=max(level.error, whole.error * math.sqrt(whole.n / level.n)))
