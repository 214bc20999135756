"""Reports of a run: tables on the terminal, plots, an HTML page, and ``docs/quality.md``."""
