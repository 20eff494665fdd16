"""A rewriter in front of a search engine, paid for what is found: with documents and dialogues of your own.

The engine is any callable, ``search(query, k) -> names of documents``; this one is `textenvs.rewards.bm25`.
"""

import json
from pathlib import Path
from statistics import mean

import gymnasium as gym

import textenvs  # noqa: F401 (registers the ids)
from textenvs.envs.rewrite.reward import consistency
from textenvs.rewards import Product, Retrieval, RewardSpec
from textenvs.rewards.bm25 import BM25

PLACES = ("palace", "zoo", "castle", "library", "opera", "aquarium", "theatre", "cathedral", "tower", "garden")
TOPICS = {  # what the user says, what is meant, what the document says
    "hours": ("When does it open?", "When does the {} open?", "Doors of the {} open at nine."),
    "price": ("How much is a ticket?", "How much is a ticket for the {}?", "A ticket for the {} costs ten crowns."),
    "way": ("How do I get there?", "How do I get to the {}?", "To get to the {} take tram four."),
}
documents = {f"{place}, {name}": text.format(place) for place in PLACES for name, (_, _, text) in TOPICS.items()}


def dialogue(place: str, other: str, name: str) -> dict[str, object]:
    """Return a talk about two places, and what should be found for the question that leaves the second one open."""
    said, meant, _ = TOPICS[name]
    about = {"utterance": f"Not the {other}, the {place}.", "reply": "What would you like to know?"}
    asked = {"utterance": said, "rewrite": meant.format(place), "relevant": [f"{place}, {name}"]}
    return {"language": "en", "turns": [about, asked]}


pairs = [(place, PLACES[i - step]) for step in range(1, len(PLACES)) for i, place in enumerate(PLACES)]
rows = [dialogue(*pair, name) for pair in pairs for name in TOPICS]  # the last of them are held out
Path("dialogues.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
Path("documents.jsonl").write_text(
    "\n".join(json.dumps({"id": name, "text": text}) for name, text in documents.items()), encoding="utf-8"
)


def worth(reward: RewardSpec, baseline: str) -> float:
    """Return what a scripted rewriter earns on the held-out dialogues."""
    env = gym.make("MultiTurnRewrite-v0", corpus="dialogues.jsonl", split="test", reward=reward).unwrapped
    earned: list[float] = []
    for index in range(env.n_items):
        observation, _ = env.reset(options={"index": index})
        earned.append(env.step(env.baselines()[baseline](observation))[1])
    return round(mean(earned), 2)


# What are three ways to ask worth? The engine alone can be gamed: a dump of all that was said finds more than a copy.
found = Retrieval(BM25(documents), k=3)
for name, reward in {"found": found, "found and kept": Product({"found": found, "kept": consistency})}.items():
    print(f"{name:<15}", {baseline: worth(reward, baseline) for baseline in ("copy", "dump", "oracle")})

reward = "textenvs.rewards.bm25:bm25_retrieval:documents.jsonl"  # the same by name, as the command line takes it
print(f"{reward:<15}", worth(reward, "oracle"))
print(f"textenvs train ppo --env.corpus dialogues.jsonl --reward {reward} --init sft")
