"""The network of a reward model: a transformer, and one number for the state after its last real token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from agents.policies import storage
from agents.policies.batching import plan
from agents.policies.selection import decoder, states_at
from agents.trajectory import IntArray
from textenvs.errors import ConfigError


class RewardNetwork(nn.Module):
    """Scores token sequences.

    The number is read where the attention mask ends. transformers' own classifiers look for the last token that is not
    the padding's, which is the wrong one where that token is also the stop token, as it is in many checkpoints.

    Args:
        classifier: a transformers model for sequence classification with one label, or peft's model around it.
    """

    def __init__(self, classifier: Any) -> None:
        super().__init__()
        self.classifier: Any = classifier

    @classmethod
    def on(cls, model: Any, seed: int) -> Self:
        """Build a network on the trunk of a causal language model, with a head that is drawn anew.

        Args:
            model: gives its trunk away; an adapter is merged into it.
            seed: of the head.

        Raises:
            ConfigError: transformers has no classifier of this architecture.
        """
        base = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        base.config.num_labels = 1
        try:
            with torch.device("meta"):
                classifier: Any = AutoModelForSequenceClassification.from_config(base.config)
        except ValueError as error:
            raise ConfigError(f"{type(base).__name__} cannot be a reward model: {error}") from error
        weight = next(base.parameters())
        setattr(classifier, classifier.base_model_prefix, decoder(base))
        head = torch.empty(1, storage.hidden_size(base))
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(head, std=(head.shape[1] + 1) ** -0.5, generator=generator)
        classifier.score.weight = nn.Parameter(head.to(weight))
        return cls(classifier.requires_grad_(True).eval())

    @property
    def config(self) -> Any:
        """The classifier's, which TRL asks for."""
        return self.classifier.config

    @property
    def _plain(self) -> Any:
        """The classifier without peft's model around it; an adapter stays in it."""
        return self.classifier.get_base_model() if hasattr(self.classifier, "get_base_model") else self.classifier

    def add_model_tags(self, tags: Any) -> None:
        """Take no tags; TRL offers some."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> SequenceClassifierOutput:
        """Return the scores [B, 1] as TRL wants them; what else it hands over is not for the network.

        Args:
            input_ids: [B, L] long, padded on either side.
            attention_mask: [B, L], nonzero on real tokens.
        """
        present = attention_mask.bool()
        last = present & (present.flip(1).cumsum(1).flip(1) == 1)
        plain = self._plain
        states = states_at(getattr(plain, plain.base_model_prefix), input_ids, present, last)
        return SequenceClassifierOutput(logits=plain.score(states).float())

    @torch.no_grad()
    def scores(self, sequences: Sequence[Sequence[int]], budget: int) -> list[float]:
        """Score token sequences; those of similar length share a forward pass, and what comes twice is scored once.

        Args:
            sequences: each at least one token.
            budget: the most padded tokens in one pass.
        """
        unique = list(dict.fromkeys(map(tuple, sequences)))
        found: dict[tuple[int, ...], float] = {}
        lengths: IntArray = np.array([len(ids) for ids in unique], dtype=np.int64)
        for rows in plan(lengths, budget):
            batch = [unique[row] for row in rows]
            ids = pad_sequence([torch.tensor(one) for one in batch], batch_first=True)
            present = torch.arange(ids.shape[1]) < torch.tensor([len(one) for one in batch])[:, None]
            found.update(zip(batch, self(ids, present).logits.squeeze(1).tolist(), strict=True))
        return [found[tuple(ids)] for ids in sequences]
