"""Losses: pure functions on flat torch tensors, one entry per trained action token.

Each returns one number per token. What divides is never decided here: the caller multiplies by weights that were
counted over the whole minibatch (`agents.losses.weights`), so that a split into micro-batches changes no gradient.
"""
