"""Algorithms: each a small declared composition of an advantage function and a loss function."""
