"""Declares an argument with one element per row."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b'[steps.more.request]\nbeta = { type = "float", shape = ["n"] }\n'
