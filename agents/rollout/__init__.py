"""Episodes in, trajectories out: the collector, and the engines that generate for it."""
