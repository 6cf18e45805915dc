"""The events that a replay gives, one file per kind, one CloudEvent a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from stream_monitor.task import Channel, Output

FILES: Mapping[Channel, str] = {
    "alerts": "alerts.jsonl",
    "retrain": "retrain.jsonl",
    "reviews": "reviews.jsonl",
    "metrics": "metrics.jsonl",
    "dead-letters": "dead_letters.jsonl",
}


class _Why(msgspec.Struct):
    reason: str


class _DeadLetter(msgspec.Struct):
    data: _Why


_reason = msgspec.json.Decoder(_DeadLetter).decode


class EventFiles:
    """Writes outputs to the files of a directory, which begin empty."""

    def __init__(self, directory: Path | str) -> None:
        self._directory = Path(directory)
        self._stack = ExitStack()
        self._files: dict[Channel, BinaryIO] = {}
        self.counts: Counter[str] = Counter()
        """Events written, by file."""
        self.reasons: Counter[str] = Counter()
        """Dead letters written, by their reason."""

    def __enter__(self) -> EventFiles:
        self._directory.mkdir(parents=True, exist_ok=True)
        for channel, name in FILES.items():
            self._files[channel] = self._stack.enter_context((self._directory / name).open("wb"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def write(self, outputs: Iterable[Output]) -> None:
        """Writes what has a file; the rest is state, which a replay does not need."""
        for output in outputs:
            file = self._files.get(output.channel)
            if file is not None and output.value is not None:
                file.write(output.value + b"\n")
                self.counts[FILES[output.channel]] += 1
                if output.channel == "dead-letters":
                    self.reasons[_reason(output.value).data.reason] += 1
