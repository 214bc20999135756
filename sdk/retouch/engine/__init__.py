"""The engine: advances any number of edits together, one network call at a time."""
