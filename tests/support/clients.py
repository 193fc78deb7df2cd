"""Both kinds of client behind the same blocking calls, so that one test covers both."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from anyio.from_thread import start_blocking_portal

from viscera_client import AsyncClient, Client

KINDS = ("sync", "async")


class Blocking:
    """The asynchronous client, called from a thread without a loop."""

    def __init__(self, client, portal):
        self._client, self._portal = client, portal

    def __getattr__(self, name):
        method = getattr(self._client, name)
        return lambda *arguments, **options: self._portal.call(partial(method, *arguments, **options))

    def events(self, job_id):
        async def collect():
            return [job async for job in self._client.events(job_id)]

        return self._portal.call(collect)


@contextmanager
def connected(kind, url, key, **options) -> Iterator[Client]:
    """Yield a client of this kind; its calls block."""
    if kind == "sync":
        with Client(url, key, **options) as client:
            yield client
    else:
        with start_blocking_portal() as portal:
            client = AsyncClient(url, key, **options)
            yield Blocking(client, portal)
            portal.call(client.close)
