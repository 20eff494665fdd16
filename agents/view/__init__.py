"""Runs in the browser while they go on: a list of them, and the report of each, which renews itself."""
