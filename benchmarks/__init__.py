"""What the program costs, and what its detectors keep: scripts that anyone can run, `python -m benchmarks.NAME`."""
