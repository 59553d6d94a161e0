"""Values and small protocols that every floor shares."""
