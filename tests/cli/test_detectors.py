"""`stream-monitor detectors` says what there is to choose from."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

import detectors
from stream_monitor.cli import main

Capture = pytest.CaptureFixture[str]


def listed(capsys: Capture) -> dict[str, dict[str, Any]]:
    assert main(["detectors", "--format", "json"]) == 0
    return {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}


def test_every_detector_is_listed_with_what_it_sees(capsys: Capture) -> None:
    entries = listed(capsys)
    assert list(entries) == detectors.names()
    assert all(entry["sees"] == detectors.detector(name).sees for name, entry in entries.items())
    assert all(entry["summary"].endswith(".") and len(entry["summary"]) > 20 for entry in entries.values())


def test_settings_are_those_of_the_constructor(capsys: Capture) -> None:
    for name, entry in listed(capsys).items():
        parameters = inspect.signature(detectors.detector(name)).parameters
        assert entry["settings"] == {key: parameters[key].default for key in parameters if key != "signals"}


def test_the_source_is_the_paper_that_the_docstring_names(capsys: Capture) -> None:
    entries = listed(capsys)
    assert entries["mmd"]["source"] == "Gretton et al. (2012)"
    assert entries["domain_classifier"]["source"] == "Lopez-Paz and Oquab (2017)"
    assert entries["counts"]["source"] == "Sokal and Rohlf (1969)"


def test_it_is_said_which_thresholds_follow_a_budget(capsys: Capture) -> None:
    entries = listed(capsys)
    assert {entries[name]["calibrated"] for name in ("counts", "psi", "wasserstein", "mmd", "domain_classifier")} == {True}


def test_a_person_reads_three_lines_of_each(capsys: Capture) -> None:
    assert main(["detectors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 * len(detectors.names())
    assert any(line.startswith("counts") and "categories" in line for line in lines)
