"""Our environments behind OpenEnv's interface: its own where it is installed, else a stand-in of the same shape."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import gymnasium as gym
import pytest

import textenvs  # noqa: F401 (registers the ids)
from textenvs.errors import ConfigError

ID = "MultiTurnRewrite-v0"
INSTALLED = importlib.util.find_spec("openenv") is not None


def stand_in() -> ModuleType:
    """What OpenEnv 0.10 offers an implementer."""
    from pydantic import BaseModel, ConfigDict

    class Action(BaseModel):
        model_config = ConfigDict(extra="forbid", validate_assignment=True)
        metadata: dict[str, Any] = {}

    class Observation(BaseModel):
        model_config = ConfigDict(extra="forbid", validate_assignment=True)
        done: bool = False
        reward: bool | int | float | None = None
        metadata: dict[str, Any] = {}

    class State(BaseModel):
        model_config = ConfigDict(extra="allow", validate_assignment=True)
        episode_id: str | None = None
        step_count: int = 0

    class Environment:
        SUPPORTS_CONCURRENT_SESSIONS = False

        def __init__(self, transform: Any = None, rubric: Any = None) -> None:
            self.transform, self.rubric = transform, rubric

    module = ModuleType("openenv.core.env_server")
    module.__dict__.update(Action=Action, Observation=Observation, State=State, Environment=Environment)
    return module


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    if not INSTALLED:
        pytest.importorskip("pydantic")
        names = ("openenv", "openenv.core")
        for name in names:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, "openenv.core.env_server", stand_in())
    yield importlib.import_module("textenvs.adapters.openenv")
    sys.modules.pop("textenvs.adapters.openenv", None)


def test_an_episode_is_the_same_as_ours(adapter: Any) -> None:
    served, env = adapter.ServedEnvironment(ID, {"language": "zh"}), gym.make(ID, language="zh")
    heard = served.reset(index=3, episode_id="e")
    seen, info = env.reset(options={"index": 3})
    assert (heard.reward, heard.done, served.state.episode_id, served.state.task_id) == (
        None,
        False,
        "e",
        info["task_id"],
    )
    ended = False
    while not ended:
        assert heard.instruction == seen["instruction"]
        assert heard.history == [dict(message) for message in seen["history"]]
        action = env.unwrapped.oracle_action()  # type: ignore[attr-defined]
        seen, reward, ended, _, info = env.step(action)
        heard = served.step(adapter.Say(text=action))
        assert (heard.reward, heard.done) == (reward, ended)
        assert heard.metadata["reward_parts"] == pytest.approx(info["reward_parts"], nan_ok=True)
    assert served.state.step_count == info["turn"]
    assert served.reset(seed=1).history == served.reset(seed=1).history


def test_everything_it_says_is_json(adapter: Any) -> None:
    served = adapter.ServedEnvironment(ID, {"reward": "tests.toy:broken"})
    served.reset(seed=0)
    heard = served.step(adapter.Say(text="x"))
    assert heard.reward is None
    assert heard.metadata["reward_parts"] == {"tests.toy:broken": None}
    assert adapter.Heard.model_validate_json(heard.model_dump_json()) == heard


@pytest.mark.skipif(not INSTALLED, reason="pip install openenv (in an environment of its own)")
@pytest.mark.filterwarnings("ignore")
def test_its_own_server_serves_it(adapter: Any) -> None:
    from functools import partial

    server = importlib.import_module("openenv.core.env_server")
    client = importlib.import_module("fastapi.testclient").TestClient(
        server.create_fastapi_app(partial(adapter.ServedEnvironment, ID), adapter.Say, adapter.Heard)
    )
    opened = client.post("/reset", json={"index": 3}).json()
    assert opened["observation"]["history"][0]["role"] == "user"
    with client.websocket_connect("/ws") as session:
        session.send_json({"type": "reset", "data": {"index": 3}})
        assert session.receive_json()["data"]["observation"]["history"] == opened["observation"]["history"]
        session.send_json({"type": "step", "data": {"text": "hello"}})
        heard = session.receive_json()["data"]
        assert isinstance(heard["reward"], float)
        assert heard["observation"]["history"][-2]["content"] == "hello" or heard["done"]


@pytest.mark.skipif(INSTALLED, reason="OpenEnv is installed")
def test_without_openenv_it_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'textenvs\[openenv\]'"):
        importlib.import_module("textenvs.adapters.openenv")
