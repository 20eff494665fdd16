"""What tidy agents say in Chinese: frames of one sentence each, folded (narrow punctuation, no spaces)."""

from __future__ import annotations

from textenvs.tidiness import Frames

_YOU = r"(?:您|你)"
_FOR_YOU = rf"(?:[给为帮替向]{_YOU})?"
_VALUES = r"(?:[:,]<values>|\(<values>\))?"
_MARK = r"(?:吗|呢|么)?"
_WHAT = r"(?:什么样的|什么|怎样的|哪一?种|哪一?个|哪一?类|多少|多大的)"
_WISH = r"更?(?:想要|需要|希望要?|喜欢|偏好|想选|想|要)(?:吃|坐|住|去|在|学)?"
_DEMAND = r"(?:要求|偏好|想法|讲究|喜好|需求)"
_TELL = r"(?:请|麻烦)?(?:告诉我|说一下|说下|说说|提供一?下?|问一?下|问)"

_ASK = (
    rf"(?:{_TELL}|那么?)?,?(?:{_YOU})?(?:对|关于)?<slot>(?:方面|上)?,?(?:{_YOU})?(?:有没有|有)(?:什么|何|哪些|特别的?|具体的?)*"
    rf"{_DEMAND}的?{_MARK}{_VALUES}",
    rf"(?:{_TELL})?,?{_YOU}?(?:有没有|有)<slot>(?:方面|上)?的?{_DEMAND}{_MARK}",
    rf"(?:{_TELL})?,?(?:{_YOU}的?)?<slot>{_DEMAND}(?:是什么|呢)",
    rf"(?:{_TELL}|那么?)?,?{_YOU}?{_WISH}{_WHAT}<slot>的<noun>{_MARK}",
    rf"(?:{_TELL})?,?{_YOU}?(?:希望|想要?)<noun>在{_WHAT}<slot>{_MARK}",
    rf"(?:{_TELL}|那么?)?,?(?:{_YOU})?{_WISH}{_WHAT}<slot>的?{_MARK}{_VALUES}",
    rf"(?:{_TELL}|那么?)?,?(?:{_YOU})?(?:想要|要|需要)?的?<slot>(?:大概|大约)?(?:是|要|选|呢)?(?:什么样?的?|哪一?种|哪一?个|多少|怎么样|怎样)?{_MARK}{_VALUES}",
    rf"(?:{_TELL}|那么?)?,?<slot>(?:想要|是|要|选)<values>{_MARK}",
    rf"{_WHAT}<slot>{_MARK}{_VALUES}",
    rf"(?:{_TELL}|那么?)?,?{_YOU}?(?:{_WISH})?(?:哪里,)?<values>的?{_MARK}",
    rf"(?:{_TELL}|那么?)?,?{_YOU}?(?:{_WISH})?<values>的?<noun>{_MARK}",
)
_RECOMMEND = (
    rf"(?:那么?)?我?{_FOR_YOU}(?:推荐|建议){_YOU}?(?:选择?|去|看看|试试|考虑)?<name>(?:给{_YOU})?",
    rf"<name>(?:很|比较|最|挺)?(?:合适|适合{_YOU}|符合{_YOU}的要求|不错|怎么样|可以吗|如何|好吗)",
    rf"{_YOU}?(?:可以|不妨)(?:看看|试试|考虑|选择?|去)?<name>",
    rf"我?{_FOR_YOU}(?:找到|选|挑)了?(?:一[家个台部间套门])?:?<name>",
    r"(?:那么?)?就<name>吧",
    "<name>",
)
_BOOK = (
    rf"我?(?:已经?|这就|马上|现在|来)?{_FOR_YOU}(?:预订|预约|订)(?:好)?了?<name>了?",
    rf"<name>(?:已经?)?{_FOR_YOU}(?:预订|预约|订)好?(?:了|成功)?",
)
_EXPLAIN = (
    r"<name>的?(?:编号|号码)(?:是|为|:)<detail>",
    r"它?的?(?:编号|号码)(?:是|为|:)<detail>",
    r"<name>[,:](?:编号|号码)?[:是为]?<detail>",
    "<detail>",
)
_REFUSE = (
    rf"(?:(?:很|非常)?(?:抱歉|对不起|不好意思|遗憾))?,?(?:目前|暂时|这里|我们这里|我们)?(?:没有?找到|未找到|没有|找不到)"
    rf"(?:合适|符合{_YOU}?的?(?:要求|条件)|满足{_YOU}?的?(?:要求|条件)|这样)的?(?:<noun>)?了?",
)
_HANDOVER = (
    rf"我?(?:这就|马上|现在)?(?:[把将]{_YOU}|{_FOR_YOU})?(?:转给|转接给?到?|转到)(?:人工客服|人工|同事|客服|专员)(?:来?处理)?",
)
_OFFER = (
    rf"请?问?(?:{_YOU})?还(?:需要|要|有)(?:什么|别的|其他|其它)*(?:帮助|需要|帮忙|事情?)?的?{_MARK}",
    rf"(?:请问)?还有(?:什么|其他)(?:可以|能)帮到?{_YOU}的?{_MARK}",
)
_END = (r"再见|拜拜", rf"祝{_YOU}?(?:生活|用餐|旅途|学习)?愉快")

_COURTESIES = (
    r"好的?|行|可以|没问题|明白了?|知道了|收到|当然|您好|你好",
    rf"谢谢{_YOU}?|不客气|抱歉|对不起|不好意思|请稍等|祝{_YOU}?(?:生活|用餐|旅途|学习)?愉快",
    rf"希望{_YOU}喜欢|感谢{_YOU}的?(?:来电|咨询|光临)",
)

FRAMES = Frames(
    {
        "end": _END,
        "offer": _OFFER,
        "handover": _HANDOVER,
        "refuse": _REFUSE,
        "explain": _EXPLAIN,
        "book": _BOOK,
        "recommend": _RECOMMEND,
        "ask": _ASK,
    },
    _COURTESIES,
)
"""The sentences of tidy agents."""

DESCRIBING = Frames(
    {
        "recommend": (rf"我{_FOR_YOU}(?:推荐|建议){_YOU}?(?:选择?|看看|试试|考虑)?<thing>",),
        "book": (rf"我?(?:已经?|这就|马上){_FOR_YOU}(?:预订|预约|订)(?:好)?了?<thing>",),
        "explain": (
            r"这是<thing>的?编号",
            rf"我(?:把|来)?(?:告诉|发给){_YOU}<thing>的?编号",
        ),
    },
    _COURTESIES,
)
"""The sentences of agents that describe what they answer with."""

_VALUE_LIST = r"<value>(?:的?[、,和 ]?<value>)*"
DESCRIBED = rf"(?:一[家个台部间套门])?{_VALUE_LIST}的?(?:<noun>|那?一?[家个台部间套门])?"
"""The shape of a description: "便宜的在城北的餐厅"."""
