"""How an environment is imported, made, specified and shown."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

from textenvs.checker.examination import COUNTER, Examination
from textenvs.checker.plays import play
from textenvs.checker.rule import rule
from textenvs.core import TextEnv
from textenvs.seeding import SPLITS
from textenvs.spec import creator_of

COMMON_SETTINGS = ("split", "reward", "reward_timing", "render_mode")
"""What every text environment can be told."""


@rule("Subclass textenvs.TextEnv and give it an Episode; the turn loop, seeding and rewards come with it.")
def is_a_text_env(exam: Examination) -> Iterator[str]:
    """The environment is a TextEnv, so that vector environments, snapshots and the oracle work on it."""
    creator = creator_of(exam.spec)
    if not (isinstance(creator, type) and issubclass(creator, TextEnv)):
        yield f"{exam.spec.entry_point} is no subclass of textenvs.TextEnv"


@rule("Read the message: it is Gymnasium's own.")
def passes_check_env(exam: Examination) -> Iterator[str]:
    """Gymnasium's own check_env passes, without a warning."""
    mode = {"render_mode": "ansi"} if exam.takes("render_mode") else {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        check_env(exam.make(**mode))
    yield from (str(one.message) for one in caught if issubclass(one.category, UserWarning))


@rule("Take these keyword arguments in __init__ and hand them to super().__init__().")
def takes_the_common_settings(exam: Examination) -> Iterator[str]:
    """It takes split=, reward=, reward_timing= and render_mode=, as every text environment does."""
    yield from (f"it takes no {name}=" for name in COMMON_SETTINGS if not exam.takes(name))


@rule("Raise a UsageError (UnknownNameError.of) that names the valid values.")
def refuses_unknown_values(exam: Examination) -> Iterator[str]:
    """A setting without such a value is refused when the environment is made, naming the values that exist."""
    for name, valid in (("split", "train"), ("reward_timing", "episode")):
        try:
            exam.make(**{name: "no such value"})
        except ValueError as error:
            if valid not in str(error):
                yield f"the error for an unknown {name} does not name {valid!r}: {error}"
        else:
            yield f"{name}='no such value' is taken"


@rule("Keep items of every split apart by seed, name or file; see textenvs.seeding.")
def has_three_splits(exam: Examination) -> Iterator[str]:
    """It has the splits train, valid and test, and each can be played."""
    for split in SPLITS:
        played = exam.play(COUNTER, 0, split=split)
        if played.error:
            yield f"split={split!r}: {played.error}"


@rule("Give settings as names, numbers, texts and JSON objects; load what they name inside __init__.")
def spec_survives_json(exam: Examination) -> Iterator[str]:
    """Its EnvSpec can be written to JSON, and what is read back plays the same episodes."""
    env = exam.make()
    assert env.spec is not None, "gymnasium.make gave it no spec"  # noqa: S101 (evidence of the rule)
    again = gym.make(EnvSpec.from_json(env.spec.to_json()), disable_env_checker=True).unwrapped
    for index in range(2):
        played = play(again, COUNTER, lambda observation, turn: str(turn), index)
        if played.fingerprint != exam.play(COUNTER, index).fingerprint:
            yield f"item {index} is played differently after the spec went through JSON"


@rule("Import heavy packages inside the function that needs them.")
def is_light(exam: Examination) -> Iterator[str]:
    """Importing and making it loads no deep-learning or data-frame package, so that workers start fast."""
    yield from (f"imports {name}" for name in exam.testimony.heavy)


@rule("Ship or name the data as files; connect when the first step needs it.")
def needs_no_network(exam: Examination) -> Iterator[str]:
    """Importing and making it opens no connection: nothing is downloaded behind the user's back."""
    yield from exam.testimony.connections


@rule("Keep what is made in memory, or ask for a folder as a setting.")
def writes_no_files(exam: Examination) -> Iterator[str]:
    """Importing and making it writes no file."""
    yield from (f"opens {path} for writing" for path in exam.testimony.written)


@rule('Return the conversation from render() where render_mode is "ansi", with control characters escaped.')
def renders_safely(exam: Examination) -> Iterator[str]:
    """Mode "ansi" shows the conversation as text, and nothing in it can steer the terminal."""
    env = exam.make(render_mode="ansi")
    env.reset(seed=0)
    env.step("good\x1b[31m morning\x07")
    shown = env.render()
    if not isinstance(shown, str) or "good" not in shown:
        yield f"the agent's words are not in what render() returns: {shown!r:.200}"
    elif "\x1b" in shown or "\x07" in shown:
        yield "an escape sequence of the agent is passed on to the terminal"
