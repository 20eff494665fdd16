"""What people ask for in the generated world: five domains of four slots with four values, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from textenvs.envs.dialogue.types import Language, SlotWords, ValueWords


@dataclass(frozen=True, slots=True)
class Domain:
    """One kind of thing, in one language.

    Attributes:
        noun: what it is called.
        slots: what can be asked about it.
        heads: first parts of names, ten of them.
        tails: second parts.
    """

    noun: str
    slots: tuple[SlotWords, ...]
    heads: tuple[str, ...]
    tails: tuple[str, ...]


def _slot(name: str, forms: str, phrase: str, values: str) -> SlotWords:
    """Return a slot; forms and values are separated by bars, the phrase holds the value's name."""
    named = tuple(ValueWords(value, phrase.format(value)) for value in values.split("|"))
    return SlotWords(name, named, tuple(form for form in forms.split("|") if form))


def _domain(noun: str, slots: Sequence[SlotWords], heads: str, tails: str) -> Domain:
    return Domain(noun, tuple(slots), tuple(heads.split("|")), tuple(tails.split("|")))


_EN_HEADS = "Golden|Silver|Blue|Green|Red|Quiet|Old|Royal|Happy|Bright"
_ZH_HEADS = "金|银|青|碧|红|静|老|御|乐|明"

DOMAINS: Mapping[Language, tuple[Domain, ...]] = MappingProxyType(
    {
        "en": (
            _domain(
                "restaurant",
                (
                    _slot("price", "expensive|cost|budget", "that is {}", "cheap|moderate|expensive|luxurious"),
                    _slot("area", "where|part of town|location", "in the {}", "north|south|east|west"),
                    _slot("food", "cuisine|eat|kitchen", "with {} food", "Thai|Italian|Indian|French"),
                    _slot("seating", "sit|table", "with {} seats", "indoor|terrace|garden|rooftop"),
                ),
                _EN_HEADS,
                "Lotus|Spoon|Pan|Olive|Pepper|Kettle|Basil|Plate|Crane|Ginger",
            ),
            _domain(
                "hotel",
                (
                    _slot("price", "expensive|cost|budget", "that is {}", "cheap|moderate|expensive|luxurious"),
                    _slot("district", "where|area|location", "in the {}", "centre|harbour|suburb|hills"),
                    _slot("room", "bed|beds", "with {} rooms", "single|double|family|studio"),
                    _slot("breakfast", "morning", "with {} breakfast", "late|simple|vegan|full"),
                ),
                _EN_HEADS,
                "Harbour|Gate|Garden|Tower|Anchor|Court|Bridge|Lantern|Terrace|Rest",
            ),
            _domain(
                "phone",
                (
                    _slot("budget", "price|expensive|cost", "in the {} class", "entry|middle|upper|premium"),
                    _slot("screen", "display|size", "with a {} screen", "small|medium|large|folding"),
                    _slot("colour", "color|look", "in {}", "black|white|green|violet"),
                    _slot("battery", "charge|run", "with a {} battery", "light|normal|strong|giant"),
                ),
                _EN_HEADS,
                "Nova|Pixelia|Aero|Orbit|Pulse|Vega|Echo|Comet|Zen|Lumen",
            ),
            _domain(
                "course",
                (
                    _slot("level", "experience|advanced", "for {} students", "new|improving|advanced|expert"),
                    _slot("day", "when|weekday", "on {}", "Monday|Wednesday|Friday|Sunday"),
                    _slot("format", "online|taught", "held as {}", "lectures|seminars|workshops|videos"),
                    _slot("language", "speak|spoken", "taught in {}", "English|Spanish|German|Korean"),
                ),
                _EN_HEADS,
                "Drawing|Coding|Yoga|Chess|Piano|Writing|Dance|Cooking|Design|Finance",
            ),
            _domain(
                "flat",
                (
                    _slot("rent", "price|cost|budget", "with a {} rent", "low|fair|high|top"),
                    _slot("side", "where|part of town|area", "on the {} side", "north|south|east|west"),
                    _slot("floor", "storey|stairs", "on the {} floor", "ground|second|fifth|tenth"),
                    _slot("pets", "animals|pet", "where {} may live", "rabbits|cats|dogs|birds"),
                ),
                _EN_HEADS,
                "Yard|Mews|Corner|Lane|Loft|Lodge|Square|Heights|Row|Mill",
            ),
        ),
        "zh": (
            _domain(
                "餐厅",
                (
                    _slot("价位", "价格|预算|消费", "{}的", "便宜|适中|偏贵|豪华"),
                    _slot("区域", "哪个区|位置|地段", "在{}的", "城北|城南|城东|城西"),
                    _slot("菜系", "口味|吃什么|菜", "做{}的", "川菜|粤菜|湘菜|鲁菜"),
                    _slot("座位", "坐哪|位子", "有{}的", "室内座|露台座|花园座|屋顶座"),
                ),
                _ZH_HEADS,
                "荷轩|味斋|满楼|香居|竹苑|鼎阁|泉坊|月馆|炉府|桥家",
            ),
            _domain(
                "酒店",
                (
                    _slot("价位", "价格|预算|消费", "{}的", "便宜|适中|偏贵|豪华"),
                    _slot("地段", "哪个区|位置|区域", "在{}的", "市中心|港口|郊区|山上"),
                    _slot("房型", "房间|床", "有{}的", "单人间|双人间|家庭房|套间"),
                    _slot("早餐", "早饭|早上", "{}的", "不含早|简餐早|素食早|全套早"),
                ),
                _ZH_HEADS,
                "海湾|门楼|花园|塔影|锚地|庭院|虹桥|灯笼|露台|驿站",
            ),
            _domain(
                "手机",
                (
                    _slot("档次", "价格|预算|价位", "{}的", "入门级|中端|高端|旗舰"),
                    _slot("屏幕", "尺寸|显示", "{}的", "小屏|中屏|大屏|折叠屏"),
                    _slot("颜色", "外观|色", "{}的", "黑色|白色|绿色|紫色"),
                    _slot("电池", "续航|充电", "{}的", "轻薄电池|普通电池|耐用电池|超大电池"),
                ),
                _ZH_HEADS,
                "星诺|派影|航空|轨道|脉冲|织女|回声|彗星|禅意|流明",
            ),
            _domain(
                "课程",
                (
                    _slot("级别", "水平|基础", "{}的", "零基础|提高班|进阶班|专家班"),
                    _slot("时间", "哪天|什么时候|星期几", "{}上课的", "周一|周三|周五|周日"),
                    _slot("形式", "怎么上|方式", "{}形式的", "讲座|研讨|工坊|视频"),
                    _slot("语言", "讲什么话|授课", "用{}讲的", "中文|英语|德语|韩语"),
                ),
                _ZH_HEADS,
                "画艺|编程|瑜伽|棋道|琴韵|写作|舞动|厨艺|设计|理财",
            ),
            _domain(
                "公寓",
                (
                    _slot("租金", "价格|预算|房租", "{}的", "低租金|中等租金|高租金|顶级租金"),
                    _slot("方位", "哪个区|位置|区域", "在{}的", "城北|城南|城东|城西"),
                    _slot("楼层", "几楼|层", "{}的", "一楼|二楼|五楼|十楼"),
                    _slot("宠物", "养什么|动物", "{}的", "不养宠物|可养猫|可养狗|可养鸟"),
                ),
                _ZH_HEADS,
                "小院|马厩巷|街角|里弄|阁楼|木屋|广场|高地|联排|磨坊",
            ),
        ),
    }
)
"""The domains of each language; the n-th ones are the same thing."""
