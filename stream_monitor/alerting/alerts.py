"""The alerts of a stream: one per signal, from opened over updated to resolved, as events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from stream_monitor import __version__
from stream_monitor.alerting import wording
from stream_monitor.alerting.remarks import Remarks
from stream_monitor.alerting.wording import Context
from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.settings import Severity
from stream_monitor.config.stream import DetectedKind, StreamRecord
from stream_monitor.events import (
    REMARKS,
    Alert,
    AlertEvent,
    AlertKind,
    ChangeEstimate,
    Effect,
    EndReason,
    Evidence,
    Position,
    SegmentCause,
    Share,
    encode,
    finite,
    identity,
    iso,
)
from stream_monitor.task import Output
from stream_monitor.watching.finding import Finding
from stream_monitor.watching.terms import KINDS

Step = Literal["opened", "updated", "resolved"]
_OVER: dict[EndReason, str] = {
    "recovered": "no longer", "retired": "ended with its version", "rebaselined": "ended, as its reference is learnt anew",
    "resumed": "ended by `resume`", "configured": "ended by the configuration", "reevaluated": "taken back",
}  # fmt: skip
_SHARE, _MORE, _ROWS = 0.1, 0.25, 200
"""By how much a cause's share, or its loss by a part of its rise, must be another to be told again; and after so many rows."""

_NAMES: dict[DetectedKind, AlertName] = {
    "data_drift": "DataDrift", "prediction_drift": "PredictionDrift", "concept_drift": "ConceptDrift",
    "performance": "RiskRose",
}  # fmt: skip


class Moment(NamedTuple):
    """Where a stream stands."""

    clock: int
    arrived: int
    predictions: int
    outcomes: int


class Subject(NamedTuple):
    """What an alert is about, beside the signal."""

    stream: str
    model: str = ""
    version: str = ""
    idle: bool = False
    """Whether it is a version that no longer predicts: what was known of it by then is over, and what is new is no page."""
    of_several: bool = False
    """Whether it is of one of several models of its stream."""

    @property
    def text(self) -> str:
        """As a CloudEvent's subject: stream, or stream and version."""
        return f"{self.stream}/{self.version}" if self.version else self.stream

    @property
    def name(self) -> str:
        """As texts name it: with its model where the stream has several."""
        named = (self.stream, self.model if self.of_several else "", self.version)
        return "/".join(part for part in named if part)


class Telling(NamedTuple):
    """What an alert that no detector raised is about."""

    subject: Subject
    kind: AlertKind
    name: AlertName
    severity: Severity
    summary: str
    change: ChangeEstimate | None = None
    causes: tuple[SegmentCause, ...] = ()
    end: Literal["recovered", "reevaluated"] = "recovered"
    """Why it ends, if it does."""
    over: str = ""
    """What is said of it then, where that is more than that it is no longer so."""
    doubt: str = ""
    """What is said against it."""


