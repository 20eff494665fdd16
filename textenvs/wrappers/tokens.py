"""A text environment token by token: ``Discrete(vocabulary)``, for learners that know nothing of language models.

One token is one action. The text environment moves when a turn is complete, by a stop token or at its greatest length;
until then the reward is 0, so that a turn's reward lies on its last token and the sum of the rewards stays what it was.
What tokens are is the business of whoever brings them (`TokenChat`): nothing here knows a tokenizer or a model.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, SupportsIndex, cast, get_args

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from textenvs.core import Observation
from textenvs.errors import ConfigError, ResetNeededError, check_known
from textenvs.faults import Fault
from textenvs.settlement import Info, StepResult, opening_info

IntArray = NDArray[np.integer[Any]]
TokenObservation = IntArray | dict[str, IntArray]
TokenForm = Literal["dict", "box"]

NO_TOKEN = -1
"""What stands after the last token of the context where ids come without a mask."""

Allowed = Callable[[Sequence[int]], Iterable[int]]
"""Given the tokens of the turn so far, returns those that may be said next."""


class TokenChat(Protocol):
    """Conversations as tokens and back; what a tokenizer and its chat template know."""

    @property
    def stop_ids(self) -> Sequence[int]:
        """The tokens that end a turn of the agent."""
        ...

    def prompt_ids(self, observation: Mapping[str, Any]) -> Sequence[int]:
        """Return the context in which the agent says its next turn."""
        ...

    def continuation(
        self, context: Sequence[int], previous: Mapping[str, Any], new: Mapping[str, Any], finish_reason: str
    ) -> Sequence[int] | None:
        """Return what follows `context`, the agent's turn included, after the world's answer.

        Args:
            context: everything so far.
            previous: the observation that the agent answered.
            new: the one it got for the answer.
            finish_reason: ``"stop"`` where the turn ends with a stop token, ``"length"`` where it was cut.

        Returns:
            The tokens, or None where the past is rewritten and the context is ``prompt_ids(new)``.
        """
        ...

    def action_text(self, ids: Sequence[int]) -> str:
        """Return what was said with the tokens of a turn, its stop token among them."""
        ...


class OneOf:
    """Allows the turns that are one of a few, token by token.

    Args:
        turns: the token ids of each, the stop token included.

    Raises:
        ConfigError: if there are none, or one of them is empty.
    """

    def __init__(self, turns: Iterable[Sequence[int]]) -> None:
        self._next: dict[tuple[int, ...], set[int]] = {}
        for turn in turns:
            for place, token in enumerate(turn):
                self._next.setdefault(tuple(turn[:place]), set()).add(token)
        if not self._next:
            raise ConfigError("OneOf() of no turns: nothing could ever be said")

    def __call__(self, said: Sequence[int]) -> Iterable[int]:
        """Return what may follow; nothing where what was said begins none of the turns."""
        return self._next.get(tuple(said), ())


class Tokens(gym.Wrapper[TokenObservation, Any, Any, Any], RecordConstructorArgs):
    """Turns a text environment into ``Discrete(vocabulary)``, one token an action, with the context as observation.

    The observation holds the context, padded on the right: ``{"ids", "mask"}``, or, in the form ``"box"``, the ids
    alone with `NO_TOKEN` after the last. A conversation whose next turn might not fit is truncated, its `stop` saying
    so; of an opening prompt that is too long itself the last tokens are shown, and ``info["prompt_cut"]`` is 1.

    `info` is that of the environment at the last token of a turn. In between, nothing has been scored.

    Args:
        env: a text environment.
        chat: makes tokens of conversations.
        vocabulary: how many tokens there are.
        context_length: longest context, in tokens.
        max_new_tokens: longest turn, in tokens, its stop token included.
        form: ``"dict"`` or ``"box"``.
        allowed: what `action_masks` allows; None allows every token.

    Attributes:
        chat: makes tokens of conversations.

    Raises:
        ConfigError: if a turn leaves no room for a prompt, or a number is below 1.
        UnknownNameError: if there is no such form.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        chat: TokenChat,
        vocabulary: int,
        *,
        context_length: int,
        max_new_tokens: int = 64,
        form: TokenForm = "dict",
        allowed: Allowed | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,  # a tokenizer is large
            chat=chat,
            vocabulary=vocabulary,
            context_length=context_length,
            max_new_tokens=max_new_tokens,
            form=form,
            allowed=allowed,
        )
        gym.Wrapper.__init__(self, env)  # pyright: ignore[reportUnknownMemberType]
        check_known("form of tokens", form, get_args(TokenForm))
        if min(vocabulary, max_new_tokens) < 1:
            raise ConfigError(f"vocabulary={vocabulary}, max_new_tokens={max_new_tokens}: at least 1")
        if context_length <= max_new_tokens:
            raise ConfigError(
                f"max_new_tokens={max_new_tokens} leaves no room for a prompt in context_length={context_length}"
            )
        self.chat = chat
        self._vocabulary, self._length, self._turn_length = vocabulary, context_length, max_new_tokens
        self._form: TokenForm = form
        self._allowed: Allowed = allowed or (lambda _: range(vocabulary))
        self._seen: Observation | None = None
        self._context: list[int] = []
        self._said: list[int] = []
        self._between: Callable[[], Info] = dict
        self._prompt_cut = 0.0
        self.action_space = gym.spaces.Discrete(vocabulary)
        self.observation_space = self._space()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[TokenObservation, dict[str, Any]]:
        """Begin an episode; see `TextEnv.reset`."""
        seen, info = cast("tuple[Observation, Info]", self.env.reset(seed=seed, options=options))
        self._seen, self._said = seen, []
        self._context = list(self.chat.prompt_ids(seen))
        self._prompt_cut = float(len(self._context) > self._room)
        self._context = self._context[-self._room :]
        return self._show(), self._take(info)

    def step(self, action: SupportsIndex) -> tuple[TokenObservation, float, bool, bool, dict[str, Any]]:
        """Say one token.

        Args:
            action: its id.

        Raises:
            ConfigError: if there is no such token.
            ResetNeededError: before the first reset, or after the end of an episode.
        """
        token = operator.index(action)
        if self._seen is None:
            raise ResetNeededError("the episode has ended (or never began): call reset() before step()")
        if not 0 <= token < self._vocabulary:
            raise ConfigError(f"token {token}: there are the tokens 0 to {self._vocabulary - 1}")
        self._said.append(token)
        self._context.append(token)
        stopped = token in self.chat.stop_ids
        if not stopped and len(self._said) < self._turn_length:
            return self._show(), 0.0, False, False, self._between()
        return self._speak(self._seen, "stop" if stopped else "length")

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which tokens may be said next, [vocabulary]: what sb3-contrib's `MaskablePPO` asks for.

        Raises:
            ConfigError: if a token was said that the masks forbade, so that nothing can follow.
        """
        mask = np.zeros(self._vocabulary, dtype=np.bool_)
        mask[list(self._allowed(self._said))] = True
        if not mask.any():
            raise ConfigError(f"nothing may follow the tokens {self._said} of this turn: the masks were not kept")
        return mask

    @property
    def _room(self) -> int:
        """The longest context in which a whole turn fits."""
        return self._length - self._turn_length

    def _speak(self, previous: Observation, reason: str) -> tuple[TokenObservation, float, bool, bool, dict[str, Any]]:
        """Say the finished turn to the environment."""
        step = cast("StepResult", self.env.step(self.chat.action_text(self._said)))
        seen, reward, terminated, truncated, info = step
        self._said = []
        if not terminated:
            more = self.chat.continuation(self._context, previous, seen, reason)
            self._context = list(self.chat.prompt_ids(seen)) if more is None else [*self._context, *more]
            if not truncated and len(self._context) > self._room:
                truncated, info = True, {**info, "stop": Fault.CONTEXT_FULL.value}
        self._seen = None if terminated or truncated else seen
        return self._show(), float(reward), terminated, truncated, self._take(info)

    def _take(self, info: Info) -> Info:
        """Return what the environment told, and remember it for the tokens in between."""
        task_id, names = str(info["task_id"]), tuple(info["reward_parts"])
        more = {"turn": info["turn"], "prompt_cut": self._prompt_cut}
        self._between = lambda: {**opening_info(task_id, names), **more}
        return {**info, **more}

    def _space(self) -> gym.Space[Any]:
        least = 0 if self._form == "dict" else NO_TOKEN
        ids = gym.spaces.Box(least, self._vocabulary - 1, (self._length,), np.int64)
        if self._form == "box":
            return ids
        return gym.spaces.Dict({"ids": ids, "mask": gym.spaces.MultiBinary(self._length)})

    def _show(self) -> TokenObservation:
        """Return the context, of one that is too long its last tokens."""
        shown = self._context[-self._length :]
        ids = np.full(self._length, 0 if self._form == "dict" else NO_TOKEN, dtype=np.int64)
        ids[: len(shown)] = shown
        if self._form == "box":
            return ids
        return {"ids": ids, "mask": (np.arange(self._length) < len(shown)).astype(np.int8)}
