"""The web studio: its prebuilt page, the application that serves it, and ``retouch studio``."""
