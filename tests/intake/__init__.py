"""Tests of intake: from the bytes of records to blocks and dead letters."""
