"""Features become columns that depend on the rows alone."""

from __future__ import annotations

import numpy as np

from stream_monitor.models.columns import COLUMNS, MISSING, Columns
from stream_monitor.models.learners import Row


def test_missing_infinite_and_huge_values_have_no_column() -> None:
    values = np.array([[1.0, np.nan], [np.inf, 2.0], [1e200, -3.0]])
    assert list(Columns().rows(("b", "a"), values, ())) == [{"b": 1.0}, {"a": 2.0}, {"a": -3.0}]


def test_a_category_is_a_column_that_is_0_or_1() -> None:
    columns = Columns()
    rows = list(columns.rows(("size", "kind"), np.array([[5.0, 2.0], [6.0, 0.0], [7.0, np.nan]]), ("kind",)))
    assert rows == [{"kind = 2": 1.0, "size": 5.0}, {"kind = 2": 0.0, "kind = 0": 1.0, "size": 6.0}, {"size": 7.0}]
    assert columns.meaning("kind = 0") == ("kind", 0.0)
    assert columns.meaning("size") == ("size", None)


def test_rare_categories_and_late_features_have_no_column() -> None:
    columns = Columns()
    *_, last = columns.rows(("kind",), np.arange(12.0)[:, None], ("kind",))
    assert set(last.values()) == {0.0}
    assert len(last) == 8
    names = tuple(f"f{i:03}" for i in range(100))
    (row,) = columns.rows(names, np.ones((1, 100)), ())
    assert len(row) == COLUMNS - 8
    assert columns.left_out == set(names[COLUMNS - 8 :])


def test_what_a_row_lacks_is_a_column_from_the_first_row_that_lacks_it() -> None:
    columns = Columns()
    values = np.array([[1.0, np.nan], [2.0, 1.0], [np.nan, 0.0], [4.0, np.nan], [5.0, 1.0]])
    said = [columns.missing(row) for row in columns.rows(("size", "kind"), values, ("kind",))]
    size, kind = f"{MISSING}size", f"{MISSING}kind"
    assert said == [{}, {}, {size: 1.0}, {size: 0.0, kind: 1.0}, {size: 0.0, kind: 0.0}]
    assert columns.meaning(size) == ("size", None)


def test_neither_order_of_names_nor_cut_nor_restart_changes_a_row() -> None:
    rng = np.random.default_rng(1)
    names, values = (
        ("x", "k", "y"),
        np.column_stack((rng.normal(size=50), rng.integers(0, 12, 50).astype(np.float64), rng.normal(size=50))),
    )
    values[rng.random(values.shape) < 0.2] = np.nan
    whole, part = Columns(), Columns()
    rows: list[Row] = []
    lacking: list[Row] = []
    for i in range(50):
        state, part = part.state(), Columns()
        part.restore(state)
        order = rng.permutation(3)
        rows += part.rows([names[j] for j in order], values[i : i + 1, order], ("k",))
        lacking.append(part.missing(rows[-1]))
    expected, lacked = zip(*((row, whole.missing(row)) for row in whole.rows(names, values, ("k",))), strict=True)
    assert [list(row.items()) for row in lacking] == [list(row.items()) for row in lacked]
    assert [list(row.items()) for row in rows] == [list(row.items()) for row in expected]
    assert part.state() == whole.state()
