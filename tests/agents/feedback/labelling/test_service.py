"""The labelling service over real sockets: blind, safe, and durable before it says so."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import pytest

from agents.feedback.labelling.page import POLICY, render_page
from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.service import LabelConfig, LabelService, serve_labels
from agents.feedback.labelling.words import WORDS
from agents.feedback.statistics import statistics
from agents.feedback.store import Store
from tests.agents.feedback.labelling.conftest import question
from tests.agents.feedback.servers import serving
from tests.agents.report.payloads import FEW as PAYLOADS
from tests.agents.report.test_report import Page
from textenvs.errors import ConfigError

TOKEN = "0123456789abcdef"  # noqa: S105


def send(client: httpx2.Client, body: Any, kind: str = "application/json") -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/v1/labels", content=content, headers={"Content-Type": kind})


def test_a_task_is_judged_blind(store: Store, queue: LabelQueue) -> None:
    (task,) = queue.add([question(0, "好", *PAYLOADS)], most=10)
    with serving(LabelService(store, queue, LabelConfig()).app()) as client:
        answer = client.get("/v1/task", params={"annotator": "小王"})
        shown = answer.json()
        assert shown["progress"] == {"tasks": 1, "finished": 0, "mine": 0}
        assert "policy" not in answer.text
        assert {one["text"]: one["position"] for one in shown["task"]["answers"]} == {
            candidate.text: place for place, candidate in enumerate(task.candidates)
        }
        assert any("⟨U+202E⟩" in one["shown"] for one in shown["task"]["answers"])
        verdict = {"impression_id": task.id, "annotator": "小王", "best": 1}
        assert send(client, verdict).json() == {"status": "stored"}
        assert len(list(store.events())) == len(PAYLOADS)
        again = send(client, verdict)
        assert (again.status_code, again.json()["reason"]) == (409, "conflict")
        assert client.get("/v1/task", params={"annotator": "小王"}).json()["task"] is None
        skipped = client.get("/v1/task", params={"annotator": "b", "skip": [task.id]}).json()
        assert skipped["task"] is None
        send(client, {"impression_id": task.id, "annotator": "b", "best": 1})
        (found,) = client.get("/v1/agreement").json()["agreement"]
        assert (found["name"], found["units"], found["alpha"]["estimate"]) == ("preference", len(PAYLOADS), 1.0)
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"{", "application/json", 400, "JSON"),
        (b"\xff", "application/json", 400, "UTF-8"),
        (b"[]", "application/json", 422, "empty"),
        (b"{}", "text/plain", 415, "Content-Type"),
        (b'"' + b"x" * 300_000 + b'"', "application/json", 413, "bytes"),
        ({"impression_id": "i", "annotator": "x"}, "application/json", 422, "says nothing"),
        ({"impression_id": "i", "annotator": "a b", "best": 0}, "application/json", 422, "annotator"),
        ({"impression_id": "i", "annotator": "x", "best": 0}, "application/json", 404, "'i'"),
    ],
)
def test_what_is_refused_is_explained_and_counted(
    store: Store, queue: LabelQueue, body: Any, kind: str, status: int, words: str
) -> None:
    with serving(LabelService(store, queue, LabelConfig()).app()) as client:
        answer = send(client, body, kind)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert statistics(store).refused == {answer.json()["reason"]: 1}


def test_who_may_ask(store: Store, queue: LabelQueue) -> None:
    with serving(LabelService(store, queue, LabelConfig()).app()) as client:
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 401
        assert client.get("/v1/task").status_code == 422
        assert client.get("/v1/labels").status_code == 405
    with serving(LabelService(store, queue, LabelConfig(token=TOKEN)).app()) as client:
        assert client.get("/").status_code == 401
        assert client.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    with pytest.raises(ConfigError, match="token"):
        serve_labels(store, queue, LabelConfig(), "0.0.0.0", 0)  # noqa: S104
    assert TOKEN not in repr(LabelConfig(token=TOKEN))


@pytest.mark.parametrize("wrong", [{"ask": ()}, {"ask": ("choose", "rank")}, {"language": "fr"}, {"token": "short"}])
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        LabelConfig(**wrong)


@pytest.mark.parametrize("language", list(WORDS))
def test_the_page_is_whole_and_runs_nothing_but_its_own(store: Store, queue: LabelQueue, language: str) -> None:
    with serving(LabelService(store, queue, LabelConfig(language="zh", parts=PAYLOADS)).app()) as client:
        answer = client.get("/", params={"lang": language})
        assert WORDS["zh"]["title"] in client.get("/", params={"lang": "<script>"}).text
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    page = Page()
    page.feed(answer.text)
    assert not page.open
    assert page.tags.count("script") == 1
    assert not any(name.startswith("on") or (value or "").startswith("http") for name, value in page.attributes)
    (setup,) = (json.loads(value or "") for name, value in page.attributes if name == "data-setup")
    assert setup["words"] == WORDS[language]
    assert len(setup["parts"]) == len(PAYLOADS)


def test_the_words_are_the_same_in_every_language() -> None:
    script = re.findall(r"words\.(\w+)", render_page("en", {}))
    for words in WORDS.values():
        assert words.keys() == WORDS["en"].keys()
        assert set(script) <= words.keys()
        assert all(words.values())
    for name, said in WORDS["en"].items():
        fields = set(re.findall(r"\{\w+\}", said))
        assert all(set(re.findall(r"\{\w+\}", words[name])) == fields for words in WORDS.values())
