"""What running the server takes besides its work: logs and health."""
