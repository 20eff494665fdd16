from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from agents.chat import ChatRenderer
from agents.policies.embedded_tokenizer import CHAT_TEMPLATE, ROLE_MARKERS, STOP, train_tokenizer
from textenvs import Message
from textenvs.errors import ConfigError

MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% elif m.role == 'assistant' %}{{ m.content }}{{ eos_token }}"
    "{% else %}{{ raise_exception('only user and assistant roles are supported') }}{% endif %}{% endfor %}"
)
KEEPS_THE_PAST = ("qwen2_5", "qwen3_instruct_2507", "llama3", "llama3_2", "phi3", "gemma")
MARKERS = ("<|im_start|>", *ROLE_MARKERS, STOP, "<|endoftext|>", "<tool_call>", "</think>", "<|im_", "end|>", "\ufdd0")
OTHER_FAMILIES = ("<|start_header_id|>", "<|eot_id|>", "[INST]", "[/INST]", "<bos>", "</s>")

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
hostile = st.lists(st.one_of(words, st.sampled_from(MARKERS + OTHER_FAMILIES)), max_size=6).map("".join)


def tokenizer_for(template: str) -> PreTrainedTokenizerFast:
    """Return the embedded tokenizer with another template, whose control tokens it is taught."""
    tokenizer = train_tokenizer((), 262, 3, 1024)
    markers = set(re.findall(r"<\|\w+\|>|<start_of_turn>|<end_of_turn>|\[/?INST\]|</?s>|<bos>", template))
    stop = next((m for m in ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "</s>") if m in markers), "</s>")
    special = [*sorted(markers), "<bos>", "</s>"]
    tokenizer.add_special_tokens({"eos_token": stop, "bos_token": "<bos>", "additional_special_tokens": special})
    tokenizer.add_tokens(["<tool_call>", "</tool_call>", "<think>", "</think>"])
    tokenizer.chat_template = template
    return tokenizer


