"""The same item is the same everywhere: in any order, next to others, in another process."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from textenvs.checker.examination import COUNTER, Examination, policies
from textenvs.checker.plays import begin, play, show, take
from textenvs.checker.rule import rule


@rule("Make everything in reset() anew; keep nothing from the last episode.")
def repeats_itself(exam: Examination) -> Iterator[str]:
    """An item is the same in a fresh environment and in one that has played others before."""
    used, say = exam.make(), policies(exam.make())[COUNTER]
    for index in reversed(range(exam.items)):
        if play(used, COUNTER, say, index).fingerprint != exam.play(COUNTER, index).fingerprint:
            yield f"item {index} is another one in an environment that has played others"


@rule("Draw from self.np_random only, which reset(seed=...) seeds.")
def seeds_repeat(exam: Examination) -> Iterator[str]:
    """Equal seeds draw equal items, one reset after the other."""
    first, second = exam.make(), exam.make()
    for seed in (0, 1, 2**31 - 1):
        one, two = ([show(env.reset(seed=seed)), show(env.reset()), show(env.reset())] for env in (first, second))
        if one != two:
            yield f"seed {seed} gives other items in another environment"


@rule("Keep state in the instance: no module-level generators, caches that forget, or class attributes.")
def siblings_do_not_interfere(exam: Examination) -> Iterator[str]:
    """An episode is the same while another environment is played between its steps."""
    env, sibling = exam.make(), exam.make()
    for index in range(exam.items):
        state, other = begin(env, index), begin(sibling, index + 1)
        shown, turn = [state.shown], 0
        while not state.ended and turn < len(exam.play(COUNTER, index).steps):
            other = begin(sibling, index + 2) if other.ended else take(sibling, "no")
            state = take(env, str(turn))
            shown.append(state.shown)
            turn += 1
        if shown != [step.shown for step in exam.play(COUNTER, index).states]:
            yield f"item {index} is another one while a second environment is played"


@rule("Sort sets before you draw from them, and never seed from hash(), id(), time or the process.")
def processes_agree(exam: Examination) -> Iterator[str]:
    """A fresh process under another PYTHONHASHSEED plays the same items, to the byte."""
    pairs = zip(exam.fingerprints, exam.testimony.fingerprints, strict=True)
    yield from (f"item {index} differs in another process" for index, (one, two) in enumerate(pairs) if one != two)


@rule("Draw from self.np_random; call neither random.seed() nor numpy.random.seed().")
def leaves_global_randomness(exam: Examination) -> Iterator[str]:
    """The global generators of random and numpy are left as they were."""
    before = random.getstate(), repr(np.random.get_state(legacy=False))  # noqa: NPY002
    exam.play(COUNTER, 0)
    if before != (random.getstate(), repr(np.random.get_state(legacy=False))):  # noqa: NPY002
        yield "a global generator has moved while one item was made and played"


@rule("Draw from self.np_random, or from textenvs.seeding.item_generator.")
def ignores_global_randomness(exam: Examination) -> Iterator[str]:
    """What the global generators hold changes nothing in an episode."""
    one, two = (_under_global_seed(exam, seed) for seed in (1, 2))
    if one != two:
        yield "an episode changes with the state of a global generator"


def _under_global_seed(exam: Examination, seed: int) -> list[str]:
    """Return what two items show after the global generators were seeded, which are put back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        return [exam.play(COUNTER, index).fingerprint for index in range(2)]
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
