"""The parts that names are made of. The length of every list is a multiple of `partition.MODULUS`.

A name is a combination of parts whose numbers add up to a residue of the split, so that no name of one split occurs in
another while all parts occur in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textenvs.dice import Dice
from textenvs.envs.toolcall.types import Language
from textenvs.partition import MODULUS, RESIDUES
from textenvs.seeding import Split

Parts = tuple[Sequence[str], Sequence[str]]
"""Heads and tails."""


def _split(heads: str, tails: str) -> Parts:
    return tuple(heads.split()), tuple(tails.split())


_CHINESE: Mapping[str, Parts] = {
    "person": _split(
        "林 顾 沈 陆 周 许 叶 苏 程 韩 唐 冯 秦 江 白 夏 方 罗 梁 宋",
        "文清 雨晨 嘉宁 子涵 明远 书瑶 思齐 景行 佳音 若安 一帆 可欣 昊天 梦洁 志强",
    ),
    "city": _split("云 青 松 石 锦 临 永 枫 柏 凤 嘉 长 新 望 紫", "川 州 阳 原 港 陵 江 丰 昌 林"),
    "item": _split(
        "红色 蓝色 黑色 绿色 黄色 银色 白色 灰色 折叠 便携", "台灯 耳机 水壶 背包 键盘 雨伞 相机 音箱 手套 闹钟"
    ),
    "title": _split(
        "预算 设计 产品 招聘 销售 安全 培训 年度 海外 质量", "评审 例会 汇报 讨论 启动会 演练 座谈 答疑 复盘 交流"
    ),
    "text": _split(
        "发票 样品 合同 钥匙 方案 报价 名单 海报 设备 请柬",
        "已经准备好了 放在前台了 周末前要改好 今天寄出 还缺一份签字",
    ),
}

_SYLLABLES = "Nor Cal Bel Mar Tor Ash Wen Lin Har Kel Dor Ros Sel Fal Bran Hol Wes Gar Del Pem"

_ENGLISH: Mapping[str, Parts] = {
    "person": _split(_SYLLABLES, "son man ley win den by ner lock ridge well combe croft land ward more"),
    "city": _split(_SYLLABLES, "vale ford ton wick port burg ham dale mouth field"),
    "item": _split(
        "red blue black green yellow silver white grey folding portable",
        "lamp headset kettle backpack keyboard umbrella camera speaker gloves clock",
    ),
    "title": _split(
        "budget design product hiring sales safety training annual overseas quality",
        "review sync report workshop kickoff rehearsal panel clinic retrospective exchange",
    ),
    "text": (
        ("The invoice", "The sample", "The contract", "The key", "The draft"),
        ("is ready", "is at reception", "needs changes by Sunday", "ships today", "still needs a signature"),
    ),
}

_FILES = _split(
    "budget design roadmap hiring sales audit travel stock menu survey",
    "q1.xlsx q2.pdf final.docx v3.csv notes.txt draft.md plan.pptx may.zip old.json copy.png",
)

_NAMES: Mapping[Language, Mapping[str, Parts]] = {
    "zh": {**_CHINESE, "file": _FILES},
    "en": {**_ENGLISH, "file": _FILES},
}

_JOINTS: Mapping[str, str] = {"item": " ", "title": " ", "text": " ", "file": "_"}
"""What stands between head and tail; nothing in Chinese, except in names of files."""


def draw_name(sort: str, language: Language, split: Split, dice: Dice) -> str:
    """Draw a name of the split's own.

    Args:
        sort: ``"person"``, ``"city"``, ``"item"``, ``"title"``, ``"text"`` or ``"file"``.
        language: of the name.
        split: whose name.
        dice: where the choice comes from.
    """
    heads, tails = _NAMES[language][sort]
    head = dice.below(len(heads))
    tail = (dice.pick(RESIDUES[split]) - head) % MODULUS + MODULUS * dice.below(len(tails) // MODULUS)
    joint = _JOINTS.get(sort, "") if language == "en" or sort == "file" else ""
    return heads[head] + joint + tails[tail]
