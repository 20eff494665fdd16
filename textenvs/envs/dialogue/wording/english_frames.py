"""What tidy agents say in English: frames of one sentence each, folded (lower case, no short forms)."""

from __future__ import annotations

from textenvs.tidiness import Frames

_OF = r"(?: (?:for it|in mind|please|for you))?"
_VALUES = r"(?:[:,] <values>| \(<values>\))?"
_WISH = r"(?:like|prefer|want|need|have|be looking for)"
_I_SAY = r"(?:i (?:would |can |will )?|let me |may i )"
_YOURS = r"(?: you| your (?:request|needs|wishes|criteria)| what you (?:want|need))?"
_FOR_YOU = r"(?: (?:for|to) you)?(?: now)?"
_SORRY = r"(?:(?:i am )?(?:sorry|afraid),? ?(?:but |that )?|unfortunately,? )?"
_I_BOOK = r"i (?:will |can |have |am )?(?:now )?(?:book|booked|booking|reserve|reserved|reserving)"
_WANTED = r"(?: you (?:want|need|prefer|have in mind|would like|are looking for))?"

_ASK = (
    rf"(?:and )?(?:what|how) about (?:the |your |a |any )?<slot>{_OF}{_VALUES}",
    rf"(?:what|which)(?: kind of| sort of| type of)? <slot> (?:would|do|did|should) (?:you|it) {_WISH}"
    rf"(?: to have| it to be)?{_OF}{_VALUES}",
    rf"(?:what|which) <slot>{_OF}{_VALUES}",
    rf"what (?:is|are|should be|would be) (?:the |your )?(?:preferred |desired |favou?rite )?<slot>{_OF}{_VALUES}",
    rf"what should (?:the |your )?<slot> be{_VALUES}",
    rf"(?:do|would) you {_WISH} (?:a |an |any |the )?(?:preferred |particular |certain )?<slot>"
    rf"(?: in mind| preference)?{_VALUES}",
    rf"(?:do you have )?any (?:preferences?|wish(?:es)?|requirements?) (?:for|about|regarding|on|as to|concerning) "
    rf"(?:the |your )?<slot>{_VALUES}",
    rf"(?:could|can|would|will|may) (?:you|i)(?: please)? (?:tell me|let me know|specify|share|ask|know|say)"
    rf"(?: about| which| what)?(?: the| your)?(?: preferred| desired)? <slot>{_WANTED}{_VALUES}",
    rf"(?:please )?(?:tell me|let me know|specify|share)(?: about| which| what)?(?: the| your)?(?: preferred| desired)?"
    rf" <slot>{_WANTED}(?: please)?{_VALUES}",
    r"is there (?:a|an|any|some)(?: particular)? <slot> (?:that )?you (?:want|need|prefer|have in mind|would like)",
    r"(?:what|which)(?: kind of| sort of| type of)? <slot>(?: range)? are you (?:looking for|interested in|after)"
    rf"{_VALUES}",
    r"do you have an? <slot>(?: range)? in mind",
    r"do you have an? (?:preference|wish) (?:for|about|regarding|on) (?:the |your )?<slot>",
    r"<slot> (?:should|would you like) it(?: to)? be",
    r"<slot> do you (?:want|need|prefer)(?: it| to be)?",
    r"(?:would|do) you (?:rather )?(?:like|prefer|want|need)(?: it)?(?: in| with| to be)? <values>",
    "<values>",
)
_RECOMMEND = (
    rf"{_I_SAY}(?:recommend|suggest|propose|offer you) <name>{_FOR_YOU}",
    rf"i (?:have )?found(?: you)? <name>{_FOR_YOU}",
    r"(?:how|what) about <name>",
    r"(?:you (?:could|might|may|can|should) )?(?:like|try|take|consider|go (?:for|to|with)) <name>",
    r"(?:my|the best|a good|our best) (?:recommendation|suggestion|choice|match|option|fit)(?: for you)? "
    r"(?:is|would be) <name>",
    r"<name> (?:would be|is) (?:a|the) (?:good|great|best|right|perfect)(?: (?:choice|match|option|fit|one))?"
    r"(?: for you)?",
    rf"<name> (?:would )?(?:fits?|suits?|matche?s?){_YOURS}",
    rf"(?:we have|there is|here is) <name>{_FOR_YOU}",
    "<name>",
)
_BOOK = (
    rf"{_I_BOOK} (?:a (?:table|room|place|seat) (?:at|in|on) )?<name>{_FOR_YOU}",
    rf"<name> (?:is|has been|was)(?: now)? (?:booked|reserved){_FOR_YOU}",
    r"(?:your |the )?(?:booking|reservation) (?:at|for|of|with) <name> (?:is|has been) (?:made|done|confirmed)",
    r"(?:booked|reserved):? <name>",
)
_EXPLAIN = (
    r"the number (?:of|for) <name> is <detail>",
    r"<name>(?:'s number is| has the number|,|:) <detail>",
    r"(?:its|the) number is <detail>",
    r"(?:it is )?<detail>",
)
_REFUSE = (
    rf"{_SORRY}(?:there is|we have|i have|i found|i (?:can|could) (?:find|offer))(?: you)? (?:nothing|no <noun>|none)"
    r"(?: suitable| like that| that (?:fits|matches|suits you))?(?: available| here| for you)?",
    rf"{_SORRY}(?:we|i) do not have (?:any|one|anything|any <noun>|a <noun>)"
    r"(?: suitable| like that| that (?:fits|matches|suits you))?(?: available| here| for you)?",
    rf"{_SORRY}nothing (?:suitable|fits|matches)(?: is available)?{_YOURS}",
    rf"{_SORRY}(?:there (?:is|are) )?no (?:such |matching |suitable )?<noun>(?: (?:fits|matches|suits){_YOURS})?",
    rf"{_SORRY}(?:there (?:is|are) )no (?:such|matching|suitable) <noun>s",
    rf"{_SORRY}i (?:could|can) not find (?:an? <noun>|any <noun>|anything|one)"
    rf"(?: like that| that (?:fits|matches){_YOURS})?",
    rf"{_SORRY}none of (?:them|ours) (?:fits|matches|suits you)",
)
_HANDOVER = (
    r"(?:i (?:will |am )?|let me )(?:hand|handing|pass|passing|transfer|transferring|connect|connecting|put|putting)"
    r" (?:you |this )?(?:over |on |through )?(?:to|with) (?:a|my|our) (?:colleague|human(?: agent)?)",
    r"(?:a|my) colleague will (?:take over|help you|take care of (?:this|it|you))",
)
_OFFER = (
    r"(?:is there )?anything (?:else|more)(?: (?:that )?(?:i can (?:do|help)(?: for you| you with| with)?|you need))?"
    r"(?: today)?",
    r"(?:can|may|could) i (?:help|do|assist)(?: you)?(?: with)? (?:anything|something) else(?: for you)?(?: today)?",
    r"what else (?:can|may) i (?:do|help)(?: for you| you with)?",
    r"do you need (?:anything else|anything more|further help|something else)",
)
_END = (
    r"(?:good ?bye|bye(?:[ -]bye)?|farewell)(?: then)?",
    r"have a (?:nice|good) (?:day|one|evening)",
    r"enjoy your (?:meal|stay|day|time)",
)

