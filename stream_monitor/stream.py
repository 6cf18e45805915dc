"""One watched stream: rows of the log go in, in their order; alerts, retrain requests and metrics come out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from stream_monitor import blocks, due, findings, foreign, losses, sections, turnover
from stream_monitor.alerting import notices
from stream_monitor.alerting.alerts import Alerts, Moment
from stream_monitor.blocks import Progress, Rows, Section, Source
from stream_monitor.config.stream import StreamRecord
from stream_monitor.estimation.estimates import Estimates
from stream_monitor.events import Alert, EndReason
from stream_monitor.joining.gathered import Gathered
from stream_monitor.joining.join import Join, Joined
from stream_monitor.joining.kept_features import KeptFeatures
from stream_monitor.joining.packed import Values
from stream_monitor.metrics.label_age import LabelAge
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.performance.rules import Rules
from stream_monitor.quality.checks import Checks, Coming, Kind
from stream_monitor.running import Event
from stream_monitor.task import Output
from stream_monitor.watched import Noticed, Watched
from stream_monitor.watching.confidence import confidence
from stream_monitor.watching.feature_rows import FeatureRows, Features
from stream_monitor.watching.given import Given
from stream_monitor.watching.group import Group
from stream_monitor.watching.judge import Judge
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Sort
from stream_monitor.watching.words import Words, numbered

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_A_MOMENT = 60_000_000
"""Microseconds of arrival time for which nothing must have come, to be called silence."""


class Stream:
    """Results depend on the order of rows alone: wherever the clock makes something due, the rows are cut there."""

    def __init__(self, name: str, record: StreamRecord) -> None:
        config = record.config
        self.name, self.record = name, record
        self.words = Words(record.limits.categories)
        self.join = Join(config.labels, record.limits)
        self.judge = Judge(config.task, config.positive)
        self.watched = Watched(record)
        self.feature_rows = FeatureRows(record.limits.categories, record.limits.features)
        self.checks = Checks(name, config.quality, config.no_data, self.feature_rows.categories.text)
        self.kept = KeptFeatures()
        self.came: dict[str, int] = {}
        """When rows of each kind arrived last; at first, when the first rows of any kind did."""
        self.unread: dict[str, int] = {}
        """Events of each kind that could not be read, in sections without a row, since the last row of the kind."""
        self.born = -1
        """The offset of the log at which it came to be; -1 if it is configured."""
        self.ledger = Ledger(config, self.words, self.join.classes)
        self.estimates = Estimates(self.ledger, config)
        self.rules = Rules(config)
        self.alerts = Alerts(record)
        self.outcomes = 0
        self.age = LabelAge()
        self.uncompared = Gathered()
        """Outcomes of one age that came before it was clear what a loss is."""
        self.totals: dict[str, int] = {}
        self.last_metrics: dict[str, dict[str, Any]] = {}
        """Of the last window of each live version, by its number."""
        self.last_cohorts: dict[str, dict[str, Any]] = {}
        """The same by when predictions were made, of the last window whose labels cannot change any more."""
        self.configure_labels()
        self.watched.share(record)

    @property
    def of_one_class(self) -> bool:
        """Whether it is a classification whose labels have only ever been of one class: nothing is said of its loss then."""
        return self.judge.task == "classification" and not self.checks.labels_differ

    def section(self, section: Section, arrived: int) -> list[Output]:
        """Takes a section of a block."""
        self.count({"left_out": section.left_out, "dead_letters": section.dead})
        self.checks.refused(section.kind, section.reasons)
        if section.kind == "gap":
            return notices.input_lost(self.alerts, self.name, section, self.moment(arrived))
        if section.kind == "reference":
            return self._give(section, arrived)
        if section.rows is None or not len(section.rows):
            self.unread[section.kind] = self.unread.get(section.kind, 0) + section.dead
            return []
        self.unread[section.kind] = 0
        for version in self.watched.take_given(self.judge):
            turnover.refer(self, version.number)
        return self._in_pieces(section, section.rows, arrived)

    def progress(self, entries: Iterable[Progress], arrived: int) -> list[Output]:
        """Takes how far the stream's inputs were read; silence moves the clock on."""
        entries = list(entries)
        now, coming = self.join.silence(entries, arrived), self._coming(entries, arrived)
        outputs: list[Output] = []
        while (first := self._next_due(now, coming)) <= now:
            # One after the other, as with rows.
            outputs += self._pass(first - 1, arrived) + due.do(self, first, arrived, coming)
        outputs += self._pass(now, arrived)
        moment = self.moment(arrived)
        stalled = self.checks.read(entries, moment.clock, arrived)
        return outputs + notices.issues(self.alerts, self.name, stalled, moment) if stalled else outputs

    def rebaseline(
        self, arrived: int, reason: EndReason, version: str | None = None, feature: str | None = None
    ) -> list[Output]:
        """Learns new references from the rows to come: all, those of a version, or (a feature's) those of the features."""
        outputs: list[Output] = []
        self.checks.settle(self.watched.features)
        for over in self.watched.begin_again(version, feature):
            outputs += self.alerts.end(reason, self.moment(arrived), **over)
        return outputs

    def has_feature(self, name: str) -> bool:
        """Whether a feature is in the reference, or in what there is of it, or has come anew."""
        group = self.watched.features
        return name in group.names() or name in self.checks.new_features(group)

    def configure_labels(self) -> None:
        """Waits for labels as is configured."""
        labels = self.record.config.labels
        absent = self.words.value(labels.absent.label) if labels and labels.absent else None
        self.join.configure(labels, absent, self.record.config.segments.crossings)
        self.age.state_it(labels)
        self.join.compare_at(self.age.within(self.join.wait), self.record.config.metrics.step)
        if self.join.clock.started:
            self.checks.expect(self.join.clock.now, labels.wait if labels else 0)

    def settle(self) -> None:
        """Takes what has matured in the meantime: at the end of a window, and before it is saved."""
        self.checks.settle(self.watched.features)
        counts, matured = self.join.let_go()
        self.count(counts)
        losses.mature(self, matured)

    def reconcile(self, alerts: dict[str, Alert], requests: dict[str, bytes], arrived: int) -> list[Output]:
        """Publishes what this program sees otherwise than what was published."""
        moment = self.moment(arrived)
        outputs = self.alerts.reconcile(alerts, moment)
        for version in self.watched.versions.values():
            outputs += version.retrain.reconcile(requests, version.subject, self.record, moment)
        return outputs

    def moment(self, arrived: int, clock: int | None = None) -> Moment:
        """Where the stream stands."""
        now = self.join.clock.now if self.join.clock.started else arrived
        return Moment(now if clock is None else clock, arrived, self.join.position, self.outcomes)

    def count(self, counts: dict[str, int]) -> None:
        """Adds to what is counted of the stream."""
        self.ledger.windows.count(counts)
        self.checks.count(counts)
        for name, n in counts.items():
            if n:
                self.totals[name] = self.totals.get(name, 0) + n

    def _give(self, section: Section, arrived: int) -> list[Output]:
        """Takes rows of a reference file; another file than before begins everything again."""
        digest = msgspec.json.decode(section.document, type=dict[str, Any]).get("sha256", "")
        given, outputs = self.watched.given, []
        if given is None or given.digest != digest:
            outputs = self.rebaseline(arrived, "configured") if given is not None else []
            given = self.watched.given = Given(digest)
        given.take(section, self.feature_rows, self.words, self.join.classes)
        return outputs

    def _in_pieces(self, section: Section, rows: Rows, arrived: int) -> list[Output]:
        """Takes rows up to the next one at which something is due, does that, and goes on; refuses what is of no use."""
        kind: Kind = "predictions" if section.kind == "predictions" else "labels"
        self.came = self.came or {"predictions": arrived, "labels": arrived}
        self.came[kind] = arrived
        sources, undecided = list(section.sources()), self.judge.task is None
        take = partial(self._predictions if kind == "predictions" else self._labels, sources=sources)
        rows, strange = foreign.sort_out(self.judge, kind, rows, sources)
        start, outputs = 0, list[Output]()
        if not strange and self._nothing_is_due(rows) and len(rows) <= self.join.room():
            start, outputs = take(rows, arrived)
        while start < len(rows):
            if undecided and self.judge.task is not None:
                rows, strange = foreign.sort_out(self.judge, kind, blocks.split(rows, start, len(rows)), sources)
                start, undecided = 0, False
                continue
            outputs += foreign.refuse(self, kind, strange, start, arrived)
            clock, _ = self.join.clock.rows(rows.time[start:], arrived)
            now = int(clock[0])
            if not self.join.clock.started:
                self.checks.expect(now, self.join.wait if self.join.labelled else 0)
            while (first := self._next_due(now)) <= now:
                outputs += self._pass(first - 1, arrived) + due.do(self, first, arrived)
            next_due = min(due.at(self), self.ledger.windows.boundary_after(now))
            ready = int(np.searchsorted(clock, next_due, "left"))
            taken, more = take(blocks.split(rows, start, start + min(ready, self.join.room())), arrived)
            outputs += more
            start += taken
        return outputs + foreign.refuse(self, kind, strange, len(rows), arrived) if strange else outputs

    def _next_due(self, now: int, coming: Coming = "both") -> int:
        """The clock at which something is due, or a window closes in which no label has come to mean one, up to `now`."""
        return min(due.at(self, coming), self.ledger.windows.boundary_after(self.join.next_absence(now)))

    def _nothing_is_due(self, rows: Rows) -> bool:
        """Whether no row can move the clock to where something is due."""
        clock = self.join.clock
        if not clock.started:
            return False
        latest = max(clock.now, int(rows.time.max()))
        return latest < self.ledger.windows.boundary_after(clock.now) and latest < due.at(self)

    def _coming(self, entries: list[Progress], arrived: int) -> Coming:
        """The kinds of which there may be more: not read to their end, or a moment ago, as when old events are loaded."""
        config = self.record.config
        topics = {"predictions": config.predictions.topic, "labels": config.labels.topic if config.labels else ""}
        read = {kind: [one.drained for one in entries if one.topic == topic] for kind, topic in topics.items()}
        predictions, labels = (
            bool(read[kind]) and all(read[kind]) and arrived - self.came.get(kind, arrived) >= _A_MOMENT
            for kind in ("predictions", "labels")
        )
        return None if predictions and labels else "labels" if predictions else "predictions" if labels else "both"

    def _pass(self, now: int, arrived: int) -> list[Output]:
        """Moves the clock without a row, to where nothing is due."""
        if now <= self.join.clock.now:
            return []
        joined = self.join.pass_time(now)
        self.count(joined.counts)
        counted, events = losses.judge(self, joined, 0, None)
        return self._happen(events, counted, joined.clock, arrived, None)

    def _predictions(self, rows: Rows, arrived: int, sources: list[Source]) -> tuple[int, list[Output]]:
        learning, task, position = self.watched.learning(), self.judge.task, self.join.position
        rows, values = self._alike(rows, learning)
        features = self.feature_rows.of(rows, self.watched.features)
        kept = None
        if self.record.config.models.need_features:
            kept = self.kept.matrix(features.names, features.values, features.texts, self.watched.features.is_number)
        joined = self.join.predictions(rows, values, arrived, kept)
        if task != self.judge.task:
            self.count({"incomparable": self.join.withdraw(self.judge.foreign)})
            joined = joined._replace(outcomes=self.judge.forget_foreign(joined.outcomes))
        self.count(joined.counts)
        self.age.begin(int(joined.clock[0]))
        self.checks.met(joined.met)
        marks = Marks(np.arange(len(rows)), np.arange(position, position + len(rows)), joined.clock)
        events = turnover.meet(self, joined, values, position) + self._came("predictions", sources, joined)
        self.checks.times(rows.time, joined.clock, self.record.config.metrics)
        self._count_predictions(rows, values, joined, kept)
        events += self._watch_features(features, joined, marks)
        if task is not None and task != "unknown":
            texts = ("prediction",) if task == "classification" else ()
            predicted = numbered(values) if texts else values.value
            events += self._watch("prediction", predicted, joined, marks, texts)
        events += self._watch("score", confidence(rows), joined, marks)
        if self.judge.task == "unknown":
            events.append((len(rows) - 1, partial(notices.task_unknown, self.alerts, self.name)))
        if not self.judge.speaks:
            self.judge.hear(values, position)
        counted, more = losses.judge(self, joined, len(rows) - 1, position)
        if any(group.learnt for group in learning):
            self.watched.share(self.record)
        return len(rows), self._happen(events + more, counted, joined.clock, arrived, position)

    def _labels(self, rows: Rows, arrived: int, sources: list[Source]) -> tuple[int, list[Output]]:
        joined = self.join.labels(rows, self.words.values(rows, "label"), arrived)
        self.count(joined.counts | {"labels": len(rows)})
        self.checks.found(joined.clock, joined.accepted, joined.alone)
        events = self._came("labels", sources, joined)
        counted, more = losses.judge(self, joined, len(rows) - 1, None)
        return len(rows), self._happen(events + more, counted, joined.clock, arrived, None)

    def _alike(self, rows: Rows, learning: list[Group]) -> tuple[Rows, Values]:
        """As many rows as meet the same versions, references and task, and their predictions."""
        new = self.join.versions.next_new(rows)
        if new is not None:
            rows = blocks.split(rows, 0, new)
        missing = min((group.warmup.wanted - group.warmup.rows for group in learning), default=len(rows))
        if 0 < missing < len(rows):  # a reference is complete with the last of some rows, so that the budget is split there
            rows = blocks.split(rows, 0, missing)
        values = self.words.values(rows, "prediction")
        if self.judge.task is None:
            decided = self.judge.decisive(values, np.where(foreign.scored(rows), 1.0, np.nan))
            if decided is not None and decided + 1 < len(rows):
                rows = blocks.split(rows, 0, decided + 1)
                values = self.words.values(rows, "prediction")
        return rows, values

    def _came(self, kind: Kind, sources: list[Source], joined: Joined) -> list[Event]:
        """Says that rows came, which ends a silence."""
        age = self.age.within(self.join.wait)
        issues = self.checks.rows(kind, sections.take(sources, len(joined.clock)), joined.clock, age)
        return [(0, partial(notices.issues, self.alerts, self.name, issues))] if issues else []

    def _count_predictions(self, rows: Rows, values: Values, joined: Joined, kept: npt.NDArray[np.float32] | None) -> None:
        n = int(np.count_nonzero(joined.accepted))
        if n:
            self.age.predictions += n
            self.ledger.predictions(rows, joined)
            self.estimates.predictions(rows, values, joined, kept, self.join.position - len(rows))
        self.count({"predictions": n})

    def _watch_features(self, features: Features, joined: Joined, marks: Marks) -> list[Event]:
        names, values, texts, missing, mistyped = features
        infinite = int(np.isinf(values).sum())
        if missing or infinite or mistyped:
            self.count({"missing": missing, "infinite": infinite, "mistyped": mistyped})
        watched = joined.accepted
        if self.watched.several:
            watched = watched.copy()
            watched[watched] = self.watched.new_requests(names, values[watched], joined.version[watched])
        if not watched.all():
            values, marks = values[watched], Marks(*(mark[watched] for mark in marks))
        if not len(values):
            return []
        self.checks.features(names, values, len(texts), self.watched.features)
        found = self.watched.features.update(names, values, marks, texts)
        return self._noticed(Noticed(finding, None) for finding in found)

    def _watch(self, sort: Sort, values: Floats, joined: Joined, marks: Marks, texts: tuple[str, ...] = ()) -> list[Event]:
        """Watches a signal of each version, float64[n], NaN a row without."""
        accepted = np.where(joined.accepted, values, np.nan)
        return self._noticed(self.watched.values(sort, accepted, joined.version, marks, texts))

    def _noticed(self, found: Iterable[Noticed]) -> list[Event]:
        return [(one.finding.row, partial(findings.tell, self, one)) for one in found]

    def _happen(self, events: list[Event], counted: Ints, clock: Ints, arrived: int, position: int | None) -> list[Output]:
        """Makes alerts and requests of what was found, in the order of the rows; outcomes came to be `counted` at some."""
        outputs: list[Output] = []
        for row, event in sorted(events, key=lambda pair: pair[0]):
            predictions = self.join.position if position is None else position + row + 1
            outcomes = self.outcomes - int((counted > row).sum())
            outputs += event(Moment(int(clock[row]), arrived, predictions, outcomes))
        for version in self.watched.versions.values():
            version.labelled.pass_on()
        return outputs