class Alerts:
    """Firing alerts by fingerprint, each the `data` of the event that was published last."""

    def __init__(self, record: StreamRecord) -> None:
        self.record = record
        self.firing: dict[str, Alert] = {}
        self.subjects: dict[str, Subject] = {}
        self.remarks = Remarks()
        self.false_alarms = 0
        """Alerts of the budget that people called false."""

    def configure(self, record: StreamRecord) -> None:
        """Takes what is said about the stream from now on."""
        self.record = record

    def follow(self, finding: Finding, subject: Subject, moment: Moment, context: Context) -> tuple[Alert | None, list[Output]]:
        """Makes a step of a signal's change a step of its alert; None where the configuration says so."""
        kind = KINDS[finding.sort]
        name = _NAMES[kind]
        severity = self._severity(kind, finding)
        labels = self._labels(subject, kind, name, finding)
        fingerprint = _fingerprint(labels)
        known = self.firing.get(fingerprint)
        if severity is None or name in self.record.config.alerts.off or (known is None and finding.step == "resolved"):
            return None, []
        if known is None and subject.idle and finding.step != "opened":
            return None, []
        if known and finding.step == "resolved":
            return self.resolve(fingerprint, "recovered", moment)
        alert = Alert(
            status="firing",
            transition="updated" if known else "opened",
            revision=known.revision + 1 if known else 0,
            fingerprint=fingerprint,
            startsAt=known.startsAt if known else iso(moment.clock),
            labels=labels | {"severity": _calmed(severity, subject)},
            annotations=self._annotations(
                subject,
                wording.summary(finding, subject.name, context),
                "; ".join(filter(None, (wording.description(finding, context), wording.mostly(known.causes if known else [])))),
            ),
            position=Position(predictions=moment.predictions, outcomes=moment.outcomes),
            change=_change(finding, context),
            causes=known.causes if known else [],
            evidence=self._evidence(finding, context),
        )
        if known and _says_the_same(alert, known, context):
            return known, []
        return self._publish(self._said(alert, known, moment), subject, moment)

    def open(
        self,
        subject: Subject,
        kind: AlertKind,
        name: AlertName,
        severity: Severity,
        summary: str,
        moment: Moment,
        **labels: str,
    ) -> list[Output]:
        """Opens an alert that no detector raised; nothing if it fires already."""
        telling = Telling(subject, kind, name, severity, summary)
        if _fingerprint(self._plain(telling, labels)) in self.firing:
            return []
        return self.tell("opened", telling, moment, **labels)

    def tell(self, step: Step, telling: Telling, moment: Moment, **labels: str) -> list[Output]:
        """Opens, updates or resolves an alert that no detector raised."""
        plain = self._plain(telling, labels)
        fingerprint = _fingerprint(plain)
        if telling.name in self.record.config.alerts.off:
            step = "resolved"
        if step == "resolved":
            return self.resolve(fingerprint, telling.end, moment, telling.over)[1]
        known = self.firing.get(fingerprint)
        if known is None and telling.subject.idle and step != "opened":
            return []
        causes = known.causes if known else list(telling.causes)
        alert = Alert(
            status="firing", transition="updated" if known else "opened", revision=known.revision + 1 if known else 0,
            fingerprint=fingerprint, startsAt=known.startsAt if known else iso(moment.clock),
            labels=plain | {"severity": _calmed(telling.severity, telling.subject)},
            annotations=self._annotations(
                telling.subject, telling.summary, "; ".join(filter(None, (telling.doubt, wording.mostly(causes))))
            ),
            position=Position(predictions=moment.predictions, outcomes=moment.outcomes), change=telling.change, causes=causes,
        )  # fmt: skip
        return self._publish(self._said(alert, known, moment), telling.subject, moment)[1]

    def explain(self, fingerprint: str, causes: Sequence[SegmentCause], moment: Moment) -> list[Output]:
        """Says of a firing alert which segments explain it; nothing if that is known well enough."""
        known = self.firing.get(fingerprint)
        if known is None or not causes or not _tell_more(causes[0], known.causes):
            return []
        before = known.annotations.get("description", "").removesuffix(wording.mostly(known.causes)).removesuffix("; ")
        return self.describe(
            fingerprint, "; ".join(filter(None, (before, wording.mostly(causes)))), moment, causes=list(causes)
        )

    def describe(self, fingerprint: str, description: str, moment: Moment, **fields: Any) -> list[Output]:
        """Says something else of a firing alert."""
        known = self.firing[fingerprint]
        annotations = {name: text for name, text in (known.annotations | {"description": description}).items() if text}
        alert = known.model_copy(
            update={
                **fields, "transition": "updated", "revision": known.revision + 1, "annotations": annotations,
                "position": Position(predictions=moment.predictions, outcomes=moment.outcomes),
            }
        )  # fmt: skip
        return self._publish(alert, self.subjects[fingerprint], moment)[1]

    def resolve(self, fingerprint: str, reason: EndReason, moment: Moment, over: str = "") -> tuple[Alert | None, list[Output]]:
        """Ends a firing alert; its summary is how it is `over`, or else the last one, with a word on why it is."""
        known = self.firing.get(fingerprint)
        if known is None:
            return None, []
        alert = known.model_copy(
            update={
                "status": "resolved", "transition": "resolved", "revision": known.revision + 1,
                "annotations": known.annotations | {"summary": over or f"{_OVER[reason]}: {known.annotations['summary']}"},
                "endsAt": iso(moment.clock), "endReason": reason,
                "position": Position(predictions=moment.predictions, outcomes=moment.outcomes),
            }
        )  # fmt: skip
        return self._publish(alert, self.subjects.get(fingerprint, Subject(alert.labels["stream"])), moment)

    def firing_with(self, **labels: str) -> list[str]:
        """The fingerprints of all alerts that carry these labels."""
        return [fingerprint for fingerprint in sorted(self.firing) if labels.items() <= self.firing[fingerprint].labels.items()]

    def end(self, reason: EndReason, moment: Moment, **labels: str) -> list[Output]:
        """Ends all alerts that carry these labels."""
        return [output for fingerprint in self.firing_with(**labels) for output in self.resolve(fingerprint, reason, moment)[1]]

    def amend(self, fingerprint: str, moment: Moment, **fields: Any) -> list[Output]:
        """Adds what a person said to a firing alert; nothing if there is no such alert, or that was said before."""
        known = self.firing.get(fingerprint)
        if known is None or all(getattr(known, name) == value for name, value in fields.items()):
            return []
        if "verdict" in fields and "drift" in known.labels["kind"]:
            self.false_alarms += (fields["verdict"] == "false_alarm") - (known.verdict == "false_alarm")
        alert = known.model_copy(update={**fields, "transition": "updated", "revision": known.revision + 1})
        return self._publish(alert, self.subjects[fingerprint], moment)[1]

    def reconcile(self, published: dict[str, Alert], moment: Moment) -> list[Output]:
        """Says what this program sees otherwise than what was published, as ordinary transitions."""
        outputs = []
        for fingerprint, alert in sorted(published.items()):
            if alert.status == "firing" and fingerprint not in self.firing:
                self.firing[fingerprint] = alert
                self.subjects[fingerprint] = _subject(alert)
                outputs += self.resolve(fingerprint, "reevaluated", moment)[1]
        for fingerprint, mine in sorted(self.firing.items()):
            theirs = published.get(fingerprint)
            if (
                theirs is None
                or theirs.status != "firing"
                or (theirs.startsAt, theirs.revision) != (mine.startsAt, mine.revision)
            ):
                revision = theirs.revision + 1 if theirs and theirs.status == "firing" else 0
                again = mine.model_copy(update={"transition": "updated" if revision else "opened", "revision": revision})
                outputs += self._publish(again, self.subjects[fingerprint], moment)[1]
        return outputs

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "firing": [alert.model_dump(by_alias=True) for alert in self.firing.values()],
            "subjects": [list(self.subjects[fingerprint]) for fingerprint in self.firing],
            "remarks": self.remarks.state(),
            "false_alarms": self.false_alarms,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.false_alarms = state["false_alarms"]
        self.remarks.restore(state["remarks"])
        alerts = [Alert.model_validate(alert) for alert in state["firing"]]
        self.firing = {alert.fingerprint: alert for alert in alerts}
        self.subjects = {a.fingerprint: Subject(*subject) for a, subject in zip(alerts, state["subjects"], strict=True)}

    def _publish(self, alert: Alert, subject: Subject, moment: Moment) -> tuple[Alert, list[Output]]:
        if alert.status == "firing":
            self.firing[alert.fingerprint] = alert
            self.subjects[alert.fingerprint] = subject
        else:
            self.remarks.keep(alert, moment.clock)
            self.firing.pop(alert.fingerprint, None)
            self.subjects.pop(alert.fingerprint, None)
        deployment = self.record.deployment
        event = AlertEvent(
            id=alert_id(deployment, alert),
            source=f"/stream-monitor/{deployment}",
            subject=subject.text,
            time=iso(moment.clock),
            recordedtime=iso(moment.arrived),
            data=alert,
        )
        value = encode(event)
        return alert, [
            Output("alerts", subject.stream.encode(), value),
            Output("alerts.current", alert.fingerprint.encode(), value),
        ]

    def _said(self, alert: Alert, known: Alert | None, moment: Moment) -> Alert:
        """The alert with what people have said about it, and what holds of what they said before it ended last."""
        if known is None:
            return alert.model_copy(update=self.remarks.take(alert.fingerprint, moment.clock))
        return alert.model_copy(update={name: getattr(known, name) for name in REMARKS})

    def _plain(self, telling: Telling, labels: dict[str, str]) -> dict[str, str]:
        about = {"alertname": telling.name, "stream": telling.subject.stream, "kind": telling.kind}
        return self.record.config.alerts.labels | about | labels

    def _severity(self, kind: DetectedKind, finding: Finding) -> Severity | None:
        risk = self.record.config.performance.risk
        chosen = risk.severity if finding.sort == "risk" and risk else self.record.config.alerts.severe(kind)
        return "info" if chosen and finding.sort == "loss" and finding.direction == "down" else chosen

    def _labels(self, subject: Subject, kind: DetectedKind, name: AlertName, finding: Finding) -> dict[str, str]:
        labels = self.record.config.alerts.labels | {"alertname": name, "stream": subject.stream}
        if finding.sort != "feature":
            labels |= {"model": subject.model, "version": subject.version}
        labels |= {"signal": finding.sort, "kind": kind}
        return labels | {"feature": finding.name} if finding.sort == "feature" else labels

    def _annotations(self, subject: Subject, summary: str, description: str = "") -> dict[str, str]:
        url = self.record.config.alerts.runbook_url
        description = "; ".join(filter(None, ("the version no longer predicts" if subject.idle else "", description)))
        more = {"description": description, "runbook_url": url}
        return {"summary": summary} | {name: text for name, text in more.items() if text}

    def _evidence(self, finding: Finding, context: Context) -> Evidence:
        return Evidence(
            detector=finding.detector, statistic=finite(finding.statistic), threshold=finite(finding.threshold),
            n_reference=finding.n_reference, n_current=finding.n_current, immature=context.immature,
            chance_interval_s=None if context.rarity is None else finite(float(f"{context.rarity / 1e6:.3g}")),
            extrapolated=finding.extrapolated,
            config_hash=identity(self.record.config.model_dump_json())[:16], software=f"stream-monitor {__version__}",
        )  # fmt: skip


