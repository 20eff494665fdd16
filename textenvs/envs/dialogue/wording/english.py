"""The English words."""

from __future__ import annotations

from textenvs.envs.dialogue.wording.english_frames import DESCRIBED, DESCRIBING, FRAMES
from textenvs.envs.dialogue.wording.tables import AgentWords, Cues, UserWords, Words

_USER = UserWords(
    greetings=("Hello.", "Good morning.", "Hi there.", "Good day.", "Hey."),
    requests={
        "recommend": (
            "I am looking for a {thing}.",
            "Please recommend me a {thing}.",
            "I would like to find a {thing}.",
            "Suggest me a {thing}, please.",
            "Which {thing} would suit me.",
        ),
        "book": (
            "Please book me a {thing}.",
            "I want to reserve a {thing}.",
            "I need a booking for a {thing}.",
            "Get me a reservation for a {thing}.",
            "Kindly book a {thing} for me.",
        ),
        "explain": (
            "Give me the number of a {thing}.",
            "I need the number of a {thing}.",
            "Tell me the number of a {thing}.",
            "Let me have the number of a {thing}.",
            "I would like the number of a {thing}.",
        ),
    },
    following=("A further request.", "One more thing.", "And then.", "There is another matter.", "Next one."),
    acts={
        "inform": ("{name}, please.", "I would like {name}.", "{name}.", "Make that {name}.", "I prefer {name}."),
        "vague": (
            "Either {name} or {other}.",
            "Something like {name} or {other}.",
            "{name} or {other}, I think.",
            "I waver between {name} and {other}.",
            "It could be {name} or {other}.",
        ),
        "dont_care": (
            "The {slot} does not matter.",
            "Any {slot} will do.",
            "I do not mind the {slot}.",
            "Whatever {slot} you have.",
            "I am open about the {slot}.",
        ),
        "unknown": (
            "I have no idea about the {slot}.",
            "I cannot say anything about the {slot}.",
            "I do not know about the {slot}.",
            "The {slot} means nothing to me.",
            "I am clueless about the {slot}.",
        ),
        "repeat": (
            "As I said, {name}.",
            "Again: {name}.",
            "I told you, {name}.",
            "Once more, {name}.",
            "Still {name}.",
        ),
        "correct": (
            "Sorry, I meant {name}.",
            "I misspoke: it is {name}.",
            "Correction, {name}.",
            "I got that wrong, I mean {name}.",
            "My mistake, it should be {name}.",
        ),
        "change": (
            "Thinking it over, make it one {phrase}.",
            "I have changed my mind: rather one {phrase}.",
            "Actually, I would rather have one {phrase}.",
            "Now that I think of it, take one {phrase} instead.",
            "Let us switch to one {phrase}.",
        ),
        "reject": (
            "No, it must be one {phrase}.",
            "That is wrong, I want one {phrase}.",
            "Not that, I need one {phrase}.",
            "That will not do, it has to be one {phrase}.",
            "Wrong one, give me one {phrase}.",
        ),
        "puzzled": (
            "I do not follow you.",
            "What do you mean.",
            "I cannot make sense of that.",
            "That makes no sense to me.",
            "You have lost me.",
        ),
        "acknowledge": ("All right.", "Good.", "Fine.", "Very well.", "Okay."),
        "decline": (
            "No, that is all.",
            "No, I have everything.",
            "No, I am done.",
            "No more for today.",
            "No, all set.",
        ),
        "thank": ("Thank you.", "Thanks a lot.", "Many thanks.", "I am grateful.", "Thanks so much."),
        "silent": ("...", "...", "...", "...", "..."),
        "leave": (
            "Forget it, I am leaving.",
            "Enough, I give up.",
            "This is useless, I am off.",
            "I have had it, I am gone.",
            "Never mind, I go elsewhere.",
        ),
    },
    free=(
        "As to the {slot}, anything.",
        "No wish about the {slot}.",
        "The {slot} is all the same to me.",
        "Take any {slot}.",
        "I have no {slot} in mind.",
    ),
    insisting={
        "recommend": (
            "I asked you to recommend one.",
            "A recommendation is what I want.",
            "Recommend one, I said.",
            "Just suggest one to me.",
            "I only want a suggestion.",
        ),
        "book": (
            "I asked you to book one.",
            "A booking is what I want.",
            "Book one, I said.",
            "Just reserve one for me.",
            "I only want a reservation.",
        ),
        "explain": (
            "I asked you for the number of one.",
            "A number is what I want.",
            "Its number, I said.",
            "Just give me a number.",
            "I only want a number.",
        ),
    },
    moods={
        "calm": ("", "", "", "", ""),
        "angry": ("This takes ages!", "I am in a hurry!", "Come on!", "Hurry up!", "No nonsense now!"),
        "chatty": (
            "You know, it has been quite a week.",
            "My sister always says I think too long.",
            "It is raining here, by the way.",
            "I was just telling a friend about you.",
            "What a day this has been.",
        ),
    },
)

