"""Sends data with the first packet (TCP Fast Open), which passed by checks of connect."""

import socket


def run(data, params):
    with socket.socket() as sender:
        return sender.sendto(b"row", 0x20000000, ("127.0.0.1", params["tcp"]))
