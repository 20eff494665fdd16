"""How tidy assistants put their final words in English: frames of one sentence each, folded (no short forms)."""

from __future__ import annotations

from textenvs.tidiness import Frames

_THE = r"(?:the |its |your |this |that |their |a |an )?"
_DONE = (
    r"(?:made|created|booked|sent|cancell?ed|deleted|removed|updated|changed|set|shipped|transferred|reserved|ordered|"
    r"added|saved|placed|scheduled|completed|finished|moved|issued|done|processed|recalled|revoked|withdrawn|converted)"
)
_DO = (
    r"(?:do|make|create|book|send|cancel|delete|remove|update|change|set|ship|transfer|reserve|order|add|save|place|"
    r"schedule|complete|move|issue|process|recall|revoke|withdraw|convert|use|carry out|perform|help with|fulfil)"
)
_SORRY = r"(?:(?:i am )?(?:very |so )?(?:sorry|afraid),? ?(?:but |that )?|unfortunately,? )?"
_CAN_NOT = (
    rf"{_SORRY}i (?:(?:can|could|may|am|do) not|am unable to)"
    r"(?: able to| allowed to| permitted to| have a tool (?:to|that can))?"
)
_FORBIDS = r"(?:forbids|prohibits|rules out|does not (?:allow|permit))(?: (?:it|this|that))?"
_REASON = (
    r"(?: ?[,:]| because(?: of)?| due to| under| by| as| since)?(?: it (?:would )?(?:breaks?|violates?))?(?: the)?"
    rf"(?: ?\(?rule| policy)? \(?<named>\)?(?: {_FORBIDS})?"
)
_TELL = r"(?:tell me|give me|provide|specify|let me know|share|confirm)"
_FOR = r"(?: (?:is it for|should i use|should it be|do you (?:want|mean)|would you like))?"
_WRONG = r"(?:(?:is )?(?:not (?:a |an )?(?:valid|possible|right|allowed)|(?:an? )?invalid|impossible)|can not be right)"

