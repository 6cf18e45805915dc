"""A one-node Kafka of published parts, to try things on and to test with."""
