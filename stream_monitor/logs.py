"""How diagnostics are written: to stderr, as JSON unless somebody watches, without secrets, and never in floods."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from stream_monitor.config.deployment import Config, Logging

_SECRET = re.compile(r"passw|secret|token|credential|private|api_?key", re.IGNORECASE)
_HIDDEN = "(hidden)"
_SHORTEST = 4
"""Characters of a secret below which texts are not searched for it: it would be in every second word."""
_WAITING = "UnstableOffsetCommitError"
"""What kafka-python calls an error, and is met again until a transaction that a former life has left open is ended."""
_KINDS = 1_000
"""Kinds of messages that are counted apart."""


def configure(
    settings: Logging, secrets: Iterable[str] = (), *, libraries: str = "warning", stream: TextIO | None = None
) -> None:
    """Sets up structlog and the logging of libraries; of theirs, nothing below `libraries` is written."""
    stream = stream or sys.stderr
    plain = settings.format == "json" or (settings.format == "auto" and not stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    _structlog(shared)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(shared, plain, stream.isatty(), sorted(secrets, key=len, reverse=True)))
    handler.addFilter(_Calm())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(libraries.upper())
    logging.getLogger(__package__).setLevel(settings.level.upper())


def secrets(config: Config) -> list[str]:
    """The secrets in a configuration, none of which may ever be written."""
    known = [value.get_secret_value() for value in (config.kafka.sasl_password, config.kafka.ssl_password) if value]
    return known + [str(value) for key, value in config.kafka.client.items() if _SECRET.search(key)]


@contextmanager
def overheard(name: str) -> Iterator[list[str]]:
    """What a library's logger says of errors while it is open, each once."""
    logger, said = logging.getLogger(name), _Said(logging.ERROR)
    before = logger.level
    logger.addHandler(said)
    logger.setLevel(min(logger.getEffectiveLevel(), logging.ERROR))
    try:
        yield said.texts
    finally:
        logger.removeHandler(said)
        logger.setLevel(before)


@contextmanager
def silenced(name: str) -> Iterator[None]:
    """Nothing of a library's logger is written while it is open."""
    logger = logging.getLogger(name)
    before, logger.propagate = logger.propagate, False
    nobody = logging.NullHandler()
    logger.addHandler(nobody)
    try:
        yield
    finally:
        logger.removeHandler(nobody)
        logger.propagate = before


class _Said(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.texts:
            self.texts.append(text)


class Limited:
    """Passes on the first messages of a kind; then one a minute, which says how many there were in between."""

    def __init__(self, first: int = 5, every: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._first, self._every, self._clock = first, every, clock
        self._seen: dict[str, tuple[int, int, float]] = {}
        """By kind: messages so far, those left out since one was passed on, and when that was."""

    def passes(self, kind: str) -> int | None:
        """How many were left out before this one; None where it is left out itself."""
        if kind not in self._seen and len(self._seen) >= _KINDS:
            kind = ""
        now = self._clock()
        count, left_out, last = self._seen.get(kind, (0, 0, now))
        if count >= self._first and now - last < self._every:
            self._seen[kind] = count + 1, left_out + 1, last
            return None
        self._seen[kind] = count + 1, 0, now
        return left_out


class _Paced:
    """Limits our own warnings and errors by their event: one bad stream must not hide what is said of the others.

    What is about a control event always passes: those are few, and whoever sent one looks here for what became of it.
    """

    def __init__(self) -> None:
        self._limit = Limited()

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        if name in ("warning", "error") and event.get("kind") != "control":
            left_out = self._limit.passes(str(event.get("event")))
            if left_out is None:
                raise structlog.DropEvent
            if left_out:
                event["left_out"] = left_out
        return event


class _Calm(logging.Filter):
    """Keeps libraries from telling the same thing over and over, as while brokers are away, or worse or longer than it is."""

    def __init__(self) -> None:
        super().__init__()
        self._limit = Limited()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] == __package__:
            return True
        if isinstance(record.args, tuple) and any(type(arg).__name__ == _WAITING for arg in record.args):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        if not logging.getLogger(__package__).isEnabledFor(logging.DEBUG):
            record.exc_info = record.exc_text = None
        left_out = self._limit.passes(f"{record.name} {record.msg}")
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like this were left out)"
        return left_out is not None


def _structlog(shared: list[Processor]) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            _Paced(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=lambda *_: logging.getLogger(__package__),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(shared: list[Processor], plain: bool, colours: bool, secrets: list[str]) -> logging.Formatter:
    # Tracebacks with local variables would show features and secrets.
    console = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)
    renderers: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *(renderers if plain else [console]),
            _Scrubbed(secrets),
        ],
    )


class _Scrubbed:
    """Blackens known secrets in whatever is about to be written, however they came into it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = [form for secret in secrets if len(secret) >= _SHORTEST for form in {secret, json.dumps(secret)[1:-1]}]

    def __call__(self, logger: WrappedLogger, name: str, written: Any) -> str:
        text = str(written)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def _without_secrets(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    for key in event:
        if _SECRET.search(key):
            event[key] = _HIDDEN
    return event
