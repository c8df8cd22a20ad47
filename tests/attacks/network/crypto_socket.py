"""Opens the kernel's crypto interface, an old door to bugs of drivers."""

import socket


def run(data, params):
    socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).close()
    return True
