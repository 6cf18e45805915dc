"""What is to be said of a loss that changes while the labels that have come are not like the rest."""

from __future__ import annotations

from stream_monitor.alerting.alerts import Alerts, Moment, Subject
from stream_monitor.config.alert_name import AlertName
from stream_monitor.events import Alert, ChangeEstimate
from stream_monitor.task import Output

UNLIKE = "labels that have come are not like the rest (LabelBias)"
PERHAPS = "labels that have come may not be like the rest"
_HELD = "no retraining is requested while that is so"
_OF_LOSS: tuple[AlertName, ...] = ("ConceptDrift", "RiskRose", "EstimateApart")


def unlike(alerts: Alerts, subject: Subject) -> Alert | None:
    """The alert that says so of a version; None where none fires."""
    firing = alerts.firing_with(alertname="LabelBias", model=subject.model, version=subject.version)
    return alerts.firing[firing[0]] if firing else None


def held(alerts: Alerts, subject: Subject, since: int) -> bool:
    """Whether that was found after the prediction from which on a change may have begun, which then may be but that.

    Labels that never were like the rest hide nothing.
    """
    found = unlike(alerts, subject)
    return found is not None and found.position.predictions > since


def doubt(alerts: Alerts, subject: Subject, since: int, harmful: bool, suspected: bool) -> str:
    """What is said of such a change, which would request a retrain if it is harmful; nothing where labels are alike.

    Where it is only `suspected` that they are not, that holds a request as well.
    """
    if unlike(alerts, subject) is None:
        return "" if not suspected else f"{PERHAPS}: {_HELD}" if harmful else PERHAPS
    return f"{UNLIKE}: {_HELD}" if harmful and held(alerts, subject, since) else UNLIKE


def perhaps(alerts: Alerts, subject: Subject, name: AlertName) -> bool:
    """Whether an alert may say what is only suspected: as it opens, and until it is taken back, but not once more."""
    firing = alerts.firing_with(alertname=name, model=subject.model, version=subject.version)
    return all(PERHAPS in alerts.firing[one].annotations.get("description", "") for one in firing)


def reconsider(alerts: Alerts, subject: Subject, moment: Moment, suspected: bool) -> list[Output]:
    """Says it of the alerts about a version's loss that fire, or takes it back; what is only suspected is said as they open."""
    outputs: list[Output] = []
    for name in _OF_LOSS:
        for fingerprint in alerts.firing_with(alertname=name, model=subject.model, version=subject.version):
            known = alerts.firing[fingerprint]
            said = known.annotations.get("description", "").split("; ")
            rest = [part for part in said if not part.startswith((UNLIKE, PERHAPS))]
            still = suspected and any(part.startswith(PERHAPS) for part in said)
            harmful = name == "ConceptDrift" and known.change is not None and is_harm(known.change)
            now = doubt(alerts, subject, earliest(known.change), harmful, still) if known.change else ""
            if (parts := [now, *rest] if now else rest) != said:
                outputs += alerts.describe(fingerprint, "; ".join(parts), moment)
    return outputs


def earliest(change: ChangeEstimate) -> int:
    """The first prediction with which a change may have begun."""
    return change.interval[0] if change.interval else change.position


def is_harm(change: ChangeEstimate) -> bool:
    """Whether a loss has not become less."""
    return change.direction != "down"
