"""From the name of a policy, as a command takes it, to what plays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.cli.models import load_policy
from agents.cli.options import search_working_directory
from textenvs.errors import UsageError
from textenvs.rewards.spec import import_named

if TYPE_CHECKING:
    from agents.evaluation.players import Subject
    from agents.policies.remote import RemotePolicy
    from agents.sb3.agent import SB3Agent
    from envs_registry.suites import Suite

ENDPOINT = "endpoint:"
"""What the address of a chat model begins with."""

SB3 = "sb3:"
"""What the name of a file of stable-baselines3 begins with."""


def find_subject(
    name: str, suite: Suite, settings: Mapping[str, Any], device: str | None, max_new_tokens: int
) -> Subject:
    """Return the policy of that name.

    Args:
        name: a baseline of every environment in the suite, ``endpoint:URL#MODEL``, ``sb3:FILE#ALGORITHM``, a
            checkpoint folder, ``module:function`` (observation to text), or a Hugging Face name with its owner.
        suite: what it will play.
        settings: that go before the suite's own.
        device: of a model.
        max_new_tokens: longest turn of a model of stable-baselines3 that acts on tokens.

    Raises:
        UsageError: if it is none of them.
    """
    baselines = _baselines(suite)
    if name in baselines:
        return name
    if name.startswith(ENDPOINT):
        return _remote(name.removeprefix(ENDPOINT), {**suite.slices[0].settings, **settings})
    if name.startswith(SB3):
        return _sb3_agent(name.removeprefix(SB3), device, max_new_tokens)
    if Path(name).is_dir():
        return load_policy(Path(name), device)
    if re.fullmatch(r"[\w.]+:\w+", name):
        search_working_directory()
        return import_named(name)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        from agents.policies.causal_lm import CausalLMPolicy

        return CausalLMPolicy.from_pretrained(name, device=device)
    raise UsageError(
        f"{name!r} is neither a checkpoint folder nor a baseline ({', '.join(baselines)}) nor module:function nor "
        f"OWNER/MODEL nor {ENDPOINT}URL#MODEL nor {SB3}FILE#ALGORITHM"
    )


def _baselines(suite: Suite) -> list[str]:
    """Return the baselines that every environment of the suite has."""
    each = {one.env_id: one for one in suite.slices}.values()
    names = [list(getattr(one.make().unwrapped, "baselines", dict)()) for one in each]
    return [name for name in names[0] if all(name in others for others in names)]


def _sb3_agent(address: str, device: str | None, max_new_tokens: int) -> SB3Agent:
    from agents.sb3.agent import SB3Agent

    path, mark, algorithm = address.rpartition("#")
    if not mark:
        raise UsageError(f"{SB3}{address}: say the algorithm, which the file does not: {SB3}{address}#PPO")
    return SB3Agent.load(path, algorithm, max_new_tokens=max_new_tokens, device=device)


def _remote(address: str, settings: Mapping[str, Any]) -> RemotePolicy:
    from agents.policies.remote import RemotePolicy
    from textenvs.chat_client import Endpoint

    return RemotePolicy(Endpoint.of(address), form=settings.get("call_format", RemotePolicy.form))
