"""Sends rows in the path of a web request."""

import urllib.error
import urllib.request


def run(data, params):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{params['tcp']}/{data[0, 0]}", timeout=0.05)
    except TimeoutError:
        return "nobody answered, but it was asked"
