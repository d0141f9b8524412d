# SPDX-License-Identifier: Apache-2.0
"""Shows a cluster on this machine: Consul, three OCR loaders, HAProxy, and clients that go on.

    .venv/bin/python scripts/cluster_demo.py --bin build/bin

The parts of deploy/compose as plain processes on 127.0.0.1, each on free ports. The loaders take
their configuration from Consul (aiges.registry pushes it) and register there; clients find them by
consul://svcName, and others call through HAProxy. Then, while calls run: one loader is killed and
started again, configurations are pushed, one loader is drained. At the end, at Ctrl-C and at an
error all of it is stopped. Takes half a minute; needs a build and `make tools`.

Exit codes: 0 all was as wanted, 1 something was not (stderr says what), 130 interrupted.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from aiges.registry import Registry, RegistryError, Scope
from cluster_parts import SERVICE, Consul, Haproxy, Loader, configuration, wait_until
from cluster_traffic import Count, Traffic, heading_of_page, p50
from demo import heading
from demo_client import REPOSITORY
from demo_loader import DemoError

NAMES = ("one", "two", "three")
SCOPE = Scope(SERVICE)
DIRECT_THREADS, PROXY_THREADS = 4, 2
VERDICT_LIMIT_S = 60
AUTHOR = {"author": "cluster-demo"}


class Demo:
    """The running parts, and what has to be as wanted at each step."""

    def __init__(self, binaries, out, stack):
        self.stack = stack
        self.consul = Consul(out / "consul")
        self.loaders = {n: Loader(n, out / n, binaries, self.consul) for n in NAMES}
        run = stack.enter_context(tempfile.TemporaryDirectory(prefix="aiges-"))
        self.haproxy = Haproxy(out / "haproxy", self.consul, Path(run))
        self.parts = [self.haproxy, *self.loaders.values(), self.consul]
        for part in self.parts:
            stack.callback(part.kill)
        self.registry = stack.enter_context(Registry(self.consul.url))
        self.direct = self.proxied = None

    def live(self):
        return [loader for loader in self.loaders.values() if loader.runs and loader.grpc]

    # The steps.

    def start(self):
        heading("Start: Consul, a pushed configuration, three loaders, HAProxy")
        begin = time.monotonic()
        self.consul.start()
        self.said(begin, f"Consul answers at {self.consul.url}")
        revision = self.registry.push(
            SCOPE, {"aiges.toml": configuration()}, message="first", expect_revision="", **AUTHOR
        )
        self.said(begin, f"aiges/{SCOPE}/aiges.toml is pushed, revision {revision}")
        command = f"AIService -m=1 -u={self.consul.url} -s={SERVICE}"
        print(f"  $ {command}   # three times")
        for loader in self.loaders.values():
            loader.start()
        for loader in self.loaders.values():
            loader.wait_ready()
            self.said(begin, f"loader {loader.name:5} is ready: gRPC {loader.grpc}")
        self.wait_passing()
        self.said(begin, "Consul lists three loaders as passing")
        self.haproxy.start()
        self.haproxy.wait_up([loader.grpc for loader in self.live()])
        self.said(begin, f"HAProxy gives calls to three: gRPC {self.haproxy.grpc}")
        heading("Status pages")
        for loader in self.live():
            print(f"  loader {loader.name:5}  http://{loader.http}/")
        print(f"  HAProxy       http://{self.haproxy.stats}/")
        print(f"  Consul        {self.consul.url}/ui/")

    def spread(self):
        target = f"consul://{SERVICE}?agent={self.consul.url}"
        heading(f"Who answers: {DIRECT_THREADS} callers of {target}, {PROXY_THREADS} of HAProxy")
        picture = heading_of_page()
        self.direct = self.stack.enter_context(Traffic(target, DIRECT_THREADS, picture))
        self.proxied = self.stack.enter_context(Traffic(self.haproxy.grpc, PROXY_THREADS, picture))
        before, count = self.haproxy.hosts(), Count(self.direct, self.proxied)
        straight, through = Count(self.direct), Count(self.proxied)
        count.watch(8, least=12)
        found, after = straight.by_host(), self.haproxy.hosts()
        print(f"\n  {'loader':8}{'address':18}{'answers':>8}{'p50 ms':>8}{'by HAProxy':>12}")
        for loader in self.live():
            address, times = loader.grpc, found.get(loader.grpc, [])
            sent = after[address][1] - before[address][1]
            print(f"  {loader.name:8}{address:18}{len(times):8}{p50(times):>8}{sent:12}")
            if not times or not sent:
                raise DemoError(f"expected answers of loader {loader.name} on both ways")
        times = through.by_host().get(self.haproxy.grpc, [])
        print(f"  {'HAProxy':8}{self.haproxy.grpc:18}{len(times):8}{p50(times):>8}")
        count.expect_failed(0, "with all loaders up")

    def crash(self):
        dying = self.loaders["two"]
        heading(f"Loader {dying.name} is killed (kill -9) while calls run")
        straight, through = Count(self.direct), Count(self.proxied)
        wait_until(lambda: dying.in_flight() > 0, "a call in flight in the loader")
        old = dying.grpc
        dying.kill()
        straight.watch(4)
        print(f"  directly: {straight.text()} (the clients say: my calls may run twice)")
        print(f"  HAProxy:  {through.text_of_proxy()} (it repeats none that may have run)")
        straight.expect_failed(0, "of clients that may repeat them")
        through.expect_failed(PROXY_THREADS, "through HAProxy, those in flight there")
        if not straight.retried():
            raise DemoError("expected calls that were retried after the loader died, got none")
        begin, again = time.monotonic(), Count(self.direct)
        dying.start()
        dying.wait_ready()
        self.said(begin, f"loader {dying.name} is started again: {dying.grpc}, before {old}")
        wait_until(lambda: dying.grpc in again.by_host(), "an answer of the loader that is back")
        self.said(begin, f"loader {dying.name} answers calls again")
        self.wait_up()
        again.expect_failed(0, "while the loader came back")

    def configure(self):
        heading("A configuration is pushed: [fc] max from 32 to 48, taken at once")
        count = Count(self.direct, self.proxied)
        good = configuration(fc={"max": 48})
        self.push(good, "more licences", "applied")
        heading("Another: [wrapper] text_score = 0.6, for which the workers are replaced")
        rolled = configuration(fc={"max": 48}, wrapper={"text_score": "0.6"})
        revision = self.push(rolled, "stricter", "applied")
        heading("One with a mistake: [fc] max = 0")
        self.push(configuration(fc={"max": 0}), "a slip", "refused")
        heading(f"Back to {revision}")
        self.verdicts(lambda: self.registry.rollback(SCOPE, revision, **AUTHOR), "applied")
        print(f"  meanwhile: {count.text()}")
        count.expect_failed(0, "while configurations were pushed")

    def drain(self):
        leaving = self.loaders["three"]
        heading(f"Loader {leaving.name} is drained (SIGTERM) while calls run")
        straight, through = Count(self.direct), Count(self.proxied)
        wait_until(lambda: leaving.in_flight() > 0, "a call in flight in the loader")
        begin = time.monotonic()
        leaving.terminate()
        code = leaving.ended()
        self.said(begin, f"loader {leaving.name} has ended with exit code {code}")
        straight.watch(2)
        print(f"  directly: {straight.text()}")
        print(f"  HAProxy:  {through.text_of_proxy()}")
        if code != 0:
            leaving.fail(f"expected exit code 0 after SIGTERM, got {code}")
        for count in (straight, through):
            count.expect_failed(0, "while a loader was drained")
        listed = {service.id for service in self.registry.services(SERVICE)}
        if leaving.id in listed:
            raise DemoError(f"expected that Consul lists {leaving.id} no more")
        print(f"  Consul lists it no more; calls go to {len(self.live())} loaders")

    def stop(self):
        heading("Stop")
        begin = time.monotonic()
        self.direct.end()
        self.proxied.end()
        self.haproxy.kill()
        remaining = self.live()
        for loader in remaining:
            loader.terminate()
        codes = [loader.ended() for loader in remaining]
        self.consul.kill()
        if any(codes):
            raise DemoError(f"expected exit codes 0 of the loaders, got {codes}")
        self.said(begin, f"{len(codes)} loaders ended with exit code 0, nothing runs any more")

    # What they have in common.

    @staticmethod
    def said(begin, text):
        print(f"  {time.monotonic() - begin:4.1f} s  {text}")

    def wait_passing(self):
        wanted = {loader.id for loader in self.live()}

        def passing():
            found = self.registry.services(SERVICE)
            return {each.id for each in found if each.standing == "ready"} == wanted

        wait_until(passing, f"Consul lists {len(wanted)} loaders as passing")

    def wait_up(self):
        self.haproxy.wait_up([loader.grpc for loader in self.live()])

    def push(self, text, message, result):
        def work():
            return self.registry.push(SCOPE, {"aiges.toml": text}, message=message, **AUTHOR)

        return self.verdicts(work, result)

    def verdicts(self, work, result):
        """Does it, waits for the word of each loader, shows them, and returns the revision."""
        begin = time.monotonic()
        revision = work()
        missing = {loader.id: loader for loader in self.live()}
        while missing:
            if time.monotonic() - begin > VERDICT_LIMIT_S:
                raise DemoError(f"no verdict of {sorted(missing)} within {VERDICT_LIMIT_S} s")
            for status in self.registry.status(SCOPE):
                if status.revision != revision or status.id not in missing:
                    continue
                loader = missing.pop(status.id)
                why = "".join(f": {error.rpartition('/')[2]}" for error in status.errors)
                passed_ms = (time.monotonic() - begin) * 1000
                print(f"  {passed_ms:5.0f} ms  loader {loader.name:5}  {status.result}{why}")
                if status.result != result:
                    raise DemoError(f"expected the verdict {result}, got {status.result}")
            time.sleep(0.02)
        return revision


def run(arguments):
    begin = time.monotonic()
    with ExitStack() as stack:
        demo = Demo(arguments.bin.resolve(), arguments.out.resolve(), stack)
        demo.start()
        demo.spread()
        demo.crash()
        demo.configure()
        demo.drain()
        if arguments.stay:
            heading("All was as wanted; two loaders, HAProxy and the callers go on until Ctrl-C")
            with suppress(KeyboardInterrupt):
                signal.pause()
        demo.stop()
    heading(f"cluster-demo: all as wanted, {time.monotonic() - begin:.0f} s")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bin",
        type=Path,
        default=REPOSITORY / "build" / "bin",
        help="folder with AIService, aiges-worker and libwrapper.so (default build/bin)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=REPOSITORY / "build" / "cluster_demo",
        help="folder for logs and caches (default build/cluster_demo)",
    )
    parser.add_argument(
        "--stay",
        action="store_true",
        help="at the end leave two loaders, HAProxy, Consul and the callers running until Ctrl-C",
    )
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # Progress is seen through a pipe as well.
    # A shell that starts it in the background has Ctrl-C ignored. A stop by `kill` unwinds like
    # Ctrl-C, so that everything is stopped too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    # A proxy of the environment is not for this machine's own ports.
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))
    try:
        run(arguments)
    except (DemoError, RegistryError) as error:
        print(f"\ncluster-demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncluster-demo: interrupted, everything is stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
