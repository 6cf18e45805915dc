"""Scores, predictions and labels of NannyML's car loan data, and what NannyML 0.13.1 says of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

CHUNK = 5000
REFERENCE = 50_000

ESTIMATED = {
    "roc_auc": (.970744, .971011, .971407, .971091, .971123, .961090, .961825, .961073, .962533, .961316),
    "average_precision": (.963957, .962436, .962764, .962618, .963348, .955732, .956164, .955189, .956093, .956911),
    "accuracy": (.941792, .943321, .945492, .944816, .944645, .910714, .911149, .911193, .914389, .911731),
    "precision": (.957786, .957956, .958275, .956998, .958208, .941318, .941868, .939413, .943347, .941133),
    "recall": (.928723, .925261, .929317, .929713, .930604, .883990, .883528, .885501, .885978, .889808),
    "specificity": (.955879, .960769, .961058, .959469, .958873, .939872, .941023, .938748, .944190, .936675),
    "f1": (.943030, .941324, .943574, .943159, .944204, .911753, .911766, .911661, .913763, .914751),
}  # fmt: skip
"""By its CBPE of each chunk of the analysis rows."""
REALISED = {
    "roc_auc": (.970962, .970248, .976282, .967721, .969886, .960050, .958530, .959041, .963094, .957556),
    "average_precision": (.963617, .960533, .966286, .960979, .962524, .952855, .953275, .951779, .954327, .951960),
    "accuracy": (.9422, .9422, .9502, .9436, .9410, .9146, .9156, .9144, .9224, .9122),
}  # fmt: skip
SAMPLING_ERROR = {
    "roc_auc": .001814, "average_precision": .00485, "accuracy": .003261, "precision": .004125, "recall": .005137,
    "specificity": .004001, "f1": .00644,
}  # fmt: skip
"""Its standard error of a chunk's metric."""


class CarLoan(NamedTuple):
    """One array each, [100,000]: the reference, and then ten chunks, of which the last five come after the change."""

    scores: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]


@cache
def car_loan() -> CarLoan:
    """All rows."""
    file = Path(__file__).parent / "data" / "car_loan_scores.csv.gz"
    scores, predicted, labels = np.loadtxt(file, delimiter=",", skiprows=1, unpack=True)
    return CarLoan(scores, predicted.astype(np.int64), labels.astype(np.int64))
