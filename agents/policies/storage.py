"""What a policy is on disk: safetensors and JSON, in folders that transformers, peft and vLLM load as they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from peft import AutoPeftModelForCausalLM, LoraConfig, PeftConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from agents.policies import embedded
from agents.policies.critic import Critic, CriticKind, own_weights
from textenvs.errors import CheckpointError, ConfigError

ReferenceKind = Literal["adapter_off", "copy"] | None

SETTINGS_FILE = "policy.json"
TRAINING_FOLDER = "training"
"""What only training reads. vLLM takes every safetensors file beside the model's for weights of the model."""
CRITIC_FILE = f"{TRAINING_FOLDER}/critic.safetensors"
REFERENCE_FILE = f"{TRAINING_FOLDER}/reference.safetensors"
ADAPTER_FILE = "adapter_config.json"
BASE_FOLDER = "base"
"""Where an adapter's base model lies when it was made in memory and has no folder of its own."""

HUB_PATIENCE_S = 5
"""How long the hub may take to say that it is there, in seconds."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class PolicySettings:
    """How a policy is put together; `policy.json` holds these fields.

    Attributes:
        critic: ``"head"``, ``"separate"``, or None.
        critic_detach: whether the critic's gradient stops at the hidden states.
        reference: what the KL is measured against, resolved.
        dtype: of the weights.
        history: the rendering that the policy was trained with.
        thinking: whether the template's thinking is on.
        attention: transformers' name of the attention implementation; None is the model's default.
        autocast: whether float32 weights compute in bfloat16.
        recompute: whether the backward pass computes each layer's activations again, so as not to keep them.
        liger: whether Liger's kernels take the place of the model's own.

    Raises:
        ConfigError: if there is no such critic.
    """

    critic: CriticKind | None = "head"
    critic_detach: bool = False
    reference: ReferenceKind = "copy"
    dtype: str = "float32"
    history: Literal["append", "template"] = "append"
    thinking: bool = False
    attention: str | None = None
    autocast: bool = False
    recompute: bool = False
    liger: bool = False

    def __post_init__(self) -> None:
        """Check the critic."""
        if self.critic not in (*get_args(CriticKind), None):
            raise ConfigError(f"critic={self.critic!r}; valid: 'head', 'separate', None")

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as torch has it.

        Raises:
            ConfigError: for a name that is not supported.
        """
        if self.dtype not in _DTYPES:
            raise ConfigError(f"dtype={self.dtype!r}; valid: {', '.join(_DTYPES)}")
        return _DTYPES[self.dtype]

    def replace(self, **changes: Any) -> PolicySettings:
        """Return these settings with some of them changed."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read ``policy.json``.

        Raises:
            CheckpointError: it is absent or damaged.
        """
        try:
            return cls(**json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, ConfigError) as error:
            raise CheckpointError(f"{folder} is not a saved policy: {SETTINGS_FILE}: {error}") from error


def is_adapter(source: str | Path) -> bool:
    """Say whether `source` is a folder with a peft adapter."""
    return (Path(source) / ADAPTER_FILE).is_file()


def load_parts(source: str | Path, dtype: torch.dtype) -> tuple[Any, PreTrainedTokenizerFast]:
    """Load the model and the tokenizer that `source` names; see `CausalLMPolicy.from_pretrained`.

    Raises:
        ConfigError: nothing can be loaded from there; the message says what to do.
    """
    if str(source) == "tiny":
        network, tokenizer = embedded.build_network((), embedded.TinyConfig())
        return cast(Any, network).to(dtype), tokenizer
    folder = Path(source)
    if not folder.exists() and _looks_like_a_path(str(source)):
        raise ConfigError(f"cannot load a model from {source}: there is no such folder")
    if folder.is_dir() and not is_adapter(folder) and not (folder / "config.json").is_file():
        raise ConfigError(f"{source} is a folder without a model: neither config.json nor {ADAPTER_FILE} in it")
    cached_only = not folder.exists() and _hub_is_out_of_reach(str(source))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=cached_only)
        model = _load_model(folder, str(source), dtype, cached_only)
    except (OSError, ValueError) as error:
        raise ConfigError(_cannot_load(source, error)) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ConfigError(f"{source}: needs a fast tokenizer (tokenizer.json), found {type(tokenizer).__name__}")
    return model, tokenizer


def _load_model(folder: Path, source: str, dtype: torch.dtype, cached_only: bool) -> Any:
    if not is_adapter(source):
        return AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, use_safetensors=True, local_files_only=cached_only
        )
    if (folder / BASE_FOLDER).is_dir():
        base = AutoModelForCausalLM.from_pretrained(folder / BASE_FOLDER, dtype=dtype, use_safetensors=True)
        return PeftModel.from_pretrained(base, source, is_trainable=True)
    return AutoPeftModelForCausalLM.from_pretrained(source, is_trainable=True, dtype=dtype)


