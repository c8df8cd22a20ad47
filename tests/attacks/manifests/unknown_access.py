"""An access that is not there: everything."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE.replace(b'access = "blind"', b'access = "root"')
