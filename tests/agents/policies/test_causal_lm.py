from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.embedded_tokenizer import train_tokenizer
from agents.policies.scores import TokenScores
from agents.policies.storage import PolicySettings
from agents.policies.tiny import TinyConfig, build_tiny
from textenvs.errors import CheckpointError, ConfigError

SMALL = TinyConfig(vocab_size=300, hidden_size=32, layers=2, context_length=128)
LORA = {"r": 4, "lora_alpha": 8}
TEMPERATURE = 0.7


def policy(lora: dict | None = None, **options) -> CausalLMPolicy:
    """Return a small policy whose distributions are far from uniform and whose adapter does something."""
    options.setdefault("reference", "adapter_off" if lora else "copy")
    made = build_tiny((), SMALL, lora=lora, **options)
    with torch.no_grad():
        for name, weight in made.model.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * 0.3)
            elif "norm" not in name and not weight.requires_grad:
                weight.mul_(2)
    return made


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    ids = torch.randint(6, 260, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(3, 12, dtype=torch.bool)
    mask[1, 8:] = False
    select = torch.zeros_like(mask)
    select[0, 4:], select[1, 3:6], select[2, 11] = True, True, True
    return ids, mask, select, torch.full((3, 12), TEMPERATURE)


def left_padded(ids: Tensor, mask: Tensor, select: Tensor, temperature: Tensor) -> tuple[Tensor, ...]:
    """Return the same rows, padded on the left and three columns wider."""
    order = torch.argsort(mask.int(), dim=1, stable=True)
    return tuple(torch.nn.functional.pad(x.gather(1, order), (3, 0)) for x in (ids, mask, select, temperature))


def by_hand(model: torch.nn.Module, ids: Tensor, mask: Tensor, select: Tensor) -> Tensor:
    """Return the selected log-probabilities, each row run alone and unpadded through the plain model."""
    scores = []
    for row, real, chosen in zip(ids, mask, select, strict=True):
        logprobs = torch.log_softmax(model(row[real][None]).logits[0] / TEMPERATURE, -1)
        scores += [logprobs[i - 1, row[i]] for i in chosen.nonzero()[:, 0].tolist()]
    return torch.stack(scores)


@pytest.mark.parametrize("lora", [None, LORA])
@pytest.mark.parametrize("padding", ["right", "left"])
def test_scores_are_the_models_own_logprobs(lora: dict | None, padding: str):
    made = policy(lora)
    expected = by_hand(made.model, *batch()[:3])
    scores = made.score(*(batch() if padding == "right" else left_padded(*batch())))
    torch.testing.assert_close(scores.logprobs, expected, atol=1e-5, rtol=0)


def test_entropy_and_temperature_are_those_of_the_sampled_distribution():
    made = policy()
    ids, mask, select, temperature = batch()
    temperature = temperature.clone()
    temperature[2, 11] = 3.0
    scores = made.score(ids, mask, select, temperature)
    probs = torch.softmax(made.model(ids[2:]).logits[0, 10] / 3.0, -1)
    assert scores.entropy[-1].item() == pytest.approx(-(probs * probs.log()).sum().item(), abs=1e-5)
    assert scores.logprobs[-1].item() == pytest.approx(probs[ids[2, 11]].log().item(), abs=1e-5)


def test_the_first_token_cannot_be_scored():
    ids, mask, select, temperature = batch()
    select[0, 0] = True
    with pytest.raises(ValueError, match="first token"):
        policy().score(ids, mask, select, temperature)


def test_an_untrained_critic_says_zero_and_a_trained_one_sees_only_the_past():
    made = policy()
    ids, mask, select, temperature = batch()
    assert made.score(ids, mask, select, temperature).values.abs().max() == 0
    torch.nn.init.normal_(made.critic.output.weight, generator=torch.Generator().manual_seed(0))
    values = made.score(ids, mask, select, temperature).values
    ids[0, 11] += 1
    changed = made.score(ids, mask, select, temperature).values
    torch.testing.assert_close(values, changed, atol=1e-6, rtol=0)
    assert values.std() > 0.01


@pytest.mark.parametrize("padding", ["right", "left"])
def test_the_value_of_a_state_is_the_value_before_the_next_token(padding: str):
    made = policy()
    torch.nn.init.normal_(made.critic.output.weight, generator=torch.Generator().manual_seed(0))
    ids, mask, _, temperature = batch()
    given = (ids, mask) if padding == "right" else left_padded(ids, mask, mask, temperature)[:2]
    longer = torch.nn.functional.pad(ids, (0, 1))
    ends = torch.zeros(3, 13, dtype=torch.bool)
    ends[[0, 1, 2], mask.sum(1)] = True
    before_next = made.score(longer, torch.ones_like(ends), ends, torch.ones(3, 13)).values
    torch.testing.assert_close(made.state_values(*given), before_next, atol=1e-5, rtol=0)


@pytest.mark.parametrize("detach", [True, False])
def test_a_detached_critic_leaves_the_model_alone(detach: bool):
    made = policy(critic_detach=detach)
    torch.nn.init.normal_(made.critic.output.weight)
    made.score(*batch()).values.sum().backward()
    touched = any(w.grad is not None and w.grad.abs().sum() > 0 for w in made.model.parameters())
    assert touched is not detach


def test_the_reference_of_an_adapter_is_the_base():
    made = policy(LORA)
    base = policy()  # the same seed without an adapter
    with torch.no_grad():
        for name, weight in base.model.named_parameters():
            if "norm" not in name:
                weight.mul_(2)
    assert (made.reference_logprobs(*batch()) - made.score(*batch()).logprobs).abs().max() > 0.1
    torch.testing.assert_close(made.reference_logprobs(*batch()), base.score(*batch()).logprobs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("lora", [None, LORA])
def test_a_copied_reference_stays_where_it_was(lora: dict | None):
    made = policy(lora)
    made.freeze_reference()
    before = made.score(*batch()).logprobs.detach()
    with torch.no_grad():
        for _, weight in made.trainable_parameters():
            weight.add_(0.05)
    torch.testing.assert_close(made.reference_logprobs(*batch()), before, atol=1e-6, rtol=0)
    assert (made.score(*batch()).logprobs - before).abs().max() > 0.01


def test_no_reference_is_an_error_that_says_what_to_do():
    with pytest.raises(ConfigError, match="reference='auto'"):
        policy(reference=None).reference_logprobs(*batch())
    with pytest.raises(ConfigError, match="needs an adapter"):
        CausalLMPolicy.from_pretrained("tiny", reference="adapter_off")


def test_only_the_adapter_and_the_critic_are_trained():
    names = [name for name, _ in policy(LORA).trainable_parameters()]
    assert all("lora_" in name or name.startswith("critic.") for name in names)
    assert sum(name.startswith("critic.") for name in names) == 4


@pytest.mark.parametrize("lora", [None, LORA])
def test_a_saved_policy_comes_back(tmp_path: Path, lora: dict | None):
    made = policy(lora)
    torch.nn.init.normal_(made.critic.output.weight)
    made.freeze_reference()
    with torch.no_grad():
        for _, weight in made.trainable_parameters():
            weight.add_(0.01)
    made.save(tmp_path / "run", with_reference=True)
    loaded = CausalLMPolicy.load(tmp_path / "run")
    _assert_same(loaded.score(*batch()), made.score(*batch()))
    torch.testing.assert_close(loaded.reference_logprobs(*batch()), made.reference_logprobs(*batch()))
    assert loaded.settings == made.settings
    assert len(loaded.trainable_parameters()) == len(made.trainable_parameters())


def _assert_same(a: TokenScores, b: TokenScores) -> None:
    torch.testing.assert_close(a.logprobs, b.logprobs, atol=1e-6, rtol=0)
    torch.testing.assert_close(a.values, b.values, atol=1e-6, rtol=0)


@pytest.mark.parametrize("lora", [None, LORA])
def test_what_is_saved_loads_in_plain_libraries_and_holds_no_pickle(tmp_path: Path, lora: dict | None):
    made = policy(lora)
    made.save(tmp_path)
    load = AutoPeftModelForCausalLM if lora else AutoModelForCausalLM
    plain = load.from_pretrained(tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    torch.testing.assert_close(by_hand(plain, *batch()[:3]), by_hand(made.model, *batch()[:3]), atol=1e-5, rtol=0)
    assert tokenizer.chat_template == made.tokenizer.chat_template
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds <= {".safetensors", ".json", ".jinja", ".md"}


def test_every_saved_adapter_carries_its_own_base(tmp_path: Path):
    made = policy(LORA)
    made.save(tmp_path / "first")
    CausalLMPolicy.load(tmp_path / "first").save(tmp_path / "second")
    shutil.rmtree(tmp_path / "first")
    loaded = CausalLMPolicy.load(tmp_path / "second")
    torch.testing.assert_close(loaded.reference_logprobs(*batch()), made.reference_logprobs(*batch()))


def test_a_folder_that_save_wrote_is_a_source_too(tmp_path: Path):
    made = policy()
    made.save(tmp_path)
    adapted = CausalLMPolicy.from_pretrained(tmp_path, lora=LORA)
    assert adapted.settings.reference == "adapter_off"
    torch.testing.assert_close(adapted.score(*batch()).logprobs, made.score(*batch()).logprobs, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("source", "said"),
    [("./nowhere", "no such folder"), ("/a/b/c", "no such folder"), (".", "without a model")],
)
def test_a_source_that_is_no_model_is_explained(tmp_path: Path, monkeypatch, source: str, said: str):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        CausalLMPolicy.from_pretrained(source)


def test_a_hub_out_of_reach_is_not_tried_again_and_again(monkeypatch):
    def unplugged(self, name: str, **options) -> None:
        raise ConnectionError(f"no route to {name}")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unplugged)
    start = time.process_time()
    with pytest.raises(ConfigError, match="Check the name and the network, give a local folder, or use 'tiny'"):
        CausalLMPolicy.from_pretrained("nobody/has-this-model")
    assert time.process_time() - start < 5


def test_a_hub_name_without_network_is_explained(monkeypatch):
    def unreachable(*_args, **_kwargs):
        raise OSError("We couldn't connect to the hub")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", unreachable)
    with pytest.raises(ConfigError, match=r"'org/model'.*couldn't connect.*local folder"):
        CausalLMPolicy.from_pretrained("org/model")


def test_a_folder_without_settings_is_no_saved_policy(tmp_path: Path):
    policy().save(tmp_path)
    for damaged, said in (({"critic": "head", "wings": 2}, "wings"), ({"critic": "twin"}, "twin")):
        (tmp_path / "policy.json").write_text(json.dumps(damaged))
        with pytest.raises(CheckpointError, match=said):
            CausalLMPolicy.load(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dtype": "int4"}, "float32, bfloat16"),
        ({"reference": "old"}, "'copy'"),
        ({"history": "all"}, "'template'"),
        ({"lora": {"rank": 4}}, "LoraConfig"),
        ({"attention": "telepathy"}, "telepathy"),
    ],
)
def test_a_bad_option_is_explained(options: dict, said: str):
    with pytest.raises(ConfigError, match=said):
        CausalLMPolicy.from_pretrained("tiny", **options)


def test_a_bf16_base_stays_bf16_and_what_is_trained_on_it_float32():
    made = CausalLMPolicy.from_pretrained("tiny", dtype="bfloat16", lora=LORA)
    ids, mask, select, temperature = batch()
    scores = made.score(ids, mask, select, temperature)
    assert scores.logprobs.dtype == scores.values.dtype == torch.float32
    assert {w.dtype for _, w in made.trainable_parameters()} == {torch.float32}
    assert {w.dtype for w in made.model.parameters() if not w.requires_grad} == {torch.bfloat16}


def test_the_version_counts_updates():
    made = policy()
    made.mark_updated()
    assert made.weights_version == 1


def test_left_padding_shifts_no_position():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(GPT2Config(vocab_size=262, n_embd=32, n_layer=2, n_head=2, n_positions=64))
    made = CausalLMPolicy(model, train_tokenizer((), 262, 3, 64), PolicySettings(critic=None, reference=None))
    scores = made.score(*left_padded(*batch()))
    torch.testing.assert_close(scores.logprobs, by_hand(model, *batch()[:3]), atol=1e-5, rtol=0)
    assert scores.values is None
    with pytest.raises(ConfigError, match="critic='head'"):
        made.state_values(*batch()[:2])
