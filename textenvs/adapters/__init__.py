"""Other people's environments behind ids of ours, each in one small adapter; their packages are optional.

games           what they share: an episode of somebody's game, its randomness kept in a box
reasoning_gym   ``gym.make("ReasoningGym-v0", task="leg_counting")``
textarena       ``gym.make("TextArena-v0", game="GuessTheNumber-v0")``
gem             ``gym.make("GEM-v0", game="game:Mastermind-v0-easy")``
"""
