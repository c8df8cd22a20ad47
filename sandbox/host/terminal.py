"""What commands ask: one line from a terminal, or from a pipe. Nothing that is typed hidden is ever shown again."""

from __future__ import annotations

import getpass
import sys

import typer


def is_there() -> bool:
    """Whether a person types."""
    return sys.stdin.isatty()


def ask(question: str) -> str:
    """A line that a person types; empty at the end of input."""
    typer.echo(question, nl=False, err=True)
    return sys.stdin.readline().strip()


def ask_hidden(question: str) -> str:
    """A password: typed without echo at a terminal, else one line of standard input; may be empty."""
    return getpass.getpass(question) if is_there() else sys.stdin.readline().rstrip("\r\n")
