"""Locking a child process down: a pure plan and one mechanism per file."""