_AGENT = AgentWords(
    instruction="You help a customer to find a {noun}. Ask only what changes your answer, answer as soon as you can "
    "and end when nothing is left to do.",
    catalogue="Slots: {slots}\n{rows}",
    plain="Each turn do one thing: ask about one slot, recommend one by name, book one by name (if that is wanted), "
    "tell one's number (if that is wanted), say that there is nothing suitable, hand over to a colleague, ask whether "
    "there is anything else, or say goodbye. Instead of a name, say what it has: the first that has it is looked up.",
    tags="Each turn write one of: [ask SLOT] [recommend NAME] [book NAME] [explain NAME] (its number) [refuse] "
    "(nothing suitable) [handover] [offer] (anything else?) [end]. Instead of NAME: VALUE, VALUE (the first that has "
    "them is looked up).",
    slot="{slot} ({values})",
    row="- {values}: {name}, number {detail}",
    moves={
        "ask": "What about the {slot}?",
        "recommend": "I recommend {name}.",
        "book": "I book {name} for you.",
        "explain": "The number of {name} is {detail}.",
        "refuse": "There is nothing suitable.",
        "handover": "I hand you over to a colleague.",
        "offer": "Is there anything else?",
        "end": "Goodbye.",
        "unclear": "",
    },
    described={
        "recommend": "I recommend the {thing}.",
        "book": "I book the {thing} for you.",
        "explain": "Here is the number of the {thing}.",
    },
    tag_names={
        "ask": "ask",
        "recommend": "recommend",
        "book": "book",
        "explain": "explain",
        "refuse": "refuse",
        "handover": "handover",
        "offer": "offer",
        "end": "end",
    },
)

_CUES = Cues(
    book=r"\b(?:book(?:ed|ing)?|reserv(?:e|ed|ation|ing))\b",
    refuse=r"\b(?:nothing (?:suitable|like that|(?:that )?(?:fits|matches|suits)|available)|none of (?:them|ours)"
    r"|no (?:match(?:ing)?|such|suitable)|(?:can|could) ?(?:not|n't) find|can ?not be had"
    r"|(?:do not|don't) have (?:any|one|anything)|no [\w ]{1,20}(?:like that|fits|matches|suits))\b",
    handover=r"\b(?:hand(?:ing)? (?:you |this )?over|colleague|human agent|transfer(?:ring)? you)\b",
    offer=r"\b(?:anything (?:else|more)|something else|what else|further help|help you with (?:anything|something))\b",
    end=r"\b(?:good ?bye|bye|farewell|have a (?:nice|good) (?:day|one|evening))\b",
    question=r"^(?:which|what|where|when|how|do you|would you|tell me|please tell)\b",
)

ENGLISH = Words(_USER, _AGENT, _CUES, FRAMES, DESCRIBING, DESCRIBED, " ", ", ", " and ", after=True)
"""The tables of English."""
