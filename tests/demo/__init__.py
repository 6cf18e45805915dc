"""The demonstration, and what is shipped to try the whole with containers."""
