"""Tests of models that learn beside the one that is watched."""
