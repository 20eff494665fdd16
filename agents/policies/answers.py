"""An answer to a conversation as tokens: what came before it, and the answer with its stop token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from agents.chat import ChatRenderer
from agents.policies.selection import logits_at, predictors
from textenvs.messages import Message


def prompt_ids(chat: ChatRenderer, messages: Sequence[Mapping[str, str]], tools: Sequence[str] = ()) -> list[int]:
    """Return the context at which the agent answers a conversation, in the tokens that a rollout would have had.

    Args:
        chat: renders.
        messages: the instruction as a system message (optional), then the conversation.
        tools: JSON Schemas on offer, as JSON text.
    """
    ids, _ = chat.render_example([*messages, Message("assistant", "")], tools)
    return ids[: len(ids) - len(chat.action_ids(""))]


def keep_end(prompt: list[int], answer: list[int], limit: int) -> tuple[list[int], list[int]]:
    """Return prompt and answer within a limit of tokens: what came first is dropped first.

    One token of the prompt always stays, for something has to predict the answer's first.

    Args:
        prompt: at least one token.
        answer: with its stop token.
        limit: most tokens of both; at least 2.
    """
    answer = answer[-(limit - 1) :]
    return prompt[-(limit - len(answer)) :], answer


@torch.no_grad()
def answer_logprobs(model: Any, answers: Sequence[tuple[list[int], list[int]]]) -> torch.Tensor:
    """Return the log-probability [B] of each whole answer, its stop token included.

    Args:
        model: a causal language model.
        answers: prompt and answer of each, in tokens; they go through the model in one pass.
    """
    ids = pad_sequence([torch.tensor(prompt + answer) for prompt, answer in answers], batch_first=True)
    columns = torch.arange(ids.shape[1])
    starts = torch.tensor([len(prompt) for prompt, _ in answers])[:, None]
    ends = torch.tensor([len(prompt) + len(answer) for prompt, answer in answers])[:, None]
    select = (starts <= columns) & (columns < ends)
    logits, _ = logits_at(model, ids, columns < ends, predictors(select))
    each = torch.log_softmax(logits.float(), -1).cpu().gather(1, ids[select][:, None]).squeeze(1)
    row = select.nonzero()[:, 0]
    return torch.zeros(len(answers)).index_add_(0, row, each)
