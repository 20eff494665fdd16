"""One environment in three views, stable-baselines3 as it is: text, choices for a small network, tokens for a model."""

import gymnasium as gym
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO

import textenvs  # noqa: F401 (registers the ids)
from agents import evaluate
from agents.policies.tiny import TinyConfig, build_tiny
from agents.sb3.agent import SB3Agent
from agents.sb3.maskable import MaskableTokenPolicy
from agents.sb3.views import phrases, token_view
from textenvs.wrappers import Choices, Tokens

ID = "DialogueStrategy-v0"
SETTINGS = {"difficulty": "small", "language": "en", "reward_timing": "turn", "instruction": "Help."}
SAYINGS = ("There is nothing suitable.", "I hand you over to a colleague.", "Is there anything else?", "Goodbye.")


def text() -> gym.Env:
    """Return the environment itself: what language models and scripted policies play."""
    return gym.make(ID, **SETTINGS)


def show(name: str, policy: object) -> None:
    """Print what a policy earns on held-out dialogues; every view is judged on the text that comes of it."""
    episodes = evaluate(policy, ID, env_kwargs=SETTINGS, episodes=30).episodes
    print(f"{name:<40} {sum(episode.episode_return for episode in episodes) / len(episodes):+.2f}")


show("text: the oracle", "oracle")
show("text: always ask", "always_ask")

chooser = PPO("MlpPolicy", Choices(text()), n_steps=512, learning_rate=1e-3, seed=0, device="cpu")
show("choices: PPO, untrained", SB3Agent(chooser))
show("choices: PPO, 1,536 moves", SB3Agent(chooser.learn(1_536)))

env = text()
heard = [env.reset(options={"index": index})[0] for index in range(40)]
words = [seen["instruction"] + seen["history"][0]["content"] for seen in heard]
size = TinyConfig(vocab_size=500, min_frequency=2, hidden_size=32, layers=1, heads=2, context_length=512)
model = build_tiny([*words, *SAYINGS * 8], size, critic=None, reference=None, device="cpu")


def tokens(env: gym.Env) -> Tokens:
    """Return the token view, in which the action masks allow a few sentences only."""
    return token_view(env, model, max_new_tokens=12, allowed=phrases(model, SAYINGS))


speaker = MaskablePPO(
    MaskableTokenPolicy,
    tokens(text()),
    policy_kwargs={"language_model": model},
    n_steps=128,
    n_epochs=4,
    learning_rate=3e-3,
    seed=0,
    device="cpu",
)
show("tokens: a language model, untrained", SB3Agent(speaker, tokens))
show("tokens: MaskablePPO, 512 tokens", SB3Agent(speaker.learn(512), tokens))
