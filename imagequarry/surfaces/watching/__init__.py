"""What every surface needs to tell clients of jobs while these go on: one reader of events, and what waits for each."""
