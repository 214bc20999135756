"""What a run leaves: scores of every case, their summaries, ``results.json``, the goals."""
