"""What is to be said of a loss that changes while the labels that have come are not like the rest."""

from __future__ import annotations

from stream_monitor.alerting.alerts import Alerts, Moment, Subject
from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.better import SERVING
from stream_monitor.events import Alert, ChangeEstimate
from stream_monitor.task import Output

UNLIKE = "labels that have come are not like the rest (LabelBias)"
PERHAPS = "labels that have come may not be like the rest"
_HELD = "no retraining is requested while that is so"
_OF_LOSS: tuple[AlertName, ...] = ("ConceptDrift", "RiskRose")
_NEARLY_ALL = 0.9
"""The share of predictions with a label from which on what these say is what all would say."""


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


def partial(alerts: Alerts, subject: Subject, coverage: float | None) -> str:
    """What is said of predictions of one time, by the share of them that has a label."""
    return UNLIKE if coverage is not None and coverage < _NEARLY_ALL and unlike(alerts, subject) else ""


def said(alerts: Alerts, labels: dict[str, str]) -> str:
    """What was said of it of the alert that carries these labels."""
    firing = (alerts.firing[one] for one in alerts.firing_with(**labels))
    mine = (one for one in firing if one.labels.get("segment") == labels.get("segment"))
    return UNLIKE if any(UNLIKE in one.annotations.get("description", "") for one in mine) else ""


def perhaps(alerts: Alerts, subject: Subject, name: AlertName) -> bool:
    """Whether an alert may say what is only suspected: as it opens, and until it is taken back, but not once more."""
    firing = alerts.firing_with(alertname=name, model=subject.model, version=subject.version)
    return all(PERHAPS in alerts.firing[one].annotations.get("description", "") for one in firing)


def reconsider(alerts: Alerts, subject: Subject, moment: Moment, suspected: bool) -> list[Output]:
    """Says it of the alerts about a version's loss that fire, or takes it back; what is only suspected is said as they open.

    So it is with those about metrics by when labels came: what is said of predictions of one time stays.
    """
    outputs: list[Output] = []
    of_version = {"model": subject.model, "version": subject.version}
    losses = [one for name in _OF_LOSS for one in alerts.firing_with(alertname=name, **of_version)]
    for fingerprint in losses + alerts.firing_with(signal="metric", basis="arrival", **of_version):
        known = alerts.firing[fingerprint]
        said = [part for part in known.annotations.get("description", "").split("; ") if part]
        rest = [part for part in said if not part.startswith((UNLIKE, PERHAPS))]
        now = _now(alerts, subject, known, suspected and any(part.startswith(PERHAPS) for part in said))
        if (parts := [now, *rest] if now else rest) != said:
            outputs += alerts.describe(fingerprint, "; ".join(parts), moment)
    return outputs


def of_arrival(alerts: Alerts, subject: Subject, metric: str) -> str:
    """What is said of a metric of the labels that came at one time; nothing of one that needs no labels."""
    return UNLIKE if metric not in SERVING and unlike(alerts, subject) else ""


def _now(alerts: Alerts, subject: Subject, known: Alert, suspected: bool) -> str:
    if known.labels["signal"] == "metric":
        return of_arrival(alerts, subject, known.labels["metric"])
    if known.change is None:
        return ""
    harmful = known.labels["alertname"] == "ConceptDrift" and is_harm(known.change)
    return doubt(alerts, subject, earliest(known.change), harmful, suspected)


def earliest(change: ChangeEstimate) -> int:
    """The first prediction with which a change may have begun."""
    return change.interval[0] if change.interval else change.position


def is_harm(change: ChangeEstimate) -> bool:
    """Whether a loss has not become less."""
    return change.direction != "down"
