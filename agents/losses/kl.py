"""Estimators of the divergence from the reference policy, per token, and what each is the gradient of.

With tokens `x ~ pi` (the policy being trained), reference `ref` and `d = log pi(x) - log ref(x)`
(Schulman 2020, "Approximating KL Divergence")::

    k1 = d                    k2 = d^2 / 2                    k3 = exp(-d) - 1 + d

All three estimate the *value* of KL(pi || ref): k1 and k3 without bias, k2 with a small one. Their *gradients* as a
loss are different things, and only one is the one wanted:

- k1 as a loss: the expected gradient is E[grad log pi] = 0. It trains nothing but noise, and is refused.
- k1 in the **reward**, undiscounted: the policy gradient through it is exactly the gradient of the whole sequence's
  KL(pi || ref), the effect of a token on later prefixes included.
- k2 as a loss: exactly the gradient of KL(pi || ref) given the visited prefix, on-policy. Once the policy has moved
  away from the one that sampled, weigh it by the (constant) ratio new/old.
- k3 as a loss: the gradient of the *forward* KL(ref || pi) given the prefix. GRPO's published form.
- k3 with k2's gradient: k3's unbiased, non-negative value to look at, k2's gradient to train on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor


def k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Return ``log pi - log ref``: unbiased, for the reward; its gradient as a loss is zero on average."""
    return logprobs - ref_logprobs


def k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Return ``(log pi - log ref)^2 / 2``: as a loss, the gradient of KL(pi || ref) given the prefix."""
    return 0.5 * (logprobs - ref_logprobs).square()


def k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Return ``ref/pi - 1 - log(ref/pi)``: as a loss, the gradient of the forward KL(ref || pi)."""
    log_ratio = ref_logprobs - logprobs
    return log_ratio.expm1() - log_ratio


def k3_with_k2_gradient(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Return k3's value with k2's gradient, that of KL(pi || ref) given the prefix."""
    gradient = k2(logprobs, ref_logprobs)
    return k3(logprobs, ref_logprobs).detach() + gradient - gradient.detach()


def categorical_kl(logprobs_NV: Tensor, other_NV: Tensor) -> Tensor:
    """Return ``sum_v p(v) (log p(v) - log q(v))`` [N]: KL(p || q) itself, no estimate.

    Args:
        logprobs_NV: ``log p``, over the vocabulary.
        other_NV: ``log q``.
    """
    return (logprobs_NV.exp() * (logprobs_NV - other_NV)).sum(-1)


LOSS_ESTIMATORS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "k2": k2,
    "k3": k3,
    "k3_k2grad": k3_with_k2_gradient,
}
"""The estimators that may stand in a loss, by the name that configurations use."""
