"""The metrics that a rule can name, and which way each of them is better."""

from __future__ import annotations

from typing import Literal

Better = Literal["higher", "lower", "near_zero", "neither"]

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

_WITHOUT_BOUND = {"r2", "log_loss", "mae", "rmse", "mape", "smape", "cost", "bias", "mean_predicted", "mean_actual"}


def is_share(metric: str) -> bool:
    """Whether a metric lies between 0 and 1, or -1 and 1, so that a hundredth means something."""
    return metric not in _WITHOUT_BOUND and not metric.startswith("latency")
