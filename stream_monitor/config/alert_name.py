"""The names of all alerts, and of their labels."""

from __future__ import annotations

from typing import Literal

from stream_monitor.config.quality import Name

OptionalAlert = Literal[
    Name,
    "DataDrift", "PredictionDrift", "ConceptDrift", "RiskRose", "VersionWorse",
    "PerformanceDrop", "PerformanceGain", "MetricLimit", "ChallengerBetter", "ErrorsExplained", "EstimateApart",
    "LabelsLate", "LabelBias", "ReferenceUnsettled", "FeatureType", "LabelVocabulary", "ThirdClass", "TaskUnknown",
    "NoData", "StalledInput",
]  # fmt: skip
"""Those about the data, then what detectors find, what is said of performance, of labels, of silence."""

AlertName = Literal[
    OptionalAlert, "StreamQuarantined", "InputLost", "RecordLost", "DetectorBroken", "ChallengerFailed",
]  # fmt: skip
"""And those about the monitor itself, which cannot be switched off."""

OUR_LABELS = frozenset({
    "alertname", "basis", "challenger", "detector", "feature", "input", "kind", "metric", "model", "offset", "partition",
    "rule", "segment", "severity", "signal", "stream", "topic", "version",
})  # fmt: skip
"""The labels by which alerts are told apart, which people cannot set."""
