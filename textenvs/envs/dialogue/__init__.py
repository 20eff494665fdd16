"""DialogueStrategy: when to ask, when to answer, when to stop."""
