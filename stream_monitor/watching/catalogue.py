"""The detectors there are, as a reader who has to choose one wants to know them."""

from __future__ import annotations

import inspect
import re
from typing import Any, NamedTuple

import numpy as np

import detectors
from detectors import Detector

_NAME = r"[A-Z][\w'-]+"
_SOURCE = re.compile(rf"({_NAME}(?:, {_NAME})*(?: and {_NAME}| et al\.)?) \(?(\d{{4}})\)")
_SENTENCE = re.compile(r"(?<!\bet al)\. (?=[A-Z])")


class Entry(NamedTuple):
    """What is to be said of one detector."""

    name: str
    sees: str
    summary: str
    """The first sentence of its class."""
    settings: dict[str, Any]
    """The constructor's arguments, with their defaults; None where one follows from another."""
    calibrated: bool
    """Whether its thresholds follow the run length it is allowed."""
    source: str | None
    """Authors and year of the first paper it names."""

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={'auto' if value is None else value}" for name, value in self.settings.items())
        facts = ["calibrated" if self.calibrated else "thresholds are settings", *([self.source] if self.source else [])]
        return f"{self.name:20} {self.sees:11} {self.summary}\n{'':32} {settings}\n{'':32} {'; '.join(facts)}"


def catalogue() -> list[Entry]:
    """Every detector, by name."""
    return [_entry(name, detectors.detector(name)) for name in detectors.names()]


def _entry(name: str, kind: type[Detector]) -> Entry:
    text = " ".join((inspect.getdoc(kind) or "").split())
    summary = _SENTENCE.split(text)[0].rstrip(".") + "."
    arguments = inspect.signature(kind).parameters.values()
    settings = {each.name: each.default for each in arguments if each.kind is inspect.Parameter.KEYWORD_ONLY}
    source = _SOURCE.search(text)
    paper = f"{source[1]} ({source[2]})" if source else None
    return Entry(name, kind.sees, summary, settings, _calibrated(kind), paper)


def _calibrated(kind: type[Detector]) -> bool:
    try:
        kind(1).allow(np.array([1e6]))
    except (NotImplementedError, AttributeError):
        return False
    return True
