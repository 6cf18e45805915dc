"""The edge: the only place that knows Kafka, wire formats and files."""
