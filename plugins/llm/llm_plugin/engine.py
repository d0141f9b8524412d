# SPDX-License-Identifier: Apache-2.0
"""llama.cpp with one model in it: several requests at once, each a generator of its pieces.

llama.cpp's own server does the work: it batches what its slots have, keeps prompts, applies the
model's chat template. It listens on a socket whatever it is told; that is one in a folder of our
own which is gone before the model is ready, so that nobody but this process reaches it.
"""

import importlib
import os
import queue
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiges import context
from aiges.errors import BadInput

from .settings import ConfigError, number
from .weights import find_weights

LOOK_S = 0.2  # How often a request that has nothing yet looks whether somebody waits for it.
ONLY_ERRORS = 1
CALLERS_FAULT = range(400, 500)


class EngineFault(RuntimeError):
    """llama.cpp could not answer; the text is its own."""


class Engine:
    """A loaded model. Thread-safe; close() gives up what is running."""

    def __init__(self, config):
        self.slots = number(config, "slots", 4, 1, 64, int)
        self.context = number(config, "context", 2048, 64, 1 << 20, int)
        self.default_tokens = number(config, "max_tokens", 512, 1, 1 << 20, int)
        threads = number(config, "threads", 0, 0, 1024, int) or _half_of_the_cores()
        self.path = find_weights(config)
        try:
            xllamacpp = importlib.import_module("xllamacpp")
        except ImportError as error:
            raise ConfigError(
                f"expected the package xllamacpp ({error}): pip install -r requirements.txt"
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(self.path)
        params.n_parallel = self.slots
        params.n_ctx = self.context * self.slots
        params.ctx_shift = False  # A full context ends the answer; it forgets nothing silently.
        params.fit_params = False
        params.n_batch = params.n_ubatch = number(config, "batch", 128, 1, 8192, int)
        params.cache_ram_mib = 0  # Prompts are kept in the slots only.
        params.n_threads_http = 1
        params.verbosity = ONLY_ERRORS
        layers = number(config, "gpu_layers", -1, -1, 10000, int)
        if layers >= 0:
            params.n_gpu_layers = layers
        for cores in (params.cpuparams, params.cpuparams_batch):
            cores.n_threads = threads
            cores.poll = 0  # Threads that spin while they wait take the cores from others.
        self._server = _start(xllamacpp, params, self.path)
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(self.slots, thread_name_prefix="llama")

    def chat(self, body):
        """Yields llama.cpp's chunks, as dicts, until the answer is whole or nobody waits for it."""
        return self._run(self._server.handle_chat_completions, body)

    def complete(self, body):
        """As chat, for a prompt as it is."""
        return self._run(self._server.handle_completions, body)

    def close(self):
        self._closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._server = None

    def _run(self, function, body):
        # Bounded by max_tokens. A slow client does not hold up its slot.
        chunks = queue.SimpleQueue()
        gone = threading.Event()
        tag = context.usr_tag()

        def take(chunk):
            chunks.put(chunk)
            return gone.is_set() or self._closed.is_set()

        def run():
            try:
                if not gone.is_set():
                    function(body, take)
                chunks.put(None)
            except Exception as error:
                chunks.put(error)

        running = self._pool.submit(run)
        begun = False
        try:
            while True:
                try:
                    chunk = chunks.get(timeout=LOOK_S)
                except queue.Empty:
                    chunk = {}
                if chunk is None or context.cancelled(tag) or self._closed.is_set():
                    return
                _check(chunk, begun)
                if chunk:
                    begun = True
                    yield chunk
        finally:
            gone.set()
            running.cancel()


def _check(chunk, begun):
    """Raises what the chunk says went wrong."""
    if isinstance(chunk, Exception):
        # What comes before anything is computed is about the request: its messages, a schema.
        raise (EngineFault if begun else BadInput)(str(chunk)) from chunk
    error = chunk.get("error")
    if error is None:
        return
    text = error.get("message") if isinstance(error, dict) else str(error)
    if isinstance(error, dict) and error.get("code") in CALLERS_FAULT:
        raise BadInput(text)
    raise EngineFault(text)


def _half_of_the_cores():
    """The other half is for those who send requests; threads that share a core stall each other."""
    return max(len(os.sched_getaffinity(0)) // 2, 1)


def _start(xllamacpp, params, path):
    with tempfile.TemporaryDirectory(prefix="llm-") as folder:
        params.hostnames = [str(Path(folder) / "unreachable.sock")]
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise ConfigError(
                f"model: llama.cpp cannot load {path} ({error}); the lines above say why"
            ) from error
