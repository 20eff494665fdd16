"""The collector over real sockets: what it acknowledges is stored, what it refuses it explains and counts."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest

from agents.feedback import database, hosting
from agents.feedback.gate import MOST_CLIENTS, RateLimit
from agents.feedback.openapi import describe
from agents.feedback.page import POLICY, render_page
from agents.feedback.refusals import STATUS, Reason
from agents.feedback.service import Collector, ServiceConfig, serve
from agents.feedback.statistics import statistics
from agents.feedback.store import Store
from tests.agents.feedback.records import EXTRAS, NOW, event, shown
from tests.agents.feedback.servers import serving
from tests.agents.report.payloads import FEW as PAYLOADS
from tests.agents.report.test_report import Page
from tests.conftest import ROOT
from textenvs.errors import ConfigError, StoreUnavailableError

TOKEN = "0123456789abcdef"  # noqa: S105
JSON = {"Content-Type": "application/json"}


@contextlib.contextmanager
def running(store: Store, config: ServiceConfig | None = None) -> Iterator[httpx2.Client]:
    """Serve a store on a free port; yield a client of it."""
    with serving(Collector(store, config or ServiceConfig()).app()) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "f.db")
    yield opened
    opened.close()


def send(client: httpx2.Client, path: str, body: Any) -> httpx2.Response:
    return client.post(path, content=body if isinstance(body, bytes) else json.dumps(body).encode(), headers=JSON)


def plain(record: Any) -> dict[str, Any]:
    return json.loads(record.model_dump_json())


def test_what_is_acknowledged_is_stored(store: Store) -> None:
    with running(store) as client:
        first = send(client, "/v1/impressions", plain(shown()))
        assert (first.status_code, first.json()) == (200, {"id": "i0", "status": "stored"})
        for kind in EXTRAS:
            assert send(client, "/v1/events", plain(event(kind, f"e-{kind}"))).json()["status"] == "stored"
        assert send(client, "/v1/events", plain(event("click", "e-click"))).json()["status"] == "duplicate"
        kept = {stored.record.id for stored in store.events()}
    assert kept == {f"e-{kind}" for kind in EXTRAS}


def test_in_an_array_the_bad_are_refused_and_the_rest_goes_on(store: Store) -> None:
    with running(store) as client:
        send(client, "/v1/impressions", [plain(shown())])
        rows = [plain(event("click", "a")), {"kind": "click"}, 7, plain(event("click", "b", of="none"))]
        answer = send(client, "/v1/events", [*rows, plain(event("thumb", "c")), plain(event("abandon", "d"))])
        figures = client.get("/v1/statistics").json()
    assert answer.status_code == 200
    found = [(entry["id"], entry.get("reason", entry["status"])) for entry in answer.json()["results"]]
    expected = ["stored", "malformed", "malformed", "unknown_impression", "stored", "stored"]
    assert found == list(zip(("a", None, None, "b", "c", "d"), expected, strict=True))
    assert figures["refused"] == {"malformed": 2, "unknown_impression": 1}
    assert figures["events"] == {"abandon": 1, "click": 1, "thumb": 1}


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (b"\xff\xfe{}", "not_utf8", "byte 0"),
        (b'{"id": "\xe4\xbd"}', "not_utf8", "byte 8"),
        (b"", "not_json", ""),
        (b"{", "not_json", "line 1"),
        (b"7", "not_json", "object"),
        (b'{"time": NaN}', "not_json", ""),
        (b'{"id": "\\ud800"}', "not_json", "escape"),
        (deep(100_000), "not_json", "recursion"),
        (b'"' + b"x" * 1_000_000 + b'"', "too_large", "262144 bytes"),
        (json.dumps([{}] * 501).encode(), "too_large", "501 records"),
        (b"{}", "malformed", "kind: "),
        (b'{"kind": "click", "id": 1}', "malformed", "id: "),
        (b'{"kind": "click", "time": 1' + b"0" * 5000 + b"}", "not_json", "number"),
        (b'{"kind": "click", "id": "a", "impression_id": "i", "time": 1e400}', "malformed", "time: "),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(store: Store, body: bytes, reason: str, words: str) -> None:
    with running(store) as client:
        answer = send(client, "/v1/events", body)
        assert answer.status_code == STATUS[Reason(reason)]
        assert answer.json()["reason"] == reason
        assert words in answer.json()["detail"]
        assert "Traceback" not in answer.text
        assert client.get("/v1/statistics").json()["refused"] == {reason: 1}
    assert store.last_seq() == 0


def test_a_body_of_unknown_length_is_cut_off(store: Store) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    with running(store) as client:
        answer = client.post("/v1/events", content=endless(), headers=JSON)
    assert answer.status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting, "READING_S", 0.2)
    over = threading.Event()

    def stalled() -> Iterator[bytes]:
        yield b"{"
        over.wait(20)
        yield b"}"

    with running(store) as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, "/v1/events", content=stalled(), headers=JSON)
        wait_until(lambda: statistics(store).refused == {"too_slow": 1})
        over.set()
        assert answer.result().json()["reason"] == "too_slow"


def test_forms_of_other_pages_and_other_names_are_not_let_in(store: Store) -> None:
    with running(store) as client:
        assert client.post("/v1/events", data={"a": "b"}).status_code == 415
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 401
        assert client.get("/", headers={"Host": "[::1"}).status_code == 401
        assert client.get("/", headers={"Host": "localhost:80"}).status_code == 200
        assert client.get("/v1/nothing").status_code == 404
        assert client.get("/v1/events").status_code == 405


def test_a_token_is_asked_for(store: Store) -> None:
    with running(store, ServiceConfig(token=TOKEN)) as client:

        def status(scheme: str, word: str, path: str = "/v1/statistics") -> int:
            return client.get(path, headers={"Authorization": f"{scheme} {word}", "Host": "any.example"}).status_code

        assert status("Bearer", TOKEN) == status("bearer", TOKEN) == 200
        assert status("Basic", base64.b64encode(f"me:{TOKEN}".encode()).decode(), "/") == 200
        assert status("Bearer", TOKEN[:-1]) == status("Bearer", "x") == status("Token", TOKEN) == 401
        assert status("Basic", "!!") == status("Basic", base64.b64encode(b"\xff").decode()) == 401
        assert client.get("/").headers["WWW-Authenticate"].startswith("Basic")
        assert send(client, "/v1/events", {}).status_code == 401
        assert client.get("/health").status_code == 200
        assert TOKEN not in repr(ServiceConfig(token=TOKEN))


def test_another_address_needs_a_token(store: Store) -> None:
    with pytest.raises(ConfigError, match="token"):
        serve(store, ServiceConfig(), "0.0.0.0", 0)  # noqa: S104
    with pytest.raises(ConfigError, match="16 characters"):
        ServiceConfig(token="short")  # noqa: S106
    with pytest.raises(ConfigError, match="burst"):
        ServiceConfig(burst=0)


def test_where_nobody_can_listen_is_said(store: Store) -> None:
    words = r"in use.*choose another --port"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match=words):
        serve(store, ServiceConfig(), "127.0.0.1", taken.getsockname()[1])
    with pytest.raises(ConfigError, match=r"--port 99999: .* 1 to 65535"):
        serve(store, ServiceConfig(), "127.0.0.1", 99999)


def test_the_rate_is_limited_client_by_client() -> None:
    now = 0.0
    limit = RateLimit(per_s=2, burst=3, clock=lambda: now)
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait("b") == 0
    now = 0.5
    assert [limit.wait("a"), limit.wait("a")] == [0, 0.5]
    now = 1000.0
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    for client in range(MOST_CLIENTS + 10):
        limit.wait(str(client))
    assert len(limit._buckets) == MOST_CLIENTS


def test_who_is_too_fast_is_told_when_to_come_again(store: Store) -> None:
    with running(store, ServiceConfig(requests_per_s=1, burst=2)) as client:
        answers = [client.get("/health") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "1"


def test_a_store_that_cannot_write_is_said_and_the_same_event_taken_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.2)
    store = Store(tmp_path / "f.db")
    with running(store) as client:
        send(client, "/v1/impressions", plain(shown()))
        blocker = sqlite3.connect(tmp_path / "f.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        refused = send(client, "/v1/events", plain(event("click")))
        assert (refused.status_code, refused.json()["reason"]) == (503, "unavailable")
        assert refused.headers["Retry-After"] == "1"
        assert "locked" in refused.json()["detail"]
        blocker.execute("ROLLBACK")
        blocker.close()
        assert send(client, "/v1/events", plain(event("click"))).json()["status"] == "stored"
        assert client.get("/v1/statistics").json()["refused"] == {"unavailable": 1}
    store.close()


def test_requests_that_come_together_share_a_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    append = Store.append

    def slow(self: Store, records: Any) -> Any:
        calls.append(len(records))
        time.sleep(0.05)
        return append(self, records)

    store.append([shown()])
    monkeypatch.setattr(Store, "append", slow)
    sent = [plain(event("click", f"e{n}", of="i0" if n % 3 else "nowhere")) for n in range(40)]
    with running(store) as client, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda record: send(client, "/v1/events", record).json(), sent))
    assert [answer["id"] for answer in answers] == [record["id"] for record in sent]
    assert [answer["status"] for answer in answers] == ["stored" if n % 3 else "refused" for n in range(40)]
    assert sum(calls) == 40
    assert len(calls) < 20


def test_a_fault_of_ours_shows_no_traceback(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(Store, "append", broken)
    monkeypatch.setattr("agents.feedback.writer._LOG.disabled", True)
    with running(store) as client:
        answer = send(client, "/v1/impressions", plain(shown()))
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert client.get("/health").status_code == 200  # the writer lives on


def page_of(store: Store) -> tuple[str, Page]:
    html = render_page(statistics(store), NOW)
    parsed = Page()
    parsed.feed(html)
    parsed.close()
    assert parsed.open == []
    return html, parsed


def test_the_page_shows_volume_rates_and_corrections(store: Store) -> None:
    store.append([shown(), shown("i1"), shown("i2", version="v2"), event("thumb", "t"), event("correction", "c")])
    with running(store) as client:
        answer = client.get("/")
    text = " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())
    assert "3 impressions 2 events 0 refused" in text
    assert "v1 2 50.0 % 1 50.0 % 1" in text
    assert "v2 1 – –" in text
    assert "Events per hour" in text
    assert "Said a Corrected 北京明天的天气怎么样?" in text
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_the_pages_policy_allows_its_style_and_no_script(store: Store) -> None:
    html, page = page_of(store)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in POLICY
    assert "script" not in page.tags
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import|https?://""", html)
    assert not {name for name, _ in page.attributes if name.startswith("on") or name == "style"}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_on_the_page_is_text(tmp_path: Path, payload: str) -> None:
    pages: list[Page] = []
    for number, text in enumerate(("harmless", payload)):
        store = Store(tmp_path / f"{number}.db")
        store.append([shown(answers=(text,)), event("correction", text=text, position=0)])
        html, page = page_of(store)
        pages.append(page)
        store.close()
    assert pages[0].tags == pages[1].tags
    assert [name for name, _ in pages[0].attributes] == [name for name, _ in pages[1].attributes]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", html)


