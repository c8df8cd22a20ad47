"""Signals through the times of a file that anybody may write (Landlock does not cover this)."""

import os


def run(data, params):
    os.utime(params["canary"])
    return True