def published(name: str) -> str:
    return (files("trl") / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def renderer(template: str = CHAT_TEMPLATE, **options) -> ChatRenderer:
    return ChatRenderer(tokenizer_for(template), **options)


OWN = renderer()
EMBEDDED = ChatRenderer(train_tokenizer((), 262, 3, 1024))
"""Without ``<|im_start|>`` as a token of its own: a role marker is one token there, line break and all."""
QWEN25 = renderer(published("qwen2_5"))
QWEN3 = renderer(published("qwen3"))


def observation(*texts: str, instruction: str = "Rewrite it.", tools: tuple[str, ...] = ()) -> dict:
    roles = ("user", "assistant")
    history = tuple(Message(roles[i % 2], text) for i, text in enumerate(texts))
    return {"instruction": instruction, "tools": tools, "history": history}


def schema(text: str) -> str:
    """Return the schema of a tool with a text wherever its author may write one."""
    parameters = {"type": "object", "properties": {text: {"type": "string", "description": text}}}
    return json.dumps({"type": "function", "function": {"name": text, "description": text, "parameters": parameters}})


@pytest.mark.parametrize("template", [CHAT_TEMPLATE, MISTRAL, *map(published, KEEPS_THE_PAST)])
@pytest.mark.parametrize("instruction", ["", "Rewrite it."])
def test_appending_gives_what_the_template_gives(template: str, instruction: str):
    chat = renderer(template)
    before = observation("Where is it?", instruction=instruction)
    after = observation("Where is it?", "Where is the parcel?", "And the bill?", instruction=instruction)
    sampled = chat.action_ids("Where is the parcel?")
    appended = chat.prompt_ids(before) + sampled + chat.delta_ids(before, after, "stop")
    assert appended == chat.prompt_ids(after)
    assert sampled[-1] in chat.stop_ids


@pytest.mark.parametrize("template", [CHAT_TEMPLATE, MISTRAL, *map(published, KEEPS_THE_PAST)])
def test_a_cut_turn_is_closed_by_the_template(template: str):
    chat = renderer(template)
    before, after = observation("Where?"), observation("Where?", "In Pa", "And now?")
    cut = chat.action_ids("In Pa")[:-1]
    stopped, length = (chat.delta_ids(before, after, reason) for reason in ("stop", "length"))
    assert length[-len(stopped) :] == stopped
    assert chat.prompt_ids(before) + cut + length == chat.prompt_ids(after)


@given(said=hostile, reply=hostile, instruction=hostile)
def test_the_context_only_grows(said: str, reply: str, instruction: str):
    before = observation("?", instruction=instruction)
    after = observation("?", said, reply, instruction=instruction)
    sampled = OWN.action_ids(said)
    appended = OWN.prompt_ids(before) + sampled + OWN.delta_ids(before, after, "stop")
    assert appended == OWN.prompt_ids(after)
    assert OWN.action_text(sampled) == said


@pytest.mark.parametrize(
    ("chat", "role"),
    [
        (EMBEDDED, "tool"),
        (OWN, "tool"),
        (QWEN25, "tool"),
        (QWEN3, "tool"),
        (renderer(published("llama3")), "tool"),
        (renderer(published("llama3_2")), "tool"),
        (renderer(MISTRAL), "user"),  # it refuses tools' messages, see below
    ],
    ids=["embedded", "own", "qwen2.5", "qwen3", "llama3", "llama3.2", "mistral"],
)
@settings(max_examples=40)
@given(text=hostile, tool=hostile, answer=hostile)
def test_no_text_becomes_a_control_token(chat: ChatRenderer, role: str, text: str, tool: str, answer: str):
    added = chat.tokenizer.added_tokens_decoder

    def controls(text: str, tool: str, answer: str) -> list[int]:
        before = observation(text, instruction="", tools=(schema(tool),))
        history = (*before["history"], Message("assistant", "hm"), Message(role, answer, name="f", call_id="1"))
        after = {**before, "history": history}
        ids = chat.prompt_ids(after) + chat.delta_ids(before, after, "stop")
        return [i for i in ids if i in added]

    assert controls(text, tool, answer) == controls("plain", "plain", "plain")


@pytest.mark.parametrize("chat", [QWEN25, QWEN3])
@settings(max_examples=40)
@given(tool=hostile)
def test_a_hostile_schema_is_offered_as_it_is(chat: ChatRenderer, tool: str):
    ids = chat.prompt_ids(observation("hi", instruction="", tools=(schema(tool),)))
    rendered = str(chat.tokenizer.decode(ids, skip_special_tokens=False))
    offered = rendered.partition("XML tags:\n<tools>\n")[2].partition("\n</tools>")[0]
    assert json.loads(offered) == json.loads(schema(tool))


@given(text=hostile, tool=hostile)
def test_nothing_of_a_hostile_text_is_lost(text: str, tool: str):
    shown = observation(text, tools=(json.dumps({"name": tool}),))
    rendered = OWN.tokenizer.decode(OWN.prompt_ids(shown), skip_special_tokens=False)
    assert text in rendered
    special = {i for i, token in OWN.tokenizer.added_tokens_decoder.items() if token.special}
    assert sum(i in special for i in OWN.prompt_ids(shown)) == 5


def test_escaped_markers_in_a_tool_stay_text():
    shown = observation("hi", tools=('{"name": "\\u003c|im_end|>"}',))
    stop = OWN.tokenizer.convert_tokens_to_ids(STOP)
    assert OWN.prompt_ids(shown).count(stop) == 2


def test_the_agents_own_call_tags_are_tokens_and_its_end_is_not():
    call = QWEN3.tokenizer.convert_tokens_to_ids("<tool_call>")
    stop = QWEN3.tokenizer.convert_tokens_to_ids("<|im_end|>")
    ids = QWEN3.action_ids("<tool_call>{}<|im_end|>")
    assert ids.count(call) == 1
    assert ids.count(stop) == 1
    assert ids[-1] == stop


def test_appending_keeps_the_thinking_that_the_template_drops():
    thought = "<think>\nhm\n</think>\n\nParis"
    before, after = observation("Where?"), observation("Where?", thought, "And then?")
    append, follow = (renderer(published("qwen3"), history=mode, thinking=True) for mode in ("append", "template"))
    context = append.prompt_ids(before) + append.action_ids(thought)
    assert append.continuation(context, before, after, "stop") is not None
    assert follow.continuation(context, before, after, "stop") is None


def test_following_the_template_continues_where_it_can():
    chat = renderer(published("qwen2_5"), history="template")
    before, after = observation("Where?"), observation("Where?", "Paris", "And then?")
    context = chat.prompt_ids(before) + chat.action_ids("Paris")
    more = chat.continuation(context, before, after, "stop")
    assert more is not None
    assert context + more == chat.prompt_ids(after)


def test_the_embedded_template_offers_tools_as_signatures():
    def tool(name: str, **parameters: object) -> str:
        schema = {"type": "object", "properties": parameters, "required": ["city"]}
        return json.dumps({"type": "function", "function": {"name": name, "description": "Ask.", "parameters": schema}})

    full = {"type": "integer", "minimum": 1, "description": "how many"}
    tools = (tool("weather", city={"type": "string"}, days=full), tool("time"), '{"name": "own"}')
    text = OWN.tokenizer.decode(OWN.prompt_ids(observation("hi", tools=tools)))
    offered = text.partition("Rewrite it.\n")[2].partition("<|im_end|>")[0].split("\n")
    assert offered == [f"Ask. weather(city:string,days?:{json.dumps(full)})", "Ask. time()", '{"name": "own"}']


def test_new_tools_start_a_new_segment():
    before = observation("Where?")
    after = observation("Where?", "Paris", "And?", tools=('{"name": "map"}',))
    assert OWN.continuation(OWN.prompt_ids(before) + OWN.action_ids("Paris"), before, after, "stop") is None


def test_thinking_is_switched_by_the_template():
    on, off = (renderer(published("qwen3"), thinking=flag).prompt_ids(observation("hi")) for flag in (True, False))
    assert off[: len(on)] == on
    assert len(off) > len(on)


def test_a_thought_that_the_template_opens_is_given_back():
    chat = renderer(CHAT_TEMPLATE.replace("assistant\\n' }}{% endif", "assistant\\n<think>\\n' }}{% endif"))
    assert chat.action_text(chat.action_ids("<think>\nhm</think>Paris")) == "<think>\nhm</think>Paris"
    assert chat.action_ids("<think>\nhm</think>Paris") == chat.action_ids("hm</think>Paris")


def test_an_example_trains_the_agents_turns_and_their_stop_tokens():
    messages = [
        {"role": "system", "content": "Rewrite."},
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "Paris"},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "Rome"},
    ]
    ids, mask = OWN.render_example(messages)
    assert len(ids) == len(mask)
    trained = [i for i, m in zip(ids, mask, strict=True) if m]
    assert trained == OWN.action_ids("Paris") + OWN.action_ids("Rome")
    assert ids[: -len(OWN.action_ids("Rome"))] == OWN.prompt_ids(
        observation("Where?", "Paris", "And?", instruction="Rewrite.")
    )


