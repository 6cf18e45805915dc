"""What the program costs, measured on brokers of their own: `python -m benchmarks.throughput`, latency, restore, stages."""
