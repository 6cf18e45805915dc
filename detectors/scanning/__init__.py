"""The parts of the scan: scores, whitening, windows, thresholds."""
