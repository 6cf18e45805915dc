"""What happened in a demo: what was sent, what was said of it, and whether that is true."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from consumers.demo.events import CHANGE_ROW, FIRST_ROW, SHIFTED, DemoEvent


class Alarm:
    """An alert from its opening on, with the rows of the data set for positions in the stream."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        """What was published of it last."""
        labels = data["labels"]
        self.signal: str = labels.get("feature") or labels.get("signal") or labels["alertname"]
        self.row = FIRST_ROW + int(data["position"]["predictions"]) - 1
        """The last prediction before it was raised."""

    @property
    def name(self) -> str:
        """The signal, for people."""
        return {"loss": "errors of the model", "score": "score of the model"}.get(self.signal, self.signal)

    @property
    def late(self) -> int:
        """Rows between the change of the data and the alarm."""
        return self.row - CHANGE_ROW

    @property
    def false(self) -> bool:
        """Whether nothing had changed."""
        return self.signal not in SHIFTED or self.late < 0

    @property
    def began(self) -> str:
        """The row from which on the monitor sees the change."""
        change = self.data["change"]
        return f"{FIRST_ROW + change['position']:,}" if change else "-"

    @property
    def course(self) -> str:
        """From what to what the signal changed."""
        change = self.data["change"]
        if not change:
            return str(self.data["annotations"]["summary"])
        before, after = change["before"], change["after"]
        if change["statistic"] == "rate":
            return f"{before:.1%} -> {after:.1%}"
        if change["shares"]:
            most = change["shares"][0]
            return f"{most['category']}: {most['before']:.0%} -> {most['after']:.0%} (of rows)"
        if change["statistic"] == "spread":
            return f"sd {number(before)} -> {number(after)}"
        return f"{number(before)} -> {number(after)} ({change['effect']['value']:+.2f} sd)"


@dataclass
class Story:
    """The course of a demo so far."""

    predictions: int = 0
    labels: int = 0
    alarms: list[Alarm] = field(default_factory=list)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    """Of the window that closed last."""
    begun: float = field(default_factory=time.monotonic)

    def sent(self, events: Sequence[DemoEvent]) -> None:
        """Counts what was sent."""
        predictions = sum(event.kind == "predictions" for event in events)
        self.predictions += predictions
        self.labels += len(events) - predictions

    def take(self, event: dict[str, Any]) -> str | None:
        """Takes an event that was published; gives a line of at most 76 characters about it if it is news."""
        take = {"alert": self._alert, "retrain": self._request, "metrics": self._metrics}[event["type"].split(".")[2]]
        text = take(event["data"])
        return None if text is None else f"{event['time'][:16].replace('T', ' ')}  {text}"[:76]

    def found(self, signal: str) -> Alarm | None:
        """The first alarm of a signal that was right."""
        return next((alarm for alarm in self.alarms if alarm.signal == signal and not alarm.false), None)

    @property
    def rate(self) -> float:
        """Events a second."""
        return (self.predictions + self.labels) / max(time.monotonic() - self.begun, 0.001)

    def _alert(self, data: dict[str, Any]) -> str | None:
        alarm = next((one for one in self.alarms if _same(one.data, data)), None)
        if alarm is None:
            alarm = Alarm(data)
            self.alarms.append(alarm)
        alarm.data = data
        if data["transition"] == "resolved":
            return f"resolved  {alarm.name}: {data['endReason']}"
        return f"{data['labels']['severity']:<8}  {alarm.name} {alarm.course}" if data["transition"] == "opened" else None

    def _request(self, data: dict[str, Any]) -> str | None:
        known = self.requests.get(data["request_id"])
        self.requests[data["request_id"]] = data
        if known is not None and (known["status"], known["ready"]) == (data["status"], data["ready"]):
            return None
        labelled = f"{data['data_since_change']['labelled']:,}"
        count = f"{labelled} labels" if data["ready"] else f"{labelled} of {data['minimum_labels']:,} labels"
        return f"retrain   {data['status']}{', ready' * data['ready']}: {count} since the change"

    @property
    def accuracy(self) -> tuple[float | None, float | None]:
        """In the window that closed last, and in the reference."""
        performance = self.metrics.get("performance", {})
        now = performance.get("metrics", {}).get("accuracy", {})
        return now.get("value"), performance.get("reference", {}).get("accuracy")

    @property
    def expected(self) -> float | None:
        """The accuracy that scores let expect of the predictions of that window, before their labels come."""
        estimated = self.metrics.get("estimated") or {}
        value: float | None = estimated.get("metrics", {}).get("accuracy", {}).get("value")
        return value

    def _metrics(self, data: dict[str, Any]) -> None:
        if data["basis"] == "arrival":
            self.metrics = data


def number(value: float) -> str:
    """A number as people read it."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["fingerprint"], one["startsAt"]) == (other["fingerprint"], other["startsAt"])
