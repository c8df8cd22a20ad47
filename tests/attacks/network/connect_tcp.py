"""Connects to a port of this machine over TCP."""

import socket


def run(data, params):
    with socket.create_connection(("127.0.0.1", params["tcp"])) as connection:
        connection.sendall(data.tobytes())
    return True
