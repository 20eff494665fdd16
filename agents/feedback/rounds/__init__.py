"""Rounds of online feedback: learn from what users did, compare with the policy that serves, and promote or not."""
