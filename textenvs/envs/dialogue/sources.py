"""Where the episodes of `DialogueStrategy` come from."""

from __future__ import annotations

from dataclasses import replace

from textenvs.dice import Dice
from textenvs.envs.dialogue.episode import Conduct, DialogueEpisode
from textenvs.envs.dialogue.own import OwnFile, OwnGoal
from textenvs.envs.dialogue.types import Item
from textenvs.envs.dialogue.world import World
from textenvs.episode import Episode
from textenvs.errors import ConfigError
from textenvs.seeding import item_generator
from textenvs.sources import Endless, Listed


class GeneratedSource(Endless):
    """Endless dialogues of the generated world.

    Args:
        world: draws them.
        family: first part of every item's key.
        conduct: how they are played.
    """

    def __init__(self, world: World, family: str, conduct: Conduct) -> None:
        self._world = world
        self._conduct = conduct
        self._key = f"{family}|{world.language}|{world.difficulty!r}"
        self._prefix = f"{family}/{world.language}/{world.split}/"

    def episode(self, index: int) -> Episode:
        """Return the dialogue with this index."""
        item = self._world.draw(item_generator(self._key, self._world.split, index))
        dials = self._world.dials
        return DialogueEpisode(item, f"{self._prefix}{index}", dials.turns, dials.exact, self._conduct)


class OwnSource(Listed[OwnGoal]):
    """The users of a file of one's own goals, drawn without replacement in every pass.

    Args:
        own: the file, as read.
        world: whose users come, with its split and number of turns.
        name: of the file, for errors.
        conduct: how they are played.

    Raises:
        ConfigError: if the split has no goal.
    """

    def __init__(self, own: OwnFile, world: World, name: str, conduct: Conduct) -> None:
        goals = [goal for goal in own.goals if goal.split == world.split]
        if not goals:
            raise ConfigError(f'{name}: none of its {len(own.goals)} goals is in split={world.split!r}; see "split"')
        super().__init__(goals)
        self._own = own
        self._world = world
        self._conduct = conduct

    def episode(self, index: int) -> Episode:
        """Return the dialogue about the goal with this index; see `item`."""
        item = self._user(self.item(index), index)
        return DialogueEpisode(item, item.name, self._world.dials.turns, False, self._conduct)

    def _user(self, goal: OwnGoal, index: int) -> Item:
        habits, catalogue = self._world.habits, self._own.catalogue
        dice = Dice(item_generator(f"dialogue|own|{goal.name}", self._world.split, index))
        mood, wordings = self._world.draw_mood(dice), self._world.wordings
        drawn = replace(habits.draw_goal(goal.wants, goal.stated, catalogue.kb.sizes, dice), intent=goal.intent)
        persona = habits.draw_persona((drawn,), mood == "angry", dice)
        said = (goal.says,) if goal.says else ()
        return Item(catalogue, persona, mood, habits, wordings, dice.below(60), said, f"dialogue/{goal.name}")
