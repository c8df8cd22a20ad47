"""Declares a field that holds a text."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b'[steps.more.reply]\nnote = { kind = "text" }\n'
