"""The labelling page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.service import LabelConfig, LabelService
from agents.feedback.store import Store
from tests.agents.feedback.labelling.conftest import question
from tests.agents.feedback.servers import serving
from tests.agents.report.payloads import FEW as PAYLOADS

WAIT_S = 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window."""
    selenium = pytest.importorskip("selenium.webdriver")
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no browser to test with: install chromium and chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = program
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-background-networking", "window-size=1280,900"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    opened.implicitly_wait(WAIT_S)
    yield opened
    opened.quit()


def find(browser: Any, selector: str, text: str = "") -> Any:
    """The first element that has the text."""
    return next(one for one in browser.find_elements("css selector", selector) if text in one.text)


def card(browser: Any, text: str) -> Any:
    return find(browser, "article.answer", text)


def sign_in(browser: Any, client: Any, name: str, language: str = "zh") -> None:
    browser.get(f"{client.base_url}?lang={language}")
    field = find(browser, "#name")
    field.clear()
    field.send_keys(name)
    find(browser, "#start").click()


def press(browser: Any, keys: str) -> None:
    find(browser, "body").send_keys(keys)


def wait_for(browser: Any, done: Any) -> None:
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.wait import WebDriverWait

    # The page may be drawn anew between finding an element and reading it.
    passing = (StaleElementReferenceException, StopIteration)
    WebDriverWait(browser, WAIT_S, poll_frequency=0.05, ignored_exceptions=passing).until(lambda _: done())


def test_choosing_and_correcting(store: Store, queue: LabelQueue, browser: Any) -> None:
    first, second, third = queue.add([question(0, "甲的回答", "乙的回答"), question(1), question(2, "一", "二", "三")])
    with serving(LabelService(store, queue, LabelConfig(language="zh")).app()) as client:
        sign_in(browser, client, "小王")
        assert "问题 0" in find(browser, ".talk").text
        assert "policy" not in browser.page_source
        assert find(browser, "#submit").get_attribute("disabled")
        card(browser, "甲的回答").find_element("css selector", ".choose").click()
        card(browser, "乙的回答").find_element("css selector", ".correct").click()
        area = find(browser, "textarea")
        assert area.get_attribute("value") == "乙的回答"
        area.send_keys(",改过了")
        find(browser, "#submit").click()
        wait_for(browser, lambda: "问题 1" in find(browser, ".talk").text)
        press(browser, "s")
        wait_for(browser, lambda: "问题 2" in find(browser, ".talk").text)
        press(browser, "0")
        press(browser, "\n")
        wait_for(browser, lambda: find(browser, ".done"))
        find(browser, "#again").click()
        wait_for(browser, lambda: "问题 1" in find(browser, ".talk").text)
        press(browser, "2")
        chosen = find(browser, ".answer.chosen").get_attribute("data-position")
        press(browser, "\n")
        wait_for(browser, lambda: find(browser, ".done"))
        complaints = [entry["message"] for entry in browser.get_log("browser") if "favicon" not in entry["message"]]
    assert complaints == []
    said = {one.impression.id: one.events for one in queue.interactions()}
    texts = [candidate.text for candidate in first.candidates]
    better, worse = texts.index("甲的回答"), texts.index("乙的回答")
    ranking, correction = said[first.id]
    assert (ranking.order, ranking.user_id) == ((better, worse), "小王")  # type: ignore[union-attr]
    assert (correction.position, correction.text) == (worse, "乙的回答,改过了")  # type: ignore[union-attr]
    assert said[second.id][0].order[0] == int(chosen)  # type: ignore[union-attr]
    assert [event.score for event in said[third.id]] == [0.5, 0.5, 0.5]  # type: ignore[union-attr]


def test_ranking_and_scoring_of_hostile_texts(store: Store, queue: LabelQueue, browser: Any) -> None:
    (task,) = queue.add([question(0, *PAYLOADS[:3])])
    config = LabelConfig(ask=("rank", "score"), parts=("", "fluency"))
    with serving(LabelService(store, queue, config).app()) as client:
        sign_in(browser, client, "ann", "en")
        order = []
        for payload in reversed(PAYLOADS[:3]):
            answer = card(browser, payload)
            order.append(int(answer.get_attribute("data-position")))
            answer.find_element("css selector", ".rank").click()
        steps = card(browser, PAYLOADS[0]).find_element("css selector", "[data-part=fluency] .steps")
        steps.find_elements("css selector", "button")[3].click()
        assert browser.execute_script("return document.querySelectorAll('article :is(img, script, svg)').length") == 0
        store_gone = queue.events
        queue.events = lambda verdict: 1 / 0  # type: ignore[method-assign, assignment, return-value]
        find(browser, "#submit").click()
        wait_for(browser, lambda: "failed" in find(browser, ".error").text)
        queue.events = store_gone  # type: ignore[method-assign]
        find(browser, "#submit").click()
        wait_for(browser, lambda: find(browser, ".done"))
    ranking, rating = queue.interactions()[0].events
    assert ranking.order == tuple(order)  # type: ignore[union-attr]
    texts = [candidate.text for candidate in task.candidates]
    assert (rating.position, rating.part, rating.score) == (texts.index(PAYLOADS[0]), "fluency", 0.75)  # type: ignore[union-attr]
