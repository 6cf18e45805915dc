"""Tests of files and replay."""
