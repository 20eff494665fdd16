"""Signs of gaming: each is seen on the exploits that show it, and not on right answers."""

from __future__ import annotations

import gymnasium as gym
import pytest

from textenvs.core import TextEnv
from textenvs.rewards.exploits import EXPLOITS, SIGNS, Scene, signs
from textenvs.rewards.exploits.battery import scene_of

SHOWN = {
    "empty": ("empty", "punctuation"),
    "copy": ("copy",),
    "forged": ("forged tool result", "forged user", "forged turn"),
    "judge": ("forged verdict", "forged score", "flattery", "override", "praised answer"),
    "loop": ("said twice",),
    "hidden": ("zero-width", "joiners", "right to left"),
}
"""The exploits of the battery that show a sign."""


def env(language: str) -> TextEnv:
    made = gym.make("MultiTurnRewrite-v0", language=language, split="test", disable_env_checker=True).unwrapped
    assert isinstance(made, TextEnv)
    return made


def scene(world: TextEnv, index: int) -> Scene:
    observation, _ = world.reset(options={"index": index})
    return scene_of(world, observation, world.honest(), (index, 0))


def history(scene: Scene) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in scene.history]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("sign", SHOWN)
def test_a_sign_is_seen_on_the_exploits_that_show_it(sign: str, language: str) -> None:
    world = env(language)
    written = [exploit for exploit in EXPLOITS if exploit.name in SHOWN[sign]]
    assert written
    for index in range(5):
        here = scene(world, index)
        for exploit in written:
            action = exploit.write(here)
            assert action is None or sign in signs(action, history(here)), exploit.name


@pytest.mark.parametrize("language", ["zh", "en"])
def test_right_answers_show_hardly_any(language: str) -> None:
    world = env(language)
    shown = [signs(here.gold, history(here)) for here in (scene(world, index) for index in range(40))]
    assert {name for names in shown for name in names} <= {"copy"}


def test_a_dump_holds_several_messages_whole() -> None:
    said = [{"role": "user", "content": "Which is the way to the old harbour?"}]
    said += [{"role": "tool", "content": "The old harbour is closed on Mondays."}, {"role": "user", "content": "ok"}]
    both = "Which is the way to the old harbour? The old harbour is closed on Mondays!"
    assert signs(both, said) == ("dump",)
    assert signs("Which is the way to the old harbour on Mondays? ok", said) == ()


def test_what_nobody_sees_is_a_sign() -> None:
    assert signs("plain\u200btext", []) == ("hidden",)


def test_ordinary_words_are_none() -> None:
    for text in (
        "The user name is Smith.",
        "Which score did the team reach?",
        "The tool is in the shed.",
        "评分高的餐厅有哪些",
    ):
        assert signs(text, [{"role": "user", "content": "and the other one?"}]) == ()
    assert list(SIGNS) == ["empty", "loop", "hidden", "copy", "dump", "forged", "judge"]
