"""Published streams with known changes: their features, and the errors of models on them.

The folder that is read holds gzipped CSV files as they are published; `docs/benchmarks.md` says where, and under which licence.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from river import naive_bayes, tree

from detectors import Array

MODELS: dict[str, Any] = {"Hoeffding tree": tree.HoeffdingTreeClassifier, "naive Bayes": naive_bayes.GaussianNB}
_WORDS = {"True": 1.0, "False": 0.0, "p": 1.0, "n": 0.0, "": np.nan}
_LOANS = "car_value", "debt_to_income_ratio", "loan_length", "driver_tenure", "y_pred_proba"
_HALF_HOUR = 1_800_000_000


class Source(NamedTuple):
    """A stream as it is published."""

    files: tuple[str, ...]
    features: tuple[str, ...] = ()
    """Numeric columns; all but the class, where none is named."""
    features_change: tuple[int, ...] = ()
    errors_change: tuple[int, ...] = ()
    interval: int = 0
    """Microseconds between two rows; 0 where it is not known."""


class Recorded(NamedTuple):
    """A stream to watch."""

    values: Array
    """float64[n, d]."""
    changes: tuple[int, ...]
    """Rows at which it changes."""
    interval: int = 0


_FOUR, _THREE = (20_000, 40_000, 60_000, 80_000), (25_000, 50_000, 75_000)
SOURCES = {
    "insects": Source(("iks_insects/abrupt_insects",), (), (1_775, 3_550), (1_775, 3_550)),
    "car loan": Source(
        ("nannyml_car_loan/synthetic_car_loan_reference", "nannyml_car_loan/synthetic_car_loan_analysis"),
        _LOANS, (75_000,), (75_000,),
    ),
    "elec2": Source(("elec2/elec2_capymoa",), (), (17_424,), (), _HALF_HOUR),
    "sea": Source(("sea_static/sea_big",)),
    **{f"sine1 {i}": Source((f"tornado_synthetic/sine1_{i}",), errors_change=_FOUR) for i in (101, 102, 103)},
    **{f"mixed {i}": Source((f"tornado_synthetic/mixed_{i}",), errors_change=_FOUR) for i in (101, 102, 103)},
    **{f"circles {i}": Source((f"tornado_synthetic/circles_{i}",), errors_change=_THREE) for i in (101, 102, 103)},
}  # fmt: skip


def features(data: Path, name: str) -> Recorded:
    """The numeric features of a stream; in elec2, without the time of the day."""
    source = SOURCES[name]
    parts = [_table(data / f"{file}.csv.gz") for file in source.files]
    wanted = source.features or [key for key in parts[0] if key not in ("class", "period")]
    return Recorded(
        np.concatenate([np.column_stack([_numbers(part[key]) for key in wanted]) for part in parts]),
        source.features_change,
        source.interval,
    )


def errors(data: Path, name: str, model: str) -> Recorded:
    """The errors, 0 or 1, of a model that predicts each row and then learns it; the car loans bring their own predictions."""
    source = SOURCES[name]
    if name == "car loan":
        return Recorded(np.array(list(_loans(data))), source.errors_change)
    table = _table(data / f"{source.files[0]}.csv.gz")
    classes = table.pop("class")
    inputs = zip(*(_numbers(column).tolist() for column in table.values()))
    wrong = _prequential(MODELS[model](), list(table), inputs, classes)
    return Recorded(np.array(list(wrong))[:, np.newaxis], source.errors_change, source.interval)


def _prequential(model: Any, names: list[str], inputs: Iterator[Sequence[float]], classes: list[str]) -> Iterator[float]:
    for row, target in zip(inputs, classes):
        x = dict(zip(names, row))
        yield float(model.predict_one(x) != target)
        model.learn_one(x, target)


def _loans(data: Path) -> Iterator[list[float]]:
    reference, analysis = (_table(data / f"{file}.csv.gz") for file in SOURCES["car loan"].files)
    targets = _table(data / "nannyml_car_loan/synthetic_car_loan_analysis_target.csv.gz")
    repaid = dict(zip(targets["id"], targets["repaid"]))
    for predicted, truth in zip(reference["y_pred"], reference["repaid"]):
        yield [float(float(predicted) != float(truth))]
    for predicted, row in zip(analysis["y_pred"], analysis["id"]):
        yield [float(float(predicted) != float(repaid[row]))]


def _table(path: Path) -> dict[str, list[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        heads = next(lines)
        return {name: list(column) for name, column in zip(heads, zip(*lines))}


def _numbers(texts: list[str]) -> Array:
    return np.array([_WORDS[text] if text in _WORDS else float(text) for text in texts])
