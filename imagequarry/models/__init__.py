"""ML models: what is known of them, what is on disk, what is in memory."""
