"""A reference under its newer name, with an identity of its own to resolve it against."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b"""
[parameters.properties.ridge]
title = "Ridge"
default = 1.0
"$id" = "http://127.0.0.1:9/"
"$dynamicRef" = "row"
"""
