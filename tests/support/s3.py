"""A real S3 server over the wire on a free loopback port, for one test session."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from services.local import free_port

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def server() -> Iterator[str]:
    """Runs ministack; yields its endpoint. boto3 finds its credentials in the environment for as long."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="viscera-s3-") as folder:
        environment = {
            **os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "S3_PERSIST": "0", "LOG_LEVEL": "ERROR",
            "SERVICES": "s3", "STATE_DIR": folder, "S3_DATA_DIR": folder,
        }  # fmt: skip
        command = [str(Path(sys.executable).parent / "ministack")]
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        kept = dict(os.environ)
        os.environ.update(CREDENTIALS)
        try:
            _wait(f"http://127.0.0.1:{port}/", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()
            os.environ.clear()
            os.environ.update(kept)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except URLError as error:
            if hasattr(error, "code"):
                return
            time.sleep(0.1)
    raise RuntimeError("the S3 server did not start")
