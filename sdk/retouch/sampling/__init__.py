"""Samplers: flows over the noise levels."""
