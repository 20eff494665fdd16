"""One round: gather what users said since the policy that serves was made, learn, compare, and promote or not.

Every step leaves a file that is whole or not there, and a round that was stopped goes on after the last of them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agents.evaluation.log import EvaluationLog
from agents.evaluation.players import Sampling
from agents.evaluation.results import EvaluationResult
from agents.evaluation.runner import evaluate_slices
from agents.feedback.rounds.deployment import CANDIDATE, RECORD, Deployment, write_json
from agents.feedback.rounds.guard import Decision, GuardConfig, decide
from agents.feedback.rounds.routes import Lesson, RewardRoute, Route, learn, load_learner, rows_of
from agents.feedback.rounds.suites import fresh_suite
from agents.feedback.signal_files import write_signals
from agents.feedback.signals import SignalConfig, signals
from agents.feedback.store import Store
from agents.policies.causal_lm import CausalLMPolicy
from agents.rows.cleaning import CleaningConfig, clean
from agents.rows.cleaning.run import ROWS as CLEANED
from agents.rows.demonstration import Demonstration
from agents.trainer.saving import save_policy
from envs_registry.suites import Suite
from textenvs.errors import ConfigError, UsageError

BEGUN, ROWS, CLEAN, EVALUATION = "begun.json", "rows", "clean", "evaluation"
"""What a round's folder holds beside its candidate and its record."""


@dataclass(frozen=True, kw_only=True)
class RoundConfig:
    """What a round does.

    Attributes:
        route: how the policy learns: the settings of the stage.
        suite: the fixed items.
        settings: of the environments, such as their reward; they go before the suite's own.
        fresh: items of each slice that no round has seen; they are others in every round.
        sampling: how both policies are played.
        guard: what the candidate has to show.
        signals: how feedback is read.
        cleaning: which of its rows are set aside. What several users say alike is no duplicate of value here, but
            exact ones go, and a majority decides where they contradict each other.
        feedback_share: of corrections in every batch, where demonstrations are replayed.
        device: such as ``"cuda"``; a GPU where there is one, if None.

    Raises:
        ConfigError: if a value is out of range.
    """

    route: Route
    suite: Suite
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fresh: int = 50
    sampling: Sampling = field(default_factory=Sampling)
    guard: GuardConfig = field(default_factory=GuardConfig)
    signals: SignalConfig = field(default_factory=SignalConfig)
    cleaning: CleaningConfig = field(default_factory=lambda: CleaningConfig(near_duplicates=1.0))
    feedback_share: float = 0.5
    device: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.fresh < 2:
            raise ConfigError(f"fresh={self.fresh}: at least 2 items, for a difference needs an interval")
        if not 0 < self.feedback_share < 1:
            raise ConfigError(f"feedback_share={self.feedback_share}: must lie between 0 and 1, ends excluded")
        if isinstance(self.route, RewardRoute) and len(self.suite.slices) > 1:
            raise ConfigError(f"ppo plays one environment, and the suite {self.suite.name!r} has several")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings for JSON."""
        route = {"stage": type(self.route).stage, **asdict(self.route)}
        rest = {name: asdict(getattr(self, name)) for name in ("sampling", "guard", "signals", "cleaning")}
        plain = {"fresh": self.fresh, "feedback_share": self.feedback_share, "settings": dict(self.settings)}
        everything = {"route": route, "suite": self.suite.as_dicts(), **rest, **plain}
        return json.loads(json.dumps(everything, default=repr))


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a round found.

    Attributes:
        version: its name.
        parent: the version that it was trained from.
        rows: how many there were of each kind of signal.
        kept: those that the policy learned from, after cleaning.
        dropped: what was left out, by reason.
        training: what the stage says of itself.
        decision: of the guard.
        seconds: since the round was begun, or gone on with.
    """

    version: str
    parent: str
    rows: Mapping[str, int]
    kept: int
    dropped: Mapping[str, int]
    training: Mapping[str, Any]
    decision: Decision
    seconds: float


def run_round(
    deployment: Deployment,
    store: Store,
    config: RoundConfig,
    replay: Callable[[], Sequence[Demonstration]] = list,
    say: Callable[[str], None] = lambda _: None,
) -> RoundResult:
    """Do one round, or go on with one that was stopped; it begins anew if its settings are others.

    What it learns from is all feedback since the version that serves was trained, so that nothing is lost when
    rounds in between were not promoted.

    Args:
        deployment: whose policy serves.
        store: of the feedback.
        config: what to do.
        replay: makes demonstrations that are mixed among corrections.
        say: is told what is being done.

    Raises:
        UsageError: if there is nothing to learn from, or another round is under way.
        ConfigError: if the settings do not fit together.
        StoreUnavailableError: if the store cannot be read.
    """
    with deployment.locked():
        return _Round(deployment, store, config, say).run(replay)


