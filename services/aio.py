"""An asyncio client of the HTTP interface: the same calls as `services.client`, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from services.client import Json, check, event_job, failure, packed, pause_before, unreachable

_CHUNK = 1 << 18


class AsyncClient:
    """A connection to a Viscera gateway; errors of the service are raised with their code and sentence."""

    def __init__(self, url: str, key: str, timeout: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        loopback = httpx.URL(url).host in {"127.0.0.1", "localhost", "::1"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, trust_env=not loopback)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, scan: Path, *, key: str | None = None, **options: str) -> Json:
        """Upload a folder, zip or file, start a job with the `options` of `POST /v1/jobs`, and return the Job."""
        with packed(scan) as path:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
            headers |= {"Idempotency-Key": key} if key else {}
            sent = {"params": options, "content": _pieces(path), "headers": headers, "timeout": 600.0}
            return await self._json("POST", "/v1/jobs", **sent)

    async def job(self, job_id: str, wait: float = 0.0) -> Json:
        """Return the Job; with `wait`, after a change or that many seconds."""
        return await self._json("GET", f"/v1/jobs/{job_id}", params={"wait": str(wait)})

    async def jobs(self, **filters: str) -> list[Json]:
        """Return the newest jobs; `filters` are those of `GET /v1/jobs`."""
        items: list[Json] = (await self._json("GET", "/v1/jobs", params=filters))["items"]
        return items

    async def events(self, job_id: str) -> AsyncIterator[Json]:
        """Yield the Job at each change until it has ended."""
        async with self._http.stream("GET", f"/v1/jobs/{job_id}/events", timeout=60.0) as response:
            await _check(response)
            async for line in response.aiter_lines():
                if (job := event_job(line)) is not None:
                    yield job

    async def wait(self, job_id: str, on_change: Callable[[Json], None] = lambda _: None) -> Json:
        """Return the Job once it has succeeded.

        Raises JobFailed for any other end.
        """
        job = await self.job(job_id)
        while job["state"] in {"queued", "running"}:
            with suppress(httpx.TransportError):  # a broken stream is opened again
                async for job in self.events(job_id):
                    on_change(job)
            job = await self.job(job_id)
        if job["state"] != "succeeded":
            raise failure(job)
        return job

    async def cancel(self, job_id: str) -> Json:
        """Cancel a job.

        Raises an error with the code `job_<state>` if it had ended.
        """
        return await self._json("POST", f"/v1/jobs/{job_id}/cancel")

    async def delete(self, job_id: str) -> None:
        """Erase a job with its scan and results."""
        await _check(await self._http.delete(f"/v1/jobs/{job_id}"))

    async def download(self, job_id: str, name: str, target: Path) -> None:
        """Write one file of the job to `target`, complete or not at all.

        A file that the server writes at its first request is waited for.
        """
        part = target.with_name(target.name + ".part")
        async with self._http.stream("GET", f"/v1/jobs/{job_id}/{name}") as response:
            await _check(response)
            if (pause := pause_before(response)) is not None:
                await response.aclose()
                await anyio.sleep(pause)
                return await self.download(job_id, name, target)
            async with await anyio.open_file(part, "wb") as file:
                async for chunk in response.aiter_bytes():
                    await file.write(chunk)
        part.replace(target)
        return None

    async def _json(self, method: str, path: str, **options: Any) -> Json:
        try:
            response = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise unreachable(error) from error
        await _check(response)
        body: Json = response.json()
        return body


async def _check(response: httpx.Response) -> None:
    if response.status_code >= 400:
        await response.aread()
        check(response)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(_CHUNK):
            yield chunk
