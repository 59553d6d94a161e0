"""Running the server: logs."""
