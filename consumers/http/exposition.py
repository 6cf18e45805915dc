"""What the tasks say about themselves, as Prometheus metrics: made anew for each scrape, so what is gone is gone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from consumers.http.observed import Observed
from stream_monitor import __version__

SERIES = 20_000
"""At most so many are given, those of signals last; the rest is counted in `stream_monitor_series_left_out`."""
_LONGEST = 200
"""Characters of a label's value; a series with a longer one is left out."""
_QUANTILES = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}

HELP = {
    "build_info": "The program that is running.",
    "assigned_partitions": "Partitions that a task of this replica owns.",
    "lag_offsets": "Offsets between what is done of a partition and its end; transactions leave holes, so it counts too many.",
    "unstable_offsets": "Offsets of a partition that are hidden behind open transactions.",
    "step_age_seconds": "Time since a task's log last did what it was asked to.",
    "transactions_total": "Transactions that a task has committed since the start.",
    "stream_quarantined": "Whether a stream was set aside after an error.",
    "alerts_firing": "Alerts that fire.",
    "dead_letters_total": "Events that became dead letters since the start; those of no stream by their topic.",
    "predictions_total": "Predictions of a stream that were counted.",
    "labels_total": "Labels of a stream.",
    "outcomes_total": "Predictions of a stream that met their label.",
    "stream_clock_timestamp_seconds": "The clock of a stream: the largest event time that is believed.",
    "snapshot_age_seconds": "Time since a stream was saved.",
    "intake_events_total": "Events that intake has read since the start, by what they were.",
    "rows_total": "Rows and values of a stream by what was to be said of them, like late, missing or labelled.",
    "waiting_predictions": "Predictions that wait for a label.",
    "waiting_sampled_ratio": "The share of predictions that is kept waiting; below 1 where the limit was reached.",
    "models_learning_ratio": "The share of outcomes that models which learn are given; below 1 where they take too long.",
    "warming_up_rows": "Rows that references have while they are learnt.",
    "versions": "Model versions of a stream that are live.",
    "false_alarms_expected_total": "False alarms that the budget gave to the signals of a stream so far.",
    "changes_declared_total": "Changes that were declared under the budget, right or wrong.",
    "false_alarms": "Alerts that people call false; a verdict may be changed.",
    "window_end_timestamp_seconds": "When the last window that closed ended.",
    "window_predictions": "Predictions in the last window.",
    "window_performance": "A metric of the outcomes whose label came in the last window.",
    "window_performance_outcomes": "Outcomes that a metric of the last window rests on.",
    "window_estimated_performance": "A metric that is expected of the predictions in the last window, before labels come.",
    "window_error_ratio": "The share of predictions in the last window that failed, timeouts included.",
    "window_timeout_ratio": "The share of predictions in the last window that came too late.",
    "window_segment_loss": "Mean error, or mean absolute error, of a segment in the last window.",
    "cohort_end_timestamp_seconds": "When the last window ended whose labels are complete.",
    "cohort_performance": "A metric of the predictions of the last window whose labels are complete.",
    "cohort_label_coverage_ratio": "The share of those predictions that got a label.",
    "window_label_coverage_ratio": "The share of predictions that had a label when their wait ended in the last window.",
    "window_prediction_latency_seconds": "Latency of predictions in the last window.",
    "window_label_delay_seconds": "From prediction to label in the last window.",
    "signal_firing": "Whether a detector sees a change.",
    "signal_statistic": "What a detector says of a signal.",
    "signal_threshold": "What the statistic is compared with.",
    "series_left_out": "Series that were too many for this scrape.",
}
"""All metrics, the most important first, those of signals last: what comes first is there under any load."""
_ORDER = {name: i for i, name in enumerate(HELP)}


class Series(NamedTuple):
    """One value of a metric."""

    name: str
    labels: dict[str, str]
    value: float | None


