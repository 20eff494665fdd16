"""Items: named, distinct, and apart from split to split."""

from __future__ import annotations

from collections.abc import Iterator

from textenvs.checker.examination import Examination
from textenvs.checker.rule import rule
from textenvs.core import TextEnv
from textenvs.seeding import SPLITS


@rule("Draw the index of an item from all of 2**62 (textenvs.seeding.draw_index), and make the item from it alone.")
def items_do_not_repeat(exam: Examination) -> Iterator[str]:
    """Items drawn one after the other are distinct; a finite set is gone through before one comes again."""
    hashes = exam.drawn(0)
    if len(set(hashes)) < len(hashes):
        yield f"{len(hashes)} draws hold only {len(set(hashes))} distinct items"


@rule("Derive an item from a SeedSequence of (environment, split, index), never from seed + index.")
def neighbouring_seeds_differ(exam: Examination) -> Iterator[str]:
    """Neighbouring seeds draw other items, or a finite set in another order; not the same ones a step later."""
    one, two = exam.drawn(0), exam.drawn(1)
    if exam.n_items is None and (shared := set(one) & set(two)):
        yield f"seeds 0 and 1 share {len(shared)} of {len(one)} items"
    for lag in range(-2, 3):
        pairs = list(zip(one[max(0, lag) :], two[max(0, -lag) :], strict=False))
        if len(pairs) > 2 and sum(a == b for a, b in pairs) > len(pairs) / 2:
            yield f"seed 1 draws the items of seed 0, {abs(lag)} draws apart"


@rule("Hold out content, not seeds: give every split names, templates or rows of its own.")
def splits_share_no_item(exam: Examination) -> Iterator[str]:
    """No item of one split is found in another, by the hash of its content."""
    seen: dict[str, str] = {}
    for split in SPLITS:
        hashes = set(exam.drawn(0, split))
        if shared := hashes & seen.keys():
            yield f"{len(shared)} items of {split} are in {seen[shared.pop()]} too"
        seen.update(dict.fromkeys(hashes, split))


@rule(
    "Return from Episode.content() what the task is, all of it and nothing else; it does not change while it is played."
)
def item_hash_is_the_content(exam: Examination) -> Iterator[str]:
    """The hash of an item belongs to its index and does not change while it is played."""
    env, again = exam.make_text_env(), exam.make_text_env()
    for index in range(exam.items):
        env.reset(options={"index": index})
        before = env.item_hash()
        env.step("no")
        if env.item_hash() != before:
            yield f"item {index}: its hash changes with the first step"
        again.reset(options={"index": index})
        if again.item_hash() != before:
            yield f"item {index}: another environment hashes it differently"


@rule("Put the environment's settings, the split and the index into Episode.task_id.")
def task_id_names_the_item(exam: Examination) -> Iterator[str]:
    """info["task_id"] names the item: the same all episode long, another one for another item and another split."""
    named: dict[str, str] = {}
    for played in exam.plays:
        names = {str(state.info.get("task_id", "")) for state in played.states}
        if len(names) > 1 or "" in names:
            yield f"{played.at(0)}: the names {sorted(names)}"
    for split in SPLITS if exam.takes("split") else ():
        env = exam.make(split=split)
        for index in range(2):
            info = env.reset(options={"index": index} if isinstance(env, TextEnv) else None, seed=index)[1]
            place, name = f"item {index} of {split}", str(info.get("task_id", ""))
            if name in named:
                yield f"{place} has the name of {named[name]}: {name!r}"
            named[name] = place
