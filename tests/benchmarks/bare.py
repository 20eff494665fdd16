"""The bare loop: what a rollout and an update cost at the least, with the model's own modules and nothing around them.

The rollout decodes with a cache that is kept from turn to turn, after one prefill a group; the update is one forward
and backward pass over exactly the trained sequences. There are no environments, messages or rewards, no padding, and
every row is as long as every other, which no trainer may rely on.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import DynamicCache, Qwen3ForCausalLM

from tests.benchmarks.workloads import Workload


class BareLoop:
    """Rollout and update of one workload.

    Args:
        model: in fp32 on a CPU.
        work: what is played.
    """

    def __init__(self, model: Qwen3ForCausalLM, work: Workload) -> None:
        self.model = model.eval()
        self.work = work
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
        self.generator = torch.Generator().manual_seed(0)

    @torch.inference_mode()
    def rollout(self) -> tuple[Tensor, Tensor]:
        """Return the tokens [episodes, length] and the log-probabilities of those that were sampled."""
        work = self.work
        prompts = self._world(work.groups, work.prompt)
        cache = DynamicCache(config=self.model.config)
        logits = self._feed(prompts, cache).repeat_interleave(work.size, 0)
        cache.batch_repeat_interleave(work.size)
        ids, logprobs = [prompts.repeat_interleave(work.size, 0)], []
        for turn in range(work.turns):
            if turn:
                ids.append(self._world(work.episodes, work.read))
                logits = self._feed(torch.cat([ids[-2], ids[-1]], 1), cache)
            for step in range(work.written):
                if step:
                    logits = self._feed(ids[-1], cache)
                distribution = torch.log_softmax(logits, -1)
                ids.append(torch.multinomial(distribution.exp(), 1, generator=self.generator))
                logprobs.append(distribution.gather(1, ids[-1]))
        return torch.cat(ids, 1), torch.cat(logprobs, 1)

    def update(self, ids: Tensor, old_logprobs: Tensor, advantages: Tensor) -> None:
        """Make one step of the clipped surrogate; the output layer is run where a trained token is predicted."""
        trained = self._trained()
        logits = self.model(input_ids=ids, logits_to_keep=trained - 1, use_cache=False).logits
        logprobs = torch.log_softmax(logits, -1).gather(2, ids[:, trained, None])[..., 0]
        ratio = (logprobs - old_logprobs).exp()
        bounded = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
        (-bounded.mean()).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _feed(self, ids: Tensor, cache: DynamicCache) -> Tensor:
        output = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return output.logits[:, -1]

    def _world(self, rows: int, length: int) -> Tensor:
        return torch.randint(self.model.config.vocab_size, (rows, length), generator=self.generator)

    def _trained(self) -> Tensor:
        """Return the places of the trained tokens, the same in every row."""
        work = self.work
        places = torch.arange(work.length)
        return places[(places >= work.prompt) & ((places - work.prompt) % (work.written + work.read) < work.written)]
