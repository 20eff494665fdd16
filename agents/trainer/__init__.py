"""The training loop: requests, trajectories, credit, update, checkpoint."""
