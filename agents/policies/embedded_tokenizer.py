r"""The embedded model's tokenizer: byte-level BPE with whole role markers and a ChatML template.

Rendered as text, a conversation is ordinary ChatML. In tokens, each marker (``<|im_start|>user\n`` and so on)
is one, so that a short dialogue stays short. CJK characters and digits are never merged with their
neighbours: copying an entity out of the history is then copying token by token, which a small model learns
quickly and applies to names that it has never seen.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD = "<|endoftext|>"
STOP = "<|im_end|>"
ROLE_MARKERS = tuple(f"<|im_start|>{role}\n" for role in ("system", "user", "assistant", "tool"))
SMALLEST_VOCABULARY = 256 + 2 + len(ROLE_MARKERS)

CHAT_TEMPLATE = """\
{%- macro offer(tool) -%}
{%- if tool.function is mapping and tool.function.parameters is mapping -%}
{%- set schema = tool.function.parameters -%}
{{- tool.function.description }} {{ tool.function.name }}(
{%- for name, value in (schema.properties or {}).items() -%}
{{- name }}{% if name not in (schema.required or []) %}?{% endif %}:
{%- if value.keys() | list == ['type'] %}{{ value.type }}{% else %}{{ value | tojson }}{% endif -%}
{%- if not loop.last %},{% endif -%}
{%- endfor %})
{%- else %}{{ tool | tojson }}{% endif -%}
{%- endmacro -%}
{%- if tools and (not messages or messages[0].role != 'system') -%}
{{- '<|im_start|>system\\n' -}}
{%- for tool in tools %}{{ offer(tool) }}{% if not loop.last %}{{ '\\n' }}{% endif %}{% endfor -%}
{{- '<|im_end|>' -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content -}}
{%- if tools and loop.first and message.role == 'system' -%}
{%- for tool in tools %}{{ '\\n' + offer(tool) }}{% endfor -%}
{%- endif -%}
{{- '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif -%}
"""
"""Tools are offered as signatures, a third as long as their JSON: ``what for name(parameter:type,optional?:type)``.
The name follows its description, so that a model that reads from left to right finds it by what it is for. There are
no spaces after it, so that names have the same tokens there as in a call, and can be copied."""

_ALONE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\u3000-\u303F\uFF00-\uFFEF]|\p{N}"
"""Characters that stand alone: CJK letters and punctuation, digits."""


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, min_frequency: int, context_length: int
) -> PreTrainedTokenizerFast:
    """Learn the merges from `texts`; without texts, the vocabulary is the 256 bytes and the markers.

    Every string encodes and decodes without loss, because the alphabet holds every byte.

    Args:
        texts: what the model will read and write; the train split only.
        vocab_size: upper bound, markers included; at least `SMALLEST_VOCABULARY`.
        min_frequency: how often a pair must occur to be merged.
        context_length: recorded as the tokenizer's longest input.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_ALONE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    markers = [AddedToken(text, special=True, normalized=False) for text in (PAD, STOP, *ROLE_MARKERS)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=markers,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=STOP,
        pad_token=PAD,
        chat_template=CHAT_TEMPLATE,
        model_max_length=context_length,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
