"""The client of the HTTP interface for asyncio: the same calls as `services.client`, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from services.client import Json, check, event_job, failure, packed, unreachable

_CHUNK = 1 << 18


class AsyncClient:
    """A connection to a Viscera gateway; errors of the service are raised with its code and sentence."""

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
        """Uploads a folder, zip or file and starts a job; `options` are `quality` and `spacing`. Returns the Job."""
        with packed(scan) as path:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
            headers |= {"Idempotency-Key": key} if key else {}
            sent = {"params": options, "content": _pieces(path), "headers": headers, "timeout": 600.0}
            return await self._json("POST", "/v1/jobs", **sent)

    async def job(self, job_id: str, wait: float = 0.0) -> Json:
        """The Job; with `wait`, after a change or that many seconds."""
        return await self._json("GET", f"/v1/jobs/{job_id}", params={"wait": str(wait)})

    async def jobs(self, **filters: str) -> list[Json]:
        """The newest jobs; `filters` are those of `GET /v1/jobs`."""
        items: list[Json] = (await self._json("GET", "/v1/jobs", params=filters))["items"]
        return items

    async def events(self, job_id: str) -> AsyncIterator[Json]:
        """The Job at each change until it has ended."""
        async with self._http.stream("GET", f"/v1/jobs/{job_id}/events", timeout=60.0) as answer:
            await _check(answer)
            async for line in answer.aiter_lines():
                if (job := event_job(line)) is not None:
                    yield job

    async def wait(self, job_id: str, told: Callable[[Json], None] = lambda _: None) -> Json:
        """The Job once it has succeeded; raises JobFailed for any other end."""
        job = await self.job(job_id)
        while job["state"] in {"queued", "running"}:
            with suppress(httpx.TransportError):  # a broken stream is taken up again
                async for job in self.events(job_id):
                    told(job)
            job = await self.job(job_id)
        if job["state"] != "succeeded":
            raise failure(job)
        return job

    async def cancel(self, job_id: str) -> Json:
        """Ends a job; raises with the code `job_<state>` if it had ended."""
        return await self._json("POST", f"/v1/jobs/{job_id}/cancel")

    async def delete(self, job_id: str) -> None:
        """Erases a job with its scan and results."""
        await _check(await self._http.delete(f"/v1/jobs/{job_id}"))

    async def download(self, job_id: str, name: str, target: Path) -> None:
        """Writes one file of the job to `target`, complete or not at all."""
        part = target.with_name(target.name + ".part")
        async with self._http.stream("GET", f"/v1/jobs/{job_id}/{name}") as answer:
            await _check(answer)
            async with await anyio.open_file(part, "wb") as file:
                async for chunk in answer.aiter_bytes():
                    await file.write(chunk)
        part.replace(target)

    async def _json(self, method: str, path: str, **given: Any) -> Json:
        try:
            answer = await self._http.request(method, path, **given)
        except httpx.TransportError as error:
            raise unreachable(error) from error
        await _check(answer)
        body: Json = answer.json()
        return body


async def _check(answer: httpx.Response) -> None:
    if answer.status_code >= 400:
        await answer.aread()
        check(answer)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(_CHUNK):
            yield chunk
