"""The segments of predictions, each as the hash of what its keys say."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import xxhash

from stream_monitor import values
from stream_monitor.blocks import Rows

Hashes = npt.NDArray[np.uint64]
Key = tuple[str, ...]
"""The name of what divides predictions, or several that do so together."""


def hashes(rows: Rows, keys: tuple[Key, ...]) -> Hashes:
    """The segment of each row by each key, uint64[n, k]; 0 where a part of it is missing."""
    found = np.zeros((len(rows), len(keys)), np.uint64)
    for i, key in enumerate(keys):
        parts = [_texts(rows, name) for name in key]
        if all(len(table) for _, table in parts):
            found[:, i] = _crossed(key, parts)
    return found


def texts(rows: Rows, key: Key, chosen: npt.NDArray[np.int64]) -> list[str]:
    """What some rows' segments by a key are called, such as `region=eu,device=ios`; each must have one."""
    parts = [_texts(rows, name) for name in key]
    return [
        ",".join(f"{name}={table[codes[row]]}" for name, (codes, table) in zip(key, parts, strict=True))
        for row in chosen.tolist()
    ]


def _texts(rows: Rows, name: str) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """A segment column as codes and their table; numbers read as texts."""
    column = f"segment:{name}"
    codes, table = rows.text(column)
    if column not in rows.number_names:
        return codes, table
    numbers = rows.number(column)
    distinct, inverse = np.unique(numbers[~np.isnan(numbers)], return_inverse=True)
    codes = codes.copy()
    codes[~np.isnan(numbers)] = inverse + len(table)
    return codes, (*table, *(str(values.text(one)) for one in distinct.tolist()))


def _crossed(key: Key, parts: list[tuple[npt.NDArray[np.int32], tuple[str, ...]]]) -> Hashes:
    whole = np.zeros(len(parts[0][0]), np.int64)
    there = np.ones(len(whole), np.bool_)
    for codes, table in parts:
        whole, there = whole * len(table) + codes, there & (codes >= 0)
    found = np.zeros(len(whole), np.uint64)
    distinct, inverse = np.unique(whole[there], return_inverse=True)
    named = []
    for number in distinct.tolist():
        said = []
        for _, table in reversed(parts):
            number, code = divmod(number, len(table))
            said.append(table[code])
        named.append(_hash("\x1f".join((*key, *reversed(said)))))
    found[there] = np.array(named, np.uint64)[inverse]
    return found


@lru_cache(100_000)
def _hash(text: str) -> int:
    return int(xxhash.xxh3_64_intdigest(text.encode())) or 1
