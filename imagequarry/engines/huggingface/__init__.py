"""Models that run on PyTorch through transformers; nothing of either is imported before a model is loaded."""
