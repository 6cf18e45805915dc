"""A YAML file as plain values, with the line of each, and with environment variables put in.

Scalars are those of YAML 1.2: only true and false are truth values, so `no`, `on` and `yes` are texts, `010` is ten, and
times and dates are texts.  Keys are texts as they are written.  `<<: *anchor` merges.  Only values have variables:
`${NAME}`, `${NAME:-default}` where it is unset or empty, and `$${` for a `${` that is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from stream_monitor.config.problem import Path, Problem, dotted

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,30}|0x[0-9a-fA-F]{1,30}|0o[0-7]{1,30}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_VARIABLE = re.compile(r"\$?\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\})?")
_QUOTED = re.compile(r"""(['"])((?:\\.|[^\\])*?)(?:\1|\\?\.\.\.)""")
_SHORTEST = 4
"""Characters of a value below which texts are not searched for it without quotes: it would be in every second one."""
_NAMED = re.compile(r"(undefined alias|duplicate anchor|undefined tag handle) .*", re.DOTALL)
"""What is said of names that may be secrets without quotes."""
_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ["bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value"]
}


class Document:
    """What a file says: its values, the line of every key, and what is wrong with it as YAML."""

    def __init__(self, text: str, name: str, environ: Mapping[str, str], free: Callable[[Path], bool]) -> None:
        """`free` says where a value that came from a variable may be something else than a text."""
        self.name = name
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._environ, self._free = environ, free
        self._filled: dict[Path, tuple[str, str]] = {}
        """What stands where variables were put in, without their defaults, and what came of it."""
        self._inside: set[int] = set()
        self.values = self._top(text)

    def where(self, path: Path) -> str:
        """The file, and the line of a path or of what it is in."""
        while path not in self.lines and path:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"

    def as_written(self, path: Path, what: str) -> str:
        """A text about a path with the names of variables for what they hold, which may be anything."""
        for place, (written, filled) in self._filled.items():
            if place[: len(path)] == path[: len(place)]:
                what = _unfilled(what, written, filled)
        return what

    def override(self, path: Path, variable: str) -> None:
        """Takes note that a value is that of a variable, whatever the file says."""
        self._filled[path] = f"${{{variable}}}", self._environ[variable]

    def _top(self, text: str) -> dict[str, Any]:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            self._wrong_yaml(error, text)
            return {}
        value = {} if node is None else self._value(node, ())
        if not isinstance(value, dict):
            self.problems.append(Problem(f"{self.name}:1", "", "must be a mapping, like `streams: {...}`"))
            return {}
        return value

    def _wrong_yaml(self, error: Exception, text: str) -> None:
        mark = getattr(error, "problem_mark", None)
        if mark and mark.index >= len(text.rstrip()):
            # What is never closed is found at the end; where it begins is what is to be looked at.
            mark = getattr(error, "context_mark", None) or mark
        lines = text.rstrip().splitlines()
        line = min(mark.line, len(lines) - 1) if mark else None
        where = self.name if line is None else f"{self.name}:{line + 1}"
        told = _NAMED.sub(r"\1", getattr(error, "problem", None) or str(error).splitlines()[0])
        hint = "; inside braces, ${...} needs quotes" if line is not None and "${" in lines[line] else ""
        self.problems.append(Problem(where, "", f"is not YAML: {told}{hint}"))

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if node.tag not in _TAGS:
            return self._wrong(path, "has a tag, which is not supported; a text that begins with ! needs quotes")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._inside:
            return self._wrong(path, "refers to itself")
        self._inside.add(id(node))
        if isinstance(node, yaml.MappingNode):
            value: Any = self._mapping(node, path)
        else:
            value = [self._value(inner, (*path, i)) for i, inner in enumerate(node.value)]
        self._inside.remove(id(node))
        return value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, inner in node.value:
            here = (*path, key.value if isinstance(key, yaml.ScalarNode) else "?")
            if not isinstance(key, yaml.ScalarNode):
                self.lines[here] = key.start_mark.line + 1
                self._wrong(here, "is a key that is not a text")
            elif key.value == "<<" and key.style is None:
                merged = self._merged(inner, path) | merged
            elif key.value in own:
                line = key.start_mark.line + 1
                told = f"is there twice; the first is in line {self.lines[here]}"
                self.problems.append(Problem(f"{self.name}:{line}", dotted(here), told))
            else:
                self.lines[here] = key.start_mark.line + 1
                own[key.value] = self._value(inner, here)
        return merged | own

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for inner in nodes:
            if not isinstance(inner, yaml.MappingNode):
                self._wrong(path, "merges (`<<`) something that is not a mapping")
            else:
                merged = self._mapping(inner, path) | merged
        return merged

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = self._filled_in(node.value, path)
        if text != node.value:
            self._filled[path] = _without_defaults(node.value), text
            return scalar(text) if self._free(path) else text
        return text if node.style is not None else scalar(text)

    def _filled_in(self, text: str, path: Path) -> str:
        def value(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            if match[0].startswith("$$"):
                return match[0][1:]
            if name is None:
                self._wrong(path, "has a variable that is none; write ${NAME} or ${NAME:-default}, and $${ for a plain ${")
            elif default is None and name not in self._environ:
                self._wrong(path, f"needs the variable {name}, which is not set; ${{{name}:-default}} gives a default")
            return self._environ.get(name or "") or (default or ":-")[2:]

        return _VARIABLE.sub(value, text)

    def _wrong(self, path: Path, what: str) -> None:
        self.problems.append(Problem(self.where(path), dotted(path), what))


def _unfilled(what: str, written: str, filled: str) -> str:
    """A text with what was written in the place of what came of it, and of every quotation of a part of that."""
    what = what.replace(repr(filled), repr(written))
    if len(filled) >= _SHORTEST:
        what = re.sub(rf"(?<!\w){re.escape(filled)}(?!\w)", lambda _: written, what)
    ours = (filled, repr(filled))
    return _QUOTED.sub(lambda part: repr(written) if part[2] and any(part[2] in one for one in ours) else part[0], what)


def _without_defaults(written: str) -> str:
    """A text with the names of its variables only: a default may be as secret as what a variable holds."""
    return _VARIABLE.sub(lambda found: f"${{{found[1]}}}" if found[1] and not found[0].startswith("$$") else found[0], written)


def scalar(text: str) -> Any:
    """The value of a text without quotes, as YAML 1.2 has it."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1) if text[-1].isalpha() else text)
    return text
