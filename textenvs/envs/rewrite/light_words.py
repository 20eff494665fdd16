"""Words that say little by themselves."""

from __future__ import annotations

from textenvs.envs.rewrite.types import Language

_EN_LIGHT_WORDS = """
a an the of in on at to for from by with and or but as than so too also any some about into is are was were be been
being am do does did have has had will would can could should may might 's 're 've 'd 'll 'm
"""
_EN_STAND_INS = """
he him his she her hers it its they them their theirs this that these those there here one ones then
i me my mine you your yours we us our ours
"""

LIGHT_WORDS: dict[Language, frozenset[str]] = {
    "zh": frozenset("的了吗呢吧啊呀嘛哦么哈呗啦是在和"),
    "en": frozenset(_EN_LIGHT_WORDS.split()),
}
"""Words that a rewrite may add or drop without saying anything else."""

STAND_INS: dict[Language, frozenset[str]] = {
    "zh": frozenset("他她它这那其此该我你您咱"),
    "en": frozenset(_EN_STAND_INS.split()),
}
"""Words that stand for something else: pronouns, demonstratives, deictic adverbs."""
