"""From the stages of a pipeline to the commands that they are, and back to the settings that those have."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.cli.options import EnvOptions
from agents.cli.settings import Setting, settings_of
from agents.cli.sources import as_arguments, flatten
from textenvs.errors import check_known

if TYPE_CHECKING:
    from agents.pipeline import Plan, Stage
    from agents.pipeline.run import Call

MAKES_POLICY = ("sft", "preference", "train")
"""Commands whose runs can be evaluated."""
POSITIONAL: Mapping[str, str] = {"clean": "files", "eval": "policy"}
"""The setting that stands without a flag, of the commands that have one and read no ``--config``."""


def _train(words: tuple[str, ...]) -> Any:
    from agents.algorithms.registry import find_algorithm
    from agents.cli.train import TrainOptions

    return TrainOptions(settings=find_algorithm(words[0] if words else "").config())


def _sft(words: tuple[str, ...]) -> Any:
    from agents.cli.sft import SFTCommand

    return SFTCommand()


def _preference(words: tuple[str, ...]) -> Any:
    from agents.cli.preference import PreferenceCommand
    from agents.finetune.preference import PreferenceConfig

    return PreferenceCommand(settings=PreferenceConfig())


def _reward_model(words: tuple[str, ...]) -> Any:
    from agents.cli.reward_model import RewardModelCommand
    from agents.finetune.reward_model_config import RewardModelConfig

    return RewardModelCommand(settings=RewardModelConfig())


def _clean(words: tuple[str, ...]) -> Any:
    from agents.cli.clean import Options

    return Options(files=(), out=Path())


def _eval(words: tuple[str, ...]) -> Any:
    from agents.cli.eval import Options

    return Options(policy="")


STAGES: Mapping[str, Callable[[tuple[str, ...]], Any]] = {
    "clean": _clean,
    "sft": _sft,
    "reward-model": _reward_model,
    "preference": _preference,
    "train": _train,
    "eval": _eval,
}
"""The commands that can be stages, with what makes their default options."""


def names_of(command: tuple[str, ...]) -> Collection[str]:
    """Return the names of a command's settings.

    Raises:
        UnknownNameError: if it cannot be a stage.
    """
    check_known("command of a stage", command[0], STAGES)
    return _settings(command).keys()


def with_evaluations(plan: Plan) -> Plan:
    """Return the plan with a stage for every policy that it makes and every suite, or the environment.

    Raises:
        UnknownNameError: if there is no such suite.
    """
    if plan.evaluation is None:
        return plan
    from envs_registry.suites import all_suites

    for suite in plan.suites:
        check_known("suite", suite, all_suites(), "textenvs list suites")
    policies = [stage.name for stage in plan.stages if stage.command[0] in MAKES_POLICY]
    measured = [_evaluation(plan.evaluation, policy, suite) for policy in policies for suite in plan.suites or (None,)]
    return replace(plan, stages=(*plan.stages, *measured))


def _evaluation(settings: Mapping[str, Any], policy: str, suite: str | None) -> Stage:
    """Return the stage that measures another one, on a suite or on the environment of the settings."""
    from agents.pipeline.plan import EVAL, Stage
    from envs_registry.suites import all_suites

    place = suite or settings.get("env.id", EnvOptions.id)
    played = {**settings, "policy": f"{{{policy}}}", **({"suite": suite} if suite else {})}
    depends = {"suite": all_suites()[suite].hash} if suite else {}
    return Stage(f"{policy}-on-{place}", EVAL, played, depends, measures_on=place)


def arguments(call: Call) -> list[str]:
    """Return the arguments of ``textenvs`` that stand for a call."""
    command, words = call.stage.command[0], list(call.stage.command)
    if command not in POSITIONAL:
        if call.resume and (call.folder / "config.json").is_file():
            return [*words, "--resume", str(call.folder)]
        return [*words, "--config", str(_config(call)), "--out", str(call.folder), "--overwrite"]
    settings = dict(flatten(_given(call), _settings(call.stage.command)))
    given = settings.pop(POSITIONAL[command], ())
    first = [given] if isinstance(given, str) else given
    flags = [word for name, value in settings.items() for word in as_arguments(name, value)]
    overwrite = ["--overwrite"] if command == "clean" else []
    return [*words, *first, *flags, "--out", str(call.folder), *overwrite]


def _given(call: Call) -> dict[str, Any]:
    """Return the settings of a call that are set to something."""
    return {name: value for name, value in call.settings.items() if value is not None}


def _settings(command: tuple[str, ...]) -> Mapping[str, Setting]:
    return settings_of(STAGES[command[0]](command[1:]))


def _config(call: Call) -> Path:
    """Write the settings of a call where ``--config`` reads them."""
    from agents.pipeline.run import NOTES

    path = call.folder.parent / NOTES / f"{call.stage.name}.json"
    path.write_text(json.dumps(_given(call), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
