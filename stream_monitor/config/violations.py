"""What pydantic finds wrong with a configuration, in words for the person who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from stream_monitor.config import duration
from stream_monitor.config.nearest import nearest_word
from stream_monitor.config.problem import Misfit, Path
from stream_monitor.config.setting import find, hidden, nearest, siblings

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
_LONGEST = 60


def violations(errors: Iterable[Any], values: dict[str, Any]) -> list[tuple[Path, str]]:
    """What is wrong at each path, once for a path; the values of secrets are not said."""
    by_path: dict[Path, list[Any]] = {}
    for error in errors:
        by_path.setdefault(_path(error, values), []).append(error)
    return [(path, _said(path, found, values)) for path, found in by_path.items()]


def shown(path: Path, value: Any) -> str:
    """A value for a message, shortened; never that of a secret."""
    setting = find(path)
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str) and setting is not None and (setting.section or setting.free):
        return "a text"
    if hidden(path):
        return "what is there (hidden)"
    text = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _path(error: Any, values: dict[str, Any]) -> Path:
    """Where it is in the file: pydantic goes on into the members of unions, which nobody has written."""
    misfit = error.get("ctx", {}).get("error")
    loc: Path = (*error["loc"], *(misfit.path if isinstance(misfit, Misfit) else ()))
    if error["type"] in ("missing", "extra_forbidden"):
        return loc
    inside: Any = values
    for length, part in enumerate(loc):
        if not _has(inside, part):
            return loc[:length]
        inside = inside[part]
    return loc


def _has(inside: object, part: str | int) -> bool:
    return (isinstance(inside, dict) and part in inside) or (isinstance(inside, list) and isinstance(part, int))


def _said(path: Path, errors: Sequence[Any], values: dict[str, Any]) -> str:
    first = errors[0]
    if first["type"] == "missing":
        return "is required"
    if first["type"] == "extra_forbidden":
        return _unknown(path)
    if first["type"] == "value_error":
        error = first["ctx"]["error"]
        return error.what if isinstance(error, Misfit) else str(error)
    if "[key]" in first["loc"]:
        return f"is not a key that may be here; there are {', '.join(_literals(errors))}{_hint(errors, path[-1])}"
    if first["type"] == "too_short":
        return "must not be empty"
    value = _value(path, values)
    return f"must be {' or '.join(_wanted(path, errors))}, not {shown(path, value)}{_hint(errors, value)}"


def _value(path: Path, values: Any) -> Any:
    for part in path:
        values = values[part]
    return values


def _unknown(path: Path) -> str:
    meant = nearest(path)
    known = f"there are {', '.join(siblings(path))}"
    return f"is not known; did you mean {meant}? ({known})" if meant else f"is not known; {known}"


def _wanted(path: Path, errors: Sequence[Any]) -> list[str]:
    wanted = [_KINDS[error["type"]] for error in errors if error["type"] in _KINDS]
    literals = _literals(errors)
    if literals:
        wanted.append(literals[0] if len(literals) == 1 else f"one of {', '.join(literals)}")
    wanted += [_bound(path, error) for error in errors if error["type"] in _BOUNDS]
    others = [error for error in errors if error["type"] not in _KINDS.keys() | _BOUNDS.keys() | {"literal_error"}]
    return list(dict.fromkeys(wanted + [_other(error) for error in others]))


def _bound(path: Path, error: Any) -> str:
    word, name = _BOUNDS[error["type"]]
    setting, bound = find(path), error["ctx"][name]
    return f"{word} {duration.show(bound) if setting and setting.length_of_time else bound}"


def _other(error: Any) -> str:
    if error["type"] == "string_pattern_mismatch":
        return f"a text like {error['ctx']['pattern']}"
    if error["type"] == "too_long" and error["ctx"]["field_type"] != "String":
        return f"at most {error['ctx']['max_length']} of them"
    return str(error["msg"]).removeprefix("Input should be ").removeprefix("String should have ")


def _literals(errors: Sequence[Any]) -> list[str]:
    return [text for e in errors if e["type"] == "literal_error" for text in re.findall(r"'([^']*)'", e["ctx"]["expected"])]


def _hint(errors: Sequence[Any], value: Any) -> str:
    if isinstance(value, bool | int | float) and any(error["type"] == "string_type" for error in errors):
        return "; put it in quotes"
    meant = nearest_word(value, _literals(errors)) if isinstance(value, str) else None
    return f"; did you mean {meant}?" if meant else ""
