"""The editing half: every operation and combination, with it and without it."""