def _calmed(severity: Severity, subject: Subject) -> Severity:
    return "warning" if subject.idle and severity == "critical" else severity


def alert_id(deployment: str, alert: Alert) -> str:
    """The id of the event that published this state of an alert."""
    return identity("alert", deployment, alert.fingerprint, alert.startsAt, alert.position, alert.revision, alert.transition)


def _fingerprint(labels: dict[str, str]) -> str:
    return identity(*(f"{key}={value}" for key, value in sorted(labels.items()) if key != "severity"))[:16]


def _subject(alert: Alert) -> Subject:
    return Subject(alert.labels["stream"], alert.labels.get("model", ""), alert.labels.get("version", ""))


def _says_the_same(alert: Alert, known: Alert, context: Context) -> bool:
    """Whether it was said before: since when and by how much, as people read it, as severe, and the same doubt."""
    same = alert.annotations["summary"] == known.annotations["summary"] and alert.labels == known.labels
    return same and context.doubt in known.annotations.get("description", "")


def _tell_more(most: SegmentCause, known: list[SegmentCause]) -> bool:
    """Whether the cause that holds most is not known, or holds clearly more or less; others come and go."""
    was = next((one for one in known if one.segment == most.segment), None)
    if was is None:
        return True
    moved = abs(most.share - was.share) > _SHARE or abs(most.after - was.after) > _MORE * abs(was.after - was.before)
    return moved and most.outcomes - was.outcomes >= _ROWS


def _change(finding: Finding, context: Context) -> ChangeEstimate:
    statistic = "rate" if finding.unit == "points" and finding.moved == "mean" else finding.moved
    return ChangeEstimate(
        position=finding.began_position, interval=finding.interval, time=iso(finding.began_time), direction=finding.direction,
        statistic=statistic, before=finite(finding.before),
        after=finite(finding.after), effect=Effect(value=finite(finding.effect), unit=finding.unit),
        shares=[Share(category=name, before=before, after=after) for name, before, after in context.by_change()],
        together=list(finding.together), label_age_s=None if context.age is None else context.age / 1e6,
        mostly=finite(finding.mostly),
    )  # fmt: skip
