"""Declares an argument under the name of the handle, so that a question replaces it."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b'[steps.more.request]\nrows = { type = "float" }\n'
