"""What is wrong with a configuration, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys and indices from the top of a configuration to a value."""


class Problem(NamedTuple):
    """One thing that is wrong, and where."""

    where: str
    """A file and a line, or an environment variable."""
    key: str
    """The dotted path of the setting; empty where it is about the file."""
    what: str

    def __str__(self) -> str:
        return ": ".join(part for part in self if part)


class Misfit(ValueError):
    """A setting that does not fit with others, where these are read together; `path` leads to it from there."""

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what
        super().__init__(f"{dotted(path)}: {what}")


class ConfigError(Exception):
    """A configuration that cannot be used; its text has a line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: Path) -> str:
    """A path as people write it."""
    return ".".join(map(str, path))
