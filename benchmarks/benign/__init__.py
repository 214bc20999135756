"""Harmless pictures for the output detectors: photographs of installed packages, and drawings."""
