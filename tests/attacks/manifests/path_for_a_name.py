"""A name that is a path, for whoever makes file names of it."""

from pathlib import Path

BASE = (Path(__file__).parents[1] / "hostile.toml").read_bytes()


def manifest():
    return BASE.replace(b'name = "HOSTILE"', b'name = "../../etc/cron.d/x"')