class Exposition(Collector):
    """Collects from the tasks of a process; `unstable` says what is hidden behind open transactions."""

    def __init__(self, observed: Observed, limit: int = SERIES) -> None:
        self._observed, self._limit = observed, limit

    def describe(self) -> Iterable[Metric]:
        """Nothing: there is no need to collect in order to register."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        known = [one for one in series(self._observed) if one.value is not None]
        fit = [one for one in known if all(len(value) <= _LONGEST for value in one.labels.values())]
        fit.sort(key=lambda one: _ORDER[one.name])
        fit, count = fit[: self._limit], len(known)
        for name, group in groupby(fit, key=lambda one: one.name):
            yield _family(name, list(group))
        yield _family("series_left_out", [Series("series_left_out", {}, count - len(fit))])


def series(observed: Observed) -> Iterator[Series]:
    """Everything there is to say, task by task and stream by stream."""
    yield Series("build_info", {"version": __version__}, 1)
    yield from _logs(observed)
    for stream, counts in observed.statuses.get("intake", {}).get("streams", {}).items():
        for kind, count in counts.items():
            yield Series("intake_events_total", {"stream": stream, "kind": "dead_letters" if kind == "dead" else kind}, count)
    for task, status in observed.statuses.items():
        for about, count in status.get("dead_letters", {}).items():
            yield Series("dead_letters_total", {"task": task, "stream": about}, count)
    for stream, status in observed.statuses.get("watch", {}).get("streams", {}).items():
        yield from _stream({"stream": stream}, status)


def _logs(observed: Observed) -> Iterator[Series]:
    now = time.monotonic()
    for task, log in observed.logs.items():
        yield Series("assigned_partitions", {"task": task}, len(log.committed()))
        yield Series("step_age_seconds", {"task": task}, now - log.beat)
        yield Series("transactions_total", {"task": task}, log.written)
        for (topic, number), lag in log.lags().items():
            yield Series("lag_offsets", {"task": task, "topic": topic, "partition": str(number)}, lag)
    for (topic, number), offsets in observed.unstable.items():
        yield Series("unstable_offsets", {"topic": topic, "partition": str(number)}, offsets)


def _stream(stream: dict[str, str], status: Mapping[str, Any]) -> Iterator[Series]:
    yield Series("stream_quarantined", stream, bool(status["quarantined"]))
    yield Series("stream_clock_timestamp_seconds", stream, _epoch(status["clock"]))
    saved = _epoch(status["saved"])
    yield Series("snapshot_age_seconds", stream, None if saved is None else max(0.0, time.time() - saved))
    yield from _counts(stream, status)
    yield Series("waiting_predictions", stream, status["waiting"])
    yield Series("waiting_sampled_ratio", stream, status["waiting_sampled"])
    if status["models"]["rows"]:
        yield Series("models_learning_ratio", stream, 0.5 ** status["models"]["halvings"])
    yield Series("warming_up_rows", stream, max((one["rows"] for one in status["warming_up"].values()), default=None))
    yield Series("versions", stream, len(status["versions"]))
    yield from _firing(stream, status["alerts"])
    budget = status["budget"]
    yield Series("false_alarms_expected_total", stream, budget["expected"])
    yield Series("changes_declared_total", stream, budget["opened"])
    yield Series("false_alarms", stream, budget["false_alarms"])
    for window in status["metrics"]:
        yield from _window(stream, window)
    for cohort in status["cohorts"]:
        yield from _cohort(stream, cohort)
    yield from _signals(stream, status["signals"])


def _counts(stream: dict[str, str], status: Mapping[str, Any]) -> Iterator[Series]:
    counts = status["counts"]
    yield Series("predictions_total", stream, counts.get("predictions", 0))
    yield Series("labels_total", stream, counts.get("labels", 0))
    yield Series("outcomes_total", stream, status["positions"]["outcomes"])
    for kind, count in counts.items():
        if kind not in ("predictions", "labels"):
            yield Series("rows_total", stream | {"kind": kind}, count)


def _firing(stream: dict[str, str], alerts: Iterable[Mapping[str, str]]) -> Iterator[Series]:
    counts: dict[tuple[str, str], int] = {}
    for alert in alerts:
        place = alert["kind"], alert["severity"]
        counts[place] = counts.get(place, 0) + 1
    for (kind, severity), count in counts.items():
        yield Series("alerts_firing", stream | {"kind": kind, "severity": severity}, count)


def _window(stream: dict[str, str], metrics: Mapping[str, Any]) -> Iterator[Series]:
    if not metrics:
        return
    place = stream | {"model": metrics["model"], "version": metrics["version"]}
    performance, labels, latency = metrics["performance"], metrics["labels"], metrics["latency"]
    estimated, serving = metrics["estimated"], metrics["serving"]
    yield Series("window_end_timestamp_seconds", place, _epoch(metrics["window"]["end"]))
    yield Series("window_predictions", place, metrics["predictions"])
    for metric, reading in performance["metrics"].items():
        yield Series("window_performance", place | {"metric": metric}, reading["value"])
        yield Series("window_performance_outcomes", place | {"metric": metric}, reading["n"])
    for metric, reading in estimated["metrics"].items() if estimated else ():
        yield Series("window_estimated_performance", place | {"metric": metric}, reading["value"])
    for what in ("error", "timeout") if serving else ():
        yield Series(f"window_{what}_ratio", place, serving[f"{what}_rate"]["value"])
    for segment in performance["segments"]:
        yield Series("window_segment_loss", place | {"segment": segment["segment"]}, segment["loss"])
    yield Series("window_label_coverage_ratio", place, labels["coverage"])
    for name, quantile in _QUANTILES.items():
        milliseconds, delay = latency[name], labels.get(f"delay_{name}_s")
        at = place | {"quantile": quantile}
        yield Series("window_prediction_latency_seconds", at, None if milliseconds is None else milliseconds / 1_000)
        yield Series("window_label_delay_seconds", at, delay)


def _cohort(stream: dict[str, str], metrics: Mapping[str, Any]) -> Iterator[Series]:
    place = stream | {"model": metrics["model"], "version": metrics["version"]}
    yield Series("cohort_end_timestamp_seconds", place, _epoch(metrics["window"]["end"]))
    yield Series("cohort_label_coverage_ratio", place, metrics["cohort"]["coverage"])
    for metric, reading in metrics["performance"]["metrics"].items():
        yield Series("cohort_performance", place | {"metric": metric}, reading["value"])


def _signals(stream: dict[str, str], readings: Iterable[Mapping[str, Any]]) -> Iterator[Series]:
    for reading in readings:
        place = stream | {name: str(reading[name]) for name in ("version", "signal", "name", "detector")}
        yield Series("signal_firing", place, bool(reading["firing"]))
        yield Series("signal_statistic", place, reading["statistic"])
        yield Series("signal_threshold", place, reading["threshold"])


def _family(name: str, group: list[Series]) -> Metric:
    full, labels = f"stream_monitor_{name}", list(group[0].labels)
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    family: Metric = kind(full, HELP[name], labels=labels)
    for one in group:
        family.add_metric([one.labels[label] for label in labels], float(one.value or 0))  # type: ignore[attr-defined]  # both have it
    return family


def _epoch(iso: str | None) -> float | None:
    return None if iso is None else datetime.fromisoformat(iso).timestamp()
