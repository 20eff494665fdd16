"""The parts that names are made of. The length of every list is a multiple of `partition.MODULUS`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Name parts of one language; a stem is a head and a tail.

    Attributes:
        surnames: heads of personal names.
        given: tails of personal names.
        heads: heads of all other stems.
        cities: tails of city names.
        hotels: tails of hotel names.
        shops: tails of shop names.
        brands: tails of product names.
        goods: what a product is.
        colours: colour words.
        counts: how many pieces, from 2.
        nights: how many nights, from 2.
        weekdays: from Monday.
    """

    surnames: tuple[str, ...]
    given: tuple[str, ...]
    heads: tuple[str, ...]
    cities: tuple[str, ...]
    hotels: tuple[str, ...]
    shops: tuple[str, ...]
    brands: tuple[str, ...]
    goods: tuple[str, ...]
    colours: tuple[str, ...]
    counts: tuple[str, ...]
    nights: tuple[str, ...]
    weekdays: tuple[str, ...]


PARCEL_LETTERS = "ABCDEFGHJK"
ORDER_LETTERS = "LMNPQRSTUV"


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CHINESE_LEXICON = Lexicon(
    surnames=tuple("林顾沈陆周许叶苏程韩唐冯秦江白夏方罗梁宋"),
    given=tuple("若安文清雨晨嘉宁子涵明远书瑶思齐景行佳音"),
    heads=tuple("云澜青松石锦平临永星枫柏银凤白嘉长东新南竹望海紫凌"),
    cities=tuple("川州阳原港陵江丰昌林"),
    hotels=tuple("庭居阁苑轩馆台湾岸园"),
    shops=tuple("记坊屋集仓品汇堂行铺"),
    brands=tuple("雀鹿帆露焰羽砂岚芽络"),
    goods=_parts("台灯 耳机 水壶 背包 键盘"),
    colours=_parts("红色 蓝色 黑色 绿色 黄色"),
    counts=_parts("两个 三个 四个 五个 六个"),
    nights=_parts("两晚 三晚 四晚 五晚 六晚"),
    weekdays=_parts("周一 周二 周三 周四 周五"),
)

_SYLLABLES = "Nor Cal Bel Mar Tor Ash Wen Lin Har Kel Dor Ros Sel Fal Bran Hol Wes Gar Del Pem"

ENGLISH_LEXICON = Lexicon(
    surnames=_parts(_SYLLABLES),
    given=_parts("son man ley win den by ner lock ridge well combe croft land ward more"),
    heads=_parts(_SYLLABLES + " Tal Ver Mil Cor Stan"),
    cities=_parts("vale ford ton wick port burg ham dale mouth field"),
    hotels=_parts("crest mont moor wood stone water light hall mere shore"),
    shops=_parts("bury side cliff worth lane mill cross way row gate"),
    brands=_parts("ex ia ix ana et um ova ent ax io"),
    goods=_parts("lamp headset kettle backpack keyboard"),
    colours=_parts("white blue black green yellow"),
    counts=_parts("two three four five six"),
    nights=("two nights", "three nights", "four nights", "five nights", "six nights"),
    weekdays=_parts("Monday Tuesday Wednesday Thursday Friday"),
)

LEXICONS = {"zh": CHINESE_LEXICON, "en": ENGLISH_LEXICON}

MONTHS = _parts("January February March April May June July August September")
"""Those whose number has one digit."""
