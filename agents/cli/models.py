"""From the options of a model to a policy."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.finetune import Demonstration
    from agents.policies.causal_lm import CausalLMPolicy
    from agents.policies.critic import CriticKind
    from agents.policies.storage import PolicySettings

TINY = "tiny"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TinyOptions:
    """Size of the embedded model; for --model tiny only."""

    vocab_size: int = 1000
    """Upper bound of the vocabulary, which is learned from the train split."""
    hidden_size: int = 128
    """Width of the model."""
    layers: int = 4
    """Number of blocks."""
    heads: int = 4
    """Attention heads; the width must be a multiple."""
    feed_forward: int = 0
    """Width of the feed-forward layers; twice the model's width, if 0."""
    rope_theta: float = 10_000.0
    """Base of the rotary frequencies."""
    copying: bool = True
    """Begin with a circuit that can copy from the context; it needs two layers and three heads."""
    context_length: int = 1024
    """Longest sequence, in tokens."""


@dataclass(frozen=True)
class ModelOptions:
    """The language model that learns."""

    model: str = TINY
    """tiny (built from scratch from the train split), a Hugging Face name, or a local folder."""
    lora_rank: int | None = None
    """Train a LoRA adapter of this rank instead of every weight."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the model's weights."""
    autocast: bool = False
    """Compute in bfloat16, with weights in float32; of a model that is loaded."""
    recompute: bool = False
    """Compute activations again in the backward pass, for less memory; of a model that is loaded."""
    liger: bool = False
    """Use Liger's kernels, on a GPU; of a model that is loaded."""
    device: str | None = None
    """Such as cpu or cuda; a GPU where there is one, if not given."""
    history: Literal["append", "template"] = "append"
    """How past turns are rendered: appended as they were sampled, or as the template rewrites them."""
    critic: Literal["head", "separate", "none"] = "head"
    """Of the algorithms that need one: a head on the policy's trunk, or a transformer of its own."""
    critic_detach: bool = False
    """Keep the loss of a critic that is a head from changing the language model."""
    tiny: TinyOptions = field(default_factory=TinyOptions)

    def critic_kind(self, needed: bool) -> CriticKind | None:
        """Return the critic that the policy gets, where the algorithm needs one."""
        return self.critic if needed and self.critic != "none" else None


def build_policy(
    options: ModelOptions, rows: Sequence[Demonstration], critic: bool, seed: int, heard: Iterable[str] = ()
) -> CausalLMPolicy:
    """Build the policy.

    Args:
        options: which model.
        rows: demonstrations of the train split, from which the embedded model learns its vocabulary.
        critic: whether the algorithm needs a value function.
        seed: of fresh weights.
        heard: further texts that the embedded model learns its vocabulary from.

    Raises:
        ConfigError: if the source is no model.
    """
    from transformers.utils.logging import disable_progress_bar

    from agents.policies.causal_lm import CausalLMPolicy
    from agents.policies.tiny import TinyConfig, build_tiny

    disable_progress_bar()
    lora = {"r": options.lora_rank} if options.lora_rank else None
    kind = options.critic_kind(critic)
    if options.model == TINY:
        said = (text for row in rows for text in (*(message["content"] for message in row.messages), *row.tools))
        return build_tiny(
            itertools.chain(said, heard),
            TinyConfig(**vars(options.tiny), seed=seed),
            lora=lora,
            critic=kind,
            critic_detach=options.critic_detach,
            reference="adapter_off" if lora else "copy",
            device=options.device,
        )
    return CausalLMPolicy.from_pretrained(
        options.model,
        lora=lora,
        critic=kind,
        critic_detach=options.critic_detach,
        dtype=options.dtype,
        autocast=options.autocast,
        recompute=options.recompute,
        liger=options.liger,
        device=options.device,
        history=options.history,
        seed=seed,
    )


def continue_policy(folder: Path, options: ModelOptions, critic: bool) -> CausalLMPolicy:
    """Load a saved policy or agent to train it further, with the critic that the options ask for.

    The saved critic goes on if it is of that kind; otherwise a fresh one begins, which is logged.

    Args:
        folder: of the checkpoint, or of the run.
        options: of the model.
        critic: whether the algorithm needs a value function.

    Raises:
        UsageError: if there is no such folder.
        CheckpointError: if it holds no policy.
    """
    from agents.policies.storage import PolicySettings

    folder = policy_folder(folder)
    saved, kind = PolicySettings.read(folder), options.critic_kind(critic)
    if kind is not None and kind != saved.critic:
        keep = f"; to keep that one: --set critic={saved.critic}" if saved.critic else ""
        _LOG.warning("critic=%s begins anew: the critic in %s is %s%s", kind, folder, saved.critic or "none", keep)
    return load_policy(folder, options.device, saved.replace(critic=kind, critic_detach=options.critic_detach))


def load_policy(folder: Path, device: str | None = None, settings: PolicySettings | None = None) -> CausalLMPolicy:
    """Load a saved policy or agent, assembled as it was or with other settings.

    Raises:
        UsageError: if there is no such folder.
        CheckpointError: if it holds no policy.
    """
    from transformers.utils.logging import disable_progress_bar

    from agents.policies.causal_lm import CausalLMPolicy

    disable_progress_bar()
    return CausalLMPolicy.load(policy_folder(folder), device=device, settings=settings)


def policy_folder(folder: Path) -> Path:
    """Return the folder of a policy: this one, or in a run folder that of the agent which the run ended with.

    Raises:
        UsageError: if there is no such folder.
    """
    from agents.policies.storage import SETTINGS_FILE
    from agents.report.run_folder import CHECKPOINT
    from agents.trainer.convergence import BEST

    if not folder.is_dir():
        raise UsageError(f"no checkpoint folder {str(folder)!r}; give a folder that `textenvs train` or `sft` wrote")
    places = (folder, folder / BEST, folder / CHECKPOINT)
    return next((place for place in places if (place / SETTINGS_FILE).is_file()), folder)
