"""Play one conversation: an environment like any other, whose actions are text."""

import gymnasium as gym

import textenvs  # noqa: F401 (registers the ids)

env = gym.make("MultiTurnRewrite-v0", language="en", difficulty="easy", render_mode="ansi")
observation, info = env.reset(seed=7)
terminated = truncated = False
while not (terminated or truncated):
    action = env.unwrapped.oracle_action()  # what your model would write
    observation, reward, terminated, truncated, info = env.step(action)
print(env.render())
print(f"\nended with {info['stop']!r}; last reward {reward:.2f}, from {info['reward_parts']}")
