"""What other engines train on: rows, pairs, prompts and a reward hook in TRL's, ms-swift's and verl's schemas."""
