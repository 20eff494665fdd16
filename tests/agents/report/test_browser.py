"""The report in a real browser: click, filter, hover; nothing in a run can become more than text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.report import write_report
from agents.report.sanitize import neutralize
from tests.agents.report.payloads import PAYLOADS
from tests.agents.report.runs import NUMBERS, sampled, write_lines, write_run

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "div", "article", "details"),
    *("h1", "h2", "h3", "p", "span", "b", "i", "small", "summary", "noscript", "code", "output", "label"),
    *("button", "input", "select", "option", "table", "thead", "tbody", "tr", "th", "td", "meter", "figure"),
    *("figcaption", "svg", "line", "text", "path", "circle", "script"),
}
"""Every element that the page itself is made of."""


class Page:
    """A report that is open in the browser."""

    def __init__(self, browser: Any, path: Path) -> None:
        self.browser = browser
        browser.get(path.as_uri())

    def all(self, selector: str) -> list[Any]:
        return self.browser.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.all(selector) if element.is_displayed()]

    def set(self, selector: str, value: str) -> None:
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
        self.browser.execute_script(script, self.one(selector), value)

    def hover(self, element: Any) -> None:
        from selenium.webdriver import ActionChains

        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        ActionChains(self.browser).pause(0.1).move_to_element(element).perform()

    def count(self) -> str:
        return self.one("#sample-count").text


EPISODES = [
    sampled("one", group=0, success=1.0),
    sampled("two", group=0, success=0.0, signs=["loop"]),
    sampled("three", group=1, success=0.0, invalid_action=True, reward=None, **{"return": None}),
    sampled("four", group=1, success=0.0, finish_reason="length", stop="user_left"),
]


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Page]:
    folder = write_run(tmp_path / "run")
    later = [sampled(f"later {n}", group=n) for n in range(6)]
    write_lines(folder / "samples.jsonl", [{"update": 0, "episodes": EPISODES}, {"update": 10, "episodes": later}])
    browser.get_log("browser")
    yield Page(browser, write_report(folder))
    assert browser.get_log("browser") == []


def test_updates_are_walked_through(page: Page) -> None:
    assert page.one("#update-name").text == "update 10"
    assert len(page.all(".group")) == 4
    page.one("#more-samples").click()
    assert len(page.all(".group")) == 6
    page.one("#earlier").click()
    assert page.one("#update-name").text == "update 0"
    assert [len(group.find_elements("css selector", ".side")) for group in page.all(".group")] == [2, 2]
    page.one("#every-update").click()
    assert page.count() == "10 of 10 episodes."


FILTERS = [
    ("[data-filter-by=outcome]", "success", 1),
    ("[data-filter-by=outcome]", "no success", 3),
    ("[data-filter-by=stop]", "user_left", 1),
    ("[data-filter-by=trouble]", "malformed action", 1),
    ("[data-filter-by=trouble]", "no reward", 1),
    ("[data-filter-by=trouble]", "cut by the token limit", 1),
    ("[data-filter-by=sign]", "any", 1),
    ("[data-filter-by=sign]", "loop", 1),
    ("#least", "0.5", 1),
    ("#most", "0.5", 2),
    ("#sample-search", "THREE", 1),
    ("#sample-search", "nobody said this", 0),
]
"""A control, what is put in, and how many of `EPISODES` are left."""


def test_filters(page: Page) -> None:
    page.one("#earlier").click()
    for control, value, left in FILTERS:
        assert page.count() == "4 of 4 episodes."
        page.set(control, value)
        assert page.one(control).get_attribute("value") == value
        assert page.count() == (f"{left} of 4 episodes." if left else "None of 4 episodes matches."), value
        assert len(page.all(".side:not(.pale) .tokens")) == left
        page.set(control, "")


def test_colours_stand_for_the_chosen_quantity(page: Page) -> None:
    look = "return [...document.querySelectorAll('.token')].slice(0, 3).map(" + (
        "(t) => [parseFloat(t.style.getPropertyValue('--level')), t.classList.contains('below')])"
    )
    for quantity, values in NUMBERS.items():
        button = page.one(f"[data-quantity={quantity}]")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        levels, below = zip(*page.browser.execute_script(look), strict=True)
        middle = 1 if quantity == "ratio" else 0
        order = sorted(range(3), key=lambda i: abs(values[i] - middle))
        assert [levels[i] for i in order] == sorted(levels)
        assert max(levels) == 100
        two_sided = quantity in ("advantage", "ratio", "kl", "value")
        assert list(below) == [two_sided and value < middle for value in values]


def test_a_token_under_the_pointer_tells_its_numbers(page: Page) -> None:
    page.one("[data-quantity=advantage]").click()
    page.hover(page.all(".token")[1])
    card = page.one("#token-card")
    assert card.is_displayed()
    rows = dict(row.text.rsplit(" ", 1) for row in card.find_elements("css selector", "tr"))
    assert rows["advantage"] == "-1.25"
    assert rows["log-probability"] == "-2.5"
    assert rows["ratio"] == "0.8"
    assert rows["entropy"] == "0.1"
    assert card.find_element("css selector", ".chosen").text == "advantage -1.25"
    assert '" there"' in card.text
    page.hover(page.one("h1"))
    assert not card.is_displayed()


def test_a_reward_is_taken_apart(page: Page) -> None:
    assert page.texts(".why")[0].split("\n") == ["reward 1", "later 0", "0.5", "length", "-0.25", "judge", "–"]


def test_curves_read_out_and_pairs_filter(page: Page) -> None:
    chart = page.one(".chart svg")
    page.hover(chart)
    assert " at " in page.one(".chart .readout").text
    page.one("[data-filter=improved]").click()
    assert page.texts(".pair[data-verdict] .badge") == ["improved"]
    page.one("#theme").click()
    assert page.one("html").get_attribute("data-theme") == "dark"


def test_nothing_sticks_out(page: Page) -> None:
    overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for width in (390, 1600, 1280):
        page.browser.set_window_size(width, 1000)
        assert page.browser.execute_script(overflow) <= 0, width


def test_no_payload_is_more_than_text(browser: Any, tmp_path: Path) -> None:
    assert len(PAYLOADS) >= 50
    everything = "\n".join(PAYLOADS)
    folder = write_run(tmp_path / "run", said=everything)
    members = [sampled(payload, success=0.0, stop=payload, signs=[payload]) for payload in PAYLOADS]
    write_lines(folder / "samples.jsonl", [{"update": 0, "episodes": members}])
    browser.get_log("browser")
    page = Page(browser, write_report(folder))
    assert len(page.all(".side .tokens")) == len(PAYLOADS)
    shown = page.browser.execute_script("return [...document.querySelectorAll('.tokens')].map((t) => t.textContent)")
    for payload, text in zip(PAYLOADS, shown, strict=True):
        assert text == neutralize(payload) + " there<|im_end|>"
    for token in page.all(".token")[:9]:
        page.hover(token)
    elements = "[...document.querySelectorAll('*')]"
    tags = page.browser.execute_script(f"return {elements}.map((e) => e.localName)")
    assert set(tags) <= TAGS
    names = page.browser.execute_script(f"return {elements}.flatMap((e) => e.getAttributeNames())")
    assert [name for name in names if re.search("^on|href|src", name)] == []
    assert page.browser.execute_script("return ({}).polluted") is None
    assert page.browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.get_log("browser") == [], "nothing failed, and the policy had nothing to refuse"


def test_a_long_run_opens_quickly(browser: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", updates=200)
    numbers = {name: [values[0]] * 100 for name, values in NUMBERS.items()}
    episodes = [sampled(f"episode {n}", group=n // 4, tokens=[" token"] * 100, numbers=numbers) for n in range(8)]
    same = json.dumps(episodes)
    lines = "".join(f'{{"update": {update}, "episodes": {same}}}\n' for update in range(200))
    (folder / "samples.jsonl").write_text(lines, encoding="utf-8")
    report = write_report(folder)
    assert 5e6 < report.stat().st_size <= 15e6
    took = "const [t] = performance.getEntriesByType('navigation'); return t.loadEventEnd - t.startTime"
    times: list[float] = []
    while not times or (min(times) > 2000 and len(times) < 3):  # others may be using the machine
        page = Page(browser, report)
        assert page.one("#update-name").text == "update 199"
        times.append(page.browser.execute_script(took))
    assert min(times) <= 2000, times
