"""The table host x behaviour at the end of a run; see ``behaviours.py``."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import behaviours

_KEY = "behaviour"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    behaviours.take_seen()
    yield
    for host, behaviour in behaviours.take_seen():
        item.user_properties.append((_KEY, f"{host}|{behaviour}"))


def pytest_terminal_summary(terminalreporter):
    passed = terminalreporter.stats.get("passed", ())
    found = (words for report in passed for key, words in report.user_properties if key == _KEY)
    seen = {tuple(words.split("|")) for words in found}
    if seen:
        terminalreporter.write_sep("-", "host x behaviour")
        for line in behaviours.table(seen):
            terminalreporter.write_line(line)
