"""What the benchmarks of a daemon share: processes, calls, edits with known outcomes, numbers."""
