"""MixedTasks: several environments as one, so that one policy learns them together."""
