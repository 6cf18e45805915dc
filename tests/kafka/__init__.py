"""The program on a real Kafka: the log, the topics, the daemon, and what becomes of them when things break."""
