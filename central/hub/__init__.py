"""The hub: one link per site, opened by the site, over which everything about jobs goes."""
