"""A port that stays its owner's while nobody listens there: else the kernel gives it to the next who asks
for any, and who comes back finds it taken, or is taken for somebody else."""

import socket


def place_keep(port):
    """To be closed once its owner listens again; who connects meanwhile is refused."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", port))
    return place
