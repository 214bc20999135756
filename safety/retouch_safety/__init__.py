"""The gate: prompt filter, output detectors, watermark. Imports nothing of Retouch."""
