"""Other people's environments behind ids of ours, and ours behind other people's interfaces; each a small adapter.

In, where the package is installed:

games           what they share: an episode of somebody's game, its randomness kept in a box
reasoning_gym   ``gym.make("ReasoningGym-v0", task="leg_counting")``
textarena       ``gym.make("TextArena-v0", game="GuessTheNumber-v0")``
gem             ``gym.make("GEM-v0", game="game:Mastermind-v0-easy")``

Out:

trl             ``GRPOTrainer(..., environment_factory=lambda: Conversation("ToolCall-v0"))``
openenv         ``ServedEnvironment``, for OpenEnv's server
"""
