import io
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from retouch.errors import InvalidField
from retouch.evaluation.generation.columns import ratio
from retouch.evaluation.report import quality
from retouch.evaluation.report.page import CSS, write_page
from retouch.evaluation.report.plots import plots
from retouch.evaluation.report.table import show
from retouch.evaluation.results.file import read, write

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "benchmarks" / "results" / "quality.json"


class Checker(HTMLParser):
    """Every tag that is opened is closed, in order."""

    VOID = ("meta", "img", "br", "link", "use", "path", "rect")

    def __init__(self):
        super().__init__()
        self.open, self.problems, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append((tag, self.getpos()))


@pytest.fixture
def page(results, tmp_path):
    file, problem = write_page(results, tmp_path)
    assert problem == ""
    return file.read_text("utf-8")


def test_the_page_is_whole_and_needs_nothing_else(page):
    checker = Checker()
    checker.feed(page)
    assert checker.problems == []
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    outside = re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page)
    assert [link for link in outside if "w3.org" not in link] == []
    assert "url(http" not in page


def test_the_page_shows_goals_rows_words_and_what_is_missing(page, results):
    assert "△ under goal" in page
    assert page.count("not shipped") >= 2
    assert "a cat &lt;3 → a dog" in page
    for row in results["editing"]:
        assert f'id="{row["key"]}"' in page
    for curve in results["curves"]:
        assert curve["title"] in page


def test_pictures_of_the_run_are_inside_of_the_page(results, tmp_path):
    name = results["editing"][2]["cases"][0]["name"]
    shown = tmp_path / "pictures" / "sdedit" / f"{name}.webp"
    shown.parent.mkdir(parents=True)
    shown.write_bytes(b"RIFFpicture")
    page = write_page(results, tmp_path)[0].read_text("utf-8")
    assert "data:image/webp;base64,UklGRnBpY3R1cmU=" in page


def test_dark_screens_have_every_colour_of_light_ones():
    light, dark = quality.colours(CSS.read_text("utf-8"))
    names = [{d.split(":")[0] for d in found} for found in (light, dark)]
    assert names[0] == names[1]
    used = set(re.findall(r"var\((--[\w-]+)\)", CSS.read_text("utf-8"))) - {"--columns"}
    assert used <= names[0]


def test_plots_take_their_colours_from_the_page(results):
    for curve in results["curves"]:
        for _, svg in plots(curve):
            assert "var(--ink)" in svg or "var(--soft)" in svg
            assert set(re.findall(r"#[0-9a-f]{6}", svg)) <= {"#000000", "#ffffff"}
            assert "<text" in svg
    assert plots(results["curves"][3]) == []


def test_plots_repeat_to_the_byte(results):
    assert plots(results["curves"][0]) == plots(results["curves"][0])


def test_without_matplotlib_the_page_says_how_to_install_it(results, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    file, problem = write_page(results, tmp_path)
    assert "pip install 'retouch[eval]'" in problem
    assert "pip install &#x27;retouch[eval]&#x27;" in file.read_text("utf-8")


def test_the_terminal_shows_all_parts(results):
    console = Console(width=200, record=True, file=io.StringIO())
    show(results, console)
    text = console.export_text()
    for words in ("under goal", "SDEdit + edges", "not shipped", "direction similarity", "LCM"):
        assert words in text


def test_parts_that_were_not_run_are_left_out(results, tmp_path):
    del results["generation"], results["curves"], results["speed"]
    page = write_page(results, tmp_path)[0].read_text("utf-8")
    assert 'id="curves"' not in page
    assert 'id="editing"' in page


def test_results_are_written_whole_and_read_back(results, tmp_path):
    file = tmp_path / "results.json"
    write(results, file)
    assert read(file) == json.loads(json.dumps(results))
    file.write_text('{"format": 99}')
    with pytest.raises(InvalidField, match=r"results\.format: got 99"):
        read(file)
    with pytest.raises(InvalidField, match="retouch eval"):
        read(tmp_path / "none.json")


def test_ratios_have_the_interval_of_their_logarithm():
    half, all_ = {"value": 0.5, "count": 100}, {"value": 0.8, "count": 100}
    found = ratio(half, all_)
    assert found["value"] == 0.625
    assert found["low"] == pytest.approx(0.5012, abs=2e-3)
    assert ratio({"value": 0, "count": 9}, all_) is None


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    return tmp_path


def test_the_docs_page_is_made_of_the_results(results, checkout):
    file = checkout / "benchmarks" / "results" / "quality.json"
    write(results, file)
    written = quality.write_quality(file)
    text = (checkout / "docs" / "quality.md").read_text("utf-8")
    assert "retouch eval --docs benchmarks/results/quality.json" in text
    assert (
        "| object present | 90.0 % | 85.0 to 95.0 % | 40 | 95.0 % | 85.0 % | under goal |" in text
    )
    assert "**SDEdit + edges**" in text
    shown = re.findall(r"\(images/([\w.-]+)\)", text)
    assert {path.name for path in written} == {"quality.md", *shown}
    svg = (checkout / "docs" / "images" / shown[0]).read_text("utf-8")
    assert "prefers-color-scheme:dark" in svg


def test_docs_need_a_checkout(results, tmp_path):
    file = tmp_path / "results.json"
    write(results, file)
    with pytest.raises(InvalidField, match=r"--docs: .*checkout"):
        quality.write_quality(file)


def test_the_committed_page_is_made_of_the_committed_results(checkout):
    if not COMMITTED.is_file():
        pytest.skip("no results are committed yet")
    file = checkout / "benchmarks" / "results" / "quality.json"
    shutil.copy(COMMITTED, file)
    quality.write_quality(file)
    made = (checkout / "docs" / "quality.md").read_text("utf-8")
    assert made == (ROOT / "docs" / "quality.md").read_text("utf-8")
    for name in re.findall(r"\(images/([\w.-]+)\)", made):
        assert (ROOT / "docs" / "images" / name).is_file()
