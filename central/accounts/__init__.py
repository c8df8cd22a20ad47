"""People: registration, approval, passwords, sessions, and the mail that tells them."""
