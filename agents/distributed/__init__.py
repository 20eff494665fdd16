"""More than one process: learners that make one update together (Accelerate), and rollouts in actors (Ray)."""