def test_an_example_may_go_on_after_the_agent():
    messages = [{"role": r, "content": "x"} for r in ("user", "assistant", "user")]
    ids, mask = OWN.render_example(messages)
    assert sum(mask) == 2
    assert ids[:-1] == OWN.prompt_ids(observation("x", "x", "x", instruction=""))[: len(ids) - 1]


def test_an_instruction_without_a_user_is_said_by_the_user():
    ids = OWN.prompt_ids(observation(instruction="Begin."))
    user = OWN.tokenizer.convert_tokens_to_ids("<|im_start|>user\n")
    assert ids[0] == user


@pytest.mark.parametrize("messages", [[], [{"role": "user", "content": "x"}], [{"role": "assistant", "content": "x"}]])
def test_an_example_without_an_answer_is_refused(messages: list):
    with pytest.raises(ConfigError, match="assistant message"):
        OWN.render_example(messages)


def test_a_tokenizer_without_template_is_refused():
    tokenizer = train_tokenizer((), 262, 3, 64)
    tokenizer.chat_template = None
    with pytest.raises(ConfigError, match="no chat template"):
        ChatRenderer(tokenizer)


def test_a_tokenizer_without_stop_token_is_refused():
    tokenizer = train_tokenizer((), 262, 3, 64)
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="no stop token"):
        ChatRenderer(tokenizer)


def test_a_template_that_refuses_the_roles_says_so():
    history = (Message("user", "x"), Message("assistant", "y"), Message("tool", "z"))
    with pytest.raises(ConfigError, match=r"refuses a conversation of user, assistant, tool: only user"):
        renderer(MISTRAL).prompt_ids({"instruction": "", "tools": (), "history": history})
