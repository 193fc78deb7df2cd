"""Runs the gateway: `python -P -m services.api --host 127.0.0.1 --port 8000`."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from services.api.app import create_app
from services.api.protocol import BoundedProtocol, most_connections
from shared.errors import VisceraError
from shared.process import die_with_supervisor, forbid_core_dumps
from shared.settings import settings
from shared.telemetry import log, trace


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="services.api")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--tls-cert", help="certificate chain (PEM): serve HTTPS")
    parser.add_argument("--tls-key", help="its private key (PEM)")
    parser.add_argument(
        "--trusted-proxies", default="127.0.0.1", help="proxies whose X-Forwarded-Proto counts; * for all"
    )
    args = parser.parse_args()
    die_with_supervisor()
    forbid_core_dumps()
    log.configure(settings().log_level)
    trace.configure("gateway")
    try:
        app = create_app()
    except VisceraError as error:
        sys.exit(error.detail)
    uvicorn.run(
        app, host=args.host, port=args.port, access_log=False, log_config=None, server_header=False,
        timeout_graceful_shutdown=5, timeout_keep_alive=20, http=BoundedProtocol, ws="none",
        limit_concurrency=most_connections(),
        forwarded_allow_ips=args.trusted_proxies, ssl_certfile=args.tls_cert, ssl_keyfile=args.tls_key,
    )  # fmt: skip


if __name__ == "__main__":
    main()
