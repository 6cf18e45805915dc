"""Intake: records of all inputs to blocks."""
