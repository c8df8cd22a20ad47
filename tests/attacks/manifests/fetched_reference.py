"""A parameter whose schema refers to an address, which a host would call when it checks a job."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE + b"""
[parameters.properties.ridge]
title = "Ridge"
default = 1.0
"$ref" = "http://127.0.0.1:9/row"
"""
