# SPDX-License-Identifier: Apache-2.0
"""Ports for programs that must be told theirs.

A run of CI failed once because a port that the kernel had given to a test was given to an outgoing
connection before Consul could bind it.
"""

import socket

from free_ports import free_ports


def test_none_is_of_the_range_that_the_kernel_hands_out():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = (int(word) for word in file.read().split())
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert not [port for port in ports if first <= port <= last]


def test_a_port_in_use_is_not_given():
    (taken,) = free_ports(1)
    with socket.create_server(("127.0.0.1", taken)):
        for _ in range(20):
            assert taken not in free_ports(100)
