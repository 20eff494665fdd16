"""Credit: how good was each action token. Pure functions on flat numpy arrays, one entry per action token."""