_COURTESIES = (
    r"sure|of course|certainly|okay|ok|all right|alright|great|good|hello|hi|i see|understood|got it|no problem",
    r"thanks?(?: you)?(?: very much| so much| a lot)?|you are welcome|my pleasure|sorry|i am sorry|please",
    r"have a (?:nice|good|great) (?:day|one|evening)|enjoy your (?:meal|stay|day|time)",
    r"thank(?:s| you) for (?:contacting|calling|choosing) us|done|perfect",
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
        "recommend": (
            rf"i (?:would |can |will )?(?:recommend|suggest|propose) <thing>{_FOR_YOU}",
            r"(?:my|our best) (?:recommendation|suggestion) (?:for you )?(?:is|would be) <thing>",
        ),
        "book": (rf"{_I_BOOK} <thing>{_FOR_YOU}",),
        "explain": (
            r"here is the number (?:of|for) <thing>",
            r"i (?:will |can )?(?:give|tell|send) you the number (?:of|for) <thing>",
        ),
    },
    _COURTESIES,
)
"""The sentences of agents that describe what they answer with."""

_VALUE_LIST = r"<value>(?:(?:,? and|,)? <value>)*"
DESCRIBED = (
    rf"(?:(?:the|an?|something) )?"
    rf"(?:{_VALUE_LIST}(?: (?:one|<noun>)(?: {_VALUE_LIST})?)?|(?:one|<noun>) {_VALUE_LIST})"
)
"""The shape of a description: "the cheap one in the north"."""