ENGLISH = Frames(
    {
        "fact": (
            rf"(?:the id|its id|it|{_THE}<thing>) (?:is|was|are|costs|will be|comes to|amounts to) <value>",
            r"today is <value>",
            r"it is <value> today",
            r"<value>",
            rf"{_THE}<thing>: <value>",
            r"(?:the |its )?id: <value>",
            rf"<value> is {_THE}(?:<thing>|id)",
            rf"{_THE}<thing>(?:'s| of {_THE}) ?<thing> (?:is|was|are|costs|will be|comes to|amounts to) <value>",
            rf"{_THE}<value> (?:is|has been|was)(?: now)?(?: successfully)? {_DONE}",
            rf"i have(?: now)?(?: successfully)? {_DONE} {_THE}<value>(?: for you)?",
            rf"(?:it|{_THE}<thing>) (?:is|has been|was)(?: now)?(?: successfully)? {_DONE},?"
            r" (?:with|under)(?: the| its)? id:? <value>",
            rf"(?:<thing> )?{_DONE}: <value>",
            rf"(?:it|{_THE}(?:new )?<thing>) has the id <value>",
            r"(?:(?:the|their|all) ids|they|these) are <values>",
            r"<values>",
        ),
        "done": (
            r"(?:all |it is |that is |everything is )?done",
            rf"(?:it|that|everything|your request|{_THE}<thing>) (?:is|has been|was)(?: now)?(?: successfully)? {_DONE}"
            r"(?: successfully)?",
            rf"i (?:have )?(?:now )?(?:successfully )?{_DONE} (?:it|that|{_THE}<thing>)(?: for you)?",
            rf"{_THE}<thing> (?:is|has been|was)(?: now)? (?:set|changed|updated) to {_THE}<thing>",
            rf"{_THE}<thing> of {_THE}<thing> (?:is|has been|was)(?: now)? (?:set|changed|updated) to {_THE}<thing>",
            rf"i have(?: now)? (?:set|changed|updated) {_THE}<thing> to {_THE}<thing>",
            rf"i have(?: now)? (?:set|changed|updated) {_THE}<thing> of {_THE}<thing> to {_THE}<thing>",
        ),
        "welcome": (
            r"you are (?:very |most )?welcome",
            r"my pleasure",
            r"any ?time",
            r"(?:i am )?(?:glad|happy) (?:i could|to) help",
        ),
        "ask": (
            rf"what should i use for {_THE}<named>",
            rf"(?:what|which|who) (?:is|are|should) {_THE}<named>(?: be)?",
            rf"(?:what|which) <named>{_FOR}",
            rf"for (?:what|which) <named>{_FOR}",
            r"what should (?:it|that) be(?: instead)?",
            rf"(?:could|can|would|will) you(?: please)? {_TELL} (?:(?:what|which|who) )?{_THE}<named>"
            r"(?: is| should be| to use)?",
            rf"(?:please )?{_TELL} (?:(?:what|which|who) )?{_THE}<named>(?: is| should be| to use)?(?: please)?",
            rf"(?:may|can|could) i (?:ask(?: you)? for|have|know) {_THE}<named>",
            rf"i(?: still)? (?:need|am missing)(?: to know)? {_THE}<named>"
            r"(?: to (?:do|continue with) (?:this|that|it))?",
            rf"{_THE}<named> is missing",
            rf"i(?: still)? need (?:to know )?{_THE}<named> first",
        ),
        "refuse": (
            rf"{_CAN_NOT} {_DO}(?: (?:this|that|it|so|(?:the|this|your) request))?(?: for you)?",
            rf"{_CAN_NOT} {_DO}(?: (?:this|that|it|so|(?:the|this|your) request))?(?: for you)?{_REASON}",
            rf"{_CAN_NOT} {_DO} {_THE}<thing>",
            rf"{_CAN_NOT} {_DO} {_THE}<thing>{_REASON}",
            rf"{_SORRY}(?:there is|i have|i do not have) (?:no|any|a)(?: suitable| matching)? tool"
            r" (?:for|to do|that can do) (?:this|that|it)",
            rf"{_SORRY}(?:i have|there is) no tool (?:to|that can) {_DO} {_THE}<thing>",
            rf"{_SORRY}(?:this|that|it) is not something (?:that )?i can do",
            rf"{_SORRY}none of (?:my|the|these) tools can do (?:this|that|it)",
            rf"{_SORRY}(?:this|that|it) is not (?:allowed|permitted|possible){_REASON}",
            rf"{_SORRY}(?:this|that|it) is not (?:allowed|permitted|possible)",
        ),
        "reason": (
            r"<named>",
            rf"{_SORRY}(?:the )?(?:rule |policy |code )?<named> {_FORBIDS}",
            rf"{_SORRY}(?:it|this|that) (?:would )?(?:breaks?|violates?) (?:the )?(?:rule |policy )?<named>",
            rf"{_SORRY}{_THE}<named> {_WRONG}(?: (?:for|as) {_THE}<named>)?",
            rf"{_SORRY}{_THE}<named> can not be <named>",
            rf"{_SORRY}{_THE}<named> of <named> {_WRONG}",
            rf"{_SORRY}<named> is (?:not a valid|an invalid|no valid|no) <named>",
            rf"{_SORRY}i can not (?:use|take|accept) <named> (?:for|as) {_THE}<named>",
        ),
    },
    (
        r"(?:all )?done|okay|ok|sure|of course|certainly|all right|sorry|i am sorry|hello|hi|great|no problem",
        r"i found it|thanks|thank you|(?:good)?bye|have a (?:nice|good|great) day",
        r"let me know if you need anything else|is there anything else i can help(?: you)? with",
    ),
)
"""The sentences of tidy assistants: ``<thing>`` has been named in the conversation, ``<named>`` must be or may be."""
