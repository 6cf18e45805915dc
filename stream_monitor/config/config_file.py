"""Loads a configuration: a YAML file, what the environment says over it, and secrets from files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from stream_monitor.config.deployment import Config
from stream_monitor.config.environment import Overrides, of_file, overrides, secret_file
from stream_monitor.config.problem import ConfigError, Path, Problem, dotted
from stream_monitor.config.setting import find
from stream_monitor.config.violations import violations
from stream_monitor.config.yaml_document import Document


def load(file: File, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in a file; raises ConfigError with everything that is wrong."""
    document = Document(_text(file), str(file), environ, _is_free)
    if document.problems and not document.values:
        raise ConfigError(document.problems)
    said = overrides(environ)
    problems = document.problems + said.problems
    problems += _read_secrets(document, file.parent)
    problems += _without_unit(document)
    for path, value in said.values.items():
        _put(document.values, path, value)
        document.override(path, said.variables[path])
    try:
        config = Config.model_validate(document.values)
    except ValidationError as error:
        raise ConfigError(_by_line(problems + _explained(error, document, said, problems))) from None
    if problems:
        raise ConfigError(_by_line(problems))
    return config


def places(file: File, environ: Mapping[str, str] = os.environ) -> Callable[[str], str]:
    """Gives the place of a setting, by its dotted path: the file, with its line or that of what it is in, or a variable."""
    document = Document(_text(file), str(file), environ, _is_free)
    known = {dotted(path): document.where(path) for path in document.lines}
    known |= {dotted(path): variable for path, variable in overrides(environ).variables.items()}

    def place(key: str) -> str:
        while key and key not in known:
            key = key.rpartition(".")[0]
        return known.get(key, f"{file}:1")

    return place


def _text(file: File) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError([Problem(str(file), "", f"cannot be read: {reason}")]) from None


def _is_free(path: Path) -> bool:
    setting = find(path)
    return setting is not None and setting.free


def _read_secrets(document: Document, folder: File) -> list[Problem]:
    """Puts secrets in the place of the files that hold them; those are relative to the configuration's folder."""
    problems = []
    for path, section, key in list(_keys(document.values, ())):
        secret = of_file(path)
        if secret is None:
            continue
        if section[key] is None:
            del section[key]
            continue
        try:
            name = str(secret[-1])
            if name in section:
                raise ValueError(f"is there beside {name}; keep one of them")
            section[name] = secret_file(folder / str(section[key]))
            document.lines[secret] = document.lines.get(path, 1)
        except ValueError as error:
            problems.append(Problem(document.where(path), dotted(path), str(error)))
        del section[key]
    return problems


def _without_unit(document: Document) -> list[Problem]:
    """Numbers where a length of time belongs: 7 could be seconds or days."""
    problems = []
    for path, section, key in _keys(document.values, ()):
        setting, value = find(path), section[key]
        if setting is not None and setting.length_of_time and isinstance(value, int) and value and not isinstance(value, bool):
            told = f"has no unit; write it like {value}s, {value}m or {value}d"
            problems.append(Problem(document.where(path), dotted(path), told))
    return problems


def _keys(section: dict[str, Any], path: Path) -> Iterator[tuple[Path, dict[str, Any], str]]:
    for key, value in section.items():
        yield (*path, key), section, key
        if isinstance(value, dict):
            yield from _keys(value, (*path, key))


def _put(section: dict[str, Any], path: Path, value: Any) -> None:
    """Sets a value over what the file says; not where it has no section, which is said soon."""
    for part in path[:-1]:
        inner = section.setdefault(str(part), {})
        if not isinstance(inner, dict):
            return
        section = inner
    section[str(path[-1])] = value


def _explained(error: ValidationError, document: Document, said: Overrides, known: list[Problem]) -> list[Problem]:
    """Pydantic's findings, but for what is known to be wrong already."""
    wrong = {problem.key for problem in known if problem.key}
    return [
        Problem(said.variables.get(path) or document.where(path), dotted(path), document.as_written(path, what))
        for path, what in violations(error.errors(include_url=False), document.values)
        if dotted(path) not in wrong
    ]


def _by_line(problems: list[Problem]) -> list[Problem]:
    """Variables first, then the file from its top."""
    return sorted(problems, key=lambda problem: int(line) if (line := problem.where.rpartition(":")[2]).isdigit() else 0)
