"""What can be said about quality and silence."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from stream_monitor.config.quality import NoData, Quality


def test_a_section_is_read_as_people_write_it() -> None:
    quality = Quality.model_validate({"missing": 0.2, "tolerance": "5m", "severity": {"LateRows": "none"}})
    assert quality.tolerance == 300_000_000
    assert quality.severe("LateRows") is None
    assert quality.severe("NewFeature") == "info"
    assert quality.severe("MissingValues") == "warning"
    silence = NoData.model_validate({"predictions": "15m", "severity": "warning"})
    assert (silence.predictions, silence.labels, silence.learnt) == (900_000_000, None, True)


def test_nothing_is_an_issue_where_quality_is_off() -> None:
    assert Quality(enabled=False, severity={"MissingValues": "critical"}).severe("MissingValues") is None


@pytest.mark.parametrize(
    "wrong", [{"missing": 0}, {"outside": 2}, {"rows": 1}, {"severity": {"Missing": "info"}}, {"mising": 0.1}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Quality.model_validate(wrong)
