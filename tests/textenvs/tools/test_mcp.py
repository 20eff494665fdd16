"""The tools of a real MCP server, over pipes and over HTTP: what it says, and what it does wrong."""

from __future__ import annotations

import copy
import json
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra textenvs[mcp] is not installed")

from textenvs.envs.toolcall.env import ToolCall as ToolCallEnv
from textenvs.errors import ConfigError
from textenvs.messages import ToolCall
from textenvs.tools import Failure, Toolbox, ToolResult
from textenvs.tools.mcp import _harmless, close_mcp_servers, mcp_tools  # pyright: ignore[reportPrivateUsage]

PROGRAM = Path(__file__).with_name("mcp_server.py")
COMMAND = f"{sys.executable} {PROGRAM}"
LIMIT = 0.5


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_mcp_servers()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mcp ")]


@contextmanager
def served(port: int, *flags: str) -> Iterator[None]:
    """Run the server over HTTP."""
    process = subprocess.Popen([sys.executable, str(PROGRAM), str(port), *flags], stderr=subprocess.DEVNULL)
    try:
        while True:
            assert process.poll() is None
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def over_pipes() -> Toolbox:
    return Toolbox(mcp_tools(COMMAND, timeout_s=LIMIT))


@pytest.fixture(scope="module")
def patient() -> Iterator[Toolbox]:
    """The same, with a longer limit and one variable of two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_SECRET", "s3cret")
        patch.setenv("OTHER_SECRET", "other")
        yield Toolbox(mcp_tools(COMMAND, variables=("SHOP_SECRET",)))


@pytest.fixture(scope="module", params=["pipes", "events", "json"])
def box(request: pytest.FixtureRequest, over_pipes: Toolbox) -> Iterator[Toolbox]:
    """The server's tools: over pipes, or over HTTP with streams of events or with plain JSON."""
    if request.param == "pipes":
        yield over_pipes
        return
    port = free_port()
    with served(port, request.param):
        yield Toolbox(mcp_tools(f"http://127.0.0.1:{port}/mcp", timeout_s=LIMIT))


def run(box: Toolbox, tool: str, **arguments: Any) -> ToolResult:
    return box.run(ToolCall(tool, arguments, "1"))


def test_results_and_failures(box: Toolbox) -> None:
    assert json.loads(run(box, "weather", city="Rome").content) == {"city": "Rome", "day": "today", "degrees": 12}
    assert json.loads(run(box, "greet", name="Anna").content) == "Hello, Anna."
    assert json.loads(run(box, "draw").content) == "[image]"
    assert len(run(box, "flood", characters=100_000).content) < 21_000
    for tool, arguments, failure, words in (
        ("weather", {}, Failure.INVALID_ARGUMENTS, "'city' is a required property"),
        ("weather", {"city": 3}, Failure.INVALID_ARGUMENTS, "argument city"),
        ("refuse", {}, Failure.RAISED, "not today"),
        ("wether", {}, Failure.UNKNOWN_TOOL, "did you mean weather"),
        ("hang", {"seconds": 1}, Failure.TIMED_OUT, "within 0.5 s"),
    ):
        result = run(box, tool, **arguments)
        assert result.failure is failure
        assert words in result.content
    assert run(box, "weather", city="Rome").failure is Failure.NONE


def test_the_schema_is_shown_without_patterns(over_pipes: Toolbox) -> None:
    shown = next(json.loads(text)["function"] for text in over_pipes.schemas if '"greet"' in text)
    assert shown["description"] == "Say hello."
    assert shown["parameters"]["properties"]["name"]["description"] == "of a person"
    started = time.monotonic()
    assert run(over_pipes, "greet", name="a" * 40 + "!").failure is Failure.RAISED  # the server says so, and stays
    assert time.monotonic() - started < 5


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema = {"properties": {"pattern": {"type": "string", "pattern": "x"}}, "default": {"pattern": 1}}
    assert _harmless(schema) == {"properties": {"pattern": {"type": "string"}}, "default": {"pattern": 1}}
    with pytest.raises(ConfigError, match="refers to"):
        _harmless({"anyOf": [{"$ref": "https://example.org/x.json"}]})


