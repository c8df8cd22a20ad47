"""The pairs that come with Tidegate, one folder each. Imported by nobody; loaded by path and digest."""
