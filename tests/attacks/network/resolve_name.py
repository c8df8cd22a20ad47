"""Asks for the address of a name: a query can carry a row."""

import socket


def run(data, params):
    return socket.getaddrinfo("localhost", 80)
