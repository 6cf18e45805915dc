"""What the program costs, measured on a broker of its own: `python -m benchmarks.throughput`, `.latency`, `.restore`, `.stages`."""
