"""Every setting that a configuration may have, by its path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic.functional_validators import BeforeValidator

from stream_monitor.config import duration
from stream_monitor.config.deployment import Config
from stream_monitor.config.nearest import nearest_word
from stream_monitor.config.problem import Path, dotted

ANY = "*"
"""Stands for a name that people choose: that of a stream."""
_SECRET = re.compile(r"passw|secret|token|credential|private|api_?key", re.IGNORECASE)


class Setting(NamedTuple):
    """A key of the configuration and what it may be."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def section(self) -> bool:
        """Whether it holds settings of its own."""
        return _model(self.field.annotation) is not None or self.path == ("streams",)

    @property
    def secret(self) -> bool:
        """Whether its value is never to be shown, and may come from a file."""
        return SecretStr in (self.field.annotation, *get_args(self.field.annotation))

    @property
    def length_of_time(self) -> bool:
        """Whether it is written like 7d."""
        members = (getattr(member, "__metadata__", ()) for member in get_args(self.field.annotation))
        said = (*self.field.metadata, *chain.from_iterable(members))
        return any(isinstance(m, BeforeValidator) and m.func is duration.parse for m in said)

    @property
    def free(self) -> bool:
        """Whether it takes keys and values that are not ours."""
        return "typing.Any" in str(self.field.annotation)


@cache
def settings() -> dict[tuple[str, ...], Setting]:
    """All settings by path, with `*` for the name of a stream."""
    return {setting.path: setting for setting in _walk(Config, ())}


def find(path: Path) -> Setting | None:
    """The setting at a path, or the free one that the path leads into; None where there is none."""
    plain = _plain(path)
    for length in range(len(plain), 0, -1):
        setting = settings().get(plain[:length])
        if setting is not None and (length == len(plain) or setting.free):
            return setting
    return None


def siblings(path: Path) -> list[str]:
    """The keys that are known beside the last of a path."""
    parent = _plain(path[:-1])
    known = [one for one in settings().values() if one.path[:-1] == parent and one.path[-1] != ANY]
    return sorted({one.path[-1] for one in known} | {f"{one.path[-1]}_file" for one in known if one.secret})


def nearest(path: Path) -> str | None:
    """The dotted path of what was probably meant by an unknown key."""
    close = nearest_word(str(path[-1]), siblings(path))
    if close is not None:
        return dotted((*path[:-1], close))
    name = path[1] if path[0] == "streams" and len(path) > 1 else "NAME"
    elsewhere = [known for known in settings() if known[-1] == path[-1]]
    return dotted(tuple(name if part == ANY else part for part in elsewhere[0])) if elsewhere else None


def hidden(path: Path) -> bool:
    """Whether the value at a path may be a secret."""
    setting = find(path)
    return (setting is not None and setting.secret) or any(_SECRET.search(str(part)) for part in path)


def _plain(path: Path) -> tuple[str, ...]:
    """A path as settings have it: `*` for the name of a stream, and nothing for a place in a list."""
    named = (ANY if i == 1 and path[0] == "streams" else part for i, part in enumerate(path))
    return tuple(part for part in named if isinstance(part, str))


def _walk(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        here = (*path, name)
        yield Setting(here, field)
        inner = _model(field.annotation)
        if inner is not None:
            yield from _walk(inner, here)
        elif get_origin(field.annotation) is dict and (named := _model(get_args(field.annotation)[1])):
            yield from _walk(named, (*here, ANY))


def _model(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *(get_args(annotation) if get_origin(annotation) is not dict else ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None
