"""Retouch: composable diffusion edits. Importing this package never imports torch."""

__version__ = "0.1.0"
