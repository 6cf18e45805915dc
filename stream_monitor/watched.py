"""What is watched of a stream: its features, and what each of its versions says and how it errs, with their references."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.alerting.alerts import Subject
from stream_monitor.config.stream import StreamConfig, StreamRecord
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.versions import distinct
from stream_monitor.version import Version
from stream_monitor.watching.allowance import Spent
from stream_monitor.watching.finding import Finding
from stream_monitor.watching.given import Given
from stream_monitor.watching.group import Group
from stream_monitor.watching.judge import Judge
from stream_monitor.watching.level import Past
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Sort
from stream_monitor.watching.shadows import Shadows
from stream_monitor.watching.terms import share, terms

Floats = npt.NDArray[np.float64]
Labels = dict[str, str]
"""Of alerts."""
OF_LOSS: tuple[Sort, ...] = ("loss", "risk")
"""What is watched of losses."""


class Noticed(NamedTuple):
    """What a detector found, and of which version; None where it is of the features."""

    finding: Finding
    version: Version | None


class Watched:
    """Groups of signals: one of features, and some for each version while it is live."""

    def __init__(self, record: StreamRecord) -> None:
        self.features = Group("feature", terms(record.config, "feature", record.limits.features))
        self.versions: dict[int, Version] = {}
        self.shadows = Shadows()
        self.given: Given | None = None
        """Rows of a reference that versions still to come take theirs from."""
        self.siblings = 1
        """Streams that share this one's part of the budget, itself included."""
        self.retired = Spent()
        """What versions that are gone have spent of the budget."""
        self.halvings = 0
        """Models learn from one in 2**halvings of the outcomes."""

    def groups(self) -> dict[str, Group]:
        """All groups of signals, by a name for snapshots."""
        named = {"features": self.features}
        for version in self.versions.values():
            named |= version.named()
        return named

    def owned(self) -> Iterator[tuple[Version | None, Group]]:
        """All groups of signals, each with the version that it is of."""
        yield None, self.features
        for version in self.versions.values():
            for group in version.groups.values():
                yield version, group

    def learning(self) -> list[Group]:
        """The groups whose signals come with predictions and that have no reference yet."""
        groups = [self.features]
        for version in self.versions.values():
            if not version.idle:
                groups += [version.groups["prediction"], version.groups["score"]]
        return [group for group in groups if not group.learnt]

    def values(
        self, sort: Sort, values: Floats, versions: npt.NDArray[np.int32], marks: Marks, texts: tuple[str, ...] = ()
    ) -> Iterator[Noticed]:
        """Takes a signal that comes with predictions, float64[n], NaN a row without, and the version of each row."""
        good = ~np.isnan(values)
        if not good.any():
            return
        numbers = distinct(versions)
        for number in numbers:
            mine = np.flatnonzero(good if len(numbers) == 1 else good & (versions == number))
            if number >= 0 and len(mine):
                version = self.versions[number]
                some = marks if len(mine) == len(values) else Marks(*(mark[mine] for mark in marks))
                found = version.groups[sort].update((sort,), values[mine, None], some, texts)
                yield from (Noticed(finding, version) for finding in found)

    def of(self, outcomes: Outcomes) -> Iterator[tuple[Version, npt.NDArray[np.int64]]]:
        """The versions that are live, each with its outcomes; those of a retired one only windows count."""
        for number in distinct(outcomes.version):
            if number in self.versions:
                yield self.versions[number], np.flatnonzero(outcomes.version == number)

    def begin(self, number: int, subject: Subject, config: StreamConfig, clock: int, judge: Judge) -> int | None:
        """Begins a version; gives the number of the one whose references it takes."""
        version = Version(number, subject, config, clock)
        older = [one for one in self.versions.values() if one.subject.model == subject.model]
        self.versions[number] = version
        if older and config.versions.reference == "previous":
            last = ([one for one in older if not one.idle] or older)[-1]
            version.inherit(last)
            return last.number
        if self.given is not None:
            self.given.lend(judge, version.groups)
        return None

    def name_models(self) -> None:
        """Lets texts name the model of each version, once there are versions of several."""
        if len({one.subject.model for one in self.versions.values()}) > 1:
            for one in self.versions.values():
                one.subject = one.subject._replace(of_several=True)

    @property
    def several(self) -> bool:
        """Whether more than one version predicts, so that some may be shadows."""
        return len(self.versions) > 1 and len(self._predicting()) > 1

    def new_requests(self, names: tuple[str, ...], values: Floats, versions: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Which rows of features, float64[n, k], are watched: those of versions that are no shadows."""
        return self.shadows.watched(names, values, versions, min(self._predicting()))

    def predicts(self, number: int) -> bool:
        """Whether a version is live, and not idle."""
        return number in self.versions and not self.versions[number].idle

    def rest(self, version: Version) -> None:
        """Watches only what labels still say of a version."""
        self._gone(version.rest())
        self.shadows.forget(version.number)
        if not self.several:
            self.shadows = Shadows()

    def retire(self, version: Version) -> None:
        """Forgets a version, but for what it has spent, and for later ones how it erred."""
        past = version.past()
        for later in self._later(version) if past else ():
            if later.before is None or later.before.late.number < version.number:
                later.before = past
        self._gone(version.groups.values())
        del self.versions[version.number]

    def before(self, version: Version) -> Past | None:
        """How the last version before one erred, of those of which that is known."""
        earlier = sorted((one for one in self.versions.values() if version in self._later(one)), key=lambda one: -one.number)
        last = next(((one.number, past) for one in earlier if (past := one.past())), None)
        forgotten = (version.before.late.number, version.before) if version.before else None
        known = [pair for pair in (last, forgotten) if pair]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    def _later(self, version: Version) -> list[Version]:
        """The versions of the same model that came after one."""
        same = [one for one in self.versions.values() if one.subject.model == version.subject.model]
        return [one for one in same if one.number > version.number]

    def _predicting(self) -> list[int]:
        return [version.number for version in self.versions.values() if not version.idle]

    def _gone(self, groups: Iterable[Group]) -> None:
        for group in groups:
            self.retired = self.retired.plus(group.spent)

    def begin_again(self, version: str | None = None, feature: str | None = None) -> list[Labels]:
        """Learns new references from the rows to come: all, those of a version, or (a feature's) those of the features.

        Gives the labels of the alerts that are over by that.
        """
        over: list[Labels] = []
        for owner, group in self.owned():
            of_version = owner is not None and feature is None and version in (None, owner.subject.version)
            if of_version or (owner is None and version is None):
                _begin_again(owner, group)
                over.append(_labels(owner, group))
        return over

    def begin_losses(self, judge: Judge, kept: Collection[int]) -> list[Labels]:
        """Learns anew what is watched of losses, or goes on from what was given; gives labels as `begin_again` does.

        Where nothing was given, versions that are `kept` go on.
        """
        over: list[Labels] = []
        for version in self.versions.values() if self.given else [one for n, one in self.versions.items() if n not in kept]:
            groups = {sort: version.groups[sort] for sort in OF_LOSS}
            version.forget_levels()
            for group in groups.values():
                group.begin_again()
                over.append(_labels(version, group))
            if self.given is not None:
                self.given.lend(judge, groups)
        return over

    def renew(self, clock: int, after: int | None) -> list[Labels]:
        """Learns anew what has been otherwise for so long that it is the new normal; gives labels as `begin_again` does."""
        over: list[Labels] = []
        for owner, group in self.owned() if after is not None else ():
            since = group.lasting()
            if after is not None and since is not None and clock - since >= after:
                _begin_again(owner, group)
                over.append(_labels(owner, group))
        return over

    def take_given(self, judge: Judge) -> list[Version]:
        """Makes references of the rows that were given for that, once; gives the versions that have taken theirs by that."""
        if self.given is None or self.given.taken:
            return []
        if not self.features.learnt:
            self.given.features(self.features)
        self.given.settle(judge)
        for version in self.versions.values():
            self.given.lend(judge, version.groups)
        self.given.taken, self.given.fresh = True, True
        return list(self.versions.values())

    def configure(self, record: StreamRecord) -> None:
        """Takes what is configured; detectors begin again."""
        for group in self.groups().values():
            group.configure(terms(record.config, group.sort, record.limits.features))

    def share(self, record: StreamRecord) -> None:
        """Splits the budget over the groups that there are, by how often they have values."""
        share(record, self.siblings, list(self.groups().values()))

    def shed(self, halvings: int) -> None:
        """Lets models learn from one in 2**halvings of the outcomes from now on."""
        self.halvings = halvings
        for version in self.versions.values():
            if version.models is not None:
                version.models.shed(halvings)


def _begin_again(owner: Version | None, group: Group) -> None:
    if owner is None:
        group.begin_again()
    else:
        owner.begin_again(group.sort)


def _labels(owner: Version | None, group: Group) -> Labels:
    about = {} if owner is None else {"model": owner.subject.model, "version": owner.subject.version}
    return {"signal": group.sort} | about
