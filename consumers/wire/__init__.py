"""The wire format of events: bytes to columns."""
