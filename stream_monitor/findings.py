"""What detectors find, as alerts and as requests to retrain."""

from __future__ import annotations

from functools import partial

from stream_monitor.alerting import doubts, notices
from stream_monitor.alerting.alerts import Moment, Subject
from stream_monitor.alerting.wording import Context
from stream_monitor.performance import review
from stream_monitor.running import Running
from stream_monitor.task import Output
from stream_monitor.watched import OF_LOSS, Noticed
from stream_monitor.watching.finding import Finding
from stream_monitor.watching.group import Group


def tell(stream: Running, noticed: Noticed, moment: Moment) -> list[Output]:
    """Says what a detector found; of a loss that rises, that its version may have to be trained again."""
    finding, version = noticed
    if version is not None and version.number not in stream.watched.versions:
        return []
    subject = version.subject if version else Subject(stream.name)
    if finding.step == "broken":
        return notices.detector_broken(stream.alerts, finding, subject, moment)
    if finding.step == "unsettled":
        return notices.reference_unsettled(stream.alerts, finding, subject, moment)
    if finding.step == "settled":
        return notices.reference_settled(stream.alerts, finding, subject, moment)
    group = stream.watched.features if version is None else version.groups[finding.sort]
    harmful = finding.sort == "loss" and finding.direction == "up" and finding.step in ("opened", "updated")
    since = finding.interval[0] if finding.interval else finding.began_position
    suspected = version is not None and review.suspected(stream, version.number)
    context = _context(stream, group, finding)
    if finding.sort in OF_LOSS:
        perhaps = suspected and doubts.perhaps(stream.alerts, subject, "RiskRose" if finding.sort == "risk" else "ConceptDrift")
        doubt = doubts.doubt(stream.alerts, subject, since, harmful, perhaps)
        context = context._replace(doubt=doubt, age=stream.age.partial(stream.join.wait))
    alert, outputs = stream.alerts.follow(finding, subject, moment, context)
    if alert is not None and version is not None and harmful and not version.idle:
        version.labelled.settle(finding.row)
        about = stream.alerts, subject, stream.record, moment, version.labelled
        outputs += version.retrain.propose(alert, finding, *about, suspected)
    return outputs


def _context(stream: Running, group: Group, finding: Finding) -> Context:
    """What else an alert says about a change."""
    features = partial(stream.feature_rows.categories.name, finding.name, number=group.is_number(finding.name))
    name = stream.words.name if finding.sort == "prediction" else features
    grew = [(name(one), before, since) for one, before, since in finding.shares if before or since]
    immature = group.span < stream.record.config.reference.span
    risk = stream.record.config.performance.risk
    rise = risk.rise if risk and finding.sort == "risk" else None
    too_short = group.too_short(finding.began_time)
    no_week = group.no_week(finding.began_time)
    return Context(immature, group.chance(finding.rarity), tuple(grew), rise, too_short=too_short, no_week=no_week)
