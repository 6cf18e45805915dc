"""The losses of a version as a whole: how surely their mean is known, however they are cut."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.watching.lifetime import Lifetime


def lived(losses: np.typing.NDArray[np.float64], per: int) -> Lifetime:
    """All of some losses, a second apart, so many at a time, saved and restored in between."""
    life = Lifetime()
    for at in range(0, len(losses), per):
        part = losses[at : at + per]
        life.add(part, np.arange(at, at + len(part)), np.zeros((len(part), 0), np.uint64))
        again = Lifetime()
        again.restore(life.state())
        life = again
    return life


def test_sums_do_not_depend_on_the_cut() -> None:
    losses = np.random.default_rng(0).exponential(size=5000)
    whole, pieces = lived(losses, 5000), lived(losses, 7)
    assert whole.n == 5000
    assert whole.span == 4999
    assert whole.mean == pytest.approx(losses.mean())
    assert (whole.mean, whole.error(1.0), whole.span) == (pieces.mean, pieces.error(1.0), pieces.span)


def test_the_standard_error_of_persistent_losses_is_that_of_their_mean() -> None:
    rng, means, errors = np.random.default_rng(1), [], []
    for _ in range(200):
        losses = np.repeat(rng.normal(size=80), 25)
        life = lived(losses, 2000)
        means.append(life.mean)
        errors.append(life.error(1.0))
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.15)
    assert np.mean(errors) > 4 / np.sqrt(2000)
