"""Serves the pages in a thread of their own, beside the jobs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

PATIENCE = 5  # seconds that what is being answered has when the service stops
AT_ONCE = 64  # requests; who comes then is told to come again


@contextmanager
def serving(app: ASGIApp, listen: str) -> Iterator[str]:
    """Serves until the block ends; yields the address, with a free port where `listen` names port 0.

    listen: "127.0.0.1:8000" or "[::1]:8000". Raises OSError where that cannot be had.
    """
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.create_server((host.strip("[]"), int(port)), family=family) as ear:
        config = uvicorn.Config(
            app, loop="asyncio", http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
            proxy_headers=False, server_header=False, limit_concurrency=AT_ONCE, timeout_graceful_shutdown=PATIENCE,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([ear],), name="pages", daemon=True)
        thread.start()
        try:
            yield f"{host}:{ear.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
