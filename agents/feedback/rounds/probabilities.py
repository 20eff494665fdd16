"""A checkpoint as a target of off-policy evaluation: how likely it gives the answers that were shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.feedback.events import Impression
from agents.feedback.off_policy import Target
from agents.policies.answers import answer_logprobs, prompt_ids
from agents.policies.causal_lm import CausalLMPolicy


def policy_target(policy: CausalLMPolicy) -> Target:
    """Return the probabilities with which a policy gives each of an impression's answers, at temperature 1.

    An answer is the tokens that the tokenizer makes of its text, and the stop token. A text that the policy could
    write in other tokens too is a little likelier than that. The places of a text that was shown more than once share
    its probability, so that what is said about each counts for a part of it.

    Args:
        policy: under `eval`.
    """

    def target(impression: Impression) -> Sequence[float]:
        prompt = prompt_ids(policy.chat, impression.conversation, impression.tools)
        texts = [candidate.text for candidate in impression.candidates]
        answers = [(prompt, policy.chat.action_ids(text)) for text in texts]
        chances: list[float] = answer_logprobs(policy.model, answers).exp().tolist()
        places = Counter(texts)
        return [chance / places[text] for chance, text in zip(chances, texts, strict=True)]

    return target
