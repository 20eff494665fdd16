"""The plan's arithmetic against models that are really built, and its simulation against cases that can be counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from peft import LoraConfig, get_peft_model
from transformers import Qwen3Config, Qwen3ForCausalLM

from agents.algorithms.registry import find_algorithm
from agents.cli.main import main
from agents.cli.settings import settings_of
from agents.cli.sources import parse_settings
from agents.cli.train import FLAGS, TrainOptions
from agents.plan.devices import GB, Device, find_device
from agents.plan.estimates import (
    conversations,
    learner_memory,
    placements,
    rollout_seconds,
    update_seconds,
)
from agents.plan.shapes import KNOWN, ModelShape, find_shape
from agents.plan.simulation import Setting, durations, simulate
from agents.plan.workload import Workload, workload_of
from textenvs.errors import CheckpointError, UnknownNameError

SHAPE = ModelShape(64, 2, 4, 2, 16, 128, 300, tied=False)
WORK = Workload(episodes=64, group=8, prompt=100, turns=4, written=25, read=30)


def model_of(shape: ModelShape) -> Qwen3ForCausalLM:
    config = Qwen3Config(
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        intermediate_size=shape.feed_forward,
        vocab_size=shape.vocabulary,
        tie_word_embeddings=shape.tied,
    )
    with torch.device("meta"):
        return Qwen3ForCausalLM(config)


@pytest.mark.parametrize("tied", [True, False])
def test_weights_and_adapters_are_counted_as_they_are_built(tied: bool) -> None:
    shape = replace(SHAPE, tied=tied)
    model = model_of(shape)
    assert shape.parameters == sum(weight.numel() for weight in model.parameters())
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    trained = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    assert shape.adapter_parameters(4) == trained


@pytest.mark.parametrize(("name", "billions"), [("Qwen3-0.6B", 0.596), ("Qwen3-8B", 8.191), ("Qwen3-32B", 32.762)])
def test_the_published_sizes(name: str, billions: float) -> None:
    assert KNOWN[name].parameters / 1e9 == pytest.approx(billions, abs=1e-3)


def test_a_folder_or_a_known_name_gives_the_shape(tmp_path: Path) -> None:
    model_of(SHAPE).config.save_pretrained(tmp_path)
    assert find_shape(str(tmp_path)) == SHAPE
    assert find_shape("Qwen/Qwen3-4B") == KNOWN["Qwen3-4B"]
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="num_attention_heads"):
        find_shape(str(tmp_path))
    with pytest.raises(UnknownNameError, match="did you mean"):
        find_shape("Qwen3-9B")
    with pytest.raises(UnknownNameError, match="h100"):
        find_device("h10")


def test_an_optimisers_real_bytes_are_the_ones_planned() -> None:
    model = Qwen3ForCausalLM(model_of(SHAPE).config)
    optimizer = torch.optim.AdamW(model.parameters())
    model(input_ids=torch.tensor([[1, 2]])).logits.sum().backward()
    optimizer.step()
    moments = [v for state in optimizer.state.values() for k, v in state.items() if k != "step"]
    held = [t.nbytes for t in [*moments, *(weight.grad for weight in model.parameters() if weight.grad is not None)]]
    memory = learner_memory(SHAPE, WORK, lora_rank=0, microbatch_tokens=256, kl=False)
    assert memory.trained == sum(held)
    assert memory.weights == sum(weight.nbytes for weight in model.parameters())
    with_kl = learner_memory(SHAPE, WORK, lora_rank=0, microbatch_tokens=256, kl=True)
    assert with_kl.total - memory.total == memory.weights


def test_an_episode_has_so_many_tokens() -> None:
    assert WORK.length == 100 + 4 * 25 + 3 * 30
    assert WORK.sampled == 64 * 100


def test_what_an_update_and_a_rollout_take_on_a_device_of_round_numbers() -> None:
    device = Device(memory=1e9, train_flops=1e9, prefill_flops=1e9, decode_flops=1e30, bandwidth=1e30, step_s=1e-3)
    attended = 2 * 2 * 4 * 16 * WORK.length
    fed = (SHAPE.block_weights + attended) * 64 * WORK.length + SHAPE.output_weights * 6400
    assert update_seconds(SHAPE, WORK, device, lora_rank=0, kl=True) == pytest.approx(10 * fed / 1e9)
    assert update_seconds(SHAPE, WORK, device, lora_rank=4, kl=False) == pytest.approx(6 * fed / 1e9)
    prefill = 2 * (SHAPE.block_weights + 2 * 2 * 4 * 16 * 100) * 64 * (100 / 8 + 90) / 1e9
    assert rollout_seconds(SHAPE, WORK, device) == pytest.approx(100 * 2 * 1e-3 + prefill)
    small = replace(device, memory=2.5e6 / 0.9)
    kept = conversations(SHAPE, WORK, small)
    assert kept == (2.5e6 - 2 * SHAPE.parameters) // (2 * WORK.length * SHAPE.kv_numbers) < 64
    assert rollout_seconds(SHAPE, WORK, small) == pytest.approx(-(-64 // kept) * 0.2 + prefill)


def test_the_best_placement_comes_first_and_every_one_is_there() -> None:
    found = placements(KNOWN["Qwen3-8B"], WORK, find_device("h100"), 16, lora_rank=32, kl=False)
    assert sorted(one.learners for one in found) == [1, 2, 4, 8, 16]
    assert [one.seconds for one in found] == sorted(one.seconds for one in found)
    for one in found:
        both = one.rollout_s + one.update_s if one.placement == "together" else max(one.rollout_s, one.update_s)
        assert one.seconds == both
        assert one.placement == "together" or (one.players + one.learners == 16 and one.players % one.learners == 0)


def test_a_simulation_without_a_tail_is_what_can_be_counted() -> None:
    setting = Setting(workers=4, episodes=8, turns=1.0, turn_s=1.0, update_s=3.0, tail=1e9)
    alone = simulate(setting)
    assert alone.update_s == pytest.approx(2 + 3, rel=1e-6)  # two waves, and the learner
    assert alone.staleness == 0
    beside = simulate(replace(setting, staleness=1))
    assert beside.update_s == pytest.approx(3, rel=1e-6)  # the learner alone
    assert beside.busy == pytest.approx(2 / 3, rel=1e-6)
    assert 0 < beside.staleness <= 1


def test_a_heavy_tail_costs_time_and_staleness_buys_it_back_within_its_bound() -> None:
    setting = Setting(workers=64, episodes=128, turns=4.0, turn_s=2.0, update_s=10.0)
    assert durations(setting, 20_000, 0).mean() == pytest.approx(8.0, rel=0.1)
    outs = [simulate(replace(setting, staleness=k), updates=60) for k in (0, 1, 4)]
    assert outs[0].update_s > 1.3 * outs[1].update_s
    assert outs[1].update_s >= outs[2].update_s
    for out, bound in zip(outs, (0, 1, 4), strict=True):
        assert out.staleness <= bound
        assert out.busy <= 1
    light = simulate(replace(setting, tail=20.0), updates=60)
    assert outs[0].update_s > 1.3 * light.update_s  # of the same mean


def test_an_environment_says_itself_how_long_its_episodes_are() -> None:
    rewrite = workload_of("MultiTurnRewrite-v0", {"language": "en"}, episodes=64, group=8, probes=5)
    tools = workload_of("ToolCall-v0", {}, episodes=64, group=8, probes=5)
    assert rewrite.turns >= 2
    assert tools.prompt > rewrite.prompt > 20  # the schemas
    assert min(rewrite.written, rewrite.read, tools.written, tools.read) > 1


@pytest.mark.parametrize("gpus", [1, 64])
def test_the_command_plans_and_its_files_are_read_by_those_they_are_for(
    gpus: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["plan", "--model", "Qwen3-8B", "--gpus", str(gpus), "--env.id", "ToolCall-v0", "--out", str(tmp_path)]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert "together" in said
    assert "1,024" in said
    config: Any = load_config_from_file(str(tmp_path / "accelerate.yaml"))
    assert 1 <= config.num_processes <= gpus
    options = TrainOptions(settings=find_algorithm("grpo").config())
    args = ["--config", str(tmp_path / "train.json")]
    read = parse_settings(options, FLAGS, args, "textenvs train grpo", {"command": "train", "algorithm": "grpo"})
    settings = settings_of(read)
    assert settings["model"].value == "Qwen3-8B"
    run = json.loads((tmp_path / "train.json").read_text())
    actors = run["ray"]["actors"] if "ray" in run else 0
    assert config.num_processes * (1 + actors) == gpus
    assert settings["ray.actors"].value == actors


def test_what_does_not_fit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--model", "Qwen3-32B", "--gpus", "8", "--lora_rank", "0"]) == 1
    assert "textenvs export --to verl" in capsys.readouterr().out
    assert find_device("h100").memory == 80 * GB
