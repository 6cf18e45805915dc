"""What is configured, and how files and variables say it."""
