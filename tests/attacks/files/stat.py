"""Learns sizes and times of files by stat (Landlock does not cover this)."""

import os


def run(data, params):
    return os.stat(params["canary"]).st_size
