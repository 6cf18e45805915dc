"""Kafka: clients, transactions, restores, topics."""
