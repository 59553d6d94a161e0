"""What talks: one folder per document, each with its own words for the same capabilities."""
