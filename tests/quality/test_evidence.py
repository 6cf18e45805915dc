"""Small shares that last are found, and what is said ends when that is certain."""

from __future__ import annotations

import numpy as np

from tests.quality.columns import Watched, said, with_gaps

N = 2000


def test_a_share_that_is_too_small_for_one_window_is_found_by_several_and_stays_said() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        watched = Watched({"age": rng.normal(40, 12, N), "gap": rng.normal(size=N)})
        found = []
        for _ in range(60):
            ages = np.where(rng.random(180) < 0.025, -999.0, rng.normal(40, 12, 180))
            found += watched.window({"age": ages, "gap": with_gaps(rng.normal(size=180), 0.06, rng)})
        opened = [issue for issue in found if issue.step != "updated"]
        assert sorted(said(opened)) == [("MissingValues", "opened", "gap"), ("OutOfRange", "opened", "age")]
        last = {issue.name: issue.after for issue in found}
        assert 0.025 / 1.5 < last["OutOfRange"] < 0.025 * 1.5
        assert 0.06 / 1.5 < last["MissingValues"] < 0.06 * 1.5


def test_what_is_over_ends_after_as_many_rows_as_make_it_certain() -> None:
    rng = np.random.default_rng(1)
    watched = Watched({"age": rng.normal(40, 12, N)})
    assert said(watched.window({"age": np.append(rng.normal(40, 12, 170), np.full(30, -999.0))})) == [
        ("OutOfRange", "opened", "age")
    ]
    assert watched.window({"age": rng.normal(40, 12, 200)}) == []
    assert said(watched.window({"age": rng.normal(40, 12, 400)})) == [("OutOfRange", "resolved", "age")]


def test_many_windows_of_which_nothing_is_wrong_are_no_issue() -> None:
    rng = np.random.default_rng(2)
    reference = {f"x{i}": with_gaps(rng.normal(size=N), 0.002 * i, rng) for i in range(20)}
    watched = Watched(reference)
    for _ in range(300):
        assert watched.window({f"x{i}": with_gaps(rng.normal(size=180), 0.002 * i, rng) for i in range(20)}) == []


def test_a_share_about_as_large_as_what_matters_is_said_once_while_it_lasts() -> None:
    rng = np.random.default_rng(1)
    watched = Watched({f"x{i}": rng.normal(40, 12, N) for i in range(8)})
    steps = []
    for _ in range(200):
        ages = np.where(rng.random((8, 104)) < 0.01, 500.0, rng.normal(40, 12, (8, 104)))
        steps += [issue.step for issue in watched.window({f"x{i}": one for i, one in enumerate(ages)})]
    assert steps.count("opened") == 8
    assert "resolved" not in steps
