"""stable-baselines3, as it is, on every environment: language models token by token, and its models as policies.

views      the token view of an environment, for one language model
policy     the language model as an actor-critic policy (PPO, A2C, and sb3-contrib's TRPO)
maskable   the same where actions are masked (sb3-contrib's MaskablePPO)
agent      a trained model as a policy that can be evaluated
"""
