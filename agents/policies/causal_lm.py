"""A policy that is a Hugging Face causal language model, with LoRA, a critic and a frozen reference."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from agents.chat import ChatRenderer, HistoryMode
from agents.policies import storage
from agents.policies.compute import recomputed, use_liger
from agents.policies.critic import Critic, CriticKind, SeparateCritic, build_critic
from agents.policies.scores import TokenScores, distributions, score_states
from agents.policies.selection import decoder, hidden_at, logits_at, logits_of, predictors, states_at
from agents.policies.storage import PolicySettings, ReferenceKind
from textenvs.errors import ConfigError


class CausalLMPolicy:
    """A causal language model that writes actions, scores tokens and values states.

    Build one with `from_pretrained` or `load`; the constructor takes parts that are already made.

    Attributes:
        model: the transformers model, or the peft model around it.
        tokenizer: its fast tokenizer.
        chat: turns conversations into token ids.
        critic: values states; None without.
        weights_version: goes up by one at every `mark_updated`.
        settings: how the policy was assembled; saved beside the weights.
    """

    def __init__(
        self,
        model: PreTrainedModel | nn.Module,
        tokenizer: PreTrainedTokenizerFast,
        settings: PolicySettings,
        critic: Critic | None = None,
    ) -> None:
        self.model: Any = model
        self.tokenizer = tokenizer
        self.settings = settings
        self.critic = critic
        self.weights_version = 0
        self.chat = ChatRenderer(
            tokenizer, settings.history, thinking=settings.thinking, extra_stop_ids=storage.generation_stop_ids(model)
        )
        self._reference: dict[str, Tensor] | None = None
        if settings.reference == "copy":
            self.freeze_reference()
        self.eval()

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        lora: Mapping[str, Any] | None = None,
        critic: CriticKind | None = "head",
        reference: Literal["auto", "adapter_off", "copy"] | None = "auto",
        dtype: str = "float32",
        device: str | None = None,
        history: HistoryMode = "append",
        thinking: bool = False,
        critic_detach: bool = False,
        attention: str | None = None,
        autocast: bool = False,
        recompute: bool = False,
        liger: bool = False,
        seed: int = 0,
    ) -> Self:
        """Load a policy from a folder, a Hugging Face name or ``"tiny"``.

        Args:
            source: a folder that `save` or transformers wrote (an adapter's too), a name on the hub, or ``"tiny"``: the
                embedded model with an untrained byte vocabulary (`policies.tiny.build_tiny` learns one from texts).
            lora: fields of `peft.LoraConfig`, such as ``{"r": 16}``; None trains every weight.
            critic: ``"head"`` for a `ValueHead` on the policy's own trunk, ``"separate"`` for a transformer of its own
                (a `SeparateCritic`), None for none.
            reference: what the KL is measured against: ``"adapter_off"`` (the base under the adapter), ``"copy"``
                (a frozen copy of the trained weights as they are now), None, or ``"auto"``: adapter off with LoRA,
                a copy without.
            dtype: of the model's weights, ``"float32"`` or ``"bfloat16"``, for good; an adapter is always float32.
            device: such as ``"cuda"``; None takes a GPU where there is one.
            history: how past turns are rendered, see `ChatRenderer`.
            thinking: whether a template that can switch its thinking off leaves it on.
            critic_detach: keep the value loss of a ``"head"`` from changing the language model.
            attention: transformers' name of an attention implementation, such as ``"eager"`` (the only one that can
                be differentiated twice); None takes the model's default.
            autocast: compute in bfloat16, sampling included, while weights and optimiser stay in float32.
            recompute: keep no activations inside the layers for the backward pass, which computes them again: less
                memory, a third more time. A group's prompt is then fed once for every member.
            liger: use Liger's fused kernels, on a GPU.
            seed: of the adapter's and the critic's initial weights; the global generator is left alone.

        Raises:
            ConfigError: the source is no model, cannot be reached, or lacks a chat template or a stop token; an
                option has no such value.
        """
        settings = PolicySettings(
            critic=critic,
            critic_detach=critic_detach,
            reference=_reference_kind(reference, adapter=lora is not None or storage.is_adapter(source)),
            dtype=dtype,
            history=history,
            thinking=thinking,
            attention=attention,
            autocast=autocast,
            recompute=recompute,
            liger=liger,
        )
        model, tokenizer = storage.load_parts(source, settings.torch_dtype)
        return cls.assemble(model, tokenizer, settings, lora=lora, device=device, seed=seed, folder=Path(source))

    @classmethod
    def assemble(
        cls,
        model: Any,
        tokenizer: PreTrainedTokenizerFast,
        settings: PolicySettings,
        *,
        lora: Mapping[str, Any] | None = None,
        device: str | None = None,
        seed: int = 0,
        folder: Path | None = None,
    ) -> Self:
        """Put adapter and critic on a loaded model; the critic's weights come from `folder` where it has them."""
        where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            if settings.attention is not None:
                storage.set_attention(model, settings.attention)
            if settings.liger:
                use_liger(model)
            if lora is not None:
                model = storage.add_adapter(model, lora)
            model = model.to(where)
            size = storage.hidden_size(model)
            critic = build_critic(settings.critic, model, size, settings.critic_detach) if settings.critic else None
        if critic is not None and settings.critic is not None and folder is not None:
            storage.load_critic(folder, critic, settings.critic)
        policy = cls(model, tokenizer, settings, critic.to(where) if critic is not None else None)
        if folder is not None and settings.reference == "copy":
            policy._reference = storage.load_reference(folder, where) or policy._reference
        return policy

    def over(self, model: Any, critic: Critic | None) -> Self:
        """Return this policy over other networks of the same make; all the rest is shared."""
        twin = copy.copy(self)
        twin.model, twin.critic = model, critic
        return twin

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def context_length(self) -> int:
        """The longest sequence, in tokens, that the model was built for."""
        return int(self.model.config.get_text_config().max_position_embeddings)

    @property
    def twice_differentiable(self) -> bool:
        """Whether a gradient of `score` has a gradient itself: the fused attention kernels have none."""
        return self.model.config.get_text_config()._attn_implementation == "eager"

    def make_twice_differentiable(self) -> None:
        """Switch to eager attention, for good."""
        storage.set_attention(self.model, "eager")
        self.settings = self.settings.replace(attention="eager")

    def precision(self) -> AbstractContextManager[Any]:
        """Return the context in which the model is run."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.autocast)

    def mark_updated(self) -> None:
        """Record that the weights have changed: whatever was cached under the old ones is void."""
        self.weights_version += 1

    def train(self) -> None:
        """Switch dropout on, where the model has any. Sampling and old log-probabilities belong under `eval`."""
        self._set_training(True)

    def eval(self) -> None:
        """Switch dropout off."""
        self._set_training(False)

    def _set_training(self, mode: bool) -> None:
        self.model.train(mode)
        if self.critic is not None:
            self.critic.train(mode)

    def score(self, token_ids: Tensor, attention_mask: Tensor, select: Tensor, temperature: Tensor) -> TokenScores:
        """Score the selected tokens, each given everything before it.

        Args:
            token_ids: [B, L] long; padded on either side.
            attention_mask: [B, L] bool, true on real tokens.
            select: [B, L] bool, the tokens to score; never the first of a row.
            temperature: [B, L], at which each token was sampled; read at the selected positions.

        Returns:
            N scores, row-major over `select`. The output layer is run on these N positions only.
        """
        scores, states_NH = self._scores(token_ids, attention_mask, select, temperature)
        return replace(scores, values=self._values(token_ids, attention_mask, select, states_NH))

    def values(self, token_ids: Tensor, attention_mask: Tensor, select: Tensor) -> Tensor:
        """Return the critic's values [N] before the selected tokens, with gradient for its own weights alone.

        They are those of `score`. The output layer is not run, and beside a critic of its own trunk nor is the policy.

        Args:
            token_ids: as in `score`, like the next two.
            attention_mask: as in `score`.
            select: as in `score`.

        Raises:
            ConfigError: the policy has no critic.
        """
        return self._critic_at(token_ids, attention_mask, predictors(select))

    def distributions(
        self,
        token_ids: Tensor,
        attention_mask: Tensor,
        select: Tensor,
        temperature: Tensor,
        *,
        weights: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return the whole distributions that the selected tokens were drawn from, as log-probabilities [N, V].

        Args:
            token_ids: as in `score`, like the next three.
            attention_mask: as in `score`.
            select: as in `score`.
            temperature: as in `score`.
            weights: take the place of the model's parameters of these names, for this call only.
        """
        with self.precision():
            logits_NV, _ = logits_at(self.model, token_ids, attention_mask, predictors(select), weights)
        return distributions(logits_NV, temperature[select].to(logits_NV.device))

    @torch.no_grad()
    def reference_logprobs(
        self, token_ids: Tensor, attention_mask: Tensor, select: Tensor, temperature: Tensor
    ) -> Tensor:
        """Return the reference's log-probabilities [N] of the selected tokens; arguments as in `score`.

        Raises:
            ConfigError: the policy was built with ``reference=None``.
        """
        with self._as_reference():
            scores, _ = self._scores(token_ids, attention_mask, select, temperature, self._reference)
        return scores.logprobs

    def state_values(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the critic's values [B] of the states that end with each row's last real token.

        Raises:
            ConfigError: the policy has no critic.
        """
        last = attention_mask & (attention_mask.flip(1).cumsum(1).flip(1) == 1)
        return self._critic_at(token_ids, attention_mask, last)

    def freeze_reference(self) -> None:
        """Take the trained weights as they are now for the reference (after supervised warm-up, for example)."""
        self.settings = self.settings.replace(reference="copy")
        trained = (item for item in self.model.named_parameters() if item[1].requires_grad)
        self._reference = {name: weight.detach().clone() for name, weight in trained}

    def restart_critic(self) -> None:
        """Let a separate critic begin from the trunk as it is now (after supervised warm-up, for example)."""
        if isinstance(self.critic, SeparateCritic):
            self.critic.begin_as(self.model)

    def trainable_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return the named parameters that training changes: the model's, then the critic's (``critic.``)."""
        named = [(name, weight) for name, weight in self.model.named_parameters() if weight.requires_grad]
        own = self.critic.named_parameters() if self.critic is not None else ()
        return named + [(f"critic.{name}", weight) for name, weight in own if weight.requires_grad]

    def save(self, path: str | Path, *, with_reference: bool = False) -> None:
        """Write a folder that transformers or peft load as it is, with the critic and the settings beside.

        Args:
            path: of the folder; made if absent.
            with_reference: also write the frozen copy, which a resumed run needs and a served model does not.
        """
        reference = self._reference if with_reference else None
        storage.save_parts(Path(path), self.model, self.tokenizer, self.critic, self.settings, reference)

    @classmethod
    def load(cls, path: str | Path, *, device: str | None = None, settings: PolicySettings | None = None) -> Self:
        """Load what `save` wrote.

        Args:
            path: of the folder.
            device: as in `from_pretrained`.
            settings: how to assemble it; as it was, if not given. A critic of another kind begins anew.

        Raises:
            CheckpointError: the folder holds no ``policy.json``, or a damaged one.
        """
        folder = Path(path)
        settings = settings or PolicySettings.read(folder)
        model, tokenizer = storage.load_parts(folder, settings.torch_dtype)
        return cls.assemble(model, tokenizer, settings, device=device, folder=folder)

    def _values(self, token_ids: Tensor, attention_mask: Tensor, select: Tensor, states_NH: Tensor) -> Tensor | None:
        """Return the critic's values [N] before the selected tokens, where the policy's trunk has `states_NH`."""
        if isinstance(self.critic, SeparateCritic):
            return self.critic(token_ids, attention_mask, predictors(select))
        return self.critic(states_NH) if self.critic is not None else None

    def _critic_at(self, token_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> Tensor:
        """Return the values [N] of the states after the tokens at `positions`; no gradient reaches the policy."""
        if self.critic is None:
            raise ConfigError("this policy has no critic; build it with critic='head' or critic='separate'")
        if isinstance(self.critic, SeparateCritic):
            return self.critic(token_ids, attention_mask, positions)
        with torch.no_grad(), self.precision():
            states = states_at(decoder(self.model), token_ids, attention_mask, positions)
        return self.critic(states)

    def _scores(
        self,
        token_ids: Tensor,
        attention_mask: Tensor,
        select: Tensor,
        temperature: Tensor,
        weights: Mapping[str, Tensor] | None = None,
    ) -> tuple[TokenScores, Tensor]:
        """Return the selected tokens' scores, without values, and the states [N, H] before them."""
        keeping = recomputed(self.model) if self.settings.recompute and torch.is_grad_enabled() else nullcontext()
        with self.precision(), keeping:
            states_NH = hidden_at(self.model, token_ids, attention_mask, predictors(select), weights)
        drawn = (token_ids[select].to(states_NH.device), temperature[select].to(states_NH.device))
        vocabulary = self.model.config.get_text_config().vocab_size
        head = partial(logits_of, self.model, weights=weights)
        with self.precision():
            return score_states(head, states_NH, *drawn, vocabulary), states_NH

    @contextmanager
    def _as_reference(self) -> Iterator[None]:
        if self.settings.reference is None:
            raise ConfigError("this policy has no reference; build it with reference='auto', or set the KL to 0")
        with self.model.disable_adapter() if self.settings.reference == "adapter_off" else nullcontext():
            yield


def _reference_kind(asked: str | None, adapter: bool) -> ReferenceKind:
    """Resolve ``"auto"``, and refuse to switch off an adapter that is not there."""
    if asked == "auto":
        return "adapter_off" if adapter else "copy"
    if asked not in ("adapter_off", "copy", None):
        raise ConfigError(f"reference={asked!r}; valid: 'auto', 'adapter_off', 'copy', None")
    if asked == "adapter_off" and not adapter:
        raise ConfigError("reference='adapter_off' needs an adapter: give lora={'r': 16}, or use reference='copy'")
    return cast(ReferenceKind, asked)
