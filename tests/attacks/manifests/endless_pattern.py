"""A pattern that takes exponential time over the parameter's own default."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b"""
[parameters.properties.ridge]
title = "Ridge"
type = "string"
default = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"
pattern = "^(a+)+$"
"""
