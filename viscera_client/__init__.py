"""The Python client of the HTTP interface: `Client`, and `AsyncClient` for asyncio.

It needs httpx and pydantic and nothing of the server.
"""

from viscera_client.aio import AsyncClient
from viscera_client.client import Client
from viscera_client.errors import Changed, JobFailed, Refused, ServiceError, Unreachable
from viscera_client.packing import packed

__all__ = ["AsyncClient", "Changed", "Client", "JobFailed", "Refused", "ServiceError", "Unreachable", "packed"]
