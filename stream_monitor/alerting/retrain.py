"""Retrain requests: at most one open per model version, from a harmful change to its completion, expiry or replacement."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import TypeAdapter

from stream_monitor.alerting.alerts import Moment, Subject, alert_id
from stream_monitor.config.settings import Severity
from stream_monitor.config.stream import StreamRecord
from stream_monitor.events import Alert, DataSinceChange, RetrainEvent, RetrainRequest, encode, identity, iso
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.labelled import Labelled
from stream_monitor.task import Output
from stream_monitor.watching.finding import Finding

_SEVERITY: TypeAdapter[Severity] = TypeAdapter(Severity)
Closed = Literal["rejected", "completed", "expired", "superseded"]


class Retrain:
    """The open request of one model version, and the rest after it."""

    def __init__(self) -> None:
        self.request: RetrainRequest | None = None
        self.expires = FAR
        self._began = (0, 0)
        """Position and time of the change."""
        self._rest_until = -FAR

    def propose(
        self, alert: Alert, finding: Finding, subject: Subject, record: StreamRecord, moment: Moment, labelled: Labelled
    ) -> list[Output]:
        """Requests a retrain for a harmful change; nothing while one is open or has just ended."""
        settings = record.config.retrain
        if not settings.enabled or self.request is not None or moment.clock < self._rest_until:
            return []
        self._began = (finding.began_position, finding.began_time)
        data = self._data(record, moment, labelled)
        self.expires = moment.clock + settings.expires
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
        return self._publish(subject, record, moment)

    def ripen(self, subject: Subject, record: StreamRecord, moment: Moment, labelled: Labelled) -> list[Output]:
        """Says once that there are enough labels since the change."""
        if self.request is None or self.request.ready:
            return []
        data = self._data(record, moment, labelled)
        if data.labelled < self.request.minimum_labels:
            return []
        return self._update(subject, record, moment, data_since_change=data, ready=True)

    def approve(self, by: str | None, subject: Subject, record: StreamRecord, moment: Moment) -> list[Output]:
        """Approves a proposed request."""
        if self.request is None or self.request.status != "proposed":
            return []
        return self._update(subject, record, moment, status="approved", by=by)

    def close(
        self, status: Closed, subject: Subject, record: StreamRecord, moment: Moment, by: str | None = None
    ) -> list[Output]:
        """Ends the open request; no other one is made during the cooldown."""
        if self.request is None:
            return []
        outputs = self._update(subject, record, moment, status=status, by=by or self.request.by)
        self.request, self.expires = None, FAR
        self._rest_until = moment.clock + record.config.retrain.cooldown
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
        return {"request": request, "expires": self.expires, "began": list(self._began), "rest_until": self._rest_until}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.request = RetrainRequest.model_validate(state["request"]) if state["request"] else None
        self.expires, self._rest_until = state["expires"], state["rest_until"]
        position, time = state["began"]
        self._began = (position, time)

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
            expirytime=iso(self.expires),
            data=request,
        )
        value = encode(event)
        return [
            Output("retrain", subject.stream.encode(), value),
            Output("retrain.current", request.request_id.encode(), value),
        ]
