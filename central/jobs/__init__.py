"""Jobs: drafts, the ready room, runs and results."""
