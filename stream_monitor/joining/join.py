"""Joins labels to predictions, in either order, by the rows of the log and the stream's clock alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Progress, Rows
from stream_monitor.config.stream import Labels, Limits
from stream_monitor.joining import met, segments
from stream_monitor.joining.absence import Absence
from stream_monitor.joining.chunk import MORE
from stream_monitor.joining.clock import FAR, Clock, known_at
from stream_monitor.joining.compared import Amended, Compared
from stream_monitor.joining.duplicates import firsts
from stream_monitor.joining.early_labels import EarlyLabel, EarlyLabels
from stream_monitor.joining.given_labels import GivenLabels, weights
from stream_monitor.joining.id_table import as_bytes
from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.joining.packed import Values, unpacked
from stream_monitor.joining.sampling import Sampling
from stream_monitor.joining.scored_classes import ScoredClasses
from stream_monitor.joining.strays import Strays
from stream_monitor.joining.versions import Versions
from stream_monitor.joining.waiting import ABSENT, LABELLED, WAITING, WITHDRAWN, Fresh, Waiting

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LAZY = 256
"""Rows after which what is past its deadline is let go, unless somebody asks before."""
_KEPT = ("score", "weight")
"""Columns of predictions that their outcomes have too."""
_CHUNKS = 4
"""Pieces of a wait in which the waiting predictions leave."""
_UNLABELLED_MEMORY = 3_600_000_000
"""Microseconds for which a stream without labels remembers ids, to know duplicates."""


class Joined(NamedTuple):
    """What a section did to the join."""

    clock: Ints
    """The stream's clock at each row."""
    accepted: Mask
    """Rows that are not duplicates (predictions), or found a prediction (labels)."""
    version: npt.NDArray[np.int32]
    outcomes: Outcomes
    counts: dict[str, int]
    segments: npt.NDArray[np.uint64] | None = None
    """Of predictions, by each key, uint64[n, k]; None where none are kept."""
    matured: Outcomes = NO_OUTCOMES
    """Predictions whose wait is over, with their last label; `sign` is 0 where there is none."""
    compared: Outcomes = NO_OUTCOMES
    """Predictions that have come to the age at which labels are compared, where they have one by then."""
    alone: Mask = np.zeros(0, np.bool_)
    """Labels that found neither a prediction nor another label of their id that waits for one."""
    met: Ints = np.empty(0, np.int64)
    """The clocks at which labels came that were alone until these predictions."""


