"""Reads files through scipy.io."""

from scipy import io  # refused


def ask(rows, target):
    return io.loadmat("/etc/passwd")  # refused
