"""Quantiles come out within a hundredth, however numbers were cut or put together."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.metrics.sketch import Sketch

from .outcomes import cuts

VALUES = np.random.default_rng(4).standard_t(3, 5000) * 40 - 5


def sketch(values: np.ndarray[tuple[int], np.dtype[np.float64]], signed: bool = True) -> Sketch:
    one = Sketch(signed)
    one.add(values)
    return one


@pytest.mark.parametrize("q", [0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999, 1.0])
def test_quantiles_of_signed_numbers_are_within_a_hundredth(q: float) -> None:
    exact = np.quantile(VALUES, q, method="inverted_cdf")
    assert sketch(VALUES).quantile(q) == pytest.approx(exact, rel=0.01)


def test_numbers_around_zero_keep_their_order() -> None:
    values = np.array([-2.0, -1e-300, -0.0, 0.0, 1e-300, 3.0])
    found = [sketch(values).quantile(q) for q in (0.1, 0.3, 0.5, 0.66, 0.8, 1.0)]
    assert found == pytest.approx(sorted(values), rel=0.01)


def test_the_largest_numbers_have_quantiles_too() -> None:
    assert sketch(np.array([np.finfo(float).max])).quantile(0.5) == pytest.approx(np.finfo(float).max, rel=0.01)


def test_the_mean_is_within_a_hundredth_of_the_mean_size() -> None:
    assert sketch(VALUES).mean() == pytest.approx(VALUES.mean(), abs=np.abs(VALUES).mean() / 100)


def test_without_signs_negative_numbers_are_not_counted() -> None:
    values = np.array([-1.0, -0.0, 0.0, 1.0, np.nan, np.inf, -np.inf])
    assert sketch(values, signed=False).n == 3
    assert sketch(values).n == 4


@pytest.mark.parametrize("seed", range(5))
def test_cuts_and_merges_change_nothing(seed: int) -> None:
    pieces, merged = Sketch(signed=True), Sketch(signed=True)
    for piece in cuts(np.random.default_rng(seed), len(VALUES)):
        pieces.add(VALUES[piece])
        merged.merge(sketch(VALUES[piece]))
    whole = counts(sketch(VALUES))
    assert counts(pieces) == counts(merged) == whole


def test_what_is_taken_back_was_never_there_wherever_it_was_counted() -> None:
    kept, gone = VALUES[:4000], np.sort(VALUES[4000:])[:600]
    one, other = sketch(kept), sketch(gone)
    assert one.quantile(0.05) == sketch(kept).quantile(0.05)
    later = Sketch(signed=True)
    later.take_back(gone)
    assert later.quantile(0.5) is None
    for more in (later, other):
        one.merge(more)
        again = Sketch(signed=True)
        again.restore(one.state())
    assert one.n == again.n == 4000
    assert [one.quantile(q) for q in (0.05, 0.5)] == [sketch(kept).quantile(q) for q in (0.05, 0.5)]


def test_a_merge_leaves_the_other_as_it_was() -> None:
    one, other = sketch(VALUES[:100]), sketch(VALUES[100:150])
    before = counts(other)
    one.merge(other)
    one.add(VALUES)
    assert counts(other) == before


def test_signs_cannot_be_put_where_none_are() -> None:
    with pytest.raises(ValueError, match="signs"):
        Sketch().merge(sketch(VALUES))
    both = sketch(VALUES)
    both.merge(sketch(np.abs(VALUES), signed=False))
    assert both.n == 2 * len(VALUES)


def test_a_sketch_goes_on_from_its_state() -> None:
    before, after = sketch(VALUES[:1000]), Sketch(signed=True)
    after.restore(before.state())
    after.add(VALUES[1000:])
    assert counts(after) == counts(sketch(VALUES))


def test_nothing_has_no_quantile() -> None:
    assert Sketch().quantile(0.5) is None
    assert Sketch().mean() is None


def counts(one: Sketch) -> tuple[int, dict[int, int]]:
    state = one.state()
    return state["n"], dict(zip(state["cells"], state["counts"], strict=True))
