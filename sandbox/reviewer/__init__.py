"""A reviewer's own central: plain Python, outside of any sandbox, against one site's real gate (`tidegate probe --central FILE`)."""
