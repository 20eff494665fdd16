"""What the launcher says about cutting weights into parts: Accelerate's FSDP2 settings, as Accelerate reads them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

from textenvs.errors import ConfigError

FSDP, DEEPSPEED = "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"
"""Set by ``accelerate launch`` where its configuration has such a section."""


@dataclass(frozen=True)
class Sharding:
    """How a policy is cut: layer by layer, every layer into one part for each rank.

    Attributes:
        layers: names of the layers' classes; None are those that transformers names for the architecture, and an empty
            tuple gathers the whole model at once.
        reshard_after_forward: whether a layer's weights are let go after its forward pass and gathered again for the
            backward pass, which takes less memory and more time.
    """

    layers: tuple[str, ...] | None = None
    reshard_after_forward: bool = True

    @classmethod
    def asked_for(cls) -> Self | None:
        """Return what the launcher's configuration asks for; None if every rank is to hold all weights.

        Raises:
            ConfigError: it asks for something that is not supported.
        """
        if _is_on(DEEPSPEED):
            raise ConfigError(
                "DeepSpeed configurations are not supported: its engine reduces, clips and steps in one. Launch with "
                "FSDP (fsdp_version: 2), which cuts the same: fsdp_reshard_after_forward: true stands for zero_stage: "
                "3, false for zero_stage: 2"
            )
        if not _is_on(FSDP):
            return None
        _check_environment()
        # Every rank loads the weights: it plays with all of them. transformers would leave all but the first's empty.
        os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
        from accelerate import FullyShardedDataParallelPlugin

        asked = FullyShardedDataParallelPlugin()
        named = asked.transformer_cls_names_to_wrap
        layers = (tuple(named) if named else None) if asked.auto_wrap_policy else ()
        return cls(layers, bool(asked.reshard_after_forward))


def _check_environment() -> None:
    """Refuse the settings that would be passed over in silence.

    Raises:
        ConfigError: names the setting and what to do instead.
    """
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise ConfigError("FSDP version 1 is not supported; set fsdp_version: 2 in the launcher's configuration")
    if os.environ.get("FSDP_AUTO_WRAP_POLICY", "").upper() == "SIZE_BASED_WRAP":
        raise ConfigError(
            "fsdp_auto_wrap_policy: SIZE_BASED_WRAP is not supported; valid: TRANSFORMER_BASED_WRAP, NO_WRAP"
        )
    instead = {
        "FSDP_OFFLOAD_PARAMS": "the parts stay where they are used; set fsdp_offload_params: false",
        "FSDP_ACTIVATION_CHECKPOINTING": "recomputing is the policy's own setting: --recompute, or recompute=True",
    }
    for name, advice in instead.items():
        if _is_on(name):
            raise ConfigError(f"{name.lower()} is not supported: {advice}")
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if precision != "no":
        raise ConfigError(
            f"mixed_precision: {precision} is not supported with FSDP: the policy has its own settings, dtype and "
            "autocast; set mixed_precision: 'no'"
        )


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true")
