"""What the environment says about the configuration: STREAM_MONITOR_KAFKA__GROUP is `kafka.group`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any, NamedTuple

from stream_monitor.config.nearest import nearest_word
from stream_monitor.config.problem import Path, Problem, dotted
from stream_monitor.config.setting import find, settings
from stream_monitor.config.yaml_document import scalar

PREFIX = "STREAM_MONITOR_"
# A Kubernetes service whose name begins with stream-monitor puts these into every container of its namespace.
_ADDRESS = r"(?:\d+(?:\.\d+){3}|[0-9a-f]*:[0-9a-f:.]+)"
_KUBERNETES = re.compile(
    rf"STREAM_MONITOR(?:_[A-Z0-9]+)*_(?:SERVICE_HOST={_ADDRESS}|SERVICE_PORT(?:_[A-Z0-9]+)*=\d+"
    rf"|PORT(?:_\d+_[A-Z]+)?=[a-z]+://.+|PORT_\d+_[A-Z]+_(?:PROTO=[a-z]+|PORT=\d+|ADDR={_ADDRESS}))"
)


class Overrides(NamedTuple):
    """Values that win over those of the file."""

    values: dict[Path, Any]
    variables: dict[Path, str]
    """The variable that each came from."""
    problems: list[Problem]


def overrides(environ: Mapping[str, str]) -> Overrides:
    """What the variables with our prefix say; those of streams and unknown ones are problems."""
    found = Overrides({}, {}, [])
    for name in sorted(environ):
        if name.startswith(PREFIX) and not _KUBERNETES.fullmatch(f"{name}={environ[name]}"):
            _take(found, name, tuple(name.removeprefix(PREFIX).lower().split("__")), environ[name])
    return found


def secret_file(file: File) -> str:
    """The secret in a file, without the line's end; raises ValueError where it cannot be read.

    The file is not named: what is no file may be the secret itself, put in the wrong place.
    """
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ValueError(f"names a file that cannot be read: {reason}") from None


def of_file(path: Path) -> Path | None:
    """The secret whose file a path names, as `sasl_password` for `sasl_password_file`; None where it names none."""
    last = str(path[-1])
    setting = find((*path[:-1], last.removesuffix("_file"))) if last.endswith("_file") and find(path) is None else None
    return setting.path if setting is not None and setting.secret else None


def _take(found: Overrides, name: str, path: Path, value: str) -> None:
    problem = _refusal(path)
    secret = of_file(path)
    if secret is not None:
        path = secret
        try:
            value = secret_file(File(value))
        except ValueError as error:
            problem = str(error)
        if path in found.values:
            problem = f"is there beside {found.variables[path]}; set one of them"
    if problem is not None:
        found.problems.append(Problem(name, dotted(path) if find(path) else "", problem))
        return
    setting = find(path)
    found.values[path] = scalar(value) if setting is not None and setting.free else value
    found.variables[path] = name


def _refusal(path: Path) -> str | None:
    if path[0] == "streams":
        return "streams are set in the file only"
    setting = find(path)
    if setting is None:
        return None if of_file(path) else _unknown(path)
    if setting.section or (setting.free and len(path) == len(setting.path)):
        known = next((name for name in _names() if name.startswith(_name(path) + "__")), f"{_name(path)}__NAME")
        return f"is a section; set its keys, like {known}"
    return None


def _unknown(path: Path) -> str:
    close = nearest_word(_name(path).removeprefix(PREFIX), [name.removeprefix(PREFIX) for name in _names()])
    meant = f"did you mean {PREFIX}{close}?" if close else "a key in a section is written like STREAM_MONITOR_KAFKA__GROUP"
    return f"is no setting; {meant}"


def _names() -> Iterator[str]:
    for path, setting in settings().items():
        if path[0] != "streams" and not setting.section:
            yield _name(path)
            if setting.secret:
                yield _name(path) + "_FILE"


def _name(path: Path) -> str:
    return PREFIX + "__".join(map(str, path)).upper()
