"""Incremental models: challengers of the model that is watched, and a model of its errors."""
