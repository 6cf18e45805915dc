"""Models that learn beside the one that is watched."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from stream_monitor.models import catalogue

ChallengerSettings = dict[str, Any]
"""A model's parameters, of those that the catalogue has for it."""


class Models(BaseModel):
    """Challengers, and a model of where the one in production errs."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    challengers: dict[str, ChallengerSettings] = Field(default_factory=dict, max_length=8)
    """Models by name, with their parameters; those that are for another task than the stream's do nothing."""
    error_model: bool = False
    """Learns where the model in production errs, and says which features tell of it, each by itself, and at which values."""
    estimate_loss: bool = False
    """Of a regression: learns how large errors are, to estimate mae and rmse before labels come."""
    share: float = Field(0.1, gt=0, le=1)
    """Of the time of one core; beyond it one in 2, 4, 8 ... predictions is learnt from, by the hash of its id."""
    level: float = Field(0.05, gt=0, lt=1)
    """The chance that anything at all that is said of a version's challengers is wrong, and the same for its error model."""

    @field_validator("challengers")
    @classmethod
    def _in_the_catalogue(cls, chosen: dict[str, ChallengerSettings]) -> dict[str, ChallengerSettings]:
        for name, parameters in chosen.items():
            catalogue.checked(name, parameters)
        return chosen

    @property
    def any(self) -> bool:
        """Whether there is anything to learn beside the model in production."""
        return bool(self.challengers) or self.error_model

    @property
    def need_features(self) -> bool:
        """Whether features are kept until labels come."""
        return self.any or self.estimate_loss
