"""A worker that ends at once until a file is there; then it is the worker of another module.

File and module are named in environment variables.
"""

import os
import runpy
import sys
from pathlib import Path

MENDED, THEN = "MENDED_START_FILE", "MENDED_START_THEN"

if __name__ == "__main__":
    if not Path(os.environ[MENDED]).exists():
        sys.exit("not mended yet")
    runpy.run_module(os.environ[THEN], run_name="__main__", alter_sys=True)
