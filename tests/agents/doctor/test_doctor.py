"""The doctor: it says nothing of a sound policy, and names each fault that is planted."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from agents.chat import ChatRenderer
from agents.cli import main
from agents.doctor import Finding, Verdict, examine
from agents.doctor.rendering import check_rendering
from agents.doctor.world import check_world
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.embedded_tokenizer import CHAT_TEMPLATE
from agents.policies.scores import TokenScores
from agents.rollout import episode
from agents.rollout.sampling import stream_key
from tests.agents.build import tiny_policy, trajectory, turn
from tests.agents.test_chat import MISTRAL, published, renderer

HERE = "tests.agents.doctor.worlds"


def faults(findings: list[Finding]) -> list[str]:
    return [finding.check for finding in findings if finding.verdict is Verdict.FAULT]


def examined(policy: CausalLMPolicy, env_id: str = f"{HERE}:EchoEnv-v0") -> list[Finding]:
    return examine(policy, env_id, {}, episodes=4, max_new_tokens=6)


def test_a_sound_policy_in_a_sound_world():
    findings = examined(tiny_policy())
    assert faults(findings) == []
    assert {"sampler against trainer", "the same rollout again", "the template keeps the past"} <= {
        finding.check for finding in findings
    }
    assert all(finding.remedy for finding in findings if finding.verdict is not Verdict.OK)


def test_a_trainer_that_forgets_the_temperature(monkeypatch: pytest.MonkeyPatch):
    policy, true_score = tiny_policy(), CausalLMPolicy.score

    def cold(self: CausalLMPolicy, ids: Tensor, mask: Tensor, select: Tensor, temperature: Tensor) -> TokenScores:
        return true_score(self, ids, mask, select, torch.ones_like(temperature))

    monkeypatch.setattr(CausalLMPolicy, "score", cold)
    assert faults(examined(policy)) == ["sampler against trainer"]


def test_scores_that_depend_on_their_neighbours(monkeypatch: pytest.MonkeyPatch):
    policy, true_score = tiny_policy(), CausalLMPolicy.score

    def sociable(self: CausalLMPolicy, ids: Tensor, mask: Tensor, select: Tensor, temperature: Tensor) -> TokenScores:
        scores = true_score(self, ids, mask, select, temperature)
        return replace(scores, logprobs=scores.logprobs - 1e-3 * (len(ids) - 1))

    monkeypatch.setattr(CausalLMPolicy, "score", sociable)
    assert "one micro-batch against many" in faults(examined(policy))


@pytest.mark.parametrize(
    ("world", "check"),
    [
        ("Hashing", "the same episodes in another process"),
        ("Remembering", "the same episodes again"),
        ("Meddling", "the global random state is left alone"),
    ],
)
def test_worlds_that_do_not_repeat_themselves(world: str, check: str):
    assert check in faults(check_world(f"{HERE}:{world}-v0", {}, episodes=3))


def test_a_world_that_breaks_off():
    findings = {finding.check: finding for finding in examined(tiny_policy(), f"{HERE}:Breaking-v0")}
    broken = findings["episodes that the environment broke off"]
    assert (broken.verdict, broken.figure) == (Verdict.FAULT, "4 of 4")


def test_a_model_without_finite_probabilities():
    policy = tiny_policy()
    with torch.no_grad():
        policy.trainable_parameters()[0][1].fill_(torch.nan)
    findings = {finding.check: finding for finding in examined(policy)}
    broken = findings["episodes that the model broke off"]
    assert (broken.verdict, broken.figure) == (Verdict.FAULT, "4 of 4")
    assert "float32" in broken.remedy
    assert findings["episodes that the environment broke off"].verdict is Verdict.OK


def test_a_sampler_that_forgets_its_seed(monkeypatch: pytest.MonkeyPatch):
    drawn = itertools.count()
    monkeypatch.setattr(episode, "stream_key", lambda *parts: stream_key(next(drawn), *parts))
    assert faults(examined(tiny_policy())) == ["the same rollout again"]


@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize("template", [CHAT_TEMPLATE, published("qwen2_5")], ids=["embedded", "qwen2.5"])
def test_a_renderer_that_lets_markers_through(template: str, role: str, monkeypatch: pytest.MonkeyPatch):
    true_guard = ChatRenderer._guard

    def careless(self: ChatRenderer, text: str, by: str, cut: str) -> str:
        return text if by == role else true_guard(self, text, by, cut)

    chat = renderer(template)
    assert faults(check_rendering(chat, [])) == []
    monkeypatch.setattr(ChatRenderer, "_guard", careless)
    assert faults(check_rendering(chat, [])) == ["markers inside a user's or a tool's text"]


def test_a_template_that_refuses_tools_is_sound():
    assert faults(check_rendering(renderer(MISTRAL), [])) == []


def test_the_command_fails_where_training_would_go_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    tiny_policy().save(tmp_path)
    args = f"--env.id {HERE}:Breaking-v0 --device cpu --episodes 4 --max-new-tokens 6"
    assert main(["doctor", str(tmp_path), *args.split()]) == 1
    shown = capsys.readouterr().out
    assert "the same rollout again" in shown
    assert "4 of 4" in shown


@pytest.mark.parametrize(("template", "rewritten"), [("qwen2_5", 0), ("qwen3", 1)])
def test_a_template_that_rewrites_the_past(template: str, rewritten: int):
    said = replace(
        trajectory([[0, 1]], [turn()]),
        messages=[
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "<think>hm</think>hi"},
            {"role": "user", "content": "and now?"},
            {"role": "assistant", "content": "bye"},
        ],
    )
    finding = check_rendering(renderer(published(template), thinking=True), [said])[-1]
    assert finding.figure.startswith(f"{rewritten} of 1 turns rewritten")
    assert finding.verdict is (Verdict.WARNING if rewritten else Verdict.OK)
    assert ("append-only" in finding.remedy) == bool(rewritten)
