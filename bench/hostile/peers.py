# SPDX-License-Identifier: Apache-2.0
"""The hostile peers, one a process:  peers.py NAME --grpc HOST:PORT --http HOST:PORT --loader PID
--seconds N.  Each goes on for so long, and takes what comes back as it is.
"""

import argparse
import itertools
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

SERVICE = "svcName"
MEGABYTE = 1 << 20
PEERS = {}


def peer(function):
    PEERS[function.__name__] = function
    return function


def connected(address):
    host, port = address.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)), timeout=10)
    sock.settimeout(5)
    return sock


def head(path, length, *lines):
    text = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *lines, "", ""]
    return "\r\n".join(text).encode()


def post(address, path, body, *lines):
    """One request on a connection of its own; what came back of the answer, or nothing."""
    try:
        with connected(address) as sock:
            sock.sendall(head(path, len(body), *lines) + body)
            return sock.recv(65536)
    except OSError:
        return b""


def call_hook(address, action, seconds):
    return post(address, f"/v1/raw/{SERVICE}?key=data&p.do={action}&p.seconds={seconds}", b"x")


def workers(loader):
    tasks = Path(f"/proc/{loader}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def in_threads(count, function):
    threads = [threading.Thread(target=function, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@peer
def slow_readers(peers):
    """32 connections that ask for 4 MB each and read a byte a second of it."""
    socks = []
    for _ in range(32):
        sock = connected(peers.http)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = b"x" * (4 * MEGABYTE)
        sock.settimeout(1)
        try:
            sock.sendall(head(f"/v1/raw/{SERVICE}?key=data", len(body)) + body)
        except OSError:
            continue
        socks.append(sock)
    while peers.more():
        for sock in socks:
            try:
                sock.recv(1)
            except OSError:
                pass
        time.sleep(1)


@peer
def announced_bodies(peers):
    """200 connections that announce 60 MB and bring a byte a second."""
    socks = []
    while peers.more():
        while len(socks) < 200 and peers.more():
            sock = connected(peers.http)
            sock.sendall(head(f"/v1/raw/{SERVICE}", 60 * MEGABYTE) + b"x")
            socks.append(sock)
        alive = []
        for sock in socks:
            try:
                sock.sendall(b"x")
                alive.append(sock)
            except OSError:
                sock.close()
        socks = alive
        time.sleep(1)


@peer
def refusal_floods(peers):
    """Requests that are refused, as fast as they can be written, answers not waited for."""
    bad = head("/v1/raw/nobody", 1) + b"x" + head(f"/v1/private/{SERVICE}", 2) + b"[}"

    def flood(_):
        while peers.more():
            try:
                with connected(peers.http) as sock:
                    for _ in range(200):
                        sock.sendall(bad * 20)
                        sock.recv(1 << 20)
            except OSError:
                time.sleep(0.01)

    in_threads(4, flood)


@peer
def grpc_floods(peers):
    """Calls by gRPC with an unknown op, 256 on their way at any time."""
    import grpc

    channel = grpc.insecure_channel(peers.grpc)
    call = channel.unary_unary("/utils.XsfCall/call")
    under_way = threading.Semaphore(256)
    while peers.more():
        under_way.acquire()
        future = call.future(b"\x0a\x03bad", timeout=5)
        future.add_done_callback(lambda _: under_way.release())
    channel.close()


@peer
def gzip_bombs(peers):
    """Messages of 60 MB of zeros, compressed, by gRPC; gzip bodies by HTTP."""
    import gzip

    import grpc

    channel = grpc.insecure_channel(peers.grpc, options=[("grpc.max_send_message_length", -1)])
    call = channel.unary_unary("/utils.XsfCall/call")
    bomb, body = b"\0" * (60 * MEGABYTE), gzip.compress(b"\0" * (60 * MEGABYTE))
    while peers.more():
        try:
            call(bomb, timeout=5, compression=grpc.Compression.Gzip)
        except grpc.RpcError:
            pass
        post(peers.http, f"/v1/raw/{SERVICE}", body, "Content-Encoding: gzip")
    channel.close()


@peer
def idle_sessions(peers):
    """1 000 WebSockets and 1 000 gRPC sessions that are opened and then silent."""
    from aiges.client import AigesError, Client

    client, sessions, socks = Client(peers.grpc, service=SERVICE, retries=0), [], []
    frame = json.dumps({"header": {"status": 0}}).encode()
    masked = bytes([0x81, 0x80 | len(frame), 0, 0, 0, 0]) + frame
    upgrade = (
        f"GET /v1/private/{SERVICE} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    for _ in range(1000):
        if not peers.more():
            break
        try:
            sock = connected(peers.http)
            sock.sendall(upgrade)
            sock.recv(4096)
            sock.sendall(masked)
            socks.append(sock)
        except OSError:
            pass
        try:
            sessions.append(client.session())
        except AigesError:
            pass
    while peers.more():
        time.sleep(0.1)
    client.close()


@peer
def chatty_worker(peers):
    """A worker that prints faster than anybody reads."""
    while peers.more():
        call_hook(peers.http, "chatter", min(3, peers.left()))


@peer
def stopped_worker(peers):
    """SIGSTOP for a worker, every three seconds."""
    while peers.more():
        for worker in workers(peers.loader)[:1]:
            os.kill(worker, signal.SIGSTOP)
        time.sleep(min(3, peers.left()))


@peer
def forking_worker(peers):
    """A hook that forks; some children return from it as the worker did."""
    while peers.more():
        call_hook(peers.http, "fork", 1)
        time.sleep(0.5)


@peer
def growing_worker(peers):
    """A worker that takes memory without end."""
    while peers.more():
        call_hook(peers.http, "grow", min(2, peers.left()))


@peer
def killed_worker(peers):
    """kill -9 of a worker, every second."""
    for number in itertools.count():
        if not peers.more():
            return
        found = workers(peers.loader)
        if found:
            os.kill(found[number % len(found)], signal.SIGKILL)
        time.sleep(min(1, peers.left()))


@peer
def descriptors_full(peers):
    """More connections than the loader has descriptors for."""
    mine = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (mine, mine))
    before = resource.prlimit(peers.loader, resource.RLIMIT_NOFILE)
    resource.prlimit(peers.loader, resource.RLIMIT_NOFILE, (256, before[1]))
    socks = []
    try:
        while peers.more():
            try:
                host, port = peers.http.rsplit(":", 1)
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex((host, int(port)))
                socks.append(sock)
            except OSError:
                pass
            time.sleep(0.005 if len(socks) < 600 else 0.2)
            if len(socks) > 900:
                socks.pop(0).close()
    finally:
        resource.prlimit(peers.loader, resource.RLIMIT_NOFILE, before)


@peer
def disk_full(peers):
    """No file may grow, as on a full disk: not the log, nor what a hook writes, 1 MB a call."""
    pids = [peers.loader, *workers(peers.loader)]
    before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
    try:
        for pid, (_, most) in zip(pids, before):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
        while peers.more():
            call_hook(peers.http, "write", 0.1)
            post(peers.http, "/v1/raw/nobody", b"x")
    finally:
        for pid, limits in zip(pids, before):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@peer
def resources(peers):
    """Resources of 20 MB, one after the other, none of them unloaded."""
    body = b"x" * (20 * MEGABYTE)
    for number in itertools.count():
        if not peers.more():
            return
        post(peers.http, f"/v1/resources/{SERVICE}?patch_id={number}", body)


@peer
def deep_json(peers):
    """Envelopes of a million brackets, or of 200 000 keys."""
    deep = b'{"payload":' + b"[" * 1_000_000 + b"}"
    nested = b'{"a":' * 300_000 + b"1" + b"}" * 300_000
    keys = json.dumps({"parameter": {"p": {f"k{n}": str(n) for n in range(200_000)}}}).encode()
    while peers.more():
        for body in (deep, nested, keys):
            post(peers.http, f"/v1/private/{SERVICE}", body, "Content-Type: application/json")


@peer
def resets(peers):
    """Connections that are reset in the middle of a request or of its answer."""
    linger = b"\1\0\0\0\0\0\0\0"
    body = b"x" * MEGABYTE
    while peers.more():
        for part in (len(body) // 2, len(body)):
            try:
                with connected(peers.http) as sock:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    sock.sendall(head(f"/v1/raw/{SERVICE}?key=data", len(body)) + body[:part])
            except OSError:
                pass
        time.sleep(0.005)


class Peers:
    def __init__(self, arguments):
        self.grpc, self.http, self.loader = arguments.grpc, arguments.http, arguments.loader
        self._until = time.monotonic() + arguments.seconds

    def left(self):
        return max(0.0, self._until - time.monotonic())

    def more(self):
        return time.monotonic() < self._until


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("--grpc", required=True)
    parser.add_argument("--http", required=True)
    parser.add_argument("--loader", required=True, type=int)
    parser.add_argument("--seconds", required=True, type=float)
    arguments = parser.parse_args()
    os.nice(19)
    PEERS[arguments.name](Peers(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
