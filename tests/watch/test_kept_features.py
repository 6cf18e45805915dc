"""Features that are kept for models: a number or a text, never both."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.joining.kept_features import LIMIT, KeptFeatures
from stream_monitor.joining.mixed import far

COLUMNS = np.column_stack((
    [1.5, far(np.array(0.0)), 2.5, np.nan],
    [far(np.array(3.0)), 7.0, far(np.array(4.0)), np.nan],
))  # fmt: skip


@pytest.mark.parametrize("per", [1, 4])
def test_the_first_value_says_what_a_feature_is_until_a_reference_does(per: int) -> None:
    kept = KeptFeatures()
    found = [kept.matrix(("x", "word"), COLUMNS[at : at + per], (), lambda name: False) for at in range(0, 4, per)]
    amounts, words = np.concatenate([one[:, [kept.names.index("x"), kept.names.index("word")]] for one in found]).T
    assert np.array_equal(amounts, [1.5, np.nan, 2.5, np.nan], equal_nan=True)
    assert np.array_equal(words, [3.0, np.nan, 4.0, np.nan], equal_nan=True)
    assert kept.texts == {"word"}
    kept.matrix(("word", "x"), np.ones((1, 2)), ("x",), lambda name: name == "word")
    assert kept.texts == {"x"}


def test_features_beyond_the_limit_are_not_kept() -> None:
    kept, names = KeptFeatures(), [f"f{i:03}" for i in range(LIMIT + 6)]
    for _ in range(2):
        found = kept.matrix(names, np.arange(LIMIT + 6.0)[np.newaxis], (), lambda name: True)
        assert np.array_equal(found[0], np.arange(LIMIT))
    found = kept.matrix(["new", "f001"], np.array([[5.0, 7.0]]), (), lambda name: True)
    assert np.nansum(found) == 7.0
