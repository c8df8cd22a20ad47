"""Listens to all packets of the machine."""

import socket


def run(data, params):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300).close()
    return True
