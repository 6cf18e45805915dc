"""Sections of a block: those of one stream that follow one another become one, as a section costs more than its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows, Section, Source

_CELLS = 50_000
"""Numbers in a section beyond which nothing is won, as they no longer fit into a cache."""


def together(sections: Iterable[Section]) -> Iterator[Section]:
    """The same rows in fewer sections: of those that follow one another and are of one kind, each stream's."""
    for kind, some in groupby(sections, key=lambda section: section.kind):
        if kind not in ("predictions", "labels"):
            yield from some
            continue
        runs: dict[str, list[Section]] = {}
        for section in some:
            run = runs.setdefault(section.stream, [])
            if run and not _fits(run, section):
                yield _joined(run)
                run.clear()
            run.append(section)
        yield from map(_joined, runs.values())


def take(sources: list[Source], n: int) -> Iterator[Source]:
    """The sources of the next n rows, which are gone from the list then."""
    while n:
        source = sources.pop(0)
        if source.rows > n:
            sources.insert(0, source._replace(rows=source.rows - n))
        taken = min(source.rows, n)
        yield source._replace(rows=taken)
        n -= taken


def _fits(run: Sequence[Section], section: Section) -> bool:
    first, rows = run[0].rows, section.rows
    if first is None or rows is None or section.dead or section.left_out:
        return False
    if (first.number_names, first.text_names) != (rows.number_names, rows.text_names):
        return False
    n = len(rows) + sum(len(one.rows) for one in run if one.rows is not None)
    return n * (len(rows.number_names) + len(rows.text_names)) <= _CELLS


def _joined(run: Sequence[Section]) -> Section:
    if len(run) == 1:
        return run[0]
    parts = [one.rows for one in run if one.rows is not None]
    sources = tuple(source for one in run for source in one.sources())
    return run[0]._replace(rows=_concatenated(parts), parts=sources, last=-1)


def _concatenated(parts: Sequence[Rows]) -> Rows:
    texts, tables = [], []
    for at in range(len(parts[0].text_names)):
        codes, table = _one_table([part.texts[at] for part in parts], [part.tables[at] for part in parts])
        texts.append(codes)
        tables.append(table)
    return Rows(
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.ids for part in parts]),
        parts[0].number_names,
        np.concatenate([part.numbers for part in parts], axis=1),
        parts[0].text_names,
        np.array(texts, np.int32) if texts else np.concatenate([part.texts for part in parts], axis=1),
        tuple(tables),
        tuple(name for part in parts for name in part.names),
    )


def _one_table(
    codes: Sequence[npt.NDArray[np.int32]], tables: Sequence[tuple[str, ...]]
) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Codes into one table of all texts, in order of first appearance."""
    if len(set(tables)) == 1:
        return np.concatenate(codes), tables[0]
    known: dict[str, int] = {}
    moved = [np.array([*(known.setdefault(text, len(known)) for text in table), -1], np.int32) for table in tables]
    return np.concatenate([to[own] for to, own in zip(moved, codes, strict=True)]), tuple(known)
