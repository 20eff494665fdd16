"""What a training would take on machines that are not at hand: memory, speed, placement, and what asynchrony buys."""
