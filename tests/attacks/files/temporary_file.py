"""Spills rows into a temporary file."""

import tempfile


def run(data, params):
    with tempfile.TemporaryFile() as file:
        file.write(data.tobytes())
        return True
