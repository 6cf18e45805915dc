"""What is wrong with the data themselves: values, ids, times, and silence."""