def _looks_like_a_path(source: str) -> bool:
    """A name on the hub is ``name`` or ``owner/name``; asking the hub for anything else only costs time."""
    return source.startswith((".", "/", "~")) or source.count("/") > 1


def _hub_is_out_of_reach(name: str) -> bool:
    """Ask the hub about the model once: transformers would try for a minute before it looks into its cache."""
    try:
        HfApi().model_info(name, timeout=HUB_PATIENCE_S)
    except (HfHubHTTPError, ValueError):
        return False  # The hub has answered, or the name is none; transformers says what is wrong.
    except Exception:
        return True  # Whatever the network library raises.
    return False


def _cannot_load(source: str | Path, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if Path(source).exists():
        return f"cannot load a model from the folder {source}: {reason}"
    return (
        f"cannot load the model {str(source)!r}: there is no such folder here, and it could not be fetched from the "
        f"Hugging Face hub ({reason}). Check the name and the network, give a local folder, or use 'tiny'."
    )


def add_adapter(model: Any, lora: Mapping[str, Any], task: str = "CAUSAL_LM") -> Any:
    """Put a LoRA adapter around a model; without `target_modules`, on every linear layer but the output.

    The adapter is float32 whatever the base: small updates would be lost in bfloat16's eight bits.

    Args:
        model: to be adapted.
        lora: fields of `peft.LoraConfig`.
        task: peft's name of what the model does; of a classifier (``"SEQ_CLS"``) the output layer is trained too.

    Raises:
        ConfigError: a field that `peft.LoraConfig` does not have, or a value that it refuses.
    """
    if isinstance(model, PeftModel):
        raise ConfigError("the source already carries an adapter; leave lora out to train that one")
    fields = {"target_modules": "all-linear", **lora, "task_type": task}
    try:
        return get_peft_model(model, LoraConfig(**fields))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"lora={dict(lora)!r}: {error}; the fields are those of peft.LoraConfig") from error


def set_attention(model: Any, name: str) -> None:
    """Choose how attention is computed.

    Raises:
        ConfigError: transformers knows no such implementation, or the model cannot use it.
    """
    try:
        model.set_attn_implementation(name)
    except (ValueError, ImportError) as error:
        raise ConfigError(f"attention={name!r}: {error}") from error


def hidden_size(model: Any) -> int:
    """Return the width of the model's hidden states."""
    return int(model.config.get_text_config().hidden_size)


def generation_stop_ids(model: Any) -> tuple[int, ...]:
    """Return the stop tokens that the model's generation settings name: all that is used of those settings."""
    stop = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return (stop,) if isinstance(stop, int) else tuple(stop or ())


def weights_digest(model: nn.Module) -> str:
    """Return a hash of a model's weights, their names, types and shapes included."""
    digest = hashlib.blake2b(digest_size=16)
    for name, weight in model.named_parameters():
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def load_critic(folder: Path, critic: Critic, kind: CriticKind) -> None:
    """Fill `critic` from `folder`, if there is a saved one of its `kind`.

    Raises:
        CheckpointError: the saved one does not fit.
    """
    file = folder / CRITIC_FILE
    if not file.is_file() or PolicySettings.read(folder).critic != kind:
        return
    saved, own = load_file(file), own_weights(critic)
    if {name: w.shape for name, w in saved.items()} != {name: w.shape for name, w in own.items()}:
        raise CheckpointError(f"{file} does not fit this model's trained weights; without it, the critic starts anew")
    for name, weight in own.items():
        weight.copy_(saved[name])


def load_reference(folder: Path, device: torch.device) -> dict[str, Tensor] | None:
    """Return the frozen reference saved in `folder`, or None."""
    file = folder / REFERENCE_FILE
    return load_file(file, device=str(device)) if file.is_file() else None


def save_parts(
    folder: Path,
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    critic: Critic | None,
    settings: PolicySettings,
    reference: Mapping[str, Tensor] | None,
) -> None:
    """Write everything a policy is made of; safetensors and JSON only."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(model, PeftModel):
        _keep_base(folder, model)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(folder)
    for file, weights in ((CRITIC_FILE, critic and own_weights(critic)), (REFERENCE_FILE, reference)):
        if weights is not None:
            (folder / TRAINING_FOLDER).mkdir(exist_ok=True)
            save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / file)
    text = json.dumps(dataclasses.asdict(settings), indent=2)
    (folder / SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")


def _keep_base(folder: Path, model: PeftModel) -> None:
    """Save the base beside its adapter where it was made in memory, or nobody could load the adapter again."""
    config: PeftConfig = model.peft_config["default"]
    source = config.base_model_name_or_path
    if source and Path(source).name != BASE_FOLDER:
        return
    base = folder / BASE_FOLDER
    network: Any = model.get_base_model()
    weights = {
        name.replace(".base_layer", ""): weight for name, weight in network.state_dict().items() if "lora_" not in name
    }
    network.save_pretrained(base, state_dict=weights)
    config.base_model_name_or_path = str(base)
