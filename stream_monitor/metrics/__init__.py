"""Windows of numbers, and what is reported of a stream."""
