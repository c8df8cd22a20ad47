"""The one person this site's pages are for: a password, sessions that can be revoked, and the guard of every other route."""