class _Round:
    """The steps, and what they share."""

    def __init__(self, deployment: Deployment, store: Store, config: RoundConfig, say: Callable[[str], None]) -> None:
        self._deployment, self._store, self._config, self._say = deployment, store, config, say
        self._place = deployment.next_round()
        self._start = time.perf_counter()

    def run(self, replay: Callable[[], Sequence[Demonstration]]) -> RoundResult:
        """Do what is left."""
        begun = self._begin()
        facts = self._gather(begun)
        training = self._train(replay)
        decision = self._compare()
        version, parent = self._place.name, begun["parent"]
        record = {**begun, **facts, "training": training, **decision.as_dict()}
        write_json(self._place / RECORD, record)
        if decision.promoted:
            self._deployment.promote(version)
        seconds = time.perf_counter() - self._start
        learned = facts["rows"], facts["kept"], facts["dropped"]
        return RoundResult(version, parent, *learned, training, decision, seconds)

    def _begin(self) -> dict[str, Any]:
        """Write down what the round starts from, once."""
        path, parent = self._place / BEGUN, self._deployment.serving
        wanted = {
            "parent": parent,
            "since": self._deployment.record(parent)["last_seq"],
            "config": self._config.as_dict(),
        }
        if path.exists():
            begun = json.loads(path.read_text(encoding="utf-8"))
            if {name: begun.get(name) for name in wanted} == wanted:
                self._say(f"going on with {self._place.name}")
                return begun
            shutil.rmtree(self._place)
        self._place.mkdir(exist_ok=True)
        begun = {**wanted, "last_seq": self._store.last_seq()}
        write_json(path, begun)
        return begun

    def _gather(self, begun: Mapping[str, Any]) -> dict[str, Any]:
        """Write the feedback as rows."""
        folder = self._place / ROWS
        done = folder / "facts.json"
        if not done.exists():
            found = signals(self._store.interactions(begun["since"]), self._config.signals)
            counts, kind = write_signals(found, folder), rows_of(self._config.route)
            report = clean([folder / f"{kind}.jsonl"], folder / CLEAN, self._config.cleaning)
            if not report.kept:
                shutil.rmtree(self._place)
                raise UsageError(
                    f"nothing to learn from: of {counts[kind]} rows of the kind {kind!r} in the feedback since number "
                    f"{begun['since']} of the store none is left after cleaning; there are {counts}"
                )
            write_json(done, {"rows": counts, "kept": report.kept, "dropped": {**found.dropped, **report.dropped}})
        return json.loads(done.read_text(encoding="utf-8"))

    def _train(self, replay: Callable[[], Sequence[Demonstration]]) -> Mapping[str, Any]:
        """Train a copy of the policy that serves."""
        done, candidate = self._place / "training.json", self._place / CANDIDATE
        if not done.exists():
            route = self._config.route
            self._say(f"training {self._place.name} from {self._deployment.serving}")
            policy = load_learner(self._deployment.policy, route, self._config.device)
            facts = learn(policy, route, self._lesson(replay()))
            save_policy(candidate, policy)
            write_json(done, facts)
        return json.loads(done.read_text(encoding="utf-8"))

    def _lesson(self, replay: Sequence[Demonstration]) -> Lesson:
        rows, share = self._place / ROWS / CLEAN / CLEANED, self._config.feedback_share
        return Lesson(rows, replay, share, self._config.suite.slices[0], self._place)

    def _compare(self) -> Decision:
        """Play both policies on the fixed and on fresh items, and decide."""
        config, number = self._config, int(self._place.name.rpartition("-")[2])
        suites = {"fixed": config.suite, "fresh": fresh_suite(config.suite, number, config.fresh)}
        policies = {"serving": self._deployment.policy, "candidate": self._place / CANDIDATE}
        found = {name: self._play(name, folder, suites) for name, folder in policies.items()}
        return decide(found["serving"], found["candidate"], config.guard)

    def _play(self, name: str, folder: Path, suites: Mapping[str, Suite]) -> dict[str, EvaluationResult]:
        self._say(f"measuring the policy {'that serves' if name == 'serving' else self._place.name}")
        policy = CausalLMPolicy.load(folder, device=self._config.device)
        results: dict[str, EvaluationResult] = {}
        for suite, items in suites.items():
            log = EvaluationLog(self._place / EVALUATION / f"{name}-{suite}.jsonl")
            results[suite] = evaluate_slices(policy, items, self._config.sampling, self._config.settings, log)
        return results
