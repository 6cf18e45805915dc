"""The metrics that a rule can name, which way each of them is better, and what it is known of."""

from __future__ import annotations

from typing import Literal

Better = Literal["higher", "lower", "near_zero", "neither"]
Kind = Literal["binary", "multiclass", "regression"]
"""What outcomes are measured as."""

BETTER: dict[str, Better] = {
    **dict.fromkeys(
        (
            "accuracy", "precision", "recall", "specificity", "f1", "mcc", "balanced_accuracy", "roc_auc", "average_precision",
            "r2", "top_k_accuracy", "macro_precision", "macro_recall", "macro_f1", "micro_precision", "micro_recall",
            "micro_f1",
            "weighted_precision", "weighted_recall", "weighted_f1",
        ),
        "higher",
    ),
    **dict.fromkeys(
        (
            "log_loss", "brier", "ece", "mae", "rmse", "mape", "smape", "cost", "error_rate", "timeout_rate", "latency",
            "latency_p50", "latency_p95", "latency_p99",
        ),
        "lower",
    ),
    "bias": "near_zero",
    **dict.fromkeys(("predicted_positive_rate", "actual_positive_rate", "mean_predicted", "mean_actual"), "neither"),
}  # fmt: skip
"""By the name of the metric.  Those that are neither have fixed limits only."""

_OF_KIND: dict[Kind, frozenset[str]] = {
    "binary": frozenset((
        "accuracy", "log_loss", "precision", "recall", "specificity", "f1", "mcc", "balanced_accuracy", "roc_auc",
        "average_precision", "brier", "ece", "cost", "predicted_positive_rate", "actual_positive_rate",
    )),
    "multiclass": frozenset((
        "accuracy", "log_loss", "top_k_accuracy", "macro_precision", "macro_recall", "macro_f1", "micro_precision",
        "micro_recall", "micro_f1", "weighted_precision", "weighted_recall", "weighted_f1",
    )),
    "regression": frozenset(("mae", "rmse", "mape", "smape", "bias", "r2", "mean_actual", "mean_predicted")),
}  # fmt: skip
"""Those of outcomes; serving has its own whatever outcomes are."""
_ESTIMATED: dict[Kind, frozenset[str]] = {
    "binary": frozenset(("accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "average_precision")),
    "multiclass": frozenset(("accuracy", "macro_f1")),
    "regression": frozenset(("mae", "rmse")),
}
"""Those that are estimated before labels come."""
SERVING = frozenset(("error_rate", "timeout_rate", "latency", "latency_p50", "latency_p95", "latency_p99"))
"""Those of predictions, whatever becomes of them; of all rows of a window, by arrival."""
_WITHOUT_BOUND = {"r2", "log_loss", "mae", "rmse", "mape", "smape", "cost", "bias", "mean_predicted", "mean_actual"}


def is_share(metric: str) -> bool:
    """Whether a metric lies between 0 and 1, or -1 and 1, so that a hundredth means something."""
    return metric not in _WITHOUT_BOUND and not metric.startswith("latency")


def lowest(metric: str) -> float:
    """The least that a metric between bounds can be; the most is 1."""
    return -1.0 if metric == "mcc" else 0.0


def known_of(metric: str) -> set[Kind]:
    """The kinds of outcomes that a metric is known of; all of them if it is about serving."""
    return {kind for kind, metrics in _OF_KIND.items() if metric in metrics} or set(_OF_KIND)


def estimated_of(metric: str) -> set[Kind]:
    """The kinds of outcomes that a metric is estimated of before labels come."""
    return {kind for kind, metrics in _ESTIMATED.items() if metric in metrics}
