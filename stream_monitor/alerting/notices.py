"""Alerts that no detector raises: about labels, types, references and what was lost."""

from __future__ import annotations

from collections.abc import Sequence

from stream_monitor.alerting.alerts import Alerts, Moment, Step, Subject, Telling
from stream_monitor.blocks import Section
from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.settings import Severity
from stream_monitor.events import AlertKind, iso
from stream_monitor.figures import number, of_rows
from stream_monitor.models.models import ERRORS, Found
from stream_monitor.models.sentence import Named, sentence
from stream_monitor.quality.issue import Issue
from stream_monitor.task import Output
from stream_monitor.watching.feature_rows import Mistyped
from stream_monitor.watching.finding import Finding


def task_unknown(alerts: Alerts, stream: str, moment: Moment) -> list[Output]:
    """Says that it is not clear what a loss is."""
    summary = f"the task of {stream} cannot be told from its predictions: state `task`; its loss is not watched"
    return alerts.open(Subject(stream), "data_quality", "TaskUnknown", "warning", summary, moment)


def no_common_word(alerts: Alerts, stream: str, moment: Moment) -> list[Output]:
    """Says that labels never say what predictions say."""
    summary = f"labels and predictions of {stream} have no value in common: see `labels.values`; its loss is not watched"
    return alerts.open(Subject(stream), "data_quality", "LabelVocabulary", "warning", summary, moment)


def common_word(alerts: Alerts, moment: Moment) -> list[Output]:
    """Takes that back."""
    return alerts.end("recovered", moment, alertname="LabelVocabulary")


def third_class(alerts: Alerts, stream: str, names: Sequence[str], many: bool, moment: Moment) -> list[Output]:
    """Says that outcomes are of a third class where two were found to be all, and that they are measured as of `many` since."""
    severity: Severity = "warning" if many else "info"
    if alerts.firing_with(alertname="ThirdClass", severity=severity):
        return []
    what = (
        "come so often that it is measured as multiclass: rules, references and estimates of a binary task say nothing any more"
        if many
        else "came: they count as negative, and in `counts.unexpected_classes`"
    )
    summary = f"{stream} is of two classes, and others ({_named(names)}) {what}; state `task` if that is as it should be"
    return alerts.tell("opened", Telling(Subject(stream), "data_quality", "ThirdClass", severity, summary), moment)


def input_lost(alerts: Alerts, stream: str, section: Section, moment: Moment) -> list[Output]:
    """Says that offsets of an input will never be seen."""
    where = f"{section.topic}-{section.partition}, offsets {section.first} to {section.last}"
    about = {"topic": section.topic, "partition": str(section.partition), "offset": str(section.first)}
    return alerts.open(
        Subject(stream), "monitor", "InputLost", "critical", f"input of {stream} was lost: {where}", moment, **about
    )


def detector_broken(alerts: Alerts, finding: Finding, subject: Subject, moment: Moment) -> list[Output]:
    """Says that a detector raised."""
    summary = f"{finding.detector} on the {finding.sort} of {subject.name} was set aside: {finding.detail}"
    labels = {"signal": finding.sort, "detector": finding.detector, "model": subject.model, "version": subject.version}
    return alerts.open(subject, "monitor", "DetectorBroken", "warning", summary, moment, **labels)


def reference_unsettled(alerts: Alerts, finding: Finding, subject: Subject, moment: Moment) -> list[Output]:
    """Says that a reference has changed within itself."""
    what = f"{finding.name} of {subject.name}" if finding.sort == "feature" else f"the {finding.sort} of {subject.name}"
    summary = (
        f"{what} changed within its own reference, since {iso(finding.began_time)}: its {finding.moved} was "
        f"{number(finding.before)} and is {number(finding.after)} since; what is like the reference is not what it was at "
        "first; `rebaseline` learns it anew"
    )
    if finding.detail:
        summary += f" (it is of {finding.detail}: what only changes with the time of day looks like this too)"
    about = _about(finding, subject)
    return alerts.open(subject, "data_quality", "ReferenceUnsettled", "warning", summary, moment, **about)


def reference_settled(alerts: Alerts, finding: Finding, subject: Subject, moment: Moment) -> list[Output]:
    """Takes that back, as it was a rhythm."""
    about = {name: value for name, value in _about(finding, subject).items() if value}
    return alerts.end("reevaluated", moment, alertname="ReferenceUnsettled", **about)


def feature_type(alerts: Alerts, stream: str, wrong: Mistyped, text: bool, moment: Moment) -> list[Output]:
    """Says that a feature that was a number is a `text` now, or the other way round."""
    was, now = ("a number", "text") if text else ("text", "a number")
    summary = (
        f"{wrong.feature} of {stream} comes as {now} in {of_rows(wrong.n / wrong.rows, wrong.rows)}, first {wrong.first}, "
        f"and in the reference it was {was}: it is missing there for detectors"
    )
    about = {"signal": "feature", "feature": wrong.feature}
    return alerts.open(Subject(stream), "data_quality", "FeatureType", "warning", summary, moment, **about)


def issues(alerts: Alerts, stream: str, found: Sequence[Issue], moment: Moment) -> list[Output]:
    """Says what is wrong with a stream's data, or what does not come."""
    outputs: list[Output] = []
    for one in found:
        silent, of_rows = one.name in _SILENCE, one.name in _OF_ROWS
        kind: AlertKind = "no_data" if silent else "data_quality"
        telling = Telling(Subject(stream), kind, one.name, one.severity, one.summary, end=one.end, over=one.over)
        about = {"signal": "traffic"} if silent else {} if of_rows else {"signal": "feature"}
        if one.feature:
            about["input" if silent else "feature"] = one.feature
        outputs += alerts.tell(one.step, telling, moment, **about)
    return outputs


def model(alerts: Alerts, found: Found, subject: Subject, regression: bool, named: Named, moment: Moment) -> list[Output]:
    """Says what has become of a model that learns beside one in production: a notice, never a page."""
    name: AlertName = "ErrorsExplained" if found.model == ERRORS else "ChallengerBetter"
    text = sentence(found, subject.name, regression, named)
    labels = {"model": subject.model, "version": subject.version, "signal": "model", "challenger": found.model}
    telling, outputs = Telling(subject, "performance", name, "info", text, over=text), list[Output]()
    if found.step in ("begun_anew", "set_aside"):
        failed = telling._replace(kind="monitor", name="ChallengerFailed")
        outputs = alerts.tell("opened", failed, moment, **labels)
        if found.standing.better:
            return outputs
    step: Step = "opened" if found.step in ("better", "errs") else "updated" if found.standing.better else "resolved"
    return outputs + alerts.tell(step, telling, moment, **labels)


def _about(finding: Finding, subject: Subject) -> dict[str, str]:
    """The labels of an alert about a signal's reference."""
    if finding.sort == "feature":
        return {"signal": finding.sort, "feature": finding.name}
    return {"signal": finding.sort, "model": subject.model, "version": subject.version}


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(f"`{name}`" for name in names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


_NAMED = 3
"""Classes that are named."""
_SILENCE = ("NoData", "StalledInput")
_OF_ROWS = ("DuplicateIds", "TimeBackwards", "ClockSkew", "LateRows", "DeadLetters", "OneClass", "LabelsUnmatched")
