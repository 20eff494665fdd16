"""DialogueStrategy: find out what a user wants, give it to them, and stop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, get_args

from textenvs.advice import Advice
from textenvs.core import Baseline, Honest, RewardTiming
from textenvs.envs.dialogue import reward as conversing
from textenvs.envs.dialogue.advice import advise
from textenvs.envs.dialogue.annotators import careless, describing
from textenvs.envs.dialogue.baselines import BASELINES
from textenvs.envs.dialogue.chat_user import ChatUsers
from textenvs.envs.dialogue.dials import Dials, dials_of
from textenvs.envs.dialogue.episode import Conduct, DialogueEpisode, Style, UserFactory, agenda_user
from textenvs.envs.dialogue.honesty import honest_of
from textenvs.envs.dialogue.menu import DialogueMenu
from textenvs.envs.dialogue.own import OwnFile
from textenvs.envs.dialogue.recorded import DecisionMenu, RecordedSource, load_pacific
from textenvs.envs.dialogue.sources import GeneratedSource, OwnSource
from textenvs.envs.dialogue.world import LanguageChoice, World
from textenvs.errors import ConfigError, check_known
from textenvs.menus import Menu, random_move
from textenvs.rewards.core import Reward, RewardFunction
from textenvs.rewards.spec import RewardSpec
from textenvs.seeding import Split, check_split
from textenvs.sources import SourcedEnv


class DialogueStrategy(SourcedEnv):
    """A user wants something and has said only part of it: when to ask, when to answer, when to stop.

    The user's goal over a few slots is hidden; what there is to recommend, book or explain stands in the instruction.
    The user is a program of rules whose law is known, so that at the small size the best policy is known as well.

    Args:
        language: ``"zh"``, ``"en"`` or ``"mixed"`` (drawn for each dialogue).
        difficulty: ``"small"`` (the exact optimum is known), ``"full"``, or `Dials`.
        split: ``"train"``, ``"valid"`` or ``"test"``: names and wordings differ, and so do the users' habits.
        goals: a file of one's own goals and knowledge base to play instead of generated ones; see `own`.
        corpus: a file of recorded conversations, of PACIFIC, in which asking or answering is decided; see `recorded`.
        users: the split whose users come, in place of the split's own: so that a policy can meet the other bank.
        style: how the agent is told to write, ``"plain"`` words or ``"tags"``; both are understood in any case.
        make_user: makes the user of a dialogue; by default one of rules. ``"URL#MODEL"`` lets a chat model find the
            words for what the rules decide; see `ChatUsers`.
        instruction: what the agent is told to do, in place of the environment's own words; what there is (the slots and
            the candidates) follows it in any case. ``""`` tells it nothing else.
        any_wording: do not look at how the agent puts things. Otherwise a message that holds more than its one move,
            courtesies aside, is understood but costs something; see `textenvs.tidiness`.
        reward: see `TextEnv`; the default is `reward.dialogue_reward`.
        reward_timing: see `TextEnv`; by default everything is paid at the end.
        render_mode: see `TextEnv`.

    Raises:
        UsageError: if an argument has no such value.
    """

    family: ClassVar[str] = "dialogue"
    reward_range: ClassVar[tuple[float, float]] = conversing.REWARD_RANGE
    oracle_is_certain: ClassVar[bool] = False

    def __init__(
        self,
        *,
        language: LanguageChoice = "mixed",
        difficulty: str | Dials = "full",
        split: Split = "train",
        goals: str | Path | None = None,
        corpus: str | Path | None = None,
        users: Split | None = None,
        style: Style = "plain",
        make_user: UserFactory | str | None = None,
        instruction: str | None = None,
        any_wording: bool = False,
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "episode",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, reward=reward, reward_timing=reward_timing, render_mode=render_mode)
        check_known("language", language, get_args(LanguageChoice))
        check_known("style", style, get_args(Style))
        world = World(language, dials_of(difficulty), self.split, None if users is None else check_split(users))
        made = ChatUsers.at(make_user) if isinstance(make_user, str) else make_user or agenda_user
        conduct = Conduct(style, made, instruction, any_wording)
        self._turns, self._slots = world.dials.turns, world.dials.slots
        if goals is not None and corpus is not None:
            raise ConfigError("give goals or a corpus, not both")
        if corpus is not None:
            self.source = RecordedSource(load_pacific(corpus), self.split, str(corpus), instruction)
        elif goals is not None:
            own = OwnFile(goals)
            self._slots = len(own.catalogue.slots)
            self.source = OwnSource(own, world, str(goals), conduct)
        else:
            self.source = GeneratedSource(world, self.family, conduct)

    @property
    def turns_stand_alone(self) -> bool:
        """Whether they do: never, for what a question is worth shows in the answer."""
        return False

    def parts(self) -> Mapping[str, RewardFunction]:
        """Return the six parts: completion, satisfaction, turn_cost, wrong_answer, user_left, tidy."""
        return conversing.PARTS

    def default_reward(self) -> Reward:
        """Return the fusion of `stakes`."""
        return conversing.default_reward()

    def menu(self) -> Menu:
        """Return the moves and features with which `textenvs.wrappers.Choices` plays this environment."""
        if isinstance(self.source, RecordedSource):
            return DecisionMenu(self._observation)
        return DialogueMenu(self._slots, self._turns, self._playing)

    def advice(self) -> list[Advice]:
        """Return what every move is worth where the dialogue stands, the best one first; at the small size only.

        Raises:
            ConfigError: if the exact optimum is not known.
        """
        return advise(self._playing())

    def honest(self) -> Honest:
        """Return the right move, and where the user bears it a needless question; other words for the right move."""
        episode = self._current()
        return honest_of(episode) if isinstance(episode, DialogueEpisode) else super().honest()

    def baselines(self) -> Mapping[str, Baseline]:
        """Return the oracle, ``always_ask``, ``never_ask``, ``end_at_once`` and ``echo``.

        With simulated users there are ``best_known`` too, the best policy known where the optimum is out of reach;
        ``random``, which takes any of the menu's moves; ``describing`` and ``careless``, who answer by what was told,
        see `annotators`.
        """
        recorded = isinstance(self.source, RecordedSource)
        return {**super().baselines(), **({} if recorded else self._played()), **BASELINES}

    def _played(self) -> dict[str, Baseline]:
        return {
            "best_known": lambda _: self._playing().word(self._playing().best_known()),
            "random": random_move(self.menu()),
            "describing": lambda _: describing(self._playing()),
            "careless": lambda _: careless(self._playing()),
        }

    def _playing(self) -> DialogueEpisode:
        episode = self._current()
        if not isinstance(episode, DialogueEpisode):
            raise ConfigError("recorded conversations have no user whose goals could be known")
        return episode
