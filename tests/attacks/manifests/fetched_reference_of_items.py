"""The same, one level down."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b"""
[parameters.properties.ridge]
title = "Ridge"
type = "array"
default = [1.0]
items = { "$ref" = "file:///etc/passwd" }
"""
