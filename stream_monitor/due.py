"""What the clock of a stream makes due: windows that close, cohorts to look at, silence, requests and versions that end."""

from __future__ import annotations

from stream_monitor import succession, turnover
from stream_monitor.alerting import notices
from stream_monitor.alerting.alerts import Moment
from stream_monitor.joining.clock import FAR
from stream_monitor.metrics import report
from stream_monitor.metrics.complete import Waiting
from stream_monitor.performance import review
from stream_monitor.quality.checks import Coming
from stream_monitor.quality.issue import Issue
from stream_monitor.running import Running
from stream_monitor.task import Output
from stream_monitor.watching.finding import ALL, CATEGORIES


def at(stream: Running, coming: Coming = "both") -> int:
    """The clock at which something is due, while there may be more to read of some kinds."""
    first = min(stream.ledger.windows.next_close(), stream.ledger.cohorts.due(), stream.checks.due(coming), stream.age.next)
    return min((first, *(version.retrain.expires for version in stream.watched.versions.values())))


def do(stream: Running, now: int, arrived: int, coming: Coming = "both") -> list[Output]:
    """Does all that is due."""
    outputs = close_windows(stream, now, arrived)
    moment = stream.moment(arrived, now)
    silences = [_with_unread(stream, one) for one in stream.checks.silence(now, coming)]
    outputs += notices.issues(stream.alerts, stream.name, silences, moment)
    outputs += _looked(stream, now, moment)
    outputs += review.punctuality(stream, moment)
    if stream.age.next <= now:
        outputs += _compare_older(stream, moment)
    for version in stream.watched.versions.values():
        if version.retrain.expires <= now:
            outputs += version.retrain.close("expired", version.subject, stream.record, moment)
    return outputs + turnover.over(stream, moment)


def close_windows(stream: Running, now: int, arrived: int, everything: bool = False) -> list[Output]:
    """Closes the windows that are over, or all there are."""
    stream.settle()
    moment = stream.moment(arrived, now)
    outputs: list[Output] = []
    for one in stream.ledger.close(now, stream.judge.losses, everything):
        expected = stream.estimates.close(one.key) if one.length == stream.ledger.windows.length else {}
        outputs.append(report.window(stream, one, stream.estimates.described(one.key.version, expected), moment))
        outputs += review.window(stream, one, expected, moment)
    return outputs + _concluded(stream, now, moment) if outputs else []


def compare_anew(stream: Running, moment: Moment) -> list[Output]:
    """Compares labels at another age from now on: what is learnt of losses begins again, from the rows that still wait.

    Where no label is one, it is from those that come to that age: of others it is not known.
    """
    labels = stream.record.config.labels
    since = FAR if labels and labels.absent else -FAR
    stream.join.compare_at(stream.age.within(stream.join.wait), stream.record.config.metrics.step, since)
    kept = {number for number, since in stream.ledger.since.items() if since.given}
    over = stream.watched.begin_losses(stream.judge, kept)
    return [output for labels in over for output in stream.alerts.end("rebaselined", moment, **labels)]


def _compare_older(stream: Running, moment: Moment) -> list[Output]:
    """Looks at how long labels take; where it is longer than was known, they are compared when predictions are older.

    Once all delays have been seen, it is labels that have changed: what was learnt of losses holds, and what has come since the
    last look is taken once more.
    """
    wait, looked, young = stream.join.wait, stream.age.looked, stream.age.is_young(stream.join.wait)
    if not stream.age.look(moment.clock, wait):
        return []
    if young:
        return compare_anew(stream, moment)
    stream.join.compare_at(stream.age.within(wait), stream.record.config.metrics.step, since=looked)
    return []


def _with_unread(stream: Running, issue: Issue) -> Issue:
    """A silence that is none: events come, and none of them can be read."""
    unread = stream.unread.get(issue.feature, 0) if (issue.name, issue.step) == ("NoData", "opened") else 0
    return issue._replace(summary=f"{issue.summary}; {unread:,} events came that could not be read") if unread else issue


def _concluded(stream: Running, now: int, moment: Moment) -> list[Output]:
    """What follows when windows have closed."""
    waiting = Waiting(stream.join, stream.ledger.cohorts, stream.ledger.windows.length)
    stream.ledger.learn(waiting, stream.judge.losses, stream.of_one_class)
    stream.estimates.learn(waiting, stream.judge.losses, stream.of_one_class)
    outputs = review.explained(stream, moment) + succession.compare(stream, moment)
    stream.join.relax()
    for over in stream.watched.renew(moment.clock, stream.record.config.reference.renew_after):
        outputs += stream.alerts.end("rebaselined", moment, **over)
    outputs += _checked(stream, now, moment)
    outputs += _types(stream, moment)
    stream.watched.share(stream.record)
    for version in stream.watched.versions.values():
        if not version.idle:
            about = stream.alerts, version.subject, stream.record, moment, version.labelled
            outputs += version.retrain.look(*about, review.suspected(stream, version.number), version.errs_now())
    return outputs


def _checked(stream: Running, now: int, moment: Moment) -> list[Output]:
    """What is wrong with the data of a window."""
    drifting = {alert.labels.get("feature", "") for alert in stream.alerts.firing.values() if "drift" in alert.labels["kind"]}
    if drifting & {ALL, CATEGORIES}:
        drifting |= stream.watched.features.names()
    mistyped = stream.feature_rows.mistyped()
    classes = stream.judge.task == "classification"
    labels = stream.record.config.labels
    absent = labels is not None and labels.absent is not None
    issues = stream.checks.close(stream.watched.features, mistyped, drifting, stream.words.text, classes, absent)
    issues += stream.checks.unmatched(now, stream.join.late(), stream.join.sampling.halvings > 0)
    outputs = notices.issues(stream.alerts, stream.name, issues, moment)
    if third := stream.ledger.numbers.third():
        outputs += notices.third_class(stream.alerts, stream.name, third, stream.ledger.vocabulary.grown, moment)
    return outputs


def _types(stream: Running, moment: Moment) -> list[Output]:
    """Features that come as another type than in the reference, or no longer do."""
    begun, ceased = stream.feature_rows.close(stream.watched.features)
    outputs: list[Output] = []
    for wrong in begun:
        text = not stream.watched.features.is_text(wrong.feature)
        outputs += notices.feature_type(stream.alerts, stream.name, wrong, text, moment)
    for name in ceased:
        outputs += stream.alerts.end("recovered", moment, alertname="FeatureType", feature=name)
    return outputs


def _looked(stream: Running, now: int, moment: Moment) -> list[Output]:
    """What has become of the predictions of earlier windows."""
    outputs: list[Output] = []
    for seen in stream.ledger.look(now, stream.join, stream.judge.losses):
        verdicts = review.reconciled(stream, seen)
        expected = {one.metric: one.estimated for one in verdicts}
        outputs.append(report.cohort(stream, seen, stream.estimates.described(seen.key.version, expected), moment))
        outputs += review.cohort(stream, seen, verdicts, moment)
    return outputs