def test_the_description_fits_what_is_taken() -> None:
    document = describe(token=True)
    assert document["security"]
    post = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    checker = jsonschema.Draft202012Validator({**post, "components": document["components"]})
    for kind in EXTRAS:
        checker.validate(plain(event(kind)))
    checker.validate([plain(event("click"))])
    for wrong in ({}, {"kind": "click"}, {**plain(event("click")), "position": -1}, {**plain(event("click")), "x": 1}):
        assert not checker.is_valid(wrong)
    impressions = document["paths"]["/v1/impressions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    checker = jsonschema.Draft202012Validator({**impressions, "components": document["components"]})
    checker.validate(plain(shown()))
    assert not checker.is_valid({**plain(shown()), "candidates": []})
    assert {int(status) for status in document["paths"]["/v1/events"]["post"]["responses"]} == {200, *STATUS.values()}


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = str(tmp_path / "f.db")
    command = [sys.executable, "-m", "agents.cli", "feedback", "serve", "--store", where, "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)

    def listens() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens)
    acknowledged: list[str] = []

    def flood(number: int) -> None:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client, contextlib.suppress(httpx2.TransportError):
            for n in range(10_000):
                answer = send(client, "/v1/events", plain(event("click", f"e{number}-{n}")))
                assert answer.json()["status"] == "stored"
                acknowledged.append(answer.json()["id"])

    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert send(client, "/v1/impressions", plain(shown())).status_code == 200
    with ThreadPoolExecutor(8) as pool:
        floods = [pool.submit(flood, number) for number in range(8)]
        wait_until(lambda: len(acknowledged) >= 100)
        server.send_signal(signal.SIGKILL)
        server.wait(30)
        for each in floods:
            each.result()
    store = Store(where)
    kept = [stored.record.id for stored in store.events()]
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept)) <= len(acknowledged) + 8  # one on its way in each connection
    store.close()


def test_too_many_that_wait_are_turned_away(store: Store) -> None:
    from agents.feedback.writer import GroupWriter

    writer = GroupWriter(store, capacity=2)
    waiting = [writer.submit([shown(f"i{n}")]) for n in range(2)]
    with pytest.raises(StoreUnavailableError, match="try again"):
        writer.submit([shown("i2")])
    writer._jobs.maxsize = 3  # room for the word to stop
    writer.start()
    writer.stop()
    assert [future.result() for future in waiting] == [["stored"], ["stored"]]
