# SPDX-License-Identifier: Apache-2.0
"""Ports for servers that must be told theirs: free, and not of those that the kernel hands out."""

import contextlib
import random
import socket

_RANGE_FILE = "/proc/sys/net/ipv4/ip_local_port_range"
_LOWEST = 10000


def free_ports(count, host="127.0.0.1"):
    """`count` different ports that are free for TCP and UDP at this moment.

    None comes from the ephemeral range: between the look and the server's bind, an outgoing
    connection or a bind to port 0 of any program here could get a port of that range.
    """
    with open(_RANGE_FILE, encoding="ascii") as file:
        first, last = (int(word) for word in file.read().split())
    choice = [*range(_LOWEST, first), *range(last + 1, 65536)]
    if len(choice) < 100 * count:  # Somebody has made all ports ephemeral.
        choice = range(_LOWEST, 65536)
    with contextlib.ExitStack() as held:
        ports = []
        for port in random.sample(choice, k=len(choice)):
            if len(ports) == count:
                break
            tcp = held.enter_context(socket.socket())
            udp = held.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                tcp.bind((host, port))
                udp.bind((host, port))
                ports.append(port)
        return ports
