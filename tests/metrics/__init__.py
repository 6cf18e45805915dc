"""Tests of the numbers that are reported."""
