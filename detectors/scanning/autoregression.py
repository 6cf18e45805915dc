"""Autoregressions of many signals from their lag sums: order by AIC, as Levinson and Durbin find them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array


class Autoregression(NamedTuple):
    """Of d signals, fitted to n values of each."""

    phi: Array
    """Coefficients, float64[d, lags]; 0 beyond a signal's order."""
    order: npt.NDArray[np.int64]
    noise: Array
    """Standard deviation of what they leave, [d]."""
    total: Array
    """Sum of the coefficients, [d]."""
    uncertainty: Array
    """Variance of that sum."""


def fit(lagged: Array, n: Array, regressors: npt.NDArray[np.int64]) -> Autoregression:
    """Fits to autocovariances, float64[d, lags + 1], of n values' residuals of so many `regressors` (the mean not counted).

    The order minimises AIC.  The sum of the coefficients is corrected for its bias in small samples (Shaman and Stine 1988).
    """
    d, lags = lagged.shape[0], lagged.shape[1] - 1
    phi, order, variance = _orders(lagged, n)
    total = phi.sum(axis=1)
    uncertainty = np.zeros(d)
    for p in np.unique(order[order > 0]).tolist():
        mine = order == p
        matrix = lagged[mine][:, np.abs(np.subtract.outer(np.arange(p), np.arange(p)))]
        ones = np.linalg.solve(matrix, np.ones((int(mine.sum()), p, 1)))[..., 0].sum(axis=1)
        uncertainty[mine] = np.maximum(variance[mine] * ones / n[mine], 0.0)
    corrected = np.minimum(total + (3 * total + (regressors + 1) * (1 + total)) / n, 0.999)
    grown = np.where((order > 0) & (np.abs(total) > 0.02), corrected / np.where(total == 0, 1.0, total), 1.0)
    noise = np.sqrt(variance * n / np.maximum(n - order - 1 - regressors, 1))
    return Autoregression(
        np.round(phi * grown[:, np.newaxis], 6).reshape(d, lags), order, _rounded(noise), np.round(total * grown, 6),
        _rounded(uncertainty),
    )  # fmt: skip


def inflation(phi: Array, windows: Array) -> tuple[Array, Array]:
    """By how much autocorrelation inflates the variance of a mean over each window, [d, w], and in the limit, [d]."""
    length = 4096
    inflated = np.ones((len(phi), len(windows)))
    at = np.clip(windows.astype(np.int64) - 1, 1, length - 1) - 1
    for i, row in enumerate(phi):
        if not row.any():
            continue
        spectrum = 1 / np.abs(np.fft.rfft(np.concatenate(([1.0], -row)), 4 * length)) ** 2
        correlation = np.fft.irfft(spectrum)[:length]
        correlation = correlation[1:] / correlation[0]
        sums, weighted = np.cumsum(correlation), np.cumsum(correlation * np.arange(1, length))
        inflated[i] = np.maximum(1 + 2 * (sums[at] - weighted[at] / windows), 0.2)
    inflated = _rounded(inflated)
    return inflated, inflated.max(axis=1)


def _orders(lagged: Array, n: Array) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Coefficients, orders and innovation variances with the least AIC."""
    d, lags = lagged.shape[0], lagged.shape[1] - 1
    variance = np.maximum(lagged[:, 0], 1e-12)
    phi, best_phi = np.zeros((d, lags)), np.zeros((d, lags))
    order, best_variance, best = np.zeros(d, np.int64), variance.copy(), n * np.log(variance)
    for p in range(1, lags + 1):
        known = phi[:, : p - 1]
        reflection = (lagged[:, p] - (known * lagged[:, p - 1 : 0 : -1]).sum(axis=1)) / variance
        reflection = np.clip(reflection, -0.9999, 0.9999)
        phi[:, : p - 1] = known - reflection[:, np.newaxis] * known[:, ::-1]
        phi[:, p - 1] = reflection
        variance = variance * (1 - reflection * reflection)
        criterion = n * np.log(variance) + 2 * p
        better = criterion < best
        best = np.where(better, criterion, best)
        order = np.where(better, p, order)
        best_variance = np.where(better, variance, best_variance)
        best_phi[better] = phi[better]
    return best_phi, order, best_variance


def _rounded(values: Array) -> Array:
    """To nine significant digits, so that the last bits of a fit do not matter."""
    scale = 10.0 ** (8 - np.floor(np.log10(np.maximum(np.abs(values), 1e-300))))
    return np.round(values * scale) / scale
