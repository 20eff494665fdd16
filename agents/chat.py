"""Messages to token ids and back: prompts, what follows a turn, training masks.

Text from users, tools and models is data. A marker of the template written inside it (``<|im_start|>``) is
encoded as the characters it consists of and never becomes the control token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from textenvs.errors import ConfigError

HistoryMode = Literal["append", "template"]
Observation = Mapping[str, Any]
"""What an environment shows: ``instruction``, ``tools`` and ``history``, see `textenvs.core`."""

_STUB = "textenvs stub turn"
"""Stands for the agent's turn when asking the template what comes after one."""

_NONCHARACTER = "\ufdd0"
"""Unicode reserves it for private use inside a program; it marks where a text must be cut before encoding."""


class ChatRenderer:
    """Renders conversations for one tokenizer and its chat template.

    With ``history="append"`` the context only ever grows: the sampled ids stay as they were sampled, and
    what is fed after a turn is the template's own text between the end of an agent's turn and the next
    one. So ``context(t+1)`` starts with ``context(t) + sampled ids``, token by token, even where the template
    would rewrite the past (Qwen3's drops earlier thinking). With ``"template"`` every context is what the
    template makes of the whole conversation; where that is not a continuation, `continuation` says so.

    Args:
        tokenizer: with a chat template and a stop token.
        history: ``"append"`` or ``"template"``.
        thinking: passed to the template as ``enable_thinking``; templates that do not know it ignore it.
        extra_stop_ids: stop tokens beside the template's end of turn and the tokenizer's end of text.

    Attributes:
        stop_ids: the tokens that end the agent's turn.

    Raises:
        ConfigError: the tokenizer has no chat template or no stop token, or the template cannot render a
            plain conversation.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        history: HistoryMode = "append",
        *,
        thinking: bool = False,
        extra_stop_ids: Iterable[int] = (),
    ) -> None:
        if not tokenizer.chat_template:
            raise ConfigError(
                f"the tokenizer of {tokenizer.name_or_path or 'this model'} has no chat template; use an instruct or "
                "chat model, or put a chat_template.jinja into its folder"
            )
        if history not in ("append", "template"):
            raise ConfigError(f"history={history!r}; valid: 'append', 'template'")
        self.tokenizer = tokenizer
        self.history: HistoryMode = history
        self.thinking = thinking
        self._any_marker, self._special_marker = _marker_patterns(tokenizer)
        self._end_of_turn = self._find_end_of_turn()
        self.stop_ids = tuple(sorted({self._end_of_turn, *self._tokenizer_stops(), *extra_stop_ids}))
        self._system_role = self._accepts_system()
        self._opening = self._find_opening()

    def prompt_ids(self, observation: Observation) -> list[int]:
        """Return the whole context at which the agent writes its next turn."""
        return self._ids(self._messages(observation), observation["tools"])

    def delta_ids(self, previous: Observation, new: Observation, finish_reason: str) -> list[int]:
        """Return what is appended after the agent's turn: its end, the world's replies, the next turn's opening.

        Args:
            previous: the observation that the agent answered.
            new: the one it got for the answer.
            finish_reason: ``"stop"``: the turn ends with a sampled stop token, which is not repeated; ``"length"``:
                the turn was cut, so the template's end of turn comes first (nothing here is ever trained).
        """
        return self._after_turn(_replies(previous, new), closed=finish_reason == "stop")

    def continuation(
        self, context: Sequence[int], previous: Observation, new: Observation, finish_reason: str
    ) -> list[int] | None:
        """Return the tokens that follow `context`, or None where the past is rewritten.

        On None the next turn starts a new segment with ``prompt_ids(new)``. Appending rewrites nothing but a
        changed instruction or changed tools; following the template may rewrite at any turn.

        Args:
            context: everything so far, the agent's last turn included.
            previous: the observation that the agent answered.
            new: the one it got for the answer.
            finish_reason: of that turn.
        """
        if self.history == "append":
            same = previous["instruction"] == new["instruction"] and previous["tools"] == new["tools"]
            return self.delta_ids(previous, new, finish_reason) if same else None
        ids, length = self.prompt_ids(new), len(context)
        return ids[length:] if ids[:length] == list(context) else None

    def action_text(self, ids: Sequence[int]) -> str:
        """Return what the agent said with these sampled ids; a final stop token is no part of it.

        Where the template opens the agent's thinking on its behalf, the opening tag is put back in front, so
        that the world sees the thinking as thinking.
        """
        body = ids[:-1] if ids and ids[-1] in self.stop_ids else ids
        return self._opening + str(self.tokenizer.decode(list(body), skip_special_tokens=False))

    def action_ids(self, text: str) -> list[int]:
        """Return the ids of an agent's turn given as text, with its stop token: what supervised training wants."""
        said = text.removeprefix(self._opening)
        cut = _unused_mark([said])
        return [*self._encode(self._guard(said, "assistant", cut), cut), self._end_of_turn]

    def render_example(
        self, messages: Sequence[Mapping[str, str]], tools: Sequence[str] = ()
    ) -> tuple[list[int], list[bool]]:
        """Render a finished conversation for supervised training, in the tokens that a rollout would have had.

        Args:
            messages: system (optional), user, tool and assistant messages in order.
            tools: JSON Schemas on offer, as JSON text.

        Returns:
            The ids, and a mask that is true on every assistant turn's tokens and its stop token.

        Raises:
            ConfigError: there is no assistant message, or nothing before the first one.
        """
        turns = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
        if not turns or turns[0] == 0:
            raise ConfigError("an example needs an assistant message with something before it to answer")
        system, rest = _split_system(messages)
        observation = {"instruction": system, "history": rest[: turns[0] - (len(messages) - len(rest))]}
        ids = self._ids(self._messages(observation), tools)
        mask = [False] * len(ids)
        for turn, following in zip(turns, [*turns[1:], len(messages)], strict=True):
            action = self.action_ids(messages[turn]["content"])
            more = self._after_turn(messages[turn + 1 : following], closed=True) if following < len(messages) else []
            ids += action + more
            mask += [True] * len(action) + [False] * len(more)
        return ids, mask

    def _messages(self, observation: Observation) -> list[dict[str, str]]:
        """Return the conversation as the template takes it, the instruction where it belongs."""
        history = [_plain(message) for message in observation["history"]]
        instruction: str = observation["instruction"]
        if not instruction:
            return history
        if not history or history[0]["role"] != "user":
            return [{"role": "user", "content": instruction}, *history]
        if self._system_role:
            return [{"role": "system", "content": instruction}, *history]
        first = {**history[0], "content": f"{instruction}\n\n{history[0]['content']}"}
        return [first, *history[1:]]

    def _ids(self, messages: Sequence[Mapping[str, str]], tools: Sequence[str]) -> list[int]:
        return self._encode(*self._render(messages, tools))

    def _after_turn(self, replies: Sequence[Mapping[str, str]], closed: bool) -> list[int]:
        """Return the template's tokens from the end of an agent's turn to the opening of its next."""
        stub = [{"role": "user", "content": "."}, {"role": "assistant", "content": _STUB}]
        text, cut = self._render([*stub, *map(_plain, replies)], ())
        ids = self._encode(_after_stub(text), cut)
        if closed and self._end_of_turn in ids:
            return ids[ids.index(self._end_of_turn) + 1 :]
        return ids

    def _render(
        self, messages: Sequence[Mapping[str, str]], tools: Sequence[str], opening: bool = True
    ) -> tuple[str, str]:
        """Render with the template; return the text and the mark at which it must be cut before encoding."""
        cut = _unused_mark([*map(_canonical, tools), *(text for message in messages for text in message.values())])
        guarded = [
            {key: text if key == "role" else self._guard(text, message["role"], cut) for key, text in message.items()}
            for message in messages
        ]
        schemas = [self._guard_schema(json.loads(tool), cut) for tool in tools]
        try:
            text = self.tokenizer.apply_chat_template(
                guarded,
                tools=schemas or None,
                tokenize=False,
                add_generation_prompt=opening,
                enable_thinking=self.thinking,
            )
        except (TemplateError, TypeError) as error:
            roles = ", ".join(message["role"] for message in messages)
            raise ConfigError(f"the model's chat template refuses a conversation of {roles}: {error}") from error
        return str(text), cut

    def _guard(self, text: str, role: str, cut: str) -> str:
        """Put `cut` into every marker in `text`, so that no piece of it encodes to a control token.

        What the agent or the instruction writes may hold the model's own call and thinking tags, which are
        added tokens but not control tokens; what the world writes may hold neither.
        """
        pattern = self._special_marker if role in ("assistant", "system") else self._any_marker
        pieces: list[str] = []
        while match := pattern.search(text):
            pieces.append(text[: match.start() + 1])
            text = text[match.start() + 1 :]
        return cut.join([*pieces, text])

    def _guard_schema(self, value: Any, cut: str) -> Any:
        """Guard every text in a parsed schema, names included; in JSON text an escape could hide a marker."""
        if isinstance(value, str):
            return self._guard(value, "tool", cut)
        if isinstance(value, list):
            return [self._guard_schema(one, cut) for one in value]
        if isinstance(value, dict):
            return {self._guard(name, "tool", cut): self._guard_schema(one, cut) for name, one in value.items()}
        return value

    def _encode(self, text: str, cut: str) -> list[int]:
        pieces = (piece for piece in text.split(cut) if piece)
        return [i for piece in pieces for i in self.tokenizer.encode(piece, add_special_tokens=False)]

    def _find_end_of_turn(self) -> int:
        text, cut = self._render([{"role": "user", "content": "."}, {"role": "assistant", "content": _STUB}], (), False)
        special = {i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        ends = [i for i in self._encode(_after_stub(text), cut) if i in special] or self._tokenizer_stops()
        if not ends:
            raise ConfigError(
                "the tokenizer has no stop token: its chat template closes no turn with a special token and it has no "
                "eos_token, so a turn could never end; set eos_token in its tokenizer_config.json"
            )
        return ends[0]

    def _tokenizer_stops(self) -> list[int]:
        stop = self.tokenizer.eos_token_id
        return [stop] if isinstance(stop, int) else []

    def _accepts_system(self) -> bool:
        try:
            text, _ = self._render([{"role": "system", "content": _STUB}, {"role": "user", "content": "."}], ())
        except ConfigError:
            return False
        return _STUB in text

    def _find_opening(self) -> str:
        """Return the thinking tag that the template opens for the agent, or nothing."""
        text, _ = self._render([{"role": "user", "content": "."}], ())
        opened = re.search(r"<think>\s*\Z", text)
        return opened.group() if opened else ""


def _marker_patterns(tokenizer: PreTrainedTokenizerFast) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds any added token in a text, and what finds a special one; runs of spaces stay text."""
    added = [token for token in tokenizer.added_tokens_decoder.values() if len(token.content.strip()) > 1]
    return _any_of(t.content for t in added), _any_of(t.content for t in added if t.special)


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _unused_mark(texts: Iterable[str]) -> str:
    """Return a run of noncharacters longer than any in the texts."""
    runs = re.findall(f"{_NONCHARACTER}+", "\n".join(texts))
    return _NONCHARACTER * (1 + max(map(len, runs), default=0))


def _canonical(tool: str) -> str:
    """Undo JSON escapes that could hide a mark."""
    return json.dumps(json.loads(tool), ensure_ascii=False)


def _plain(message: Mapping[str, str]) -> dict[str, str]:
    """Return the message with only the keys that say something, under the templates' names."""
    keys = {"role": "role", "content": "content", "name": "name", "call_id": "tool_call_id"}
    return {key: message[ours] for ours, key in keys.items() if ours == "content" or message.get(ours)}


def _split_system(messages: Sequence[Mapping[str, str]]) -> tuple[str, Sequence[Mapping[str, str]]]:
    if messages and messages[0]["role"] == "system":
        return messages[0]["content"], messages[1:]
    return "", messages


def _after_stub(text: str) -> str:
    _, found, after = text.partition(_STUB)
    if not found:
        raise ConfigError("the model's chat template drops or rewrites what the agent said; it cannot be used")
    return after


def _replies(previous: Observation, new: Observation) -> Sequence[Mapping[str, str]]:
    """Return what the world added after the agent's turn."""
    added = new["history"][len(previous["history"]) :]
    return added[1:] if added and added[0]["role"] == "assistant" else added
