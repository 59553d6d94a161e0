"""Models that can be leased: embedded (no weights), huggingface (transformers) and remote."""
