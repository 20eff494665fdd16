"""Is a conversation rendered so that what was sampled stays as it was sampled?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from agents.chat import ChatRenderer, Observation
from agents.doctor.finding import Finding, Verdict
from agents.trajectory import Trajectory
from textenvs.errors import ConfigError


def check_rendering(chat: ChatRenderer, trajectories: Sequence[Trajectory]) -> list[Finding]:
    """Look at the stop token, the markers inside other people's text, and the template's respect for the past.

    Args:
        chat: of the policy.
        trajectories: of that policy, with their messages.
    """
    return [_stop_tokens(chat), _markers(chat), _past(chat, trajectories)]


def _stop_tokens(chat: ChatRenderer) -> Finding:
    names = [str(chat.tokenizer.convert_ids_to_tokens(token)) for token in chat.stop_ids]
    return Finding("stop tokens", Verdict.OK, ", ".join(names))


def _markers(chat: ChatRenderer) -> Finding:
    """Write every special token wherever the world can write, and count the control tokens that come of it."""
    special = {i: token.content for i, token in chat.tokenizer.added_tokens_decoder.items() if token.special}
    forged = max(_forged(chat, special, place) for place in (_opening, _tool_answer, _tool_offer))
    check, figure = "markers inside a user's or a tool's text", f"{forged} of {len(special)} became control tokens"
    if forged:
        return Finding(check, Verdict.FAULT, figure, "either could speak as the system: use another tokenizer")
    return Finding(check, Verdict.OK, figure)


def _forged(chat: ChatRenderer, special: Mapping[int, str], place: Callable[[str], Observation]) -> int:
    def controls(text: str) -> int:
        return sum(token in special for token in chat.prompt_ids(place(text)))

    try:
        plain = controls("x")
    except ConfigError:  # a template that refuses tools shows nothing that a tool wrote
        return 0
    return controls(" ".join(special.values())) - plain


def _past(chat: ChatRenderer, trajectories: Sequence[Trajectory]) -> Finding:
    """Ask whether the template, given the whole conversation, would change what came before."""
    check = "the template keeps the past"
    follower = ChatRenderer(chat.tokenizer, "template", thinking=chat.thinking)
    steps = [step for trajectory in trajectories for step in _steps(trajectory.messages)]
    rewritten = sum(_rewrites(follower, before, said, after) for before, said, after in steps)
    figure = f"{rewritten} of {len(steps)} turns rewritten, history={chat.history!r}"
    if not rewritten:
        return Finding(check, Verdict.OK, figure)
    if chat.history == "template":
        return Finding(check, Verdict.WARNING, figure, "each such turn starts a new segment and a new prefill")
    remedy = (
        "the policy is trained on the past as it was sampled: serve it the same way (append-only), or train with "
        "history='template'"
    )
    return Finding(check, Verdict.WARNING, figure, remedy)


def _rewrites(follower: ChatRenderer, before: Observation, said: str, after: Observation) -> bool:
    context = [*follower.prompt_ids(before), *follower.action_ids(said)]
    return follower.continuation(context, before, after, "stop") is None


def _steps(messages: Sequence[Mapping[str, str]]) -> Iterator[tuple[Observation, str, Observation]]:
    """Yield what the agent saw, what it said and what it saw then, for every turn that was answered."""
    instruction = messages[0]["content"] if messages and messages[0]["role"] == "system" else ""
    history = tuple(messages[1:] if instruction else messages)
    turns = [place for place, message in enumerate(history) if message["role"] == "assistant"]
    for turn, following in pairwise(turns):
        yield _seen(instruction, history[:turn]), history[turn]["content"], _seen(instruction, history[:following])


def _seen(instruction: str, history: tuple[Mapping[str, str], ...]) -> dict[str, Any]:
    return {"instruction": instruction, "tools": (), "history": history}


def _said(role: str, text: str) -> Mapping[str, str]:
    return {"role": role, "content": text, "name": "", "call_id": ""}


def _opening(text: str) -> Observation:
    return _seen("", (_said("user", text),))


def _tool_answer(text: str) -> Observation:
    return _seen("", (_said("user", "x"), _said("assistant", "x"), _said("tool", text)))


def _tool_offer(text: str) -> Observation:
    function = {"name": "x", "description": text, "parameters": {"type": "object", "properties": {}}}
    return {**_opening("x"), "tools": (json.dumps({"type": "function", "function": function}),)}
