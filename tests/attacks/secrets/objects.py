"""Walks all objects of the interpreter for sockets, files and secrets of its parent."""

import gc
import io
import socket


def run(data, params):
    needle = bytes.fromhex(params["needle"])
    found = []
    for thing in gc.get_objects():
        try:
            if isinstance(thing, socket.socket | io.FileIO) and thing.fileno() > 3:
                found.append(thing.fileno())
            for referent in gc.get_referents(thing):
                for value in referent.values() if isinstance(referent, dict) else ():
                    text = value.encode("utf-8", "replace") if isinstance(value, str) else value
                    if isinstance(text, bytes) and bytes(byte ^ 0x5A for byte in text) == needle:
                        found.append("the secret")
        except (OSError, ValueError, RuntimeError):
            continue
    return found
