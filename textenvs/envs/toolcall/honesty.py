"""What honest assistants do who are not perfect: they leave out an argument that a tool can do without."""

from __future__ import annotations

from dataclasses import replace

from textenvs.core import Honest
from textenvs.envs.toolcall.episode import ToolEpisode
from textenvs.envs.toolcall.judgement import judge_after


def honest_of(episode: ToolEpisode) -> Honest:
    """Return the right action at one point of an episode, but for one argument that the tool does not insist on."""
    best = episode.oracle()
    value = _value_after(episode, best)
    return Honest((_weaker(episode) or best,), lambda action: _value_after(episode, action) >= value)


def _weaker(episode: ToolEpisode) -> str:
    """Return the calls that are due without the last argument that may be left out; empty where there is none.

    Only where the user stays nevertheless: what is lost with one that leaves is no measure of an answer.
    """
    calls = episode.due() if episode.forgiving else ()
    for place, call in enumerate(calls):
        spare = [name for name in call.arguments if name not in episode.required(call.name)]
        if spare:
            kept = {name: value for name, value in call.arguments.items() if name != spare[-1]}
            return episode.write([*calls[:place], replace(call, arguments=kept), *calls[place + 1 :]])
    return ""


def _value_after(episode: ToolEpisode, action: str) -> float:
    """Return what the task is worth after an action, whatever would follow."""
    return judge_after(episode.fork().act(action).truth).value
