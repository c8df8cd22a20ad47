"""Sends a datagram (Landlock does not cover UDP)."""

import socket


def run(data, params):
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"row", ("127.0.0.1", params["udp"]))
