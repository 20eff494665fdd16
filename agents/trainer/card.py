"""The model card in an agent's folder: what it was trained on, how, with what result, and how it is loaded.

The licence is left to the person who publishes the model, and the page may be edited: no manifest lists it. Names,
settings and results come from users and environments, so every one of them is escaped.
"""

from __future__ import annotations

import html
import importlib.metadata
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import textenvs

HISTORY = {
    "append": "Past turns stay as they were sampled; only what is new is rendered. Serve it the same way.",
    "template": "Past turns are rendered as the chat template has them, which may rewrite them.",
}


class ResultRow(NamedTuple):
    """One measure of an evaluation, as text: with its interval, before and after training, and the difference."""

    measure: str
    before: str
    after: str
    difference: str


SERVED_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM's ``--max-lora-rank`` takes; it is 16 where nobody says."""


@dataclass(frozen=True)
class CardFacts:
    """What a card says.

    Attributes:
        algorithm: its name.
        title: of the algorithm, in one line.
        paper: where the algorithm comes from.
        base: name of the model that was trained; a folder's name where it was a folder, ``""`` if made from nothing.
        rank: of the adapter, if the folder holds no more than one; 0 where it holds all weights.
        history: the rendering that it was trained with.
        env: id of the environment, or what stands for it.
        env_settings: what differs from the environment's own.
        updates: how many it was trained for.
        settings: of the algorithm, those that are not the defaults.
        results: tables by title.
        command: that made it; ``""`` if it was made from Python.
    """

    algorithm: str
    title: str
    paper: str
    base: str
    rank: int
    history: str
    env: str
    env_settings: Mapping[str, Any]
    updates: int
    settings: Mapping[str, Any]
    results: Mapping[str, Sequence[ResultRow]]
    command: str


def render_card(facts: CardFacts) -> str:
    """Return the page: YAML for the hub, Markdown for people."""
    sections = [_front(facts), _summary(facts), _environment(facts), _training(facts)]
    return "\n".join([*sections, *_results(facts.results), _use(facts)])


def _front(facts: CardFacts) -> str:
    base = [f"base_model: {json.dumps(facts.base, ensure_ascii=False)}"] if facts.base else []
    return "\n".join(
        [
            "---",
            f"library_name: {'peft' if facts.rank else 'transformers'}",
            "pipeline_tag: text-generation",
            *base,
            f"tags: {json.dumps(['textenvs', 'reinforcement-learning', facts.algorithm])}",
            "# license: choose one before you publish, such as apache-2.0",
            "---",
            "",
        ]
    )


def _summary(facts: CardFacts) -> str:
    base = f"`{_code(facts.base)}`" if facts.base else "a model built from nothing"
    licence = "the base model's binds it too" if facts.base else "it builds on nobody else's"
    kind = "A LoRA adapter of" if facts.rank else "All weights of"
    return "\n".join(
        [
            f"# {_plain(facts.env)}, trained with {_plain(facts.algorithm)}",
            "",
            f"{kind} {base}, trained for {facts.updates:,} updates by reinforcement learning.",
            "",
            f"- Algorithm: {_plain(facts.title)} ({_plain(facts.paper)})",
            f"- Conversations: `{_code(facts.history)}`. {HISTORY.get(facts.history, '')}",
            f"- Licence: to be chosen by whoever publishes it; {licence}",
            "",
        ]
    )


def _environment(facts: CardFacts) -> str:
    reward = facts.env_settings.get("reward")
    paid = "the environment's own" if reward is None else f"`{_code(json.dumps(reward, default=str))}`"
    return "\n".join(
        [
            "## Environment, data and reward",
            "",
            f"`{_code(facts.env)}` of textenvs {textenvs.__version__}, split `train`. Its settings and data:",
            "",
            _fenced(json.dumps(facts.env_settings, indent=2, ensure_ascii=False, default=str), "json"),
            "",
            f"Reward: {paid}.",
            "",
        ]
    )


def _training(facts: CardFacts) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "peft"))
    made = ["Made by:", "", _fenced(facts.command, "sh"), ""] if facts.command else []
    return "\n".join(
        [
            "## Training",
            "",
            *made,
            "Settings that are not the algorithm's defaults:",
            "",
            _fenced(json.dumps(facts.settings, indent=2, ensure_ascii=False, default=str), "json"),
            "",
            f"Versions: {versions}.",
            "",
        ]
    )


def _results(tables: Mapping[str, Sequence[ResultRow]]) -> list[str]:
    """Return the section with the results, if there are any."""
    lines: list[str] = []
    for title, rows in tables.items():
        lines += [f"### {_plain(title)}", "", "| measure | before | after | difference |", "|---|---:|---:|---:|"]
        lines += ["| " + " | ".join(map(_plain, row)) + " |" for row in rows]
        lines.append("")
    note = "95 % intervals; the differences are paired: both policies played the same held-out items."
    return ["## Results", "", note, "", *lines] if lines else []


def _use(facts: CardFacts) -> str:
    loader = "AutoPeftModelForCausalLM" if facts.rank else "AutoModelForCausalLM"
    module = "peft" if facts.rank else "transformers"
    code = (
        f"from {module} import {loader}\nfrom transformers import AutoTokenizer\n\n"
        f'model = {loader}.from_pretrained("FOLDER")\ntokenizer = AutoTokenizer.from_pretrained("FOLDER")'
    )
    room = next((rank for rank in SERVED_RANKS if rank >= facts.rank), facts.rank)
    adapter = f"vllm serve BASE --enable-lora --max-lora-rank {room} --lora-modules agent=FOLDER"
    serve = adapter if facts.rank else "vllm serve FOLDER"
    return "\n".join(["## Use", "", _fenced(code, "python"), "", _fenced(serve, "sh"), ""])


def base_name(model: Any) -> str:
    """Return the name of the model that was trained, without the path of a folder; ``""`` if it was made in memory."""
    adapters = getattr(model, "peft_config", None)
    source = adapters["default"].base_model_name_or_path if adapters else model.config.name_or_path
    if not source or Path(source).name == "base":
        return ""
    return Path(source).name if Path(source).exists() else source


def _plain(text: str) -> str:
    """Return text of unknown origin as Markdown that shows it on one line and does nothing."""
    line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]#|!~$])", r"\\\1", line)


def _code(text: str) -> str:
    """Return text of unknown origin for a span of code, which it cannot leave."""
    return " ".join(text.split()).replace("`", "'").replace("|", "¦")


def _fenced(text: str, language: str) -> str:
    """Return a block of code with a fence that is longer than any run of backticks in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
