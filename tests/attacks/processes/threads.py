"""Starts threads."""

import threading


def run(data, params):
    done = []
    for _ in range(params["n"]):
        thread = threading.Thread(target=done.append, args=(1,))
        thread.start()
        thread.join()
    return done
