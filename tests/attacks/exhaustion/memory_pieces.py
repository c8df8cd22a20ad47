"""Takes memory in small pieces."""


def run(data, params):
    pieces = []
    for _ in range(params["mib"] << 4):
        pieces.append(bytes(1 << 16))
    return len(pieces)
