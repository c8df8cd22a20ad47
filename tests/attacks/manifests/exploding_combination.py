"""Alternatives in alternatives, each of which is tried."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    inner = "{ const = 2 }"
    for _ in range(10):
        inner = "{ oneOf = [" + ", ".join([inner] * 3) + "] }" if len(inner) < 30_000 else inner
    return BASE + f'\n[parameters.properties.ridge]\ntitle = "Ridge"\ndefault = 1.0\noneOf = [{inner}]\n'.encode()
