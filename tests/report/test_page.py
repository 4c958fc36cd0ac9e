"""The page in headless Chromium, from a file: no complaint, no request, nothing cut off, and what it says."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from benchmarks.browser import Browser
from edgeshift.report.html import report_page
from tests.report.models import CLASSES, activity, report, worked

pytestmark = pytest.mark.xdist_group("report")  # one browser, and each report once

SECTIONS = ("network", "why", "work", "memory", "boards", "stream")


def opened(browser: Browser, folder: Path, data: dict[str, Any], width: int = 1200, dark: bool = False) -> Browser:
    """The page of a report in the browser; it must have asked for nothing but itself, and complained of nothing."""
    page = folder / "report.html"
    page.write_text(report_page(data), encoding="utf-8")
    browser.open(page, width, dark=dark)
    assert browser.requests == [page.resolve().as_uri()]
    assert browser.complaints == []
    return browser


def text(browser: Browser, selector: str) -> str:
    said = browser.run(f"document.querySelector({selector!r}).textContent")
    return " ".join(said.split())


def test_what_the_browser_finds_is_reported(browser: Browser, tmp_path: Path) -> None:
    """Or the tests below would prove nothing: an exception, a blocked script, and a request are seen."""
    page = tmp_path / "bad.html"
    page.write_text("<img src='missing.png'><script>console.error('said'); undefined_name</script>")
    browser.open(page)
    assert any("missing.png" in request for request in browser.requests)
    complaints = " ".join(browser.complaints)
    assert "said" in complaints and "undefined_name" in complaints
    page.write_text(report_page(worked()).replace("</main>", "<script>document.title = 'run'</script></main>"))
    browser.open(page)
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)
    assert browser.run("document.title") != "run"


@pytest.mark.parametrize("width", [360, 768, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_window(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    for data in (activity(), report("ds_cnn", "int8", 3)):
        opened(browser, tmp_path, data, width, dark)
        browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        assert browser.run("document.documentElement.scrollWidth") == width
        light = browser.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 128")
        assert light is not dark


def test_what_it_says(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, activity())
    assert [browser.run(f"document.getElementById({name!r}) !== null") for name in SECTIONS] == [True] * len(SECTIONS)
    headline = text(browser, "header")
    ram = f"{activity()['plan']['struct_bytes']:,} B"
    for words in ("47.0×", "exact", "3,937 of 3,937 hops", ram, "2,120", "99,680", "after 64 hops"):
        assert words in headline, words
    assert "All 60 columns shift: no padding has reached them." in text(browser, "#why")
    assert browser.run("document.querySelectorAll('[data-lane]').length") == 9
    assert "raspberry-pi-pico" in text(browser, "#boards")
    assert "1,477 have it on top: 99.8 %" in text(browser, "#stream")
    assert all(name in text(browser, "#stream") for name in CLASSES)


def test_edges_and_remedies_are_told(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, report("ds_cnn", "int8", 3))
    said = text(browser, "#why")
    assert "--edges stream" in said and "--hop 4" in said and "does not divide the hop of 3" in said
    kinds = browser.run("[...new Set([...document.querySelectorAll('.lane path')].map((p) => p.className.baseVal))]")
    assert {"k-new", "k-again", "k-kept"} <= set(kinds)


def test_what_differs_is_not_called_exact(browser: Browser, tmp_path: Path) -> None:
    data = copy.deepcopy(worked())
    data["verification"] |= {"exact": False, "mismatched_hops": 2}
    assert "NOT exact" in text(opened(browser, tmp_path, data), "header") and "3 of 5 hops" in text(browser, "header")
    data["verification"] = dict.fromkeys(data["verification"]) | {"refused": "the oracle is not installed"}
    assert "not compared" in text(opened(browser, tmp_path, data), "header")
    assert "the oracle is not installed" in text(browser, "header") and "exact" not in text(browser, ".tiles")


def test_boards_that_do_not_fit(browser: Browser, tmp_path: Path) -> None:
    data = copy.deepcopy(worked())
    small, slow = data["boards"][:2]
    small |= {"ram_bytes": small["ram"] + 1, "fits": False, "advice": []}
    slow |= {"share": 1.68, "fits": False, "advice": [slow | {"options": "--hop 4"}]}
    opened(browser, tmp_path, data, 360)
    said = text(browser, "#boards")
    assert f"{small['board']}: a smaller network" in said and "too large" in said
    assert "168 % of the time" in said and "too slow" in said and "--hop 4" in said
    assert browser.run("document.documentElement.scrollWidth") == 360


def test_a_column_tells_what_it_reads(browser: Browser, tmp_path: Path) -> None:
    """The second layer of the worked example, 3 taps on 3 taps: the pointer in its middle frames 5 input frames."""
    opened(browser, tmp_path, worked())
    x, y = browser.run(
        "(() => { const r = document.querySelector('[data-lane=\"2\"] svg').getBoundingClientRect();"
        "scrollTo(0, r.y); const n = document.querySelector('[data-lane=\"2\"] svg').getBoundingClientRect();"
        "return [n.x + n.width * 5.5 / 12, n.y + n.height / 2]; })()"
    )
    browser.point(x, y)
    said = text(browser, "#network-readout")
    assert said == "Layer 2, CONV_2D: column 5 of 0 to 11, in a kept sum. It reads 5 frames, from −8 to −4."
    framed = [browser.run(f"document.querySelector('[data-lane=\"{k}\"] .field').getAttribute('d')") for k in (0, 1)]
    assert framed == ["M3 0H8V1H3z", "M4 0H7V1H4z"]


def test_the_cursor_reads_the_stream(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, activity())
    assert text(browser, "#stream-readout").startswith("Frame 3,999, label badminton")
    browser.run("document.getElementById('tracks').scrollIntoView()")
    x, y, width = browser.run(
        "(() => { const r = document.querySelector('#tracks canvas').getBoundingClientRect();"
        "return [r.x, r.y + 5, r.width]; })()"
    )
    browser.point(x + 1, y)
    assert "no answer yet" in text(browser, "#stream-readout") and "warm-up" in text(
        browser, "[data-output='0'] output"
    )
    browser.point(x + width * 0.4501, y)
    frame, stream = int(0.4501 * 4000), activity()["stream"]
    said = text(browser, "#stream-readout")
    assert said.startswith("Frame 1,800, label ") and frame == 1800
    read = [float(text(browser, f"[data-output='{k}'] output").replace("≈", "")) for k in range(4)]
    assert read == [o["values"][1800 - 63] for o in stream["outputs"]]


def test_curves_are_drawn(browser: Browser, tmp_path: Path) -> None:
    """Every canvas has ink: curves, and heat maps where there are many rows."""
    inked = (
        "[...document.querySelectorAll('canvas')].map((c) =>"
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0))"
    )
    assert opened(browser, tmp_path, activity()).run(inked) == [True] * 10
    many = copy.deepcopy(activity())
    many["stream"]["outputs"] *= 8
    many["stream"]["channels"] *= 8
    assert opened(browser, tmp_path, many).run(inked) == [True] * 2


def test_names_are_only_names(browser: Browser, tmp_path: Path) -> None:
    """Whatever a model, a label or a note is called, it is shown and not run."""
    evil = "</script><script>document.title='run'</script><img src=x onerror=alert(1)>\"'&{{7*7}}" + "unbroken" * 20
    data = copy.deepcopy(activity())
    data["plan"] |= {"model": evil, "notes": [evil], "time_axis": evil}
    for lane in data["lanes"]:
        lane |= {"name": evil, "op": evil, "why": evil}
    for output in data["stream"]["outputs"]:
        output["name"] = evil
    for run in data["stream"]["labels"]:
        run["name"] = evil
    data["stream"] |= {"source": evil, "input": evil}
    opened(browser, tmp_path, data, 360)
    assert evil in browser.run("document.querySelector('h1').textContent")
    assert browser.run("document.title") == f"{evil} · EdgeShift" and browser.run("document.images.length") == 0
    assert browser.run("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("dark", [False, True])
def test_words_stand_out(browser: Browser, tmp_path: Path, dark: bool) -> None:
    """Every text has the contrast of WCAG AA, 4.5 to 1, against what lies behind it."""
    opened(browser, tmp_path, report("ds_cnn", "int8", 3), dark=dark)
    worst = browser.run(
        """(() => {
          const numbers = (c) => c.match(/[\\d.]+/g).map(Number);
          const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
          const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
          const behind = (e) => {
            const c = getComputedStyle(e).backgroundColor, n = numbers(c);
            return n.length === 4 && n[3] === 0 ? behind(e.parentElement) : n;
          };
          const words = [...document.querySelectorAll("main *")].filter((e) =>
            !e.closest("svg, .tag") && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
          return Math.min(...words.map((e) => {
            const a = light(numbers(getComputedStyle(e).color)), b = light(behind(e));
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          }));
        })()"""
    )
    assert worst >= 4.5


def test_the_same_data_gives_the_same_bytes() -> None:
    assert report_page(copy.deepcopy(activity())) == report_page(activity())
