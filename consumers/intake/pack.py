"""Sections of many streams into records of the blocks topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stream_monitor.blocks import LIMIT, Block, Progress, Section, encode, size
from stream_monitor.task import Output

_HEADER = 4_000
_ENTRY = 20
"""Bytes of a progress entry beside its topic."""


def pack(
    sections: Mapping[int, Sequence[Section]], progress: Mapping[int, tuple[Progress, ...]], arrived: int, partitions: int
) -> list[Output]:
    """Records by blocks partition; progress stands in the last of a partition, behind the rows that it is about."""
    outputs = []
    for number in sorted({*sections, *progress}):
        entries = progress.get(number, ())
        room = LIMIT - _HEADER - sum(_ENTRY + len(entry.topic.encode()) for entry in entries)
        groups = list(_groups(sections.get(number, ()), room)) or [()]
        for i, group in enumerate(groups):
            block = Block(arrived, partitions, group, entries if i == len(groups) - 1 else ())
            outputs.append(Output("blocks", b"", encode(block), number))
    return outputs


def _groups(sections: Sequence[Section], room: int) -> Iterator[tuple[Section, ...]]:
    """Consecutive sections that fit together."""
    group: list[Section] = []
    left = room
    for section in sections:
        needed = size(section)
        if group and needed > left:
            yield tuple(group)
            group, left = [], room
        group.append(section)
        left -= needed
    if group:
        yield tuple(group)
