"""What people say to a stream: acknowledgements, verdicts, silences, new baselines, decisions on retrain requests."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from stream_monitor.alerting.alerts import Moment
from stream_monitor.alerting.remarks import silenced
from stream_monitor.alerting.retrain import Closed
from stream_monitor.events import Alert, iso
from stream_monitor.stream import Stream
from stream_monitor.task import Output


class Control(msgspec.Struct, forbid_unknown_fields=True):
    """A control event; it names its stream and what it is about."""

    stream: str
    action: Literal[
        "acknowledge", "verdict", "silence", "rebaseline", "resume", "approve", "reject", "complete", "shed", "pause"
    ]
    fingerprint: str | None = None
    request_id: str | None = None
    verdict: Literal["real", "false_alarm", "expected"] | None = None
    until: int | None = None
    """Epoch microseconds."""
    by: str | None = None
    comment: str | None = None
    version: str | None = None
    feature: str | None = None
    halvings: Annotated[int, msgspec.Meta(ge=0, le=30)] | None = None
    """Models learn from one in 2**halvings of the outcomes."""


class Pointless(Exception):
    """A control event about what is not there; neither reason nor detail carries a value of it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def obey(stream: Stream, document: bytes, arrived: int) -> list[Output]:
    """Does what a control event says; raises Pointless where there is nothing, or nothing any more, that it is about."""
    control = msgspec.json.decode(document, type=Control)
    moment = stream.moment(arrived)
    if control.action == "rebaseline":
        return _rebaseline(stream, control, arrived)
    if control.action == "shed":
        stream.watched.shed(control.halvings or 0)
        return []
    if control.action == "pause":
        stream.checks.pause()
        return []
    if control.action == "resume":
        return _resume(stream, moment)
    if control.action in ("approve", "reject", "complete"):
        return _decide(stream, control, moment)
    if control.fingerprint not in stream.alerts.firing:
        raise Pointless("unknown_alert", "no alert of this fingerprint fires; it may be over")
    known = stream.alerts.firing[control.fingerprint]
    if control.action == "silence" and not _silent(control, known, moment.clock):
        raise Pointless("past_silence", "until is over by the stream's clock, and the alert is not silenced")
    return stream.alerts.amend(control.fingerprint, moment, **_said(control, known))


def _silent(control: Control, known: Alert, clock: int) -> bool:
    """Whether an alert is to be silent or has been: a silence ends early by one that is over."""
    return silenced(known.silencedUntil, clock) or (control.until or 0) > clock


def _rebaseline(stream: Stream, control: Control, arrived: int) -> list[Output]:
    versions = {version.subject.version for version in stream.watched.versions.values()}
    if control.version is not None and control.version not in versions:
        raise Pointless("unknown_version", "no such version is live")
    if control.feature is not None and (control.version is not None or not stream.has_feature(control.feature)):
        raise Pointless("unknown_feature", "no such feature is in the reference or has come anew; those of versions have none")
    return stream.rebaseline(arrived, "rebaselined", control.version, control.feature)


def _resume(stream: Stream, moment: Moment) -> list[Output]:
    """Starts detectors that were set aside again."""
    for group in stream.watched.groups().values():
        group.resume()
    return stream.alerts.end("resumed", moment, kind="monitor")


def _said(control: Control, known: Alert) -> dict[str, str | None]:
    """What is said of an alert; who is known to have said the same remains so until somebody else is named."""
    if control.action == "acknowledge":
        return {"acknowledgedBy": control.by or known.acknowledgedBy or "somebody"}
    if control.action == "verdict":
        before = known.verdictBy if control.verdict == known.verdict else None
        return {"verdict": control.verdict, "verdictBy": control.by or before}
    return {"silencedUntil": iso(control.until) if control.until is not None else None}


def _decide(stream: Stream, control: Control, moment: Moment) -> list[Output]:
    for version in stream.watched.versions.values():
        request = version.retrain.request
        if request is None or request.request_id != control.request_id:
            continue
        if control.action == "approve":
            return version.retrain.approve(control.by, version.subject, stream.record, moment)
        status: Closed = "rejected" if control.action == "reject" else "completed"
        return version.retrain.close(status, version.subject, stream.record, moment, control.by)
    raise Pointless("unknown_request", "no request of this request_id is open; it may be over")
