"""From tokens to sequences: the ratio of a whole episode."""

from __future__ import annotations

from torch import Tensor


def sequence_log_ratio(log_ratio: Tensor, episode: Tensor, *, mean: bool) -> Tensor:
    """Return the log ratio of each token's episode, at every one of its tokens; carries gradient.

    The sum over an episode's action tokens is the log ratio of the probabilities of all that the agent said. Their
    mean is its length-normalised form: Zheng et al. 2025, "Group Sequence Policy Optimization".

    Args:
        log_ratio: [n] of each token.
        episode: [n] which episode the token belongs to. All trained tokens of an episode must be there.
        mean: over the episode's tokens; otherwise their sum.
    """
    episodes, member, lengths = episode.unique(return_inverse=True, return_counts=True)
    total = log_ratio.new_zeros(len(episodes)).index_add(0, member, log_ratio)
    return (total / lengths if mean else total)[member]
