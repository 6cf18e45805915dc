"""Decisions about performance when a window closes: limits, the reference, and which segments explain a fall."""
