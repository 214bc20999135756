"""The command line: ``retouch``."""
