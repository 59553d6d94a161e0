"""Where things are kept: SQL tables, the files they name, and later vectors and remote stores."""
