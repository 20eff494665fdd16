"""Files of rows: what is read, and what is said of lines that cannot be."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from agents.rows.files import RowFile, RowFiles, read_lines
from agents.rows.kinds import kind_of_demonstration
from agents.rows.mixture import MixtureConfig, RowMixture
from textenvs.errors import CorpusError

ASKED = {"role": "user", "content": "那上海呢?"}
SAID = {"role": "assistant", "content": "上海的天气怎么样?"}
ROW: dict[str, Any] = {"messages": [{"role": "system", "content": "rewrite"}, ASKED, SAID], "kind": "rewrite_needed"}


def written(path: Path, *lines: Any) -> Path:
    texts = (line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode() for line in lines)
    path.write_bytes(b"\n".join(texts) + b"\n")
    return path


def test_rows_are_read_one_by_one(tmp_path: Path) -> None:
    correction = {"messages": [ASKED, SAID], "source": "correction", "tools": [{"name": "f"}, '{"name": "g"}']}
    path = written(tmp_path / "rows.jsonl", b"\xef\xbb\xbf" + json.dumps(ROW).encode(), b"", correction, ROW)
    rows = RowFile(path)
    assert (len(rows), rows.kinds) == (3, ["rewrite_needed", "feedback", "rewrite_needed"])
    assert [dict(message) for message in rows[0].messages] == ROW["messages"]
    assert rows[1].tools == ('{"name": "f"}', '{"name": "g"}')
    assert rows[1].messages == (ASKED, SAID)
    assert rows[-1] == rows[0]
    assert [row.kind for row in rows[1:]] == ["feedback", "rewrite_needed"]


def test_of_a_mixed_file_no_more_than_a_row_is_in_memory(tmp_path: Path) -> None:
    long = "x" * 20_000
    lines = [{"messages": [{**ASKED, "content": f"{n} {long}"}, SAID], "kind": "ab"[n % 8 == 0]} for n in range(200)]
    path = written(tmp_path / "rows.jsonl", *lines)
    assert path.stat().st_size > 4_000_000
    del lines
    tracemalloc.start()
    rows = RowFiles([path])
    kinds = [rows[place].kind for batch in RowMixture(rows.kinds, 8, MixtureConfig(), 0) for place in batch]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(kinds) == {"a", "b"}
    assert most < 500_000


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not valid JSON"),
        (b"[1]", "a row is an object"),
        ({}, "'messages' is a required property"),
        ({"messages": []}, "messages: "),
        ({"messages": [ASKED]}, "the last message must be the assistant's"),
        ({"messages": [SAID]}, "nothing before"),
        ({"messages": [{"role": "system", "content": "x"}, SAID]}, "nothing before"),
        ({"messages": [ASKED, {"role": "system", "content": "x"}, SAID]}, r"messages\[1\]: a system message"),
        ({"messages": [{"role": "bot", "content": "x"}, SAID]}, r"messages\[0\].role: 'bot' is not one of"),
        ({"messages": [ASKED, {"role": "assistant", "content": None}]}, r"messages\[1\].content: None is not"),
        ({"messages": [ASKED, {**SAID, "tool_calls": []}]}, "write the call into content"),
        ({"messages": [ASKED, SAID], "tools": ["{"]}, r"tools\[0\]: not valid JSON"),
        ({"messages": [ASKED, SAID], "tools": ["3"]}, r"tools\[0\]: a tool is a JSON Schema"),
        ({"messages": [ASKED, SAID], "kind": 3}, "kind: 3 is not of type 'string'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: Any, reason: str) -> None:
    path = written(tmp_path / "rows.jsonl", ROW, line)
    with pytest.raises(CorpusError, match=rf"rows.jsonl:2: .*{reason}"):
        RowFile(path)


def test_a_form_is_known_by_its_keys(tmp_path: Path) -> None:
    pair = {"prompt": [ASKED], "chosen": [SAID], "rejected": [{**SAID, "content": "上海"}]}
    label = {"prompt": [ASKED], "completion": [SAID], "label": True}
    path = written(
        tmp_path / "rows.jsonl", pair, label, {**label, "label": "yes"}, {"prompt": [ASKED], "chosen": [SAID]}
    )
    problems = [line.problem for line in read_lines(path)]
    assert problems[:2] == ["", ""]
    assert "label: 'yes' is not of type 'boolean'" in problems[2]
    assert "'rejected' is a required property" in problems[3]


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    written(tmp_path / "rows.jsonl", ROW)
    with pytest.raises(CorpusError, match=r"did you mean rows.jsonl"):
        RowFile(tmp_path / "row.jsonl")


@pytest.mark.parametrize(
    ("family", "messages", "kind"),
    [
        ("rewrite", [ASKED, SAID], "rewrite_needed"),
        ("rewrite", [ASKED, {**SAID, "content": ASKED["content"]}], "rewrite_not_needed"),
        ("toolcall", [ASKED, SAID, {"role": "tool", "content": "3"}, SAID], "tool_call"),
        ("toolcall", [ASKED, SAID], "no_call"),
        ("dialogue", [ASKED, SAID], "dialogue_strategy"),
        ("mine", [ASKED, SAID], "mine"),
    ],
)
def test_a_demonstrations_kind_is_seen_in_it(family: str, messages: list[dict[str, str]], kind: str) -> None:
    assert kind_of_demonstration(family, messages) == kind
