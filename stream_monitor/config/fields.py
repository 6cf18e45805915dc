"""Our names for what is looked at in events, which `fields` finds at other places."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Annotated

from pydantic import AfterValidator

from stream_monitor.config.nearest import nearest_word

OBJECTS = ("features", "scores", "segments")
"""Those of predictions that have members: `segments.region` is a name too."""
OF_PREDICTIONS = (
    "prediction_id", "time", "prediction", "score", "latency_ms", "status", "weight", "model", "version", "label", *OBJECTS,
)  # fmt: skip
"""`label` is that of the rows of a reference file."""
OF_LABELS = ("prediction_id", "time", "label", "op", "model", "origin", "weight", "inclusion_probability")


def _known(names: Collection[str], name: str) -> str:
    head, dot, member = name.partition(".")
    objects = [one for one in names if one in OBJECTS]
    if name in names or (member and head in objects):
        return name
    meant = nearest_word(head, objects if member else names)
    there = f"there are {', '.join([*names, *(f'{one}.NAME' for one in objects)])}"
    raise ValueError(f"is no field of ours; {f'did you mean {meant}{dot}{member}? ({there})' if meant else there}")


PredictionField = Annotated[str, AfterValidator(partial(_known, OF_PREDICTIONS))]
LabelField = Annotated[str, AfterValidator(partial(_known, OF_LABELS))]
