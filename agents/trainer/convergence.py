"""Evaluation in training: what the held-out returns were, which was best, and whether they still change.

The trainer does not know how to evaluate. It is given a function that does, in a callback::

    def measure(agent):
        return evaluate(agent, "MultiTurnRewrite-v0", split="valid", episodes=100).episode_return

    agent = PPO(policy, "MultiTurnRewrite-v0", convergence=Convergence(every=10, patience=3), run_dir="runs/rewrite")
    agent.learn(20_000, callback=HeldOutEvaluation(measure))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agents.trainer.callbacks import Callback

if TYPE_CHECKING:
    from agents.trainer.agent import Agent

BEST = "best"
"""Folder of the best agent so far, in the run folder."""


class Estimate(Protocol):
    """A figure with its interval; `agents.evaluation.Interval` is one."""

    @property
    def estimate(self) -> float:
        """The figure."""
        ...

    @property
    def low(self) -> float:
        """The lower end of its interval."""
        ...

    @property
    def high(self) -> float:
        """The upper end of its interval."""
        ...


@dataclass(frozen=True)
class HeldOutReturn:
    """The mean return on held-out items after an update.

    Attributes:
        update: counted from 1.
        estimate: the mean.
        low: lower end of its interval.
        high: upper end of its interval.
    """

    update: int
    estimate: float
    low: float
    high: float


def is_flat(history: Sequence[HeldOutReturn], patience: int) -> bool:
    """Return whether the last `patience` returns all lie within the interval of the one before them.

    They are compared with the first of the stretch and not each with its neighbour, so that a slow but steady rise
    is no flat stretch once it has left the interval that it began in.

    Args:
        history: in order.
        patience: >= 1.
    """
    if len(history) <= patience:
        return False
    first, *later = history[-patience - 1 :]
    return all(first.low <= one.estimate <= first.high for one in later)


class HeldOutHistory:
    """The held-out returns of a run; its memory is part of every checkpoint.

    Attributes:
        returns: in order of update.
    """

    def __init__(self) -> None:
        self.returns: list[HeldOutReturn] = []

    def add(self, measured: HeldOutReturn) -> bool:
        """Add a return and say whether it is the best so far; one of the same update is replaced."""
        self.returns = [one for one in self.returns if one.update < measured.update]
        best = all(measured.estimate > one.estimate for one in self.returns)
        self.returns.append(measured)
        return best

    def state(self) -> Mapping[str, Any]:
        """Return the returns."""
        return {"returns": [asdict(one) for one in self.returns]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.returns = [HeldOutReturn(**one) for one in state["returns"]]


class HeldOutEvaluation(Callback):
    """Evaluates as the agent's `convergence` settings say, keeps the best agent, and ends a run that has converged.

    The best agent, by held-out return, lies in the folder ``best`` of the agent's run folder, if it has one.

    Args:
        measure: plays held-out items of the split ``valid`` with the agent and returns their mean return.
    """

    def __init__(self, measure: Callable[[Agent], Estimate]) -> None:
        self.measure = measure

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool:
        """Evaluate, if it is time; the figures join the metrics."""
        settings, trainer = agent.settings.convergence, agent.trainer
        if not settings.every or (trainer.update % settings.every and trainer.remaining):
            return True
        measured = self.measure(agent)
        held_out = HeldOutReturn(trainer.update, measured.estimate, measured.low, measured.high)
        metrics |= {"held_out_return": held_out.estimate, "held_out_low": held_out.low, "held_out_high": held_out.high}
        if trainer.held_out.add(held_out) and agent.run_dir is not None:
            agent.save(Path(agent.run_dir) / BEST)
        converged = settings.patience > 0 and is_flat(trainer.held_out.returns, settings.patience)
        metrics["converged"] = float(converged)
        return not converged
