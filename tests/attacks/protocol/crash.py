"""Crashes when it is asked."""

import ctypes


def run(channel_fd):
    receive()
    ctypes.string_at(0)
