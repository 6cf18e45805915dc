"""One watched stream: rows of the log go in, in their order; alerts, retrain requests and metrics come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from stream_monitor import blocks
from stream_monitor.alerting import notices
from stream_monitor.alerting.alerts import Alerts, Moment, Subject
from stream_monitor.alerting.words import Context
from stream_monitor.blocks import Progress, Rows, Section
from stream_monitor.config.stream import StreamConfig, StreamRecord
from stream_monitor.estimation.estimates import Estimates
from stream_monitor.events import Alert
from stream_monitor.joining.features import Features as Kept
from stream_monitor.joining.join import Join, Joined, Values
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.versions import distinct
from stream_monitor.metrics import report
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.models.catalogue import Task
from stream_monitor.models.models import Models
from stream_monitor.performance import review
from stream_monitor.performance.rules import Rules
from stream_monitor.quality.checks import Checks, Kind
from stream_monitor.task import Output
from stream_monitor.version import Version
from stream_monitor.watching.budget import Spent
from stream_monitor.watching.feature_rows import FeatureRows, Features
from stream_monitor.watching.finding import Finding
from stream_monitor.watching.given import Given
from stream_monitor.watching.group import Group
from stream_monitor.watching.judge import Judge
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Sort
from stream_monitor.watching.terms import share, terms
from stream_monitor.watching.words import Words

Ints = npt.NDArray[np.int64]
Event = tuple[int, Callable[[Moment], list[Output]]]
"""The row at which something happened, and what to make of it."""


class Stream:
    """Results depend on the order of rows alone: wherever the clock makes something due, the rows are cut there."""

    def __init__(self, name: str, record: StreamRecord) -> None:
        config = record.config
        self.name, self.record = name, record
        self.words = Words(record.limits.categories)
        self.join = Join(config.labels, record.limits)
        self.judge = Judge(config.task)
        self.features = Group("feature", terms(config, "feature", record.limits.features))
        self.feature_rows = FeatureRows(record.limits.categories, record.limits.features)
        self.checks = Checks(name, config.quality, config.no_data, self.feature_rows.categories.name)
        self.kept = Kept()
        self.halvings = 0
        """Models learn from one in 2**halvings of the outcomes."""
        self.born = -1
        """The offset of the log at which it came to be; -1 if it is configured."""
        self.siblings = 1
        """Streams that share this one's part of the budget, itself included."""
        self.ledger = Ledger(config, self.words, self.join.classes)
        self.estimates = _estimates(self.ledger, config)
        self.rules = Rules(config)
        self.alerts = Alerts(record)
        self.versions: dict[int, Version] = {}
        self.outcomes = 0
        self.totals: dict[str, int] = {}
        self.last_metrics: dict[str, dict[str, Any]] = {}
        """Of the last window of each live version, by its number."""
        self.last_cohorts: dict[str, dict[str, Any]] = {}
        """The same by when predictions were made, of the last window whose labels cannot change any more."""
        self.retired = Spent()
        """What versions that are gone have spent of the budget."""
        self.given: Given | None = None
        self._configure_labels(record)
        self._share_budget()

    # Rows.

    def section(self, section: Section, arrived: int) -> list[Output]:
        """Takes a section of a block."""
        if section.kind == "configuration":
            return self.configure(parsed(section.document), arrived)
        if section.left_out:
            self._count({"left_out": section.left_out})
        if section.dead:
            self._count({"dead_letters": section.dead})
        if section.kind == "gap":
            return notices.input_lost(self.alerts, self.name, section, self.moment(arrived))
        if section.kind == "reference":
            return self._give(section, arrived)
        if section.rows is None or not len(section.rows):
            return []
        if self.given is not None:
            self._take_given()
        return self._in_pieces(section, section.rows, arrived)

    def progress(self, entries: Iterable[Progress], arrived: int) -> list[Output]:
        """Takes how far the stream's inputs were read; silence moves the clock on."""
        now = self.join.silence(entries, arrived)
        outputs: list[Output] = []
        while (due := min(self._next_due(None), self.ledger.windows.boundary_after(self.join.next_absence(now)))) <= now:
            outputs += self._pass(due - 1, arrived) + self._do_due(due, arrived)  # one after the other, as with rows
        return outputs + self._pass(now, arrived)

    def configure(self, record: StreamRecord, arrived: int) -> list[Output]:
        """Takes a configuration: what did not change goes on, what did begins again."""
        old, self.record = self.record.config, record
        new = record.config
        self.alerts.configure(record)
        for group in self.groups().values():
            group.terms = terms(new, group.sort, record.limits.features)
        moment = self.moment(arrived)
        outputs: list[Output] = []
        if (new.quality, new.no_data) != (old.quality, old.no_data):
            self.checks.configure(new.quality, new.no_data)
        if new.models != old.models:
            self.estimates = _estimates(self.ledger, new)
            outputs += self.alerts.end("configured", moment, signal="model")
            for version in self.versions.values():
                version.models = None
        if new.performance != old.performance:
            outputs += self.alerts.end("configured", moment, kind="performance")
            self.rules = Rules(new)
        if new.task != old.task:
            self.judge = Judge(new.task)
        if _measured_by(new) != _measured_by(old):
            outputs += self._close_windows(self.join.clock.now, arrived, everything=True)
            counts, self.ledger = self.ledger.windows.counts, Ledger(new, self.words, self.join.classes)
            self.ledger.windows.counts = counts
            self.estimates = _estimates(self.ledger, new)
            for number in self.versions:
                self.ledger.begins(number, self.join.clock.now)
        if (new.labels, new.positive, new.segments) != (old.labels, old.positive, old.segments):
            self._configure_labels(record)
        if _learnt_from(new) != _learnt_from(old):
            outputs += self.rebaseline(arrived, "configured")
        elif _watched_with(new) != _watched_with(old):
            outputs += self.alerts.end("configured", moment, kind="data_drift")
            outputs += self.alerts.end("configured", moment, kind="prediction_drift")
            outputs += self.alerts.end("configured", moment, kind="concept_drift")
            self._configure_detectors()
        self._share_budget()
        return outputs

    def rebaseline(self, arrived: int, reason: str, version: str | None = None, feature: str | None = None) -> list[Output]:
        """Learns new references from the rows to come: all, those of a version, or (a feature's) those of the features."""
        outputs: list[Output] = []
        moment = self.moment(arrived)
        if version is None:
            self.features.begin_again()
            outputs += self.alerts.end(reason, moment, signal="feature")
        for one in self.versions.values():
            if feature is None and version in (None, one.subject.version):
                for sort, group in one.groups.items():
                    group.begin_again()
                    outputs += self.alerts.end(
                        reason, moment, signal=sort, version=one.subject.version, model=one.subject.model
                    )
        return outputs

    def resume(self, arrived: int) -> list[Output]:
        """Starts detectors that were set aside again."""
        for group in self.groups().values():
            group.resume()
        return self.alerts.end("resumed", self.moment(arrived), kind="monitor")

    def not_estimated(self) -> dict[str, str]:
        """Versions whose performance is not estimated before labels come, and why."""
        return {self.versions[number].subject.version: why for number, why in self.estimates.refused.items()}

    def settle(self) -> None:
        """Takes what has matured in the meantime: at the end of a window, and before it is saved."""
        counts, matured = self.join.let_go()
        self._count(counts)
        self.ledger.matured(matured, self.judge.losses)

    def groups(self) -> dict[str, Group]:
        """All groups of signals, by a name for snapshots."""
        named = {"features": self.features}
        for version in self.versions.values():
            named |= version.named()
        return named

    def reconcile(self, alerts: dict[str, Alert], requests: dict[str, bytes], arrived: int) -> list[Output]:
        """Publishes what this program sees otherwise than what was published."""
        moment = self.moment(arrived)
        outputs = self.alerts.reconcile(alerts, moment)
        for version in self.versions.values():
            outputs += version.retrain.reconcile(requests, version.subject, self.record, moment)
        return outputs

    # Steps, in order of use.

    def _in_pieces(self, section: Section, rows: Rows, arrived: int) -> list[Output]:
        """Takes rows up to the next one at which something is due, does that, and goes on."""
        kind: Kind = "predictions" if section.kind == "predictions" else "labels"
        take = partial(self._predictions if kind == "predictions" else self._labels, origin=(section.topic, section.partition))
        if self._nothing_is_due(rows, kind) and len(rows) <= self.join.room():
            taken, outputs = take(rows, arrived)
            if taken == len(rows):
                return outputs
            rows = blocks.split(rows, taken, len(rows))
        else:
            outputs = []
        start = 0
        while start < len(rows):
            clock, _ = self.join.clock.rows(rows.time[start:], arrived)
            now = int(clock[0])
            if not self.join.clock.started:
                self.checks.begin(now)
            if self._next_due(kind) <= now:
                outputs += self._do_due(now, arrived, kind)
            due = min(self._next_due(kind), self.ledger.windows.boundary_after(now))
            ready = int(np.searchsorted(clock, due, "left"))
            taken, more = take(blocks.split(rows, start, start + min(ready, self.join.room())), arrived)
            outputs += more
            start += taken
        return outputs

    def _nothing_is_due(self, rows: Rows, kind: Kind) -> bool:
        """Whether no row can move the clock to where something is due."""
        clock = self.join.clock
        if not clock.started:
            return False
        latest = max(clock.now, int(rows.time.max()))
        return latest < self.ledger.windows.boundary_after(clock.now) and latest < self._next_due(kind)

    def _next_due(self, coming: Kind | None) -> int:
        """The clock at which something is due, whether rows of a kind are coming or none."""
        due = min(self.ledger.windows.next_close(), self.ledger.cohorts.due(), self.checks.due(coming))
        for version in self.versions.values():
            due = min(due, version.retrain.expires, version.seen + self.record.config.versions.retire_after)
        return due

    def _do_due(self, now: int, arrived: int, coming: Kind | None = None) -> list[Output]:
        outputs = self._close_windows(now, arrived)
        moment = self.moment(arrived, now)
        outputs += notices.issues(self.alerts, self.name, self.checks.silence(now, coming), moment)
        for seen in self.ledger.look(now, self.join, self.judge.losses):
            verdicts = review.reconciled(self, seen)
            expected = {one.metric: one.estimated for one in verdicts}
            outputs.append(report.cohort(self, seen, self.estimates.described(seen.key.version, expected), moment))
            outputs += review.cohort(self, seen, verdicts, moment)
        outputs += review.punctuality(self, moment)
        for version in list(self.versions.values()):
            if version.retrain.expires <= now:
                outputs += version.retrain.close("expired", version.subject, self.record, self.moment(arrived, now))
            if version.seen + self.record.config.versions.retire_after <= now:
                outputs += self._retire(version, self.moment(arrived, now))
        return outputs

    def _pass(self, now: int, arrived: int) -> list[Output]:
        """Moves the clock without a row, to where nothing is due."""
        if now <= self.join.clock.now:
            return []
        joined = self.join.pass_time(now)
        self._count(joined.counts)
        judged, events = self._judge(joined, 0, None)
        return self._happen(events, judged, joined.clock, arrived, None)

    def _predictions(self, rows: Rows, arrived: int, origin: tuple[str, int]) -> tuple[int, list[Output]]:
        new = self.join.versions.next_new(rows)
        if new is not None:
            rows = blocks.split(rows, 0, new)
        learning = [group for group in self._of_predictions() if not group.learnt]
        missing = min((group.warmup.wanted - group.warmup.rows for group in learning), default=len(rows))
        if 0 < missing < len(rows):  # a reference is complete with the last of some rows, so that the budget is split there
            rows = blocks.split(rows, 0, missing)
        values = self.words.values(rows, "prediction")
        known = self.judge.task
        if known is None:
            decided = self.judge.decisive(values, _any_score(rows))
            if decided is not None and decided + 1 < len(rows):
                rows = blocks.split(rows, 0, decided + 1)
                values = self.words.values(rows, "prediction")
        position = self.join.position
        features = self.feature_rows.of(rows, self.features)
        kept = None
        if self.record.config.models.need_features:
            kept = self.kept.matrix(features.names, features.values, features.texts)
        joined = self.join.predictions(rows, values, arrived, kept)
        self._count(joined.counts)
        events = self._meet(joined) + self._came("predictions", origin, joined.clock)
        self.checks.times(rows.time, joined.clock, arrived, self.record.config.metrics)
        marks = Marks(np.arange(len(rows)), np.arange(position, position + len(rows)), joined.clock)
        self._count_predictions(rows, values, joined, kept)
        events += self._watch_features(features, joined, marks)
        if known is not None and known != "unknown":
            events += self._watch("prediction", _numbered(values), joined, marks, classes=known == "classification")
        if "score" in rows.number_names:
            events += self._watch("score", rows.number("score"), joined, marks)
        if self.judge.task == "unknown":
            events.append((len(rows) - 1, partial(notices.task_unknown, self.alerts, self.name)))
        if not self.judge.speaks:
            self.judge.hear(values, position)
        judged, more = self._judge(joined, len(rows) - 1, position)
        if any(group.learnt for group in learning):
            self._share_budget()
        return len(rows), self._happen(events + more, judged, joined.clock, arrived, position)

    def _labels(self, rows: Rows, arrived: int, origin: tuple[str, int]) -> tuple[int, list[Output]]:
        joined = self.join.labels(rows, self.words.values(rows, "label"), arrived)
        self._count(joined.counts | {"labels": len(rows)})
        events = self._came("labels", origin, joined.clock)
        judged, more = self._judge(joined, len(rows) - 1, None)
        return len(rows), self._happen(events + more, judged, joined.clock, arrived, None)

    def _came(self, kind: Kind, origin: tuple[str, int], clock: Ints) -> list[Event]:
        """Says that rows came, which ends a silence."""
        issues = self.checks.rows(kind, origin, clock)
        return [(0, partial(notices.issues, self.alerts, self.name, issues))] if issues else []

    def _meet(self, joined: Joined) -> list[Event]:
        """Sees which versions are live; a new one answers the open requests of its model."""
        events: list[Event] = []
        numbers = distinct(joined.version)
        for number in numbers:
            if number < 0:
                continue
            if number not in self.versions:
                begun = int(joined.clock[np.argmax(joined.version == number)])
                events.append((0, partial(self._supersede, self._begin_version(number, begun))))
            last = -1 if len(numbers) == 1 else np.flatnonzero(joined.version == number)[-1]
            self.versions[number].seen = int(joined.clock[last])
        return events

    def _begin_version(self, number: int, clock: int) -> Version:
        model, name = self.join.versions.name(number)
        version = Version(number, Subject(self.name, model, name), self.record.config, clock)
        older = [one for one in self.versions.values() if one.subject.model == model]
        inherits = bool(older) and self.record.config.versions.reference == "previous"
        if inherits:
            version.inherit(older[-1])
        elif self.given is not None:
            self.given.lend(self.judge, version.groups)
        self.versions[number] = version
        self.ledger.begins(number, clock, older[-1].number if inherits else None)
        self._share_budget()
        return version

    def _count_predictions(self, rows: Rows, values: Values, joined: Joined, kept: npt.NDArray[np.float32] | None) -> None:
        n = int(np.count_nonzero(joined.accepted))
        if n:
            self.ledger.predictions(rows, joined)
            self.estimates.predictions(rows, values, joined, kept)
        self._count({"predictions": n})

    def _watch_features(self, features: Features, joined: Joined, marks: Marks) -> list[Event]:
        names, values, texts, mistyped = features
        if mistyped or not np.isfinite(values).all():
            missing, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
            self._count({"missing": missing, "infinite": infinite, "mistyped": mistyped})
        if not joined.accepted.all():
            values, marks = values[joined.accepted], Marks(*(mark[joined.accepted] for mark in marks))
        if len(values):
            self.checks.features(names, values, len(texts), self.features)
        found = self.features.update(names, values, marks, texts) if len(values) else []
        return [(finding.row, partial(self._publish, finding, None)) for finding in found]

    def _of_predictions(self) -> Iterable[Group]:
        """The groups whose signals come with predictions."""
        yield self.features
        for version in self.versions.values():
            yield version.groups["prediction"]
            yield version.groups["score"]

    def _watch(
        self, sort: Sort, values: npt.NDArray[np.float64], joined: Joined, marks: Marks, classes: bool = False
    ) -> list[Event]:
        """Watches a signal of each version, float64[n], NaN a row without."""
        events: list[Event] = []
        texts = (sort,) if classes else ()
        good = ~np.isnan(values) & joined.accepted
        if not good.any():
            return events
        numbers = distinct(joined.version)
        for number in numbers:
            mine = np.flatnonzero(good if len(numbers) == 1 else good & (joined.version == number))
            if number >= 0 and len(mine):
                version, group = self.versions[number], self.versions[number].groups[sort]
                if len(mine) == len(values):
                    found = group.update((sort,), values[:, None], marks, texts)
                else:
                    found = group.update((sort,), values[mine, None], Marks(*(mark[mine] for mark in marks)), texts)
                events += [(finding.row, partial(self._publish, finding, version)) for finding in found]
        return events

    def _judge(self, joined: Joined, last: int, position: int | None) -> tuple[Ints, list[Event]]:
        """Turns outcomes into losses, once it is clear what a loss is; until then they are held.

        Gives the rows at which outcomes came to count, and what they brought.
        """
        outcomes = joined.outcomes
        self.ledger.matured(joined.matured, self.judge.losses)
        events: list[Event] = []
        if not self.judge.clear:
            outcomes, events = self._clear_up(outcomes, last, position)
        if not len(outcomes.row):
            return outcomes.row, events
        losses = self.judge.losses(outcomes)
        good = ~np.isnan(losses)
        if not good.all():
            self._count({"incomparable": int((~good).sum())})
            outcomes, losses = outcomes.take(good), losses[good]
        self.ledger.outcomes(outcomes, losses, int(joined.clock[-1]), self.judge.task == "regression")
        self.estimates.outcomes(outcomes)
        new = outcomes.sign == 1
        self.checks.labels(outcomes.label_value[new], outcomes.label_code[new])
        return outcomes.row[new], events + self._watch_losses(outcomes, losses)

    def _clear_up(self, outcomes: Outcomes, last: int, position: int | None) -> tuple[Outcomes, list[Event]]:
        at = np.full(len(outcomes.row), self.join.position) if position is None else position + outcomes.row
        cleared = self.judge.clear_up(outcomes, at, last)
        self._count({"incomparable": cleared.dropped})
        events: list[Event] = []
        if cleared.given_up_at is not None:
            events.append((cleared.given_up_at, partial(notices.no_common_word, self.alerts, self.name)))
        if cleared.common_at is not None:
            events.append((cleared.common_at, partial(notices.common_word, self.alerts, self.name)))
        return cleared.outcomes, events

    def _watch_losses(self, outcomes: Outcomes, losses: npt.NDArray[np.float64]) -> list[Event]:
        events: list[Event] = []
        self.outcomes += int((outcomes.sign == 1).sum())
        for number in distinct(outcomes.version):
            mine = np.flatnonzero((outcomes.version == number) & (outcomes.sign == 1))
            version = self.versions.get(number)  # none if it has retired: then only the windows count it
            if version is None or not len(mine):
                continue
            marks = Marks(outcomes.row[mine], outcomes.position[mine], np.minimum(outcomes.time[mine], outcomes.at[mine]))
            before = version.outcomes
            version.outcomes += len(mine)
            if self.record.config.models.any:
                events += self._learn(version, outcomes.take(mine), losses[mine], marks)
            for sort in _OF_LOSS if self.record.config.performance.risk else _OF_LOSS[:1]:
                for finding in version.groups[sort].update((sort,), losses[mine, None], marks):
                    count = before + int(np.searchsorted(marks.row, finding.row, "right"))
                    events.append((finding.row, partial(self._publish, finding, version, outcomes=count)))
        return events

    def _learn(self, version: Version, outcomes: Outcomes, losses: npt.NDArray[np.float64], marks: Marks) -> list[Event]:
        """Lets models learn from new outcomes of a version."""
        task: Task = "regression" if self.judge.task == "regression" else "classification"
        if version.models is None:
            version.models = Models(self.record.config.models, task)
            version.models.shed(self.halvings)
        value = _numbered(Values(outcomes.value, outcomes.code))
        label = _numbered(Values(outcomes.label_value, outcomes.label_code))
        names, features = self.kept.names[: outcomes.features.shape[1]], outcomes.features.astype(np.float64)
        found = version.models.learn(names, features, value, label, losses, outcomes.ids, marks.time, self.kept.texts)
        named = self.feature_rows.categories.name
        return [
            (int(marks.row[one.row]), partial(notices.model, self.alerts, one, version.subject, task == "regression", named))
            for one in found
        ]

    def shed(self, halvings: int) -> None:
        """Lets models learn from one in 2**halvings of the outcomes from now on."""
        self.halvings = halvings
        for version in self.versions.values():
            if version.models is not None:
                version.models.shed(halvings)

    def _happen(self, events: list[Event], judged: Ints, clock: Ints, arrived: int, position: int | None) -> list[Output]:
        """Makes alerts and requests of what was found, in the order of the rows."""
        outputs: list[Output] = []
        for row, event in sorted(events, key=lambda pair: pair[0]):
            predictions = self.join.position if position is None else position + row + 1
            outcomes = self.outcomes - int((judged > row).sum())
            outputs += event(Moment(int(clock[row]), arrived, predictions, outcomes))
        return outputs

    def _publish(self, finding: Finding, version: Version | None, moment: Moment, outcomes: int = 0) -> list[Output]:
        subject = version.subject if version else Subject(self.name)
        if finding.step == "broken":
            return notices.detector_broken(self.alerts, finding, subject, moment)
        if finding.step == "unsettled":
            return notices.reference_unsettled(self.alerts, finding, subject, moment)
        group = self.features if version is None else version.groups[finding.sort]
        alert, outputs = self.alerts.follow(finding, subject, moment, self._context(group, finding))
        harmful = finding.sort == "loss" and finding.direction == "up" and finding.step in ("opened", "updated")
        if alert is not None and version is not None and harmful:
            outputs += version.retrain.propose(alert, finding, subject, self.record, moment, outcomes)
        return outputs

    def _context(self, group: Group, finding: Finding) -> Context:
        """What else an alert says about a change."""
        name = self._class if finding.sort == "prediction" else partial(self.feature_rows.categories.name, finding.name)
        grew = [(name(one), before, since) for one, before, since in finding.shares]
        immature = group.span < self.record.config.reference.span
        return Context(immature, group.chance(finding.rarity), tuple(grew))

    def _class(self, number: float) -> str:
        """What a predicted class is called."""
        if np.isnan(number):
            return "all others"
        texts = self.words.state()
        return f"{number:g}" if number > -_TEXTS else texts[int(-_TEXTS - number) // 1024]

    def _supersede(self, version: Version, moment: Moment) -> list[Output]:
        """Closes the requests that a new version answers."""
        outputs: list[Output] = []
        for one in self.versions.values():
            if one.subject.model == version.subject.model and one is not version:
                outputs += one.retrain.close("superseded", one.subject, self.record, moment)
        return outputs

    def _close_windows(self, now: int, arrived: int, everything: bool = False) -> list[Output]:
        self.settle()
        moment = self.moment(arrived, now)
        outputs: list[Output] = []
        for closed in self.ledger.close(now, self.judge.losses, everything):
            expected = self.estimates.close(closed.key) if closed.length == self.ledger.windows.length else {}
            outputs.append(report.window(self, closed, self.estimates.described(closed.key.version, expected), moment))
            outputs += review.window(self, closed, expected, moment)
        if outputs:
            self.estimates.learn()
            outputs += review.explained(self, moment)
            self.join.relax()
            outputs += self._renew(moment)
            outputs += self._check(now, moment)
            begun, ceased = self.feature_rows.close()
            for name in begun:
                outputs += notices.feature_type(self.alerts, self.name, name, self.features.is_number(name), moment)
            for name in ceased:
                outputs += self.alerts.end("recovered", moment, alertname="FeatureType", feature=name)
            self._share_budget()
            for version in self.versions.values():
                outputs += version.retrain.ripen(version.subject, self.record, moment, version.outcomes)
        return outputs

    def _check(self, now: int, moment: Moment) -> list[Output]:
        """What is wrong with the data of a window."""
        drifting = {alert.labels.get("feature", "") for alert in self.alerts.firing.values() if "drift" in alert.labels["kind"]}
        issues = self.checks.close(now, self.features, self.feature_rows.mistyped(), drifting, self._word)
        return notices.issues(self.alerts, self.name, issues, moment)

    def _word(self, value: float, code: int) -> str:
        """What a label says."""
        return self.words.state()[code] if code >= 0 else f"{value:g}"

    def _renew(self, moment: Moment) -> list[Output]:
        """Learns anew what has been otherwise for so long that it is the new normal."""
        after = self.record.config.reference.renew_after
        outputs: list[Output] = []
        for owner, group in self._owned():
            since = None if after is None else group.lasting()
            if after is not None and since is not None and moment.clock - since >= after:
                group.begin_again()
                about = {} if owner is None else {"model": owner.subject.model, "version": owner.subject.version}
                outputs += self.alerts.end("rebaselined", moment, signal=group.sort, **about)
        return outputs

    def _owned(self) -> Iterable[tuple[Version | None, Group]]:
        """All groups of signals, each with the version that it is of."""
        yield None, self.features
        for version in self.versions.values():
            for group in version.groups.values():
                yield version, group

    def _retire(self, version: Version, moment: Moment) -> list[Output]:
        """Ends a version that has been silent."""
        subject = version.subject
        outputs = version.retrain.close("superseded", subject, self.record, moment)
        outputs += self.alerts.end("retired", moment, model=subject.model, version=subject.version)
        for group in version.groups.values():
            self.retired = self.retired.plus(group.spent)
        del self.versions[version.number]
        self.last_metrics.pop(str(version.number), None)
        self.last_cohorts.pop(str(version.number), None)
        self.ledger.retire(version.number)
        self.estimates.retire(version.number)
        self.rules.forget(version.number)
        self.join.versions.retire(version.number)
        return outputs

    def _give(self, section: Section, arrived: int) -> list[Output]:
        """Takes rows of a reference file; another file than before begins everything again."""
        digest = msgspec.json.decode(section.document, type=dict[str, Any]).get("sha256", "")
        outputs: list[Output] = []
        if self.given is None or self.given.digest != digest:
            outputs += self.rebaseline(arrived, "configured") if self.given is not None else []
            self.given = Given(digest)
        self.given.take(section, self.words)
        return outputs

    def _take_given(self) -> None:
        """Makes references of the rows that were given for that."""
        assert self.given is not None
        if not self.features.learnt:
            self.given.features(self.features)
        self.given.settle(self.judge)

    def _configure_labels(self, record: StreamRecord) -> None:
        labels = record.config.labels
        absent = self.words.value(labels.absent.label) if labels and labels.absent else None
        self.join.configure(labels, absent, record.config.segments.crossings)

    def _configure_detectors(self) -> None:
        for group in self.groups().values():
            group.configure(terms(self.record.config, group.sort, self.record.limits.features))

    def _share_budget(self) -> None:
        """Splits the budget over the groups that there are, by how often they have values."""
        share(self.record, self.siblings, list(self.groups().values()))

    def moment(self, arrived: int, clock: int | None = None) -> Moment:
        """Where the stream stands."""
        now = self.join.clock.now if self.join.clock.started else arrived
        return Moment(now if clock is None else clock, arrived, self.join.position, self.outcomes)

    def _count(self, counts: dict[str, int]) -> None:
        self.ledger.windows.count(counts)
        self.checks.count(counts)
        for name, n in counts.items():
            if n:
                self.totals[name] = self.totals.get(name, 0) + n


_OF_LOSS: tuple[Sort, ...] = ("loss", "risk")
_TEXTS = 2.0**60
"""Less than minus this are the numbers of predicted classes whose names are texts."""


def _learnt_from(config: StreamConfig) -> tuple[Any, ...]:
    """What references depend on."""
    return config.reference.model_copy(update={"renew_after": None}), config.features


def _measured_by(config: StreamConfig) -> tuple[Any, ...]:
    """What metrics of outcomes depend on."""
    return config.metrics, config.segments, config.task, config.positive, config.performance.cost


def _watched_with(config: StreamConfig) -> tuple[Any, ...]:
    """What detectors depend on."""
    return config.detectors, config.alerts.resolve_after, config.alerts.min_effect


def parsed(document: bytes) -> StreamRecord:
    """The configuration in a section's document."""
    return StreamRecord.model_validate(msgspec.json.decode(document))


def _estimates(ledger: Ledger, config: StreamConfig) -> Estimates:
    return Estimates(ledger, config.reference.rows, config.models.estimate_loss)


def _numbered(values: Values) -> npt.NDArray[np.float64]:
    """Predictions as numbers, those of texts far away from all others."""
    return np.where(values.code >= 0, -_TEXTS - values.code * 1024.0, values.value)


def _any_score(rows: Rows) -> npt.NDArray[np.float64]:
    """A number where a row has a score, which only classifiers give."""
    at = [i for i, name in enumerate(rows.number_names) if name == "score" or name.startswith("scores:")]
    if not at:
        return np.full(len(rows), np.nan)
    return np.where(np.isnan(rows.numbers[at]).all(axis=0), np.nan, 1.0)