def test_a_slow_call_does_not_stop_the_others(patient: Toolbox) -> None:
    slow = threading.Thread(target=run, args=(patient, "hang"), kwargs={"seconds": 1.5})
    slow.start()
    assert not run(patient, "weather", city="Rome").failure
    assert slow.is_alive()
    slow.join()


def test_only_named_variables_reach_a_server(patient: Toolbox) -> None:
    assert run(patient, "variable", name="SHOP_SECRET").content == '"s3cret"'
    assert run(patient, "variable", name="OTHER_SECRET").content == '"none"'
    assert not any("s3cret" in repr(tool) for tool in patient.tools.values())
    with pytest.raises(ConfigError, match="NO_SUCH is not set"):
        mcp_tools(COMMAND, variables=("NO_SUCH",))


def test_a_server_that_dies_is_started_again(patient: Toolbox) -> None:
    assert [run(patient, "count").content for _ in range(2)] == ['{"result": 1}', '{"result": 2}']
    assert run(patient, "die").failure is Failure.RAISED
    assert run(patient, "count").content == '{"result": 1}'


def test_an_http_server_that_goes_and_comes_back() -> None:
    port = free_port()
    with served(port):
        box = Toolbox(mcp_tools(f"http://127.0.0.1:{port}/mcp"))
        assert not run(box, "count").failure
    assert run(box, "count").failure is Failure.RAISED
    assert run(box, "count").failure is Failure.RAISED
    with served(port):
        results = [run(box, "count") for _ in range(2)]
    assert not results[-1].failure


def test_a_server_that_hangs_is_ended_and_started_again() -> None:
    box = Toolbox(mcp_tools(COMMAND, timeout_s=0.4))
    assert run(box, "count").content == '{"result": 1}'
    for _ in range(2):
        assert run(box, "hang", seconds=30).failure is Failure.TIMED_OUT
    assert run(box, "count").content == '{"result": 1}'  # a new server


def test_tools_can_be_copied_and_pickled(over_pipes: Toolbox) -> None:
    again = Toolbox(pickle.loads(pickle.dumps(copy.deepcopy(tuple(over_pipes.tools.values())))))  # noqa: S301
    assert again.schemas == over_pipes.schemas
    assert not run(again, "weather", city="Rome").failure


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("", "is a command line"),
        ("'", "no command line"),
        ("no-such-program --x", "no-such-program"),
        (f"{sys.executable} -c pass", "run it by itself"),
        ("http://127.0.0.1:9/mcp", "cannot be reached"),
    ],
)
def test_a_server_that_is_none_is_a_clear_error(server: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        mcp_tools(server)


def test_a_program_that_says_nothing_is_given_up() -> None:
    with pytest.raises(ConfigError, match=r"did not open within 0\.3 s"):
        mcp_tools(f"{sys.executable} -c 'import sys; sys.stdin.read()'", open_timeout_s=0.3)


def test_an_environment_whose_tools_are_a_servers(tmp_path: Path) -> None:
    row = {
        "messages": [{"role": "user", "content": "How warm is Rome?"}],
        "calls": [{"name": "weather", "arguments": {"city": "Rome"}}],
        "facts": ["12"],
        "answer": "12 degrees.",
        "split": "train",
    }
    path = tmp_path / "my.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    env = ToolCallEnv(tools=f"mcp:{COMMAND}", tasks=path)
    env.reset(seed=1)
    observation, *_ = env.step(env.oracle_action())
    assert json.loads(observation["history"][-1]["content"])["degrees"] == 12
    frozen = pickle.loads(pickle.dumps(env.snapshot()))  # noqa: S301
    env.restore(frozen)
    assert env.step("12 degrees.")[4]["success"] == 1.0


def test_no_server_outlives_its_process() -> None:
    code = (
        "from textenvs.tools.mcp import mcp_tools; from textenvs.tools import Toolbox;"
        "from textenvs.messages import ToolCall;"
        f"box = Toolbox(mcp_tools({COMMAND!r}, timeout_s=0.3));"
        "box.run(ToolCall('hang', {'seconds': 30.0})); box.run(ToolCall('hang', {'seconds': 30.0}))"
    )
    # The server inherits the error output's pipe through nothing but this process: it ends when both have ended.
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    running = subprocess.run(["ps", "-eo", "ppid,args"], check=True, capture_output=True, text=True).stdout
    assert not [line for line in running.splitlines() if line.split()[0] == "1" and str(PROGRAM) in line]
