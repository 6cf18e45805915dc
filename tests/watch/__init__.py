"""What `watch` makes of the log."""
