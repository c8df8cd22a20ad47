"""Megabytes of declarations."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b"".join(b"[steps.s%d.request]\n" % number for number in range(200_000))
