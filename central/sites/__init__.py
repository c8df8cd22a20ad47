"""Sites: their keys, and the short tokens they sign themselves."""
