"""The Chinese words."""

from __future__ import annotations

from textenvs.envs.dialogue.wording.chinese_frames import DESCRIBED, DESCRIBING, FRAMES
from textenvs.envs.dialogue.wording.tables import AgentWords, Cues, UserWords, Words

_USER = UserWords(
    greetings=("你好。", "您好。", "早上好。", "嗨。", "在吗。"),
    requests={
        "recommend": (
            "我想找{thing}。",
            "请给我推荐{thing}。",
            "帮我挑{thing}。",
            "给我介绍{thing}吧。",
            "我需要{thing}的建议。",
        ),
        "book": (
            "请帮我预订{thing}。",
            "我想订{thing}。",
            "麻烦订一下{thing}。",
            "替我预约{thing}吧。",
            "我要预订{thing}。",
        ),
        "explain": (
            "请告诉我{thing}的编号。",
            "我想知道{thing}的编号。",
            "给我{thing}的编号。",
            "查一下{thing}的编号吧。",
            "我需要{thing}的编号。",
        ),
    },
    following=("还有一件事。", "另外。", "再问一个。", "此外还有。", "接下来。"),
    acts={
        "inform": ("{name}。", "要{name}。", "我想要{name}。", "就{name}吧。", "我喜欢{name}。"),
        "vague": (
            "{name}或者{other}。",
            "{name}和{other}之间吧。",
            "大概{name}或{other}。",
            "在{name}和{other}之间犹豫。",
            "不是{name}就是{other}。",
        ),
        "dont_care": ("{slot}无所谓。", "{slot}都可以。", "{slot}随便。", "{slot}怎样都行。", "对{slot}没有要求。"),
        "unknown": (
            "{slot}我不懂。",
            "{slot}我说不上来。",
            "我不知道{slot}。",
            "{slot}我完全没概念。",
            "{slot}我不清楚。",
        ),
        "repeat": (
            "我说过了，{name}。",
            "再说一次，{name}。",
            "刚才讲了，{name}。",
            "还是{name}。",
            "重复一遍，{name}。",
        ),
        "correct": (
            "抱歉，我是说{name}。",
            "说错了，是{name}。",
            "更正，{name}。",
            "口误，应该是{name}。",
            "不对，我指的是{name}。",
        ),
        "change": (
            "再想想，换成{phrase}吧。",
            "我改主意了，要{phrase}。",
            "还是要{phrase}吧。",
            "这么一想，改要{phrase}。",
            "算了，换{phrase}。",
        ),
        "reject": (
            "不行，必须是{phrase}。",
            "错了，我要{phrase}。",
            "不是这个，要{phrase}。",
            "这个不合适，得是{phrase}。",
            "不对，给我{phrase}。",
        ),
        "puzzled": ("我没听懂。", "你在说什么。", "这话没头没脑。", "我不明白。", "听不懂你的意思。"),
        "acknowledge": ("好。", "行。", "可以。", "知道了。", "嗯。"),
        "decline": ("没有了。", "不用了。", "就这些。", "没别的了。", "都办好了。"),
        "thank": ("谢谢。", "多谢。", "感谢。", "谢谢你。", "非常感谢。"),
        "silent": ("……", "……", "……", "……", "……"),
        "leave": ("算了，我走了。", "够了，不办了。", "没用，我走了。", "受不了了，我走。", "不说了，我去别家。"),
    },
    free=("{slot}怎么都好。", "{slot}没想法。", "{slot}对我都一样。", "{slot}你定。", "{slot}没想好，都成。"),
    insisting={
        "recommend": ("我是请你推荐。", "我要的是推荐。", "我说了要推荐。", "给我介绍一个就行。", "我只要一个建议。"),
        "book": ("我是请你预订。", "我要的是预订。", "我说了要预订。", "替我订一个就行。", "我只要订一个。"),
        "explain": ("我是问编号。", "我要的是编号。", "我说了要编号。", "告诉我编号就行。", "我只要编号。"),
    },
    moods={
        "calm": ("", "", "", "", ""),
        "angry": ("太慢了！", "我赶时间！", "快点！", "别磨蹭！", "少废话！"),
        "chatty": (
            "这一周可真忙啊。",
            "我姐总说我想太多。",
            "对了，这边在下雨。",
            "刚跟朋友聊到你们。",
            "今天真是够呛。",
        ),
    },
)

_AGENT = AgentWords(
    instruction="你帮助顾客找{noun}。只问会改变答案的问题，能答就答，没事可做了就结束。",
    catalogue="项目：{slots}\n{rows}",
    plain="每次只做一件事：询问一个项目、按名字推荐一个、按名字预订一个（对方要预订时）、告知一个的编号（对方要编号时）、"
    "说没有合适的、转给同事、问还需要什么，或者说再见。也可以不说名字，只说条件：系统会查出列表中第一个符合的。",
    tags="每次写下面之一：[问 项目] [推荐 名字] [预订 名字] [编号 名字] [没有]（没有合适的） "
    "[转接] [还要]（还需要什么） [再见]。名字可以换成条件：条件、条件（系统会查出列表中第一个符合的）。",
    slot="{slot}（{values}）",
    row="- {values}：{name}，编号{detail}",
    moves={
        "ask": "请问{slot}有什么要求？",
        "recommend": "我推荐{name}。",
        "book": "已为您预订{name}。",
        "explain": "{name}的编号是{detail}。",
        "refuse": "没有合适的。",
        "handover": "我把您转给同事。",
        "offer": "还需要什么吗？",
        "end": "再见。",
        "unclear": "",
    },
    described={
        "recommend": "我推荐{thing}。",
        "book": "已为您预订{thing}。",
        "explain": "这是{thing}的编号。",
    },
    tag_names={
        "ask": "问",
        "recommend": "推荐",
        "book": "预订",
        "explain": "编号",
        "refuse": "没有",
        "handover": "转接",
        "offer": "还要",
        "end": "再见",
    },
)

_CUES = Cues(
    book=r"预订|预约|订好|订了|为您订|帮您订",
    refuse=r"没有(?:合适|符合|这样|满足|匹配)|找不到|没有?找到|未找到|没有相应",
    handover=r"转(?:给|到|接)?(?:您给|你给)?(?:人工|同事|客服|专员)|转接",
    offer=r"还(?:需要|要|有)(?:什么|别的|其他)|其他(?:需要|帮助)|别的需要",
    end=r"再见|拜拜|祝您(?:愉快|生活)",
    question=r"^(?:请问|什么|哪|几|多少|想要|要什么)|吗$|呢$",
)

CHINESE = Words(_USER, _AGENT, _CUES, FRAMES, DESCRIBING, DESCRIBED, "", "，", "、", after=False)
"""The tables of Chinese."""
