"""A real index as the engine that a reward asks."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import pytest

pytest.importorskip("bm25s", reason="the extra textenvs[retrieval] is not installed")

from textenvs.errors import ConfigError, CorpusError
from textenvs.messages import Turn
from textenvs.rewards import build_reward
from textenvs.rewards.bm25 import BM25, read_documents

DOCUMENTS = {
    "ferry": "The harbour ferry leaves every hour from pier nine.",
    "museum": "The museum opens at nine and closes at five.",
    "hotel": "A room in the hotel at the harbour costs ninety a night.",
    "上海天气": "上海明天有小雨,气温二十度。",
    "北京天气": "北京明天晴,气温十度。",
}


def test_an_index_finds_what_shares_words() -> None:
    engine = BM25(DOCUMENTS)
    assert engine("When does the harbour ferry leave?", 1) == ["ferry"]
    assert engine("上海明天下雨吗", 5) == ["上海天气", "北京天气"]
    assert engine("zebra", 3) == []
    assert engine.search_batch(["hotel", "museum"], 99) == [["hotel"], ["museum"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Documents, and dialogues that name the ones which answer them."""
    lines = [json.dumps({"id": name, "text": text}, ensure_ascii=False) for name, text in DOCUMENTS.items()]
    (tmp_path / "documents.jsonl").write_text("\n".join(lines), encoding="utf-8")
    turns = [
        {"utterance": "Is there a ferry?", "reply": "There is the harbour ferry."},
        {"utterance": "When does it leave?", "rewrite": "When does the harbour ferry leave?", "relevant": ["ferry"]},
    ]
    rows = [{"language": "en", "topic": f"day {i}", "turns": turns} for i in range(9)]
    rows[0] = {**rows[0], "turns": [turns[0], {**turns[1], "rewrite": "When will the harbour ferry leave?"}]}
    (tmp_path / "dialogues.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def test_an_environment_pays_for_what_is_found_and_a_name_is_enough(folder: Path) -> None:
    name = f"textenvs.rewards.bm25:bm25_retrieval:{folder / 'documents.jsonl'}"
    env = gym.make("MultiTurnRewrite-v0", corpus=str(folder / "dialogues.jsonl"), reward=name)
    earned = {}
    for said in ("When does the harbour ferry leave?", "Leave it at nine?"):
        env.reset(options={"index": 0})
        _, earned[said], _, _, info = env.step(said)
        assert set(info["reward_parts"]) == {"mrr", "recall"}
    assert list(earned.values()) == [1.0, 0.5]
    assert env.spec is not None
    assert name in env.spec.to_json()
    turn = Turn("", (), "ferry", truth=SimpleNamespace(relevant=("ferry",)))
    assert build_reward({name: 2.0}, {})(turn).value == 2.0


def test_malformed_documents_are_named(tmp_path: Path) -> None:
    file = tmp_path / "documents.jsonl"
    file.write_text('{"id": "a", "text": "x"}\n{"id": 3, "text": "x"}\n["b"]\n{', encoding="utf-8")
    with pytest.raises(CorpusError, match=r"(?s)3 malformed.*:2: a document is.*:3:.*:4: no valid JSON"):
        read_documents(file)
    file.write_text('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', encoding="utf-8")
    with pytest.raises(CorpusError, match="2 documents have 1 ids"):
        read_documents(file)
    with pytest.raises(CorpusError, match="did you mean documents"):
        read_documents(tmp_path / "document.jsonl")
    with pytest.raises(ConfigError, match="no documents"):
        BM25({})
