# SPDX-License-Identifier: Apache-2.0
"""Hosts of their own on one machine: network namespaces on a bridge, with a network to cut.

The test itself stands beside them, as one more host. Needs root and the right to make namespaces.
"""

import contextlib
import functools
import itertools
import os
import shutil
import subprocess

_numbers = itertools.count(1)


@functools.cache
def missing():
    """What this machine lacks for it; empty: nothing."""
    if os.geteuid() != 0:
        return "root"
    lacking = [tool for tool in ("ip", "nft", "setpriv") if shutil.which(tool) is None]
    if lacking:
        return ", ".join(lacking)
    name = f"ag{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode != 0:
        return f"network namespaces ({made.stderr.decode().strip()})"
    run("ip", "netns", "del", name)
    return ""


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr}")


class Host:
    def __init__(self, space, address):
        self.space, self.address = space, address
        self.within = ["ip", "netns", "exec", space]


class Network:
    """A bridge in a namespace of its own, with hosts at 198.18.x.0/24 (for tests, RFC 2544)."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        number = next(_numbers)
        self.prefix = f"ag{os.getpid() % 100000}n{number}"
        self.net = f"198.18.{(os.getpid() * 7 + number) % 256}"
        self.switch = f"{self.prefix}sw"
        self._count = 0

    def __enter__(self):
        try:
            self._space(self.switch)
            run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", self.switch, "link", "set", "br0", "up")
            rules = """table bridge lan {
              set cut { type ipv4_addr . ipv4_addr; }
              chain forward { type filter hook forward priority 0; ip saddr . ip daddr @cut drop; }
            }"""
            run("ip", "netns", "exec", self.switch, "nft", "-f", "-", stdin=rules)
            self.here = f"{self.net}.254"  # The test's own address.
            self._plug(None, self.here)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _space(self, name):
        run("ip", "netns", "add", name)
        self._stack.callback(run, "ip", "netns", "del", name)

    def _plug(self, space, address):
        """A cable from the bridge into the namespace; None: into the test's own."""
        self._count += 1
        plug, port = f"{self.prefix}e{self._count}", f"p{self._count}"
        where = [] if space is None else ["-n", space]
        run("ip", "link", "add", plug, "type", "veth", "peer", "name", port, "netns", self.switch)
        if space is not None:  # Else it goes with the switch.
            run("ip", "link", "set", plug, "netns", space)
            run("ip", *where, "link", "set", "lo", "up")
        run("ip", *where, "address", "add", f"{address}/24", "dev", plug)
        run("ip", *where, "link", "set", plug, "up")
        run("ip", "-n", self.switch, "link", "set", port, "master", "br0")
        run("ip", "-n", self.switch, "link", "set", port, "up")

    def host(self):
        number = self._count
        space, address = f"{self.prefix}h{number}", f"{self.net}.{number}"
        self._space(space)
        self._plug(space, address)
        return Host(space, address)

    def _element(self, verb, a, b):
        pairs = f"{{ {a} . {b}, {b} . {a} }}"
        nft = ["nft", verb, "element", "bridge", "lan", "cut", pairs]
        run("ip", "netns", "exec", self.switch, *nft)

    def cut(self, a, b):
        """Nothing passes between two addresses any more, and nobody is told."""
        self._element("add", a, b)

    def heal(self, a, b):
        self._element("delete", a, b)

    def heal_all(self):
        nft = ["nft", "flush", "set", "bridge", "lan", "cut"]
        run("ip", "netns", "exec", self.switch, *nft)

    def silence(self, address):
        """The host is gone, as without power: nothing passes to or from it."""
        for other in range(1, self._count):
            if f"{self.net}.{other}" != address:
                self.cut(address, f"{self.net}.{other}")
        self.cut(address, self.here)
