"""From the messages of a request to what the engine takes: read alike by engine and gate."""
