"""What the program does, one sentence per test."""
