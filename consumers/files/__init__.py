"""Files instead of topics: reading, writing, replay."""
