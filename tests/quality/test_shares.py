"""How large a share must be to be more than chance."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.quality.known import Worst
from stream_monitor.quality.shares import compare


@pytest.mark.parametrize(("rows", "needed"), [(100, 6), (200, 9), (1_000, 27), (5_000, 117)])
def test_the_fewest_rows_that_are_no_chance_are_as_documented(rows: int, needed: int) -> None:
    """Of ten features, none of which has any in a fifth of 2,000 rows."""
    reference = Worst(np.zeros(10, np.int64), np.full(10, 400), np.zeros(10, np.int64), np.full(10, 2000))
    for k, bad in ((needed - 1, False), (needed, True)):
        verdict = compare(np.full(10, k), np.full(10, rows), reference, 0.01, 100)
        assert (verdict.bad == bad).all()
