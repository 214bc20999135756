"""The inspector: reads picture files of strangers, in a process that may be killed at any time."""
