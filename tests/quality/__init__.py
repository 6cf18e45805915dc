"""Data that are wrong, and silence."""
