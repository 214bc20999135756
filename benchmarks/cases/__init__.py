"""What the benchmarks run: the same edits, by Retouch and by a reference implementation."""
