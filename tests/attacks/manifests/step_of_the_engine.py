"""Declares the built-in step of the first round as its own."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b'[steps.margins.reply]\nmoments = { kind = "gram" }\n'
