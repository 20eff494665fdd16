"""The best known policy at full size, where the optimum is out of reach: a rule over what can be known."""

from __future__ import annotations

from textenvs.envs.dialogue.beliefs import Belief
from textenvs.envs.dialogue.knowledge import Wants
from textenvs.envs.dialogue.process import END, OFFER, REFUSE, Process
from textenvs.envs.dialogue.stakes import COMPLETION, TURN
from textenvs.users.core import FREE, Move


def best_known(process: Process, belief: Belief) -> Move:
    """Return the move of the best known policy.

    Whatever is sure is done at once: the answer that is right in any case, or the refusal. Otherwise it asks for the
    slot after which the best answer is expected to be most probably right, as long as there is one that matters. A
    user who waits is offered help if another goal is worth the turn; one who is gone is left alone.

    Args:
        process: the decision process.
        belief: what is known.
    """
    if belief.course.phase == "gone":
        return END
    if belief.course.phase == "waiting":
        worth = process.more(belief.course.goal) * COMPLETION / (belief.course.goal + 2)
        return OFFER if worth > 2.0 * TURN else END
    posterior = process.posterior
    if posterior.hopeless(belief):
        return REFUSE
    sure, useful = posterior.sure(belief), posterior.useful(belief)
    if sure or not useful:
        return Move("recommend", FREE, sure[0] if sure else likeliest(process, posterior.goals(belief))[0])
    goals = posterior.goals(belief)
    return Move("ask", max(useful, key=lambda slot: _expected(process, goals, slot)))


def _expected(process: Process, goals: tuple[tuple[Wants, float], ...], slot: int) -> float:
    """Return how probably the best answer is right once a slot is known."""
    values = {wants[slot] for wants, _ in goals}
    parts = [tuple((wants, weight) for wants, weight in goals if wants[slot] == value) for value in values]
    return sum(likeliest(process, part)[1] for part in parts)


def likeliest(process: Process, goals: tuple[tuple[Wants, float], ...]) -> tuple[int, float]:
    """Return the candidate that is right with the greatest weight, and that weight."""
    weights = [0.0] * len(process.kb.rows)
    for wants, weight in goals:
        for number in process.kb.matching(wants):
            weights[number] += weight
    best = max(range(len(weights)), key=weights.__getitem__)
    return best, weights[best]
