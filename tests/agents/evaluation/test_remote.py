"""Evaluating a chat model behind a real endpoint: paired, concurrent, and missing where the endpoint fails."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("httpx2", reason="the extra textenvs[judge] is not installed")
pytest.importorskip("tenacity", reason="the extra textenvs[judge] is not installed")

from agents.cli.main import main
from agents.evaluation import evaluate
from agents.policies.remote import RemotePolicy
from tests.agents.evaluation.conftest import ECHO
from tests.textenvs.chat_client.server import ChatServer, chat_server, says
from textenvs.chat_client import Endpoint, close_clients
from textenvs.errors import EndpointError


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(lambda body: says("red")) as running:
        yield running
        close_clients()


def policy(server: ChatServer, **settings: Any) -> RemotePolicy:
    return RemotePolicy(Endpoint(server.url, "m", retries=0, **settings))


def test_evaluation_plays_many_at_a_time_and_pairs_with_others(server: ChatServer) -> None:
    server.answer = lambda _: [time.sleep(0.01), says("red")][1]  # type: ignore[return-value]
    result = evaluate(policy(server, concurrency=4), ECHO, episodes=12, max_new_tokens=9, seed=3)
    scripted = evaluate(lambda _: "red", ECHO, episodes=12)
    assert result.items == scripted.items
    assert [e.success for e in result.episodes] == [e.success for e in scripted.episodes]
    assert [e.actions for e in result.episodes] == [e.actions for e in scripted.episodes]
    asked = server.requests[1:]  # the first one is the check
    assert {(body["temperature"], body["max_tokens"], body["seed"]) for body in asked} == {(0.0, 9, 3)}
    assert server.most_at_once > 1


def test_samples_have_seeds_of_their_own(server: ChatServer) -> None:
    evaluate(policy(server), ECHO, episodes=1, samples=3, deterministic=False, temperature=0.7, seed=5)
    assert {(body["temperature"], body["seed"]) for body in server.requests[1:]} == {(0.7, 5), (0.7, 6), (0.7, 7)}


def test_an_endpoint_that_is_down_shows_before_the_first_episode() -> None:
    down = RemotePolicy(Endpoint("http://127.0.0.1:9/v1", "m"))
    with pytest.raises(EndpointError, match="cannot be reached"):
        evaluate(down, ECHO, episodes=2)
    close_clients()


def test_an_episode_that_the_endpoint_spoils_is_missing_and_no_failure(server: ChatServer) -> None:
    def sometimes(body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        return (400, {}, "no") if len(server.requests) == 2 else says("red")

    server.answer = sometimes
    result = evaluate(policy(server, concurrency=1), ECHO, episodes=4)
    spoiled, *rest = result.episodes
    assert (str(spoiled.stop), math.isnan(spoiled.success), math.isnan(spoiled.episode_return)) == (
        "generation_failed",
        True,
        True,
    )
    assert not any(math.isnan(episode.success) for episode in rest)
    assert result.success.n == 3


def test_the_command_line_takes_an_endpoint(server: ChatServer, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--env.difficulty", "tiny", "--eval.episodes", "3"]
    assert main(["eval", f"endpoint:{server.url}#m", *args]) == 0
    assert "success" in capsys.readouterr().out
    assert main(["eval", "endpoint:http://127.0.0.1:9/v1#m", *args]) == 2
    assert "cannot be reached" in capsys.readouterr().err
