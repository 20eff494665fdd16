"""A trained reward model as a reward, and several of them as one that knows when it does not know."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self
from weakref import WeakValueDictionary

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from agents.chat import ChatRenderer
from agents.policies.answers import keep_end, prompt_ids
from agents.policies.ensemble_name import EnsembleName
from agents.policies.reward_network import RewardNetwork
from textenvs.errors import CheckpointError, ConfigError
from textenvs.messages import Message, Turn
from textenvs.rewards import Score

SETTINGS_FILE = "reward_model.json"
CHECKPOINT = "checkpoint"
"""Folder of the model within the folder of the run that trained it."""

BATCH_TOKENS = 16_384
"""Most tokens in one forward pass, padding included."""


@dataclass(frozen=True)
class RewardSettings:
    """What a reward model's folder says of it, beside the weights.

    Attributes:
        max_length: most tokens of a conversation with its answer; what came first is dropped first.
        centre: mean score of the answers that it was measured on; it becomes a reward of 0.
        spread: their standard deviation; it becomes 1.
        history: how past turns are rendered, see `ChatRenderer`.
        thinking: whether a template that can switch its thinking off leaves it on.
    """

    max_length: int
    centre: float = 0.0
    spread: float = 1.0
    history: Literal["append", "template"] = "append"
    thinking: bool = False

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read ``reward_model.json``.

        Raises:
            CheckpointError: it is absent or damaged.
        """
        try:
            return cls(**json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CheckpointError(f"{folder} is no saved reward model: {SETTINGS_FILE}: {error}") from error


def save_reward_model(
    folder: Path, network: RewardNetwork, tokenizer: PreTrainedTokenizerFast, settings: RewardSettings
) -> None:
    """Write a folder that `RewardModel` loads, and transformers as a classifier with one label.

    An adapter is merged into the weights, and is none any more.

    Args:
        folder: is made if absent.
        network: to be saved.
        tokenizer: its own.
        settings: what has to be known beside.
    """
    if hasattr(network.classifier, "merge_and_unload"):
        network.classifier = network.classifier.merge_and_unload()
    folder.mkdir(parents=True, exist_ok=True)
    network.classifier.save_pretrained(str(folder))
    tokenizer.save_pretrained(folder)
    text = json.dumps(dataclasses.asdict(settings), indent=2)
    (folder / SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")


@dataclass(eq=False)
class _Loaded:
    """A reward model in memory."""

    network: RewardNetwork
    chat: ChatRenderer
    settings: RewardSettings


_LOADED: WeakValueDictionary[tuple[str, str, int], _Loaded] = WeakValueDictionary()
_LOADING = threading.Lock()


class RewardModel:
    """The reward that a trained model gives to an answer, without its thinking: 0 for a middling one, about -2 to 2.

    It is a handle: the weights are read when the first turn is scored, once in a process however many handles name
    the folder; a copy is the same handle, and a pickled one holds a path. In a fusion or in ``gymnasium.make`` it may
    be named by ``"agents.policies.reward_model:RewardModel:FOLDER"``.

    Args:
        path: what `textenvs reward-model` wrote: the run, or its checkpoint.
        device: such as ``"cuda"``; None takes a GPU where there is one.
        batch_tokens: the most tokens in one forward pass, padding included.

    Raises:
        ConfigError: there is no reward model.
    """

    def __init__(self, path: str | Path, *, device: str | None = None, batch_tokens: int = BATCH_TOKENS) -> None:
        self.path = _find(Path(path))
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.batch_tokens = batch_tokens
        self.__name__ = "reward_model"
        self._loaded: _Loaded | None = None

    def __call__(self, turn: Turn) -> float:
        """Score one turn."""
        return self.score_batch((turn,))[0]

    def score_batch(self, turns: Sequence[Turn]) -> list[float]:
        """Score many turns, all of like length in one forward pass.

        Raises:
            CheckpointError: the folder is damaged.
        """
        loaded = self._load()
        prompts: dict[tuple[Any, ...], list[int]] = {}
        sequences: list[list[int]] = []
        for turn in turns:
            key = (turn.instruction, turn.history, turn.tools)
            if key not in prompts:
                system = (Message("system", turn.instruction),) if turn.instruction else ()
                prompts[key] = prompt_ids(loaded.chat, (*system, *turn.history), turn.tools)
            answer = loaded.chat.action_ids(turn.answer)
            prompt, answer = keep_end(prompts[key], answer, loaded.settings.max_length)
            sequences.append(prompt + answer)
        scores = loaded.network.scores(sequences, self.batch_tokens)
        return [(score - loaded.settings.centre) / loaded.settings.spread for score in scores]

    def __deepcopy__(self, memo: Any) -> Self:
        """Return the handle itself: Gymnasium copies arguments at every access to a spec."""
        return self

    def __copy__(self) -> Self:
        """Return the handle itself."""
        return self

    def __reduce__(self) -> Any:
        """Pickle the path, for another process to load from."""
        return partial(RewardModel, device=self.device, batch_tokens=self.batch_tokens), (str(self.path),)

    def __repr__(self) -> str:
        return f"RewardModel({str(self.path)!r})"

    def _load(self) -> _Loaded:
        with _LOADING:
            if self._loaded is None:
                key = (str(self.path), self.device, (self.path / SETTINGS_FILE).stat().st_mtime_ns)
                self._loaded = _LOADED.get(key) or _read(self.path, self.device)
                _LOADED[key] = self._loaded
            return self._loaded


class RewardEnsemble:
    """Several reward models as one reward: their mean, and beside it how much they disagree.

    A policy that games one of them rarely games all of them in the same way. Where they disagree by more than the gate
    allows, the least of their scores is paid. In a fusion or in ``gymnasium.make`` it may be named by
    ``"agents.policies.reward_model:RewardEnsemble:FOLDER,FOLDER@GATE"``.

    Source: Coste et al. 2023, "Reward Model Ensembles Help Mitigate Overoptimization", sections 3.2 and 3.3: the mean,
    and worst-case optimisation, here behind the gate.

    Args:
        models: two at least, or the folders that they are in, or an `EnsembleName` as text; trained from different
            seeds or on different rows.
        gate: the standard deviation of the scores above which the least is paid; None takes the name's, or never does.

    Raises:
        ConfigError: there are fewer than two, one is no reward model, or the gate is below 0.
    """

    def __init__(self, models: Sequence[RewardModel | str | Path] | str, gate: float | None = None) -> None:
        if isinstance(models, str):
            models, named = EnsembleName.read(models)
            gate = named if gate is None else gate
        if len(models) < 2:
            raise ConfigError(f"an ensemble of {len(models)}: at least two reward models")
        if gate is not None and not gate >= 0:
            raise ConfigError(f"gate={gate}: a standard deviation, 0 or more")
        self.models = [model if isinstance(model, RewardModel) else RewardModel(model) for model in models]
        self.gate = math.inf if gate is None else gate
        self.__name__ = "reward_ensemble"

    def __call__(self, turn: Turn) -> Score:
        """Score one turn."""
        return self.score_batch((turn,))[0]

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Score many turns; the parts are ``mean``, ``disagreement`` and ``gated`` (1.0 where the least is paid)."""
        columns = [model.score_batch(turns) for model in self.models]
        return [self._fused(scores) for scores in zip(*columns, strict=True)]

    def _fused(self, scores: Sequence[float]) -> Score:
        mean, disagreement = statistics.fmean(scores), statistics.pstdev(scores)
        gated = disagreement > self.gate
        parts: Mapping[str, float] = {"mean": mean, "disagreement": disagreement, "gated": float(gated)}
        return Score(min(scores) if gated else mean, parts)


def _find(path: Path) -> Path:
    """Return the folder of a reward model: this one, or the one in a run's folder."""
    for place in (path, path / CHECKPOINT):
        if (place / SETTINGS_FILE).is_file():
            return place.absolute()
    kind = "no reward model in it" if path.is_dir() else "no such folder"
    raise ConfigError(f"{path}: {kind}; give a folder that `textenvs reward-model` wrote")


def _read(folder: Path, device: str) -> _Loaded:
    """Read a reward model from its folder."""
    settings = RewardSettings.read(folder)
    try:
        classifier = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder} cannot be loaded as a reward model: {error}") from error
    network = RewardNetwork(classifier.to(device)).eval()
    return _Loaded(network, ChatRenderer(tokenizer, settings.history, thinking=settings.thinking), settings)
