"""What an Accelerate configuration says about parts, as the launcher hands it on."""

from __future__ import annotations

import pytest

from agents.distributed.ranks import join_ranks
from agents.distributed.sharding import DEEPSPEED, FSDP, Sharding
from textenvs.errors import ConfigError


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The variables of a launch with FSDP2."""
    for name, value in {FSDP: "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    return monkeypatch


def test_without_such_a_section_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FSDP, raising=False)
    monkeypatch.delenv(DEEPSPEED, raising=False)
    assert Sharding.asked_for() is None


def test_the_launchers_settings_are_read(launched: pytest.MonkeyPatch) -> None:
    assert Sharding.asked_for() == Sharding(layers=None, reshard_after_forward=True)
    launched.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "OneLayer,OtherLayer")
    launched.setenv("FSDP_RESHARD_AFTER_FORWARD", "false")
    assert Sharding.asked_for() == Sharding(("OneLayer", "OtherLayer"), reshard_after_forward=False)
    launched.setenv("FSDP_AUTO_WRAP_POLICY", "NO_WRAP")
    assert Sharding.asked_for() == Sharding((), reshard_after_forward=False)


def test_every_rank_loads_the_weights_that_it_plays_with(launched: pytest.MonkeyPatch) -> None:
    from transformers.distributed.fsdp import is_fsdp_enabled

    Sharding.asked_for()
    launched.setattr("torch.distributed.is_initialized", lambda: True)
    assert not is_fsdp_enabled()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (DEEPSPEED, "true", "DeepSpeed.*fsdp_version: 2"),
        ("FSDP_VERSION", "1", "fsdp_version: 2"),
        ("FSDP_AUTO_WRAP_POLICY", "SIZE_BASED_WRAP", "valid: TRANSFORMER_BASED_WRAP, NO_WRAP"),
        ("FSDP_OFFLOAD_PARAMS", "true", "fsdp_offload_params: false"),
        ("FSDP_ACTIVATION_CHECKPOINTING", "true", "recompute=True"),
        ("ACCELERATE_MIXED_PRECISION", "bf16", "mixed_precision: 'no'"),
    ],
)
def test_what_would_be_passed_over_is_refused(
    launched: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    launched.setenv("WORLD_SIZE", "2")
    launched.setenv(variable, value)
    with pytest.raises(ConfigError, match=words):
        join_ranks()
