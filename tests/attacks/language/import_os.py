"""Imports os and asks for a shell."""

import os  # refused


def ask(rows, target):
    return os.system("exit 3") == 3 << 8  # refused
