"""The viewer: it lists runs, shows each as it is now, and gives away nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from agents.cli import main
from agents.view.runs import find_runs, overview, version
from agents.view.service import Viewer
from tests.agents.feedback.servers import serving
from tests.agents.report.payloads import PAYLOADS
from tests.agents.report.runs import sampled, write_lines, write_run
from textenvs.errors import ConfigError, UsageError

TOKEN = "a-token-of-enough-characters"  # noqa: S105
SECRET = "nobody may read this"  # noqa: S105

ELSEWHERE = (
    "../secret.json",
    "..%2fsecret.json",
    "%2e%2e/secret.json",
    "%2e%2e%2fsecret.json",
    "..%252fsecret.json",
    "..\\secret.json",
    "....//secret.json",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "one/../../secret.json",
    "one/config.json",
    "one/..",
    "one%00",
    "escape",
    ".",
    "",
)
"""What is no run."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two runs, one of them in a folder of its own, beside what is none of the viewer's business."""
    folder = tmp_path / "runs"
    (folder / "sweep").mkdir(parents=True)
    write_run(folder / "one")
    write_run(folder / "sweep" / "two")
    (folder / "one" / "checkpoint").mkdir()
    (folder / "one" / "checkpoint" / "config.json").write_text("{}")
    outside = tmp_path / "outside"
    write_run(outside, said=SECRET)
    (folder / "escape").symlink_to(outside)
    (tmp_path / "secret.json").write_text(SECRET)
    return folder


def test_runs_are_found_where_they_are_and_nowhere_else(root: Path) -> None:
    assert list(find_runs(root)) == ["one", "sweep/two"]
    assert list(find_runs(root / "one")) == ["one"]
    with pytest.raises(UsageError, match="no folder"):
        find_runs(root / "nothing")


def test_the_list_says_how_far_each_run_is(root: Path) -> None:
    (root / "one" / "evaluation.json").unlink()
    found = overview("one", root / "one")
    assert (found.environment, found.updates, found.success, found.finished) == ("hello", 5, 0.4, False)
    assert found.warnings == ("hello 1",)
    (root / "sweep" / "two" / "metrics.jsonl").write_text("nonsense\n")
    with serving(Viewer(root).app()) as client:
        page = client.get("/").text
    assert '<a href="/run/one">one</a>' in page
    assert "hello 1" in page
    assert "not valid JSON" in page
    assert SECRET not in page


def test_a_run_is_shown_as_it_is_now(root: Path) -> None:
    with serving(Viewer(root).app()) as client:
        before = client.get("/run/one?version").json()["version"]
        page = client.get("/run/one")
        assert f'data-version="{before}"' in page.text
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert client.get("/run/sweep/two").status_code == 200
        with (root / "one" / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"update": 5, "episodes": 40.0, "brand new": 1.0}) + "\n")
        assert client.get("/run/one?version").json()["version"] == version(root / "one") != before
        assert "brand new" in client.get("/run/one").text


@pytest.mark.parametrize("token", [None, TOKEN])
def test_nothing_but_runs_is_served(root: Path, token: str | None) -> None:
    with serving(Viewer(root, token).app()) as client:
        for path in ELSEWHERE:
            answer = client.get(f"/run/{path}", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in (307, 404), path  # 307: without the slash at the end, which is nothing either
            assert SECRET not in answer.text
            assert "root:x:" not in answer.text


def test_off_the_loopback_address_a_token_is_needed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(root), "--host", "0.0.0.0"]) == 2  # noqa: S104
    assert "token" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="16 characters"):
        Viewer(root, "short")
    with serving(Viewer(root, TOKEN).app()) as client:
        for path in ("/", "/run/one", "/run/one?version"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"Authorization": "Bearer wrong-token-of-some-length"}).status_code == 401
            assert client.get(path, auth=("anyone", TOKEN)).status_code == 200


def test_without_a_token_another_name_for_this_machine_is_refused(root: Path) -> None:
    with serving(Viewer(root).app()) as client:
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 401


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(tmp_path / "nothing")]) == 2
    assert "no folder" in capsys.readouterr().err


def test_a_damaged_run_is_explained_without_a_traceback(root: Path) -> None:
    (root / "one" / "metrics.jsonl").write_text("nonsense\n")
    with serving(Viewer(root).app()) as client:
        answer = client.get("/run/one")
    assert answer.status_code == 500
    assert "line 1" in answer.text
    assert '<a href="/">' in answer.text
    assert "script" not in answer.text + answer.headers["content-security-policy"]


def test_what_is_not_there_yet_is_said(tmp_path: Path) -> None:
    with serving(Viewer(tmp_path).app()) as client:
        assert f"--out {tmp_path}/first" in client.get("/").text
        (tmp_path / "begun").mkdir()
        (tmp_path / "begun" / "config.json").write_text("{}")
        assert "Nothing has been measured yet" in client.get("/run/begun").text
        gone = client.get("/run/gone")
    assert gone.status_code == 404
    assert '<a href="/">' in gone.text


# In the browser


def wait_for(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_open_page_follows_the_run(browser: Any, root: Path) -> None:
    folder = root / "one"
    browser.get_log("browser")
    with serving(Viewer(root).app()) as client:
        browser.get(f"{client.base_url}")
        browser.find_element("link text", "one").click()
        one = lambda selector: browser.find_element("css selector", selector)  # noqa: E731
        assert one("#update-name").text == "update 0"
        one("[data-quantity=entropy]").click()
        one("#curves details").click()
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"update": 5, "episodes": 40.0, "success": 0.9, "brand new": 1.0}) + "\n")
        more = [{"update": u, "episodes": [sampled(f"at {u}")]} for u in range(6)]
        write_lines(folder / "samples.jsonl", more)
        wait_for(lambda: one("#update-name").text == "update 5")
        wait_for(lambda: "brand new" in one("#curves").text)
        assert "at 5" in one("#sample-list").text
        assert one("[data-quantity=entropy]").get_attribute("aria-pressed") == "true", "what was chosen stays"
        assert one("#curves details").get_attribute("open"), "what was unfolded stays"
        assert one("#live").text == "live"
        write_lines(folder / "health.jsonl", [])
        wait_for(lambda: not browser.find_elements("css selector", "#health"))
    assert [entry for entry in browser.get_log("browser") if "favicon" not in entry["message"]] == []


def test_no_payload_gets_through_a_renewal(browser: Any, root: Path) -> None:
    everything = "\n".join(PAYLOADS)
    with serving(Viewer(root).app()) as client:
        browser.get(f"{client.base_url}/run/one")
        write_run(root / "one", said=everything, updates=6)
        wait_for(lambda: "evil.example" in browser.find_element("css selector", "#sample-list").text)
        strange = browser.find_elements("css selector", "img, iframe, object, embed, base, form, link, main style")
        assert strange == []
        browser.get(f"{client.base_url}")
        assert "evil.example" in browser.find_element("css selector", "main").text
