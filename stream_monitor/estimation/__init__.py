"""Performance of models before labels arrive, and whether labels then say the same."""
