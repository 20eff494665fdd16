"""A vector of environments whose judge is slow now and then: partial stepping against a barrier, in one run.

The judge sleeps: 20 ms for nine turns in ten, 200 ms for the tenth. Two readings of "one in ten" are measured: the same
environments are slow at every turn (2 of 16), or each turn is slow with that chance. In the second, an ideal
barrier over 16 environments takes 0.2 - 0.18 * 0.9**16 = 0.167 s a round, where environments that wait only for
themselves need 0.038 s a step: 4.4 times as fast at the very best. What goes beyond comes from not waiting for the
judge before the next action (``receive(early=True)``): only the next episode waits, as it does in the collector.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.toy import EchoEnv
from textenvs import Turn
from textenvs.vector import Step, TextVectorEnv

NUM_ENVS = 16
FAST_S, SLOW_S = 0.02, 0.2
SECONDS = 3.0

Judge = Callable[[Turn], float]


def slow_turns(turn: Turn) -> float:
    """Be slow on one turn in ten, whichever environment it is in."""
    digest = hashlib.blake2b(f"{turn.task_id} {turn.index}".encode(), digest_size=4).digest()
    time.sleep(SLOW_S if int.from_bytes(digest, "big") < 2**32 // 10 else FAST_S)
    return 1.0


def slow_environments(turn: Turn) -> float:
    """Be slow on every turn of two environments of the 16."""
    time.sleep(SLOW_S if int(turn.task_id.split("/")[1]) % NUM_ENVS in (0, 8) else FAST_S)
    return 1.0


@dataclass
class Driver:
    """Plays one action after the other in every environment; the items of a slot are its number modulo 16."""

    envs: TextVectorEnv
    episodes: list[int] = field(default_factory=lambda: [0] * NUM_ENVS)
    unsettled: list[int] = field(default_factory=lambda: [0] * NUM_ENVS)
    settled: int = 0

    def begin(self, index: int) -> None:
        self.envs.begin(index, options={"index": index + NUM_ENVS * self.episodes[index]})
        self.episodes[index] += 1

    def take(self, steps: list[Step]) -> list[Step]:
        """Count what is settled, and return what can be gone on from."""
        ready: list[Step] = []
        for step in steps:
            if step.settled and step.info["turn"] > 0:
                self.settled += 1
                self.unsettled[step.index] -= 1
            if self.unsettled[step.index] == 0 if step.ended else step.moved:
                ready.append(step)
        return ready

    def go_on(self, step: Step) -> None:
        if step.ended:
            self.begin(step.index)
        else:
            self.unsettled[step.index] += 1
            self.envs.send({step.index: "red"})


def rate(judge: Judge, *, barrier: bool = False, early: bool = False, seconds: float = SECONDS) -> float:
    """Return the settled steps per second of one way to play."""
    envs = TextVectorEnv(lambda: EchoEnv(reward=judge), NUM_ENVS, workers="thread")
    driver = Driver(envs)
    for index in range(NUM_ENVS):
        driver.begin(index)
    start = time.perf_counter()
    held: list[Step] = []
    while time.perf_counter() < start + seconds:
        held += driver.take(envs.receive(early=early))
        if not barrier or len(held) == NUM_ENVS:
            for step in held:
                driver.go_on(step)
            held.clear()
    took = time.perf_counter() - start
    envs.close()
    return driver.settled / took


def measure(seconds: float = SECONDS) -> Mapping[str, Any]:
    """Return settled steps per second by reading and way, and their ratios to the barrier's."""
    figures: dict[str, Any] = {}
    for judge in (slow_environments, slow_turns):
        name = judge.__name__
        base = rate(judge, barrier=True, seconds=seconds)
        figures[f"{name}.barrier"] = round(base)
        for way, early in (("partial", False), ("early", True)):
            steps = rate(judge, early=early, seconds=seconds)
            figures[f"{name}.{way}"] = round(steps)
            figures[f"{name}.{way}_speedup"] = round(steps / base, 1)
    return figures
