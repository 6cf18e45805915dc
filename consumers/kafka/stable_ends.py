"""Where partitions end for those who read what is committed: the first open transaction, or the end.

kafka-python's fetcher is touched here: it is told, and keeps only where they end for those who read everything.
"""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer

from stream_monitor.task import Partition


class StableEnds(dict[Partition, int]):
    """By partition, as the broker last told a consumer."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        super().__init__()
        fetcher = consumer._fetcher
        self._parse = fetcher._parse_fetched_data
        fetcher._parse_fetched_data = self._parsed

    def _parsed(self, fetched: Any) -> Any:
        parsed = self._parse(fetched)
        end = getattr(fetched.partition_data, "last_stable_offset", -1)
        if parsed is not None and end >= 0:
            self[Partition(*fetched.topic_partition)] = end
        return parsed
