"""Reads /etc/passwd."""

import pathlib


def run(data, params):
    return pathlib.Path("/etc/passwd").read_text()[:64]
