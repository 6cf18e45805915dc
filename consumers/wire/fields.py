"""Where our fields are in events of another layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALL = "*"


def mapped(event: dict[str, Any], paths: Mapping[str, str], known: frozenset[str]) -> dict[str, Any]:
    """The event with our names; fields that are not mapped keep theirs, and those not found are not there."""
    taken = {path.partition(".")[0] for path in paths.values()} | set(paths.values())
    ours = {name: value for name, value in event.items() if name in known and name not in paths and name not in taken}
    for name, path in paths.items():
        if path == ALL:
            rest = {key: value for key, value in event.items() if key not in taken and key not in known - {name}}
            ours[name] = rest
    for name, path in paths.items():
        if path != ALL:
            _place(ours, name, find(event, path))
    return ours


def found(event: dict[str, Any], ours: dict[str, Any], path: str, name: str) -> bool:
    """Whether an event has a value at a path, or any field that none else of `ours` is."""
    return bool(ours.get(name)) if path == ALL else find(event, path) is not None


def find(event: dict[str, Any], path: str) -> Any:
    """The value at a dotted path; a name with dots in it is found as well, and an item of a list by its place, from 0 on."""
    if path in event:
        return event[path]
    head, _, rest = path.partition(".")
    inside = event.get(head)
    if rest and isinstance(inside, list):
        inside = {str(place): item for place, item in enumerate(inside)}
    return find(inside, rest) if rest and isinstance(inside, dict) else None


def _place(ours: dict[str, Any], name: str, value: Any) -> None:
    """Puts a value under its name, or into one of the objects for names like segments.region."""
    group, _, inside = name.partition(".")
    if not inside:
        ours[name] = value
        return
    members = ours.get(group)
    ours[group] = {**(members if isinstance(members, dict) else {}), inside: value}
