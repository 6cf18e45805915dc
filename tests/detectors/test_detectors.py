"""Detectors are found by the names of their files."""

from __future__ import annotations

import pytest

import detectors
from detectors.adwin import ADWIN
from detectors.ks import KS
from detectors.page_hinkley import PageHinkley


def test_the_files_are_the_names() -> None:
    assert {"adwin", "ks", "page_hinkley"} <= set(detectors.names())
    assert [detectors.detector(name) for name in ("adwin", "ks", "page_hinkley")] == [ADWIN, KS, PageHinkley]


@pytest.mark.parametrize("name", ["baseline", "changepoint", "column", "one_by_one", "ranks", "run_lengths"])
def test_what_detectors_share_is_no_detector(name: str) -> None:
    assert name not in detectors.names()
    with pytest.raises(ValueError, match=f"there is no detector '{name}'"):
        detectors.detector(name)


@pytest.mark.parametrize("name", ["", "kolmogorov", "os", "..stream_monitor", "ADWIN"])
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"there are .*adwin.*ks.*page_hinkley"):
        detectors.detector(name)
