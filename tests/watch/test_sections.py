"""Sections that follow one another in a block become one, and nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from stream_monitor.blocks import Rows, Section, Source, document
from stream_monitor.sections import take, together
from tests.watch.worlds import block, configuration, labels, predictions, run


def texts(rows: Rows | None, name: str) -> list[str | None]:
    """A text column as it reads."""
    assert rows is not None
    codes, table = rows.text(name)
    return [None if code < 0 else table[code] for code in codes.tolist()]


def of_input(section: Section, partition: int, dead: int = 0) -> Section:
    return section._replace(partition=partition, dead=dead)


def countries(names: Sequence[str], start: int, stream: str = "s") -> Section:
    ids = [f"{stream}{start + i}" for i in range(len(names))]
    return predictions(ids, range(start, start + len(names)), [1.0] * len(names), {"country": names}, name=stream)


def test_the_rows_of_a_stream_are_put_together_in_their_order_with_one_table_of_texts() -> None:
    some = [of_input(countries(["pt", "es"], 0), 0), of_input(countries(["fr", "pt", "es"], 2), 1)]
    (whole,) = together(some)
    assert whole.rows is not None
    assert texts(whole.rows, "feature:country") == ["pt", "es", "fr", "pt", "es"]
    assert np.diff(whole.rows.time).tolist() == [1_000_000] * 4
    assert whole.sources() == (Source("p", 0, 2), Source("p", 1, 3))


def test_streams_kinds_and_layouts_stay_apart_and_first_come_first() -> None:
    other = countries(["pt"], 0, "t")
    numbers = predictions(["n"], [9], [1.0], {"amount": [1.0]})
    told = labels(["s0"], [10], [1.0])
    some = [countries(["pt"], 0), other, countries(["es"], 1), numbers, told, countries(["pt"], 11)]
    found = [(one.stream, one.kind, len(one.rows or ())) for one in together(some)]
    assert found == [
        ("s", "predictions", 2),
        ("s", "predictions", 1),
        ("t", "predictions", 1),
        ("s", "labels", 1),
        ("s", "predictions", 1),
    ]


def test_what_died_is_counted_where_it_died_and_documents_divide() -> None:
    lost = of_input(countries(["pt"], 1), 1, dead=3)
    empty = Section("s", "predictions", None, topic="p", partition=2, dead=2)
    gap = Section("s", "gap", document=document({"reason": "gone"}))
    some = [countries(["pt"], 0), lost, empty, gap, countries(["pt"], 2)]
    assert [(one.kind, one.dead) for one in together(some)] == [
        ("predictions", 0), ("predictions", 3), ("predictions", 2), ("gap", 0), ("predictions", 0),
    ]  # fmt: skip


def test_sections_that_are_long_already_stay_as_they_are() -> None:
    long = [countries(["pt"] * 9_000, 0), countries(["pt"] * 9_000, 9_000)]
    assert [one is other for one, other in zip(together(long), long, strict=True)] == [True, True]


def test_sources_are_taken_row_by_row() -> None:
    sources = [Source("p", 0, 3), Source("p", 1, 2)]
    assert list(take(sources, 2)) == [Source("p", 0, 2)]
    assert list(take(sources, 2)) == [Source("p", 0, 1), Source("p", 1, 1)]
    assert sources == [Source("p", 1, 1)]


def world() -> Iterator[list[Section]]:
    """A stream that drifts, whose topic has two partitions; a slice at a time."""
    rng = np.random.default_rng(5)
    for start in range(0, 1_200, 60):
        halves = []
        for partition in range(2):
            at = range(start + 30 * partition, start + 30 * partition + 30)
            x, right = rng.normal(2.0 * (start >= 700), 1.0, 30), rng.random(30) < 0.9 - 0.4 * (start >= 700)
            names = rng.choice(["pt", "es", "fr"], 30).tolist()
            section = predictions([f"i{i}" for i in at], at, [1.0] * 30, {"x": x.tolist(), "country": names}, score=[0.5] * 30)
            told = labels([f"i{i}" for i in at], [i + 60 for i in at], right.astype(float).tolist())
            halves.append((of_input(section, partition), of_input(told, partition)))
        yield [section for section, _ in halves] + [told for _, told in halves]


def test_results_are_those_of_the_sections_one_by_one() -> None:
    slices = list(world())
    whole = [block(configuration(), at=0), *(block(*some) for some in slices)]
    single = [block(configuration(), at=0)]
    for some, at_once in zip(slices, whole[1:], strict=True):
        single += [block(section)._replace(arrived=at_once.arrived) for section in some]
    said = run(whole)
    assert said == run(single)
    assert said["alerts"]
    assert said["metrics"]
