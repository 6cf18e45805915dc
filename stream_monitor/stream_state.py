"""A stream as plain values and arrays, and back."""

from __future__ import annotations

from typing import Any

from stream_monitor.config.stream import StreamRecord
from stream_monitor.joining.gathered import Gathered
from stream_monitor.stream import Stream
from stream_monitor.version import Version
from stream_monitor.watching.allowance import Spent
from stream_monitor.watching.given import Given

Arrays = dict[str, dict[str, bytes]]
"""What references are made of: float64 as bytes, by group and signal."""


def arrays(stream: Stream, changed: bool) -> Arrays:
    """The arrays of a stream: only those that may have changed since the last time, or all."""
    named = {name: group.arrays() for name, group in stream.watched.groups().items() if group.changed or not changed}
    for group in stream.watched.groups().values():
        group.fresh = False
    if stream.watched.given and (stream.watched.given.fresh or not changed):
        named["given"], stream.watched.given.fresh = stream.watched.given.arrays(), False
    return named


def state(stream: Stream) -> dict[str, Any]:
    """Everything but the arrays, and the predictions that wait."""
    return {
        "record": stream.record.model_dump_json(), "join": stream.join.state(), "judge": stream.judge.state(),
        "words": stream.words.state(), "ledger": stream.ledger.state(), "rules": stream.rules.state(),
        "estimates": stream.estimates.state(),
        "alerts": stream.alerts.state(),
        "feature_rows": stream.feature_rows.state(), "checks": stream.checks.state(),
        "kept": stream.kept.state(), "came": stream.came, "unread": stream.unread,
        "halvings": stream.watched.halvings,
        "siblings": stream.watched.siblings,
        "born": stream.born,
        "retired": list(stream.watched.retired), "shadows": stream.watched.shadows.state(),
        "versions": [version.state() for version in stream.watched.versions.values()],
        "groups": {name: group.state() for name, group in stream.watched.groups().items()},
        "given": stream.watched.given.state() if stream.watched.given else None,
        "age": stream.age.state(), "uncompared": stream.uncompared.state(),
        "outcomes": stream.outcomes, "totals": stream.totals, "last_metrics": stream.last_metrics,
        "last_cohorts": stream.last_cohorts,
    }  # fmt: skip


def restored(name: str, saved: dict[str, Any], named: Arrays) -> Stream:
    """A stream from its `state` and `arrays`; the predictions that wait are still to be loaded."""
    stream = Stream(name, StreamRecord.model_validate_json(saved["record"]))
    stream.born = saved["born"]
    stream.kept.restore(saved["kept"])
    stream.came, stream.unread = dict(saved["came"]), dict(saved["unread"])
    stream.watched.halvings = saved["halvings"]
    stream.watched.siblings, stream.watched.retired = saved["siblings"], Spent(*saved["retired"])
    for part in ("judge", "age", "words", "ledger", "estimates", "rules", "alerts", "feature_rows"):
        getattr(stream, part).restore(saved[part])
    stream.watched.shadows.restore(saved["shadows"])
    for inner in saved["versions"]:
        version = Version.restored(inner, stream.record.config)
        stream.watched.versions[version.number] = version
    for group_name, group in stream.watched.groups().items():
        group.restore(saved["groups"][group_name], named.get(group_name, {}))
    stream.checks.restore(saved["checks"], stream.watched.features)
    if saved["given"]:
        stream.watched.given = Given.restored(saved["given"], named.get("given", {}))
    stream.uncompared = Gathered.restored(saved["uncompared"])
    stream.outcomes, stream.totals = saved["outcomes"], dict(saved["totals"])
    stream.last_metrics, stream.last_cohorts = dict(saved["last_metrics"]), dict(saved["last_cohorts"])
    stream.join.restore(saved["join"])
    return stream
