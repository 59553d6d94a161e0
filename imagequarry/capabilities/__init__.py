"""What the server can do with pictures, in plain synchronous Python; nothing here knows of HTTP."""
