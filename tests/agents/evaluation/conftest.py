"""The toy environment by id."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium as gym
import pytest

ECHO = "Echo-v0"


@pytest.fixture(scope="session", autouse=True)
def echo() -> Iterator[None]:
    gym.register(ECHO, "tests.toy:EchoEnv")
    yield
    del gym.registry[ECHO]
