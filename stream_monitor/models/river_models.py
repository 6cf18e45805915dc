"""The models of river that the catalogue names, made so that they are bounded and the same in every run."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from river import dummy, linear_model, multiclass, naive_bayes, optim, stats, tree
from river.proba import Gaussian
from river.tree.splitter import GaussianSplitter, QOSplitter

SEED = 2026
UNUSED = random.Random(0)
"""What all Gaussians have in place of a generator of their own, 2.5 kB each, that only sampling needs."""
_STEEPEST = 10.0
"""The largest gradient that a linear regression follows, in standard deviations of the target."""
_RADIUS = 0.5
"""How far apart, in standard deviations, a regression tree looks for splits."""
_NEVER: dict[str, Any] = {"memory_estimate_period": 2**62}
"""Sizes in bytes differ after a restart; depth is what bounds a tree."""


class Numbers(GaussianSplitter):
    """A column of a tree by its normal distribution in each class."""

    def update(self, att_val: Any, target_val: Any, w: float) -> None:
        """Takes a value of a class."""
        if target_val not in self._att_dist_per_class:
            self._att_dist_per_class[target_val] = _gaussian()
            self._min_per_class[target_val] = self._max_per_class[target_val] = att_val
        super().update(att_val, target_val, w)  # type: ignore[no-untyped-call]


def logistic(learning_rate: float, l2: float) -> linear_model.LogisticRegression:
    """Logistic regression of False and True."""
    return linear_model.LogisticRegression(optim.SGD(learning_rate), l2=l2)


def variance() -> stats.Var:
    """Mean and variance of a target."""
    return stats.Var()


def _gaussian() -> Gaussian:
    made = Gaussian.__new__(Gaussian)
    made.seed, made._rng, made._var = None, UNUSED, stats.Var(ddof=1)
    return made


def _linear(learning_rate: float, l2: float) -> linear_model.LinearRegression:
    return linear_model.LinearRegression(optim.SGD(learning_rate), l2=l2, clip_gradient=_STEEPEST)


def _one_against_rest(**parameters: Any) -> multiclass.OneVsRestClassifier:
    return multiclass.OneVsRestClassifier(logistic(**parameters))


def _tree(**parameters: Any) -> tree.HoeffdingTreeClassifier:
    return tree.HoeffdingTreeClassifier(splitter=Numbers(), **parameters, **_NEVER)


def _adaptive_tree(**parameters: Any) -> tree.HoeffdingAdaptiveTreeClassifier:
    return tree.HoeffdingAdaptiveTreeClassifier(splitter=Numbers(), seed=SEED, **parameters, **_NEVER)


def _regression_tree(**parameters: Any) -> tree.HoeffdingTreeRegressor:
    return tree.HoeffdingTreeRegressor(splitter=QOSplitter(_RADIUS), leaf_model=_linear(0.01, 0.0), **parameters, **_NEVER)


def _adaptive_regression_tree(**parameters: Any) -> tree.HoeffdingAdaptiveTreeRegressor:
    return tree.HoeffdingAdaptiveTreeRegressor(
        splitter=QOSplitter(_RADIUS), leaf_model=_linear(0.01, 0.0), seed=SEED, **parameters, **_NEVER
    )


MODELS: dict[str, Callable[..., Any]] = {
    "logistic": _one_against_rest,
    "naive_bayes": naive_bayes.GaussianNB,
    "hoeffding_tree": _tree,
    "hoeffding_adaptive": _adaptive_tree,
    "previous": dummy.NoChangeClassifier,
    "majority": dummy.PriorClassifier,
    "linear": _linear,
    "hoeffding_regressor": _regression_tree,
    "adaptive_regressor": _adaptive_regression_tree,
    "mean": stats.Mean,
}
