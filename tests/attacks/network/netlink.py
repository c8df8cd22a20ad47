"""Asks the kernel about the network over netlink."""

import socket


def run(data, params):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        link.bind((0, 0))
    return True
