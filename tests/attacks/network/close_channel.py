"""Closes its channel, so that the next thing it opens gets the number that the filter allows."""

import os


def run(data, params):
    os.close(0 if params["is_control"] else 3)
    return True
