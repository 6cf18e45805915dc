"""What the configuration says about each group of signals, and what each is allowed of the budget."""

from __future__ import annotations

from typing import Any

from stream_monitor.config import budget
from stream_monitor.config.settings import Severity
from stream_monitor.config.stream import Budget, DetectedKind, StreamConfig, StreamRecord
from stream_monitor.watching.allowance import NOTHING, Allowance
from stream_monitor.watching.group import Group, Terms
from stream_monitor.watching.reference import Sort

KINDS: dict[Sort, DetectedKind] = {
    "feature": "data_drift", "prediction": "prediction_drift", "score": "prediction_drift", "loss": "concept_drift",
    "risk": "performance",
}  # fmt: skip


def terms(config: StreamConfig, sort: Sort, limit: int = 1) -> Terms:
    """What is configured about the signals of a sort."""
    chosen, alerts = config.detectors, config.alerts
    numbers = {
        "feature": chosen.features, "prediction": chosen.prediction, "score": chosen.score, "loss": chosen.loss,
        "risk": _risk(config),
    }[sort]  # fmt: skip
    features = sort == "feature"
    categories = chosen.categories if features else {}
    if sort == "prediction" or (sort == "score" and numbers):
        # A signal of its own, where the work for it is all that there is to do.
        categories = {name: ({"stride": 64} if name == "counts" else {}) | own for name, own in chosen.categories.items()}
    return Terms(
        config.reference.rows, {"numbers": numbers, "categories": categories}, alerts.resolve_after,
        alerts.least(KINDS[sort]), tuple(sorted(alerts.min_effect.items())) if features else (),
        tuple(sorted(config.features.types.items())) if features else (), limit,
    )  # fmt: skip


def share(record: StreamRecord, siblings: int, groups: list[Group]) -> None:
    """Splits a stream's budget over its groups.

    The deployment's budget is shared by its streams alike, a stream's by its signals by weight; with `per: model`, by all
    models that are known.  With a budget for each severity, signals share the line of their severity.
    """
    config = record.config
    whole = config.false_alarms if config.false_alarms is not None else record.false_alarms
    streams = siblings * (1 if config.false_alarms is not None else record.streams)
    lines = {kind: _line(whole, config.alerts.severe(kind)) for kind in KINDS.values()}
    weights = {kind: config.alerts.weight(kind) for kind in KINDS.values()}
    totals: dict[str, float] = {}
    for group in groups:
        kind = KINDS[group.sort]
        if (text := lines[kind]) is not None:
            totals[text] = totals.get(text, 0.0) + weights[kind] * group.signals
    for group in groups:
        kind = KINDS[group.sort]
        text = lines[kind]
        if text is None:
            group.allowance = NOTHING
        else:
            line, others = budget.parse(text), totals[text] - weights[kind] * group.signals
            split = line.per_microsecond / streams, line.per_prediction / streams
            group.allowance = Allowance(*split, weights[kind], others, *group.seen())
        group.share()


def _risk(config: StreamConfig) -> dict[str, dict[str, Any]]:
    """The detector that watches the risk, where that is configured."""
    risk = config.performance.risk
    return {} if risk is None else {"betting": {"rise": risk.rise, "level": risk.level, "bound": risk.bound}}


def _line(whole: Budget, severity: Severity | None) -> str | None:
    """The line of the budget for a severity; None: signals of it are never to alarm."""
    if severity is None:
        return None
    return whole if isinstance(whole, str) else whole.get(severity, "1 per 30d")
