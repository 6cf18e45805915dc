"""Decisions about performance."""
