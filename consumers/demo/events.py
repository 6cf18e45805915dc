"""The events of the demo: real predictions of a loan model in their order, and their labels, which come late or never."""

from __future__ import annotations

import csv
import gzip
import heapq
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import resources
from io import TextIOWrapper
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

DATA = Path(str(resources.files("consumers.demo") / "data"))
FIRST_ROW, CHANGE_ROW = 60_000, 75_000
"""Of the data set that the data are cut from; at the latter, distributions change."""
SHIFTED = frozenset({"car_value", "loan_length", "repaid_loan_on_prev_car", "salary_range", "score", "loss"})
"""What changes there."""
TOGETHER = 100
"""Predictions that are sent at once, with the labels between them."""

_NUMBERS = ("car_value", "debt_to_income_ratio", "loan_length", "driver_tenure")
_TEXTS = ("salary_range", "size_of_downpayment")
_NEVER = 0.12
"""The share of predictions whose label never comes."""
_DAY = 86_400_000_000


class DemoEvent(NamedTuple):
    """One event as a producer would send it."""

    kind: Literal["predictions", "labels"]
    time: int
    """When it happens, epoch microseconds."""
    key: bytes
    value: bytes


def events(rows: range = range(FIRST_ROW, 90_000), seed: int = 2026) -> Iterator[DemoEvent]:
    """Predictions and labels of some rows of the data set, in order of time, up to the last prediction.

    The same seed gives the same events.
    """
    random = Random(seed)
    coming: list[DemoEvent] = []
    for row in _read(rows):
        prediction, label = _prediction(row, random), _label(row, random)
        while coming and coming[0].time <= prediction.time:
            yield heapq.heappop(coming)
        yield prediction
        if label is not None:
            heapq.heappush(coming, label)


def batches(sent: Iterable[DemoEvent]) -> Iterator[list[DemoEvent]]:
    """Events as they are sent together."""
    together: list[DemoEvent] = []
    predictions = 0
    for event in sent:
        together.append(event)
        predictions += event.kind == "predictions"
        if predictions == TOGETHER:
            yield together
            together, predictions = [], 0
    if together:
        yield together


def _read(rows: range) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / "car_loan.csv.gz") as packed, TextIOWrapper(packed, "utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if int(row["id"]) in rows:
                yield row


def _prediction(row: dict[str, str], random: Random) -> DemoEvent:
    time = _time(row)
    features: dict[str, Any] = {name: float(row[name]) for name in _NUMBERS} | {name: row[name] for name in _TEXTS}
    features["repaid_loan_on_prev_car"] = row["repaid_loan_on_prev_car"] == "True"
    event = {
        "model": "car_loan",
        "version": "1",
        "time": _iso(time),
        "features": features,
        "prediction": int(row["y_pred"]),
        "score": float(row["y_pred_proba"]),
        "latency_ms": round(random.lognormvariate(2.5, 0.4), 2),
    }
    return _event("predictions", row, time, event)


def _label(row: dict[str, str], random: Random) -> DemoEvent | None:
    """The label, known a day and a half after the prediction (median), or never."""
    never, delay = random.random() < _NEVER, random.lognormvariate(0.4, 0.7)
    known = _time(row) + round(delay * _DAY)
    return None if never else _event("labels", row, known, {"time": _iso(known), "label": int(row["repaid"])})


def _event(kind: Literal["predictions", "labels"], row: dict[str, str], time: int, event: dict[str, Any]) -> DemoEvent:
    name = f"loan-{row['id']}"
    return DemoEvent(kind, time, name.encode(), json.dumps({"prediction_id": name} | event, ensure_ascii=False).encode())


def _time(row: dict[str, str]) -> int:
    moment = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000) * 1000


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
