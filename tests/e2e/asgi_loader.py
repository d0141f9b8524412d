# SPDX-License-Identifier: Apache-2.0
"""A loader whose engine is an ASGI application: its configuration, and a WebSocket to it."""

from websockets.sync.client import connect


def asgi(**more):
    config = {"aiges": {"contract": "asgi", "app": "main:app"}}
    for section, keys in more.items():
        config.setdefault(section, {}).update(keys)
    return config


def ws(loader, path="/ws", **options):
    return connect(f"ws://{loader.http}{path}", open_timeout=10, max_size=None, **options)
