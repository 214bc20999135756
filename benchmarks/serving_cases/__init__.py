"""Parts of ``serving.py``: the load, the contenders, and what is measured of them."""
