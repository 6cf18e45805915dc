"""Tests of what is known of performance before labels arrive."""
