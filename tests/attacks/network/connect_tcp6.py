"""Connects over IPv6."""

import socket


def run(data, params):
    with socket.socket(socket.AF_INET6) as connection:
        connection.connect(("::ffff:127.0.0.1", params["tcp"]))
    return True
