"""How much more windows of categories vary than independent ones would, as each value is like those before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array

from .categories import Codes

Ints = npt.NDArray[np.int64]

LAGS = 8
_LEAST = 0.2
_MOST = 1e4


def repeats(codes: Codes, missing: int) -> Ints:
    """How often each category is followed by itself after 1 to 8 rows, for int8[LAGS + n, d] codes, of which n are new.

    int64[d, LAGS, missing + 1]; the last is how often a category is followed by another.
    """
    signals, cells, n = codes.shape[1], missing + 2, len(codes) - LAGS
    new, lags = codes[LAGS:], np.arange(1, LAGS + 1)
    old = codes[(LAGS - lags)[:, np.newaxis] + np.arange(n)]
    kinds = np.where(old == new, new, np.int8(missing))
    kinds[(old == missing) | (new == missing)] = missing + 1
    places = kinds + cells * (np.arange(signals) + signals * (lags - 1)[:, np.newaxis, np.newaxis])
    found = np.bincount(places.ravel(), minlength=LAGS * signals * cells).reshape(LAGS, signals, cells)
    return np.ascontiguousarray(found[:, :, :-1].swapaxes(0, 1))


def repeats_of_lots(codes: Codes, lots: Ints, missing: int) -> Ints:
    """The same of the last `lots` categories as one and of all others as another, int64[d, LAGS, 3]; 0 if there are none."""
    if not lots.any():
        return np.zeros((len(lots), LAGS, 3), np.int64)
    return repeats(np.where(codes == missing, 2, codes < missing - lots).astype(np.int8), 2)


def inflation(counts: Ints, repeated: Ints, rows: Ints) -> tuple[Array, Array]:
    """The variance of a long window's counts in units of independent ones', and that estimate's degrees of freedom; [d] each.

    The design effect of Rao and Scott (1981), averaged over categories, of an autoregression (Levinson, AIC, up to 8 rows
    back) that has the mean autocorrelation of the categories' indicators.  `counts` is int64[d, k] of `rows`,
    int64[d], `repeated` what `repeats` gave.
    """
    present = counts.sum(axis=1)
    kinds = np.maximum((counts > 0).sum(axis=1) - 1, 1)
    shares = counts / np.maximum(present, 1)[:, np.newaxis]
    n = np.maximum(present * kinds, 1.0)
    correlations = np.stack([_correlation(shares, repeated[:, lag], kinds) for lag in range(LAGS)])
    return _design_effect(correlations, n, present / np.maximum(rows, 1))


def inflations(counts: Ints, repeated: Ints, rows: Ints) -> tuple[Array, Array]:
    """The same of each category by itself against all others, [k, d] each."""
    present = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = counts / present
    pairs = np.maximum(repeated.sum(axis=2, keepdims=True), 1)
    again = repeated[:, :, :-1] / pairs - (shares**2)[:, np.newaxis]
    correlations = again / np.maximum(shares * (1 - shares), 1e-9)[:, np.newaxis]
    n = np.broadcast_to(present.astype(np.float64), counts.shape)
    there = n / np.maximum(rows, 1)[:, np.newaxis]
    found = _design_effect(correlations.swapaxes(0, 1).reshape(LAGS, -1), n.ravel(), there.ravel())
    return found[0].reshape(counts.shape).T, found[1].reshape(counts.shape).T


def inflation_of_lots(counts: Ints, inside: Ints, repeated: Ints, rows: Ints) -> tuple[Array, Array]:
    """The same of all lots as one, of which `inside` says how many there are, int64[d]; [d] each."""
    found = inflations(np.stack((inside, counts.sum(axis=1) - inside), axis=1), repeated, rows)
    return found[0][0], found[1][0]


def _design_effect(correlations: Array, n: Array, there: Array) -> tuple[Array, Array]:
    """By correlations, float64[LAGS, d], of n values each, and by which share of rows has one."""
    rho, variance, precision = _autoregression(correlations, n)
    rho = np.where(precision > 0, np.minimum(rho + (1 + 4 * rho) / n, 0.99), 0.0)
    long = variance / (1 - rho) ** 2
    freedom = np.where(precision > 0, (1 - rho) ** 2 * n / np.maximum(2 * variance * precision, 1e-9), np.inf)
    return np.clip(np.round(1 + (long - 1) * there, 9), _LEAST, _MOST), np.maximum(np.round(freedom, 6), 4.0)


def _correlation(shares: Array, repeated: Ints, kinds: Ints) -> Array:
    pairs = np.maximum(repeated.sum(axis=1), 1)
    total = np.zeros(len(shares))
    for category in range(shares.shape[1]):
        share = shares[:, category]
        total += np.where(share > 0, repeated[:, category] / pairs / np.where(share > 0, share, 1.0), 0.0)
    return np.where(repeated.sum(axis=1) > 0, (total - 1) / kinds, 0.0)


def _autoregression(correlations: Array, n: Array) -> tuple[Array, Array, Array]:
    """For float64[LAGS, d]: the sum of the coefficients, the residual variance, the precision of that sum (0 at order 0)."""
    signals = correlations.shape[1]
    weights: list[Array] = []
    variance, precision = np.ones(signals), np.zeros(signals)
    best, chosen = np.zeros(signals), [np.zeros(signals), np.ones(signals), np.zeros(signals)]
    for order in range(1, LAGS + 1):
        rest = 1.0 - sum(weights, np.zeros(signals))
        precision = precision + rest**2 / variance
        ahead = correlations[order - 1] - sum(
            (w * correlations[order - 2 - i] for i, w in enumerate(weights)), np.zeros(signals)
        )
        reflection = np.clip(ahead / variance, -0.999, 0.999)
        weights = [w - reflection * v for w, v in zip(weights, weights[::-1])] + [reflection]
        variance = variance * (1 - reflection**2)
        criterion = n * np.log(variance) + 2 * order
        better = criterion < best
        best = np.where(better, criterion, best)
        new = (sum(weights, np.zeros(signals)), variance, precision)
        chosen = [np.where(better, value, old) for value, old in zip(new, chosen)]
    return chosen[0], chosen[1], chosen[2]
