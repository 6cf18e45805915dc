"""References, detectors and the course of changes."""
