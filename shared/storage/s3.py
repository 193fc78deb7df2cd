"""A store in an S3 bucket of any vendor: `s3://BUCKET/PREFIX?endpoint=https://...&region=...&public=https://...`.

`public` is the endpoint as clients reach it; without one they send the parts of uploads to the gateway.

Credentials come from boto3's usual chain. Nothing relies on conditional writes, which vendors support unevenly: keys
are never shared between writers, and an object appears complete or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared import scratch
from shared.errors import NotFound, Unavailable
from shared.storage.base import CHUNK, check_key

PART = 16 * 2**20
_ABSENT = {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}


class S3Store:
    """A store in one bucket, below a prefix."""

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        endpoint: str | None = None,
        region: str | None = None,
        public: str | None = None,
    ) -> None:
        self.bucket, self.prefix = bucket, prefix.strip("/") + "/" if prefix.strip("/") else ""
        config = Config(
            connect_timeout=3.0,
            read_timeout=20.0,
            retries={"mode": "standard", "max_attempts": 4},
            request_checksum_calculation="when_required",  # newer defaults break other vendors
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if endpoint else None,
        )
        about: dict[str, Any] = {"region_name": region or "us-east-1", "config": config}
        self._client: Any = boto3.client("s3", endpoint_url=endpoint, **about)
        # An endpoint of one's own is known inside; only what is said to be public is told to clients.
        reachable = public or endpoint is None
        self._outside: Any = boto3.client("s3", endpoint_url=public, **about) if reachable else None
        self._transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=2)

    @classmethod
    def from_url(cls, url: str) -> S3Store:
        """The store an `s3://` URL names."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        named = {name: query.get(name, [None])[0] for name in ("endpoint", "region", "public")}
        return cls(parts.netloc, parts.path, **named)

    def put(self, key: str, source: Path) -> None:
        """Uploads a file, in parts where it is large, checks that its size arrived, and removes the source."""
        with _explained():
            self._client.upload_file(str(source), self.bucket, self._key(key), Config=self._transfer)
            arrived = self._client.head_object(Bucket=self.bucket, Key=self._key(key))["ContentLength"]
        if arrived != source.stat().st_size:
            raise Unavailable("The file store kept another size than was sent.", "store_unavailable")
        source.unlink()

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, in chunks."""
        with _explained():
            size = self._client.head_object(Bucket=self.bucket, Key=self._key(key))["ContentLength"]
        return self._chunks(key, start, size if stop is None else min(stop, size))

    def _chunks(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        if start >= stop:
            return
        request = {"Bucket": self.bucket, "Key": self._key(key), "Range": f"bytes={start}-{stop - 1}"}
        with _explained():
            yield from self._client.get_object(**request)["Body"].iter_chunks(CHUNK)

    @contextmanager
    def file(self, key: str) -> Iterator[Path]:
        """A downloaded copy for as long as the context lasts."""
        with scratch.folder() as folder:
            path = folder / "object"
            with _explained():
                self._client.download_file(self.bucket, self._key(key), str(path), Config=self._transfer)
            yield path

    def delete(self, prefix: str) -> None:
        """Removes every key below a prefix and aborts uploads that were never finished there."""
        with _explained():
            for page in self._pages("list_objects_v2", prefix):
                for entry in page.get("Contents", []):
                    self._client.delete_object(Bucket=self.bucket, Key=entry["Key"])
            self.abort_uploads(prefix)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with the prefix, sorted."""
        with _explained():
            for page in self._pages("list_objects_v2", prefix):
                yield from (entry["Key"].removeprefix(self.prefix) for entry in page.get("Contents", []))

    def prepare(self) -> None:
        """Makes the bucket, if it is not there."""
        with _explained():
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if str(error.response["Error"]["Code"]) not in {*_ABSENT, "NoSuchBucket"}:
                    raise
                self._client.create_bucket(Bucket=self.bucket)

    def disk(self) -> Path | None:
        """Return None: the server has the files."""
        return None

    def begin(self, key: str) -> str:
        """Creates a multipart upload; its id is the token."""
        with _explained():
            return str(self._client.create_multipart_upload(Bucket=self.bucket, Key=self._key(key))["UploadId"])

    def part_link(self, key: str, token: str, number: int) -> str | None:
        """A presigned URL for one part, where clients reach the store."""
        if self._outside is None:
            return None
        about = {"Bucket": self.bucket, "Key": self._key(key), "UploadId": token, "PartNumber": number}
        return str(self._outside.generate_presigned_url("upload_part", Params=about, ExpiresIn=3600))

    def put_part(self, key: str, token: str, number: int, source: Path) -> None:
        """Uploads one part."""
        about = {"Bucket": self.bucket, "Key": self._key(key), "UploadId": token, "PartNumber": number}
        with _explained(), source.open("rb") as file:
            self._client.upload_part(Body=file, **about)
        source.unlink()

    def parts(self, key: str, token: str) -> dict[int, int]:
        """The bytes of each part that has arrived."""
        return {part["PartNumber"]: part["Size"] for part in self._arrived(key, token)}

    def finish(self, key: str, token: str) -> None:
        """Completes the multipart upload."""
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in self._arrived(key, token)]
        about = {"Bucket": self.bucket, "Key": self._key(key), "UploadId": token}
        with _explained():
            self._client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **about)

    def _arrived(self, key: str, token: str) -> list[dict[str, Any]]:
        about = {"Bucket": self.bucket, "Key": self._key(key), "UploadId": token}
        with _explained():
            pages = self._client.get_paginator("list_parts").paginate(**about)
            return [part for page in pages for part in page.get("Parts", [])]

    def abort_uploads(self, prefix: str = "", older: timedelta = timedelta(0)) -> int:
        """Aborts multipart uploads below a prefix that began longer ago than `older`; returns how many."""
        before = datetime.now(UTC) - older
        aborted = 0
        for page in self._pages("list_multipart_uploads", prefix):
            for upload in page.get("Uploads", []):
                if upload["Initiated"] <= before:
                    about = {"Bucket": self.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
                    self._client.abort_multipart_upload(**about)
                    aborted += 1
        return aborted

    def link(self, key: str, seconds: int = 600) -> str:
        """A presigned URL from which anybody may read the object for a while."""
        about = {"Bucket": self.bucket, "Key": self._key(key)}
        return str(self._client.generate_presigned_url("get_object", Params=about, ExpiresIn=seconds))

    def _pages(self, call: str, prefix: str) -> Iterator[dict[str, Any]]:
        yield from self._client.get_paginator(call).paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)

    def _key(self, key: str) -> str:
        return self.prefix + check_key(key)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error) as error:
        response = getattr(error, "response", None) or {}
        if str(response.get("Error", {}).get("Code")) in _ABSENT:
            raise NotFound("The file is not in the store.") from error
        raise Unavailable("The file store can't be reached; nothing was accepted.", "store_unavailable") from error