class Join:
    """The predictions that wait, the labels that came early, and the stream's clock."""

    def __init__(self, labels: Labels | None, limits: Limits) -> None:
        self.clock = Clock()
        self.position = 0
        """Prediction rows so far, duplicates included."""
        self.versions = Versions(limits.versions)
        self.waiting = Waiting()
        self._absence = Absence(self.waiting)
        self._compared = Compared(self.waiting)
        self.sampling = Sampling()
        self._limits = limits
        self._early = EarlyLabels(limits.early_labels)
        self._strays = Strays()
        self.classes = ScoredClasses()
        self._keys: tuple[tuple[str, ...], ...] = ()
        self._expired, self._rows = self.clock.now, 0
        """The clock until which what is past its deadline was let go, and rows since."""
        self._gone: list[Outcomes] = []
        self._gone_counts: dict[str, int] = {}
        self.configure(labels, None)

    def configure(
        self, labels: Labels | None, absent: tuple[float, int] | None, keys: tuple[tuple[str, ...], ...] = ()
    ) -> None:
        """Takes what is said about labels from now on; `absent` is what no label means, in canonical form.

        Predictions keep their segments by these keys until their label comes.
        """
        self.labelled = labels is not None
        self._take_keys(keys)
        self.wait = labels.wait if labels else _UNLABELLED_MEMORY
        self.waiting.span = self.wait // _CHUNKS
        self._absence.value = absent if labels and labels.absent else None
        self._absence.lead = self.wait - labels.absent.after if labels and labels.absent else 0

    def compare_at(self, age: int, step: int, since: int | None = None) -> None:
        """Gives labels to be compared when their predictions are so old, microseconds, at most as old as they wait; in steps.

        Those that have been given `since` a clock are given once more, at the new age, if their predictions still wait.
        """
        lead, self._compared.step = max(0, self.wait - age), max(1, step)
        if not self.clock.started:
            self._compared.lead = lead
        elif since is not None or lead != self._compared.lead:
            self._compared.change(lead, self.clock.now, self.clock.now if since is None else since)

    def room(self) -> int:
        """How many rows may come before the limit must be looked at again; at the limit every second id leaves."""
        if self.waiting.live >= self._limits.waiting:
            self._expire()
        while self.waiting.live >= self._limits.waiting:
            self.sampling.change(1, self.position)
            self.waiting.keep(self.sampling.mask, self.clock.now)
        return self._limits.waiting - self.waiting.live

    def relax(self) -> None:
        """Waits for more again when there is room by far."""
        if self.sampling.halvings and 8 * self.waiting.live < self._limits.waiting:
            self.sampling.change(-1, self.position)

    def predictions(self, rows: Rows, values: Values, arrived: int, features: npt.NDArray[np.float32] | None = None) -> Joined:
        """Takes predictions: the first of its id in a version is accepted and waits for its label."""
        before = self.clock.now
        clock, ahead = self.clock.rows(rows.time, arrived)
        version = self.versions.of(rows)
        positions = np.arange(self.position, self.position + len(rows))
        deadline = np.minimum(rows.time, clock) + self.wait
        kept = deadline > clock
        sampled = self.sampling.mask(rows.ids)
        kept &= sampled
        if "status" in rows.text_names:  # what failed has said nothing that a label could be for
            kept &= (values.code >= 0) | ~np.isnan(values.value)
        if int(version.min()) < 0:
            kept &= version >= 0
            self.versions.refused += int((version < 0).sum())
        accepted = firsts(self.waiting, rows.ids, version, deadline, clock, kept)
        chosen = np.flatnonzero(accepted & kept)
        more = self._more(rows) if self.labelled else {}
        if features is not None and self.labelled:
            more["features"] = features
        outcomes, came = [], list[int]()
        if len(chosen):
            new = Fresh(rows.ids, version, positions, rows.time, deadline, values, more)
            numbers = self.waiting.add(new, chosen if len(chosen) < len(rows) else slice(None))
            outcomes.append(self._meet_early(rows, chosen, numbers, clock, came))
            outcomes.append(self._absence.at_once(chosen, numbers, clock))
        self.position += len(rows)
        self.clock.heard(int(clock[-1]), arrived, rows.time)
        absent = self._absence.by_now(before, clock)
        compared = self._of_age(before, clock)
        expired, matured = self._let_go(len(rows))
        counts = {"duplicates": len(rows) - int(np.count_nonzero(accepted)), "ahead": ahead, "labels_early_met": len(came)}
        counts |= expired | {"not_waited_for": len(rows) - int(np.count_nonzero(sampled))}
        return Joined(
            clock, accepted, version, met.in_order([absent, *outcomes]), counts, more.get("segments"), matured, compared,
            met=np.array(came, np.int64),
        )  # fmt: skip

    def labels(self, rows: Rows, values: Values, arrived: int) -> Joined:
        """Takes labels: new ones make outcomes, later ones correct or withdraw them, early ones are kept."""
        before = self.clock.now
        clock, ahead = self.clock.rows(rows.time, arrived)
        queries, numbers, status = self._matches(rows, clock)
        self._renew_early(rows, values, queries)
        self.clock.heard(int(clock[-1]), arrived, rows.time)
        first = dict(zip(numbers[::-1].tolist(), queries[::-1].tolist(), strict=True)) if self._absence.value else {}
        absent = self._absence.by_now(before, clock, first)
        if len(absent.row):
            status = self.waiting.rows(numbers)["status"]
        amended: Amended = {}
        outcomes, counts = self._apply(rows, values, queries, numbers, status, clock, amended)
        compared = self._of_age(before, clock, amended)
        accepted = np.zeros(len(rows), np.bool_)
        accepted[queries] = True
        early, alone = self._keep_early(rows, values, np.flatnonzero(~accepted), clock)
        expired, matured = self._let_go(len(rows))
        early["labels_unmatched"] += expired.pop("labels_unmatched", 0)
        counts |= {"ahead": ahead} | expired | early
        version = np.full(len(rows), -1, np.int32)
        found = met.in_order([absent, outcomes])
        return Joined(clock, accepted, version, found, counts, matured=matured, compared=compared, alone=alone)

    def late(self) -> tuple[int, int]:
        """How many of how many labels that are alone came when the wait of their prediction was over, since last asked.

        These are a sample. What is past its deadline must have been let go.
        """
        return self._strays.late(self.clock.now, self.wait)

    def withdraw(self, foreign: Callable[[Values], Mask]) -> int:
        """Takes back labels that cannot be, those that came early as well; gives how many."""
        numbers = self.waiting.due(self.clock.now, FAR)
        rows = self.waiting.rows(numbers)
        mine = numbers[(rows["status"] == LABELLED) & foreign(unpacked(rows["label"]))]
        self.waiting.mark(mine, WITHDRAWN)
        return len(mine) + self._early.drop(foreign)

    def silence(self, entries: Iterable[Progress], arrived: int) -> int:
        """What the clock says once these inputs were read so far."""
        return self.clock.progress(entries, arrived)

    def pass_time(self, now: int) -> Joined:
        """Moves the clock without a row; what is absent by then joins at its own time, however long the step."""
        before = self.clock.now
        clock = np.array([now])
        self.clock.now = max(now, before)
        absent = self._absence.in_silence(before, now)
        compared = self._of_age(before, clock)
        counts, matured = self.let_go()
        none = np.zeros(0, np.bool_), np.zeros(0, np.int32)
        return Joined(clock, *none, absent, counts, matured=matured, compared=compared)

    def cohort(self, start: int, end: int) -> tuple[Outcomes, Floats]:
        """The predictions of a span of time that still wait for their label, or for a better one, as they are now.

        And what the label of each counts for, float64[n].
        """
        due = self.waiting.due(max(start + self.wait - 1, self.clock.now), end + self.wait - 1)
        return self._matured(due), self.waiting.more("label_weight", due)

    def next_absence(self, now: int) -> int:
        """The first clock, up to `now`, at which the absence of a label means something; far away if there is none."""
        return self._absence.first(self.clock.now, now)

    def state(self) -> dict[str, Any]:
        """Everything but the predictions that wait, as plain values; what is past its deadline must have been let go."""
        absent = list(self._absence.value) if self._absence.value else None
        return {
            "clock": self.clock.state(),
            "position": self.position,
            "versions": self.versions.state(),
            "sampling": self.sampling.state(),
            "classes": self.classes.names,
            "early": self._early.state(),
            "strays": self._strays.state(),
            "waiting": self.waiting.state(),
            "compared": self._compared.state(),
            "terms": [self.wait, self._absence.lead, absent, self.labelled, [list(key) for key in self._keys]],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`; the predictions that wait are to be loaded."""
        self.clock.restore(state["clock"])
        self._expired = self.clock.now
        self.position = state["position"]
        self.versions.restore(state["versions"])
        self.sampling.restore(state["sampling"])
        self.classes.names = list(state["classes"])
        self._early.restore(state["early"])
        self._strays.restore(state["strays"])
        self.waiting.restore(state["waiting"])
        self._compared.restore(state["compared"])
        self.wait, self._absence.lead, absent, self.labelled, keys = state["terms"]
        self.waiting.span = self.wait // _CHUNKS
        self._absence.value = tuple(absent) if absent else None
        self._keys = tuple(map(tuple, keys))

    def _of_age(self, before: int, clock: Ints, amended: Amended | None = None) -> Outcomes:
        """Outcomes of predictions that have come to the age at which labels are compared, where any are to come."""
        return self._compared.by_now(before, clock, amended) if self.labelled else NO_OUTCOMES

    def _take_keys(self, keys: tuple[tuple[str, ...], ...]) -> None:
        if keys != self._keys:
            self.waiting.drop("segments", self.position)
            self._keys = keys

    def _more(self, rows: Rows) -> dict[str, npt.NDArray[Any]]:
        """What a prediction keeps for its outcome, where it has it."""
        more: dict[str, npt.NDArray[Any]] = {}
        for name in _KEPT:
            if name in rows.number_names:
                given = rows.number(name)
                more[name] = np.where(np.isnan(given), MORE[name][1], given)
        if self._keys:
            more["segments"] = segments.hashes(rows, self._keys)
        if (scores := self.classes.scores(rows)) is not None:
            more["scores"] = scores
        return more

    def _meet_early(self, rows: Rows, chosen: Ints, numbers: Ints, clock: Ints, came: list[int]) -> Outcomes:
        """Outcomes of predictions whose labels were here before them; adds when those `came` that were alone until now."""
        if not len(self._early):
            return NO_OUTCOMES
        hits: list[tuple[int, int, EarlyLabel]] = []
        found = self._early.find(as_bytes(rows.ids[chosen]))
        version = self.waiting.rows(numbers[[i for i, _ in found]])["version"].tolist()
        for (i, early), mine in zip(found, version, strict=True):
            place, number = int(chosen[i]), int(numbers[i])
            if early.deadline > clock[place] and early.model in ("", self.versions.name(mine)[0]):
                hits.append((place, number, early))
        if not hits:
            return NO_OUTCOMES
        at = np.array([number for _, number, _ in hits], np.int64)
        row = np.array([row for row, *_ in hits], np.int64)
        given = GivenLabels.of([(early.value, early.code, early.known, early.weight) for *_, early in hits])
        met.label(self.waiting, at, given, clock[row], LABELLED)
        for *_, early in hits:
            came += [] if early.matched else [early.deadline - self.wait]
            early.matched = True
        return met.outcomes(self.waiting, at, row, 1)

    def let_go(self) -> tuple[dict[str, int], Outcomes]:
        """Lets go of what is past its deadline, once all labels until now have been applied; gives counts, and what matured.

        When that happens does not matter to anybody else: what is past its deadline is not there for labels anyway.
        """
        self._expire()
        counts, matured, self._gone, self._gone_counts = self._gone_counts, self._gone, [], {}
        self._rows = 0
        return counts, Outcomes.joined(matured) if matured else NO_OUTCOMES

    def _let_go(self, rows: int) -> tuple[dict[str, int], Outcomes]:
        """The same after some more rows, if it is time; labels that came too early go at once, as they may come again."""
        self._rows += rows
        if self._rows >= _LAZY:
            return self.let_go()
        return ({"labels_unmatched": self._early.forget(self.clock.now)} if len(self._early) else {}), NO_OUTCOMES

    def _expire(self) -> None:
        before, now = self._expired, self.clock.now
        if now == before:
            return
        self._expired = now
        counts = {"labels_unmatched": self._early.forget(now)}
        due = self.waiting.due(before, now)
        if len(due):
            self.waiting.live -= len(due)
            rows = self.waiting.rows(due)
            status = rows["status"]
            if self.labelled:
                unlabelled = rows[status != LABELLED]
                self._strays.over(unlabelled["id"], unlabelled["deadline"])
            counts |= {"matured": len(due), "matured_labelled": int(((status == LABELLED) | (status == ABSENT)).sum())}
            self._gone += [self._matured(due)] if self.labelled else []
            self.waiting.leave(now)
        for name, n in counts.items():
            self._gone_counts[name] = self._gone_counts.get(name, 0) + n

    def _matured(self, numbers: Ints) -> Outcomes:
        """Predictions as outcomes, whether they have a label or not; one that was ahead of the clock is of the clock's time."""
        if not len(numbers):
            return NO_OUTCOMES
        rows = self.waiting.rows(numbers)
        sign = ((rows["status"] == LABELLED) | (rows["status"] == ABSENT)).astype(np.int8)
        found = met.outcomes(self.waiting, numbers, np.zeros(len(numbers), np.int64), 1)
        return found._replace(sign=sign, time=np.minimum(found.time, rows["deadline"] - self.wait))

    def _matches(self, rows: Rows, clock: Ints) -> tuple[Ints, Ints, npt.NDArray[np.int8]]:
        """The labels that have predictions, each with the number of one, and what has become of that."""
        queries, numbers = self.waiting.find(rows.ids)
        if not len(queries):
            return queries, numbers, np.empty(0, np.int8)
        there = self.waiting.rows(numbers)
        good = there["deadline"] > clock[queries]
        codes, table = rows.text("model")
        for code, model in enumerate(table):  # a label that names its model joins that model's predictions alone
            if self.versions.are_all_of(model):
                continue
            named = codes[queries] == code
            good &= ~named | np.isin(there["version"], self.versions.model(model))
        status: npt.NDArray[np.int8] = there["status"]
        return (queries, numbers, status) if good.all() else (queries[good], numbers[good], status[good])

    def _apply(
        self,
        rows: Rows,
        values: Values,
        queries: Ints,
        numbers: Ints,
        status: npt.NDArray[np.int8],
        clock: Ints,
        amended: Amended,
    ) -> tuple[Outcomes, dict[str, int]]:
        """Outcomes of labels that found their predictions; which of them had been met before goes to `amended`."""
        counts = {"labelled": 0, "corrected": 0, "withdrawn": 0, "labels_repeated": 0}
        if not len(queries):
            return NO_OUTCOMES, counts
        gone = np.isnan(values.value[queries]) & (values.code[queries] < 0)
        plain = (status == WAITING) & ~gone
        if len(numbers) > 1 and len(set(numbers.tolist())) < len(numbers):
            _, which, times = np.unique(numbers, return_inverse=True, return_counts=True)
            plain &= times[which] == 1
        given = GivenLabels(values.value, values.code, known_at(rows.time, clock), weights(rows)).take(queries)
        counts["labelled"] = new = int(np.count_nonzero(plain))
        if new == len(plain):
            met.label(self.waiting, numbers, given, clock[queries], LABELLED)
            parts = [met.outcomes(self.waiting, numbers, queries, 1)]
        else:
            chosen = plain.nonzero()[0]
            met.label(self.waiting, numbers[chosen], given.take(chosen), clock[queries[chosen]], LABELLED)
            parts = [met.outcomes(self.waiting, numbers[chosen], queries[chosen], 1)]
        for which in np.flatnonzero(~plain)[:, None]:
            row = queries[which]
            amended.setdefault(int(numbers[which[0]]), []).append((int(row[0]), self.waiting.rows(numbers[which])))
            part, what = self._amend(numbers[which], row, clock[row], given.take(which), bool(gone[which[0]]))
            parts += part
            counts[what] += 1
        outcomes = met.in_order(parts)
        if (outcomes.row[1:] <= outcomes.row[:-1]).any():
            outcomes = outcomes.take(np.lexsort((outcomes.version, outcomes.row)))
        return outcomes, counts

    def _amend(self, number: Ints, row: Ints, clock: Ints, label: GivenLabels, gone: bool) -> tuple[list[Outcomes], str]:
        """One label for a prediction that may have one already."""
        [there] = self.waiting.rows(number)
        labelled = int(there["status"]) in (LABELLED, ABSENT)
        if labelled and not gone and label.repeats(unpacked(there["label"].reshape(1))):
            self.waiting.mark(number, LABELLED)
            return [], "labels_repeated"
        taken = [met.outcomes(self.waiting, number, row, -1)] if labelled else []
        if gone:
            met.label(self.waiting, number, label, clock, WITHDRAWN)
            return taken, "withdrawn"
        met.label(self.waiting, number, label, there["at"].reshape(1) if labelled else clock, LABELLED)
        new = 2 if labelled else 1
        return [*taken, met.outcomes(self.waiting, number, row, new)], "corrected" if labelled else "labelled"

    def _keep_early(self, rows: Rows, values: Values, left: Ints, clock: Ints) -> tuple[dict[str, int], Mask]:
        """Keeps labels that found no prediction, for as long as a prediction would wait; says which are alone by that."""
        counts, alone = {"labels_early": 0, "labels_beyond_limit": 0, "labels_unmatched": 0}, np.zeros(len(rows), np.bool_)
        if not len(left):
            return counts, alone
        known_as = as_bytes(rows.ids)
        codes, table = rows.text("model")
        columns = (values.value, values.code, known_at(rows.time, clock), clock, codes, weights(rows))
        for row, value, code, known, now, named, weight in zip(
            left.tolist(), *(c[left].tolist() for c in columns), strict=True
        ):
            deadline, model = now + self.wait, table[named] if named >= 0 else ""
            label = EarlyLabel(value, code, known, deadline, model, weight)
            counts["labels_unmatched"] += self._early.forget(now)
            alone[row] = not label.withdraws and known_as[row] not in self._early
            if not self._early.keep(known_as[row], label):
                counts["labels_beyond_limit"] += 1
            elif not label.withdraws:
                counts["labels_early"] += 1
        self._strays.alone(rows.ids[alone])
        return counts, alone

    def _renew_early(self, rows: Rows, values: Values, matched: Ints) -> None:
        """Lets early labels that are still kept for further versions follow their corrections."""
        if len(self._early):
            known_as, weight = as_bytes(rows.ids), weights(rows)
            for row in sorted(set(matched.tolist())):
                self._early.renew(known_as[row], float(values.value[row]), int(values.code[row]), float(weight[row]))
