"""What acts: language models with adapter, critic and reference; the embedded model; scripted rules."""
