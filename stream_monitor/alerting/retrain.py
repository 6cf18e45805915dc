"""Retrain requests: at most one open per model version, from a harmful change to its end, and again while the change lasts."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import TypeAdapter

from stream_monitor.alerting import doubts
from stream_monitor.alerting.alerts import Alerts, Moment, Subject, alert_id
from stream_monitor.config.settings import Severity
from stream_monitor.config.stream import StreamRecord
from stream_monitor.events import Alert, DataSinceChange, RetrainEvent, RetrainRequest, Withdrawal, encode, identity, iso
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.labelled import Labelled
from stream_monitor.task import Output
from stream_monitor.watching.finding import Finding

_SEVERITY: TypeAdapter[Severity] = TypeAdapter(Severity)
Closed = Literal["rejected", "completed", "expired", "superseded", "withdrawn"]
_ANSWERS: tuple[Closed, ...] = ("rejected", "superseded")
"""What is not asked again because of the same alert."""
_DOUBLINGS = 10
"""Of the rest, at most."""
_NEAR = 0.1
"""The part of the time since a change by which its start may move without a word."""


class Retrain:
    """The open request of one model version, and the rest after it."""

    def __init__(self) -> None:
        self.request: RetrainRequest | None = None
        self.expires = FAR
        """Counts from when there are enough labels."""
        self._began = (0, 0)
        """Position and time of the change."""
        self._alert = self._started = self._answered = ""
        """The fingerprint of the alert that asks for it; when that of the last request started, and that of the last answer."""
        self._ended, self._unanswered = -FAR, 0
        """When the last request ended, or was not made anew, and how many in a row expired."""

    def propose(
        self,
        alert: Alert,
        finding: Finding,
        alerts: Alerts,
        subject: Subject,
        record: StreamRecord,
        moment: Moment,
        labelled: Labelled,
        suspected: bool,
    ) -> list[Output]:
        """Requests a retrain for a harmful change; nothing while one is open or has just ended, or while it is held.

        One that is open for it is said anew where the change began clearly sooner or later than was known.
        """
        if self.request is not None:
            return self._correct(alert, finding, subject, record, moment, labelled)
        self._began, self._alert = (finding.began_position, finding.began_time), alert.fingerprint
        return self.look(alerts, subject, record, moment, labelled, suspected)

    def look(
        self,
        alerts: Alerts,
        subject: Subject,
        record: StreamRecord,
        moment: Moment,
        labelled: Labelled,
        suspected: bool,
        loss: float = math.nan,
    ) -> list[Output]:
        """Requests anew what has ended while its alert fires; withdraws what nobody has approved when it does not any more.

        What the configuration approved is withdrawn only if somebody says `false_alarm`.  Labels that turn out not to be like
        the rest hold requests as if it did not; where that is only `suspected` none is made, and one that was stays.  One that
        is due anew waits for another rest if the loss of the last outcomes is nearer to what it was before the change than half
        way: the alert may soon end.
        """
        alert = alerts.firing.get(self._alert)
        against = _against(alert, alerts, subject)
        if self.request is None:
            if alert is None or against or suspected:
                return []
            return self._request(alert, subject, record, moment, labelled, loss)
        proposed = self.request.status == "proposed"
        if against and (proposed or (against == "false_alarm" and self.request.by is None)):
            by = alert.verdictBy if alert and against == "false_alarm" else None
            return self.close("withdrawn", subject, record, moment, by, against)
        return self._ripen(subject, record, moment, labelled)

    def approve(self, by: str | None, subject: Subject, record: StreamRecord, moment: Moment) -> list[Output]:
        """Approves a request that nobody has approved, as the configuration may have."""
        if self.request is None or self.request.by is not None:
            return []
        return self._update(subject, record, moment, status="approved", by=by or "somebody")

    def close(
        self,
        status: Closed,
        subject: Subject,
        record: StreamRecord,
        moment: Moment,
        by: str | None = None,
        reason: Withdrawal | None = None,
    ) -> list[Output]:
        """Ends the open request; no other one is made during the rest after it."""
        if self.request is None:
            return []
        outputs = self._update(subject, record, moment, status=status, by=by or self.request.by, endReason=reason)
        if status in _ANSWERS:
            self._answered = self._started
        self.request, self.expires = None, FAR
        self._ended, self._unanswered = moment.clock, self._unanswered + 1 if status == "expired" else 0
        return outputs

    def reconcile(self, published: dict[str, bytes], subject: Subject, record: StreamRecord, moment: Moment) -> list[Output]:
        """Publishes the open request again where what was published says otherwise."""
        if self.request is None:
            return []
        known = published.get(self.request.request_id)
        same = known is not None and RetrainEvent.model_validate_json(known).data == self.request
        return [] if same else self._publish(subject, record, moment)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        request = self.request.model_dump(by_alias=True) if self.request else None
        return {
            "request": request, "expires": self.expires, "began": list(self._began), "ended": self._ended,
            "unanswered": self._unanswered, "alert": self._alert, "started": self._started, "answered": self._answered,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.request = RetrainRequest.model_validate(state["request"]) if state["request"] else None
        self.expires, self._ended, self._unanswered = state["expires"], state["ended"], state["unanswered"]
        self._alert, self._started, self._answered = state["alert"], state["started"], state["answered"]
        position, time = state["began"]
        self._began = (position, time)

    def _request(
        self, alert: Alert, subject: Subject, record: StreamRecord, moment: Moment, labelled: Labelled, loss: float
    ) -> list[Output]:
        settings = record.config.retrain
        if not settings.enabled or alert.startsAt == self._answered:
            return []
        unanswered = self._unanswered if alert.startsAt == self._started else 0
        if moment.clock < self._ended + _rest(settings.cooldown, unanswered):
            return []
        if alert.startsAt == self._started and _is_back(alert, loss):
            self._ended = moment.clock
            return []
        data = self._data(record, moment, labelled)
        self._started, self._unanswered = alert.startsAt, unanswered
        self.request = RetrainRequest(
            status="approved" if settings.auto else "proposed",
            revision=0,
            request_id=identity("retrain", record.deployment, *subject, alert.fingerprint, moment.clock, moment.predictions)[
                :16
            ],
            stream=subject.stream,
            model=subject.model,
            version=subject.version,
            reason="concept_drift",
            alert_ids=[alert_id(record.deployment, alert)],
            fingerprints=[alert.fingerprint],
            severity=_SEVERITY.validate_python(alert.labels["severity"]),
            data_since_change=data,
            minimum_labels=settings.minimum_labels,
            ready=data.labelled >= settings.minimum_labels,
            requestedAt=iso(moment.clock),
        )
        if self.request.ready:
            self.expires = moment.clock + settings.expires
        return self._publish(subject, record, moment)

    def _correct(
        self, alert: Alert, finding: Finding, subject: Subject, record: StreamRecord, moment: Moment, labelled: Labelled
    ) -> list[Output]:
        """Counts from where its change began by what is known now; what was ready stays so."""
        moved = abs(finding.began_time - self._began[1])
        if self.request is None or alert.fingerprint != self._alert or moved <= _NEAR * (moment.clock - self._began[1]):
            return []
        self._began = finding.began_position, finding.began_time
        return self._count(self.request, self._data(record, moment, labelled), subject, record, moment)

    def _ripen(self, subject: Subject, record: StreamRecord, moment: Moment, labelled: Labelled) -> list[Output]:
        """Says once that there are enough labels since the change."""
        if self.request is None or self.request.ready:
            return []
        data = self._data(record, moment, labelled)
        return self._count(self.request, data, subject, record, moment) if data.labelled >= self.request.minimum_labels else []

    def _count(
        self, request: RetrainRequest, data: DataSinceChange, subject: Subject, record: StreamRecord, moment: Moment
    ) -> list[Output]:
        """Says what there is since the change; from when it is ready on, a request expires."""
        ready = request.ready or data.labelled >= request.minimum_labels
        if ready and not request.ready:
            self.expires = moment.clock + record.config.retrain.expires
        return self._update(subject, record, moment, data_since_change=data, ready=ready)

    def _data(self, record: StreamRecord, moment: Moment, labelled: Labelled) -> DataSinceChange:
        position, time = self._began
        labels = record.config.labels
        rows, known = labelled.since(position)
        matured = max(time, moment.clock - labels.wait) if labels else time
        return DataSinceChange(
            from_=iso(time), to=iso(moment.clock), matured_to=iso(matured), rows=rows, labelled=known,
            coverage=known / rows if rows else None,
        )  # fmt: skip

    def _update(self, subject: Subject, record: StreamRecord, moment: Moment, **fields: Any) -> list[Output]:
        assert self.request is not None
        self.request = self.request.model_copy(update={**fields, "revision": self.request.revision + 1})
        return self._publish(subject, record, moment)

    def _publish(self, subject: Subject, record: StreamRecord, moment: Moment) -> list[Output]:
        assert self.request is not None
        request = self.request
        event = RetrainEvent(
            id=identity("retrain", request.request_id, request.revision, request.status),
            source=f"/stream-monitor/{record.deployment}",
            subject=subject.text,
            time=iso(moment.clock),
            recordedtime=iso(moment.arrived),
            expirytime=iso(self.expires) if request.ready else None,
            data=request,
        )
        value = encode(event)
        return [
            Output("retrain", subject.stream.encode(), value),
            Output("retrain.current", request.request_id.encode(), value),
        ]


def _rest(cooldown: int, unanswered: int) -> int:
    """How long there is no request after one; it doubles with each further one of an alert that nobody answers."""
    return int(cooldown * 2 ** min(max(unanswered - 1, 0), _DOUBLINGS))


def _is_back(alert: Alert, loss: float) -> bool:
    """Whether a loss is nearer to what it was before the change than half way; not if it is not known."""
    change = alert.change
    if change is None or change.before is None or change.after is None:
        return False
    return loss < (change.before + change.after) / 2


def _against(alert: Alert | None, alerts: Alerts, subject: Subject) -> Withdrawal | None:
    """What speaks against a retrain because of an alert; None where nothing does."""
    if alert is None or alert.change is None or not doubts.is_harm(alert.change):
        return "alert_ended"
    if alert.verdict == "false_alarm":
        return "false_alarm"
    return "label_bias" if doubts.held(alerts, subject, doubts.earliest(alert.change)) else None
