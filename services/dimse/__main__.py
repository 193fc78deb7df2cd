"""Runs the DIMSE node: `python -P -m services.dimse --host 127.0.0.1 --port 11112 --aet VISCERA`."""

from __future__ import annotations

import argparse
import logging
import signal
import ssl
import sys
import threading
import warnings
from functools import partial

from services.dimse import clients
from services.dimse.conversation import Conversation
from services.dimse.node import listening, open_node
from shared.errors import VisceraError
from shared.ledger import open_ledger
from shared.process import die_with_supervisor, forbid_core_dumps
from shared.settings import Settings, settings
from shared.storage.connect import open_metered_store
from shared.telemetry import log, metrics

logger = logging.getLogger("viscera.dimse")


def main() -> None:
    """Accept associations until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="services.dimse")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=11112)
    parser.add_argument("--aet", default="VISCERA", help="AE title that callers must call")
    args = parser.parse_args()
    die_with_supervisor()
    forbid_core_dumps()
    log.configure(settings().log_level)
    warnings.simplefilter("ignore")  # those of pydicom quote values
    threading.excepthook = _log_uncaught
    try:
        clients.check(settings().dimse_clients, args.host, args.aet)
        tls = tls_context(settings())
        _serve(args.host, args.port, args.aet, tls)
    except VisceraError as error:
        sys.exit(error.detail)
    except OSError as error:
        sys.exit(f"The DIMSE node can't listen on port {args.port}: {error.strerror}.")


def tls_context(chosen: Settings) -> ssl.SSLContext | None:
    """Return the TLS context of the settings, or None for plain TCP.

    Raises VisceraError.
    """
    if chosen.dimse_tls_cert is None:
        if chosen.dimse_tls_key or chosen.dimse_tls_ca:
            raise VisceraError("TLS needs a certificate: set VISCERA_DIMSE_TLS_CERT.", "tls")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(chosen.dimse_tls_cert, chosen.dimse_tls_key)
        if chosen.dimse_tls_ca is not None:
            context.load_verify_locations(chosen.dimse_tls_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise VisceraError("The certificate, key or CA of the DIMSE node can't be read.", "tls") from error
    return context


def _serve(host: str, port: int, aet: str, tls: ssl.SSLContext | None) -> None:
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    chosen = settings()
    if chosen.metrics_port:
        metrics.serve(chosen.metrics_host, chosen.metrics_port)
    ledger, store = open_ledger(chosen.ledger_url), open_metered_store(chosen.store_url)
    with (
        open_node(chosen, aet, ledger, store, chosen.dimse_clients) as node,
        listening(node, (host, port), tls, partial(Conversation, node)) as server,
    ):
        logger.info("listening", extra={"aet": aet, "host": host, "port": server.server_address[1]})
        stop.wait()
    ledger.close()


def _log_uncaught(uncaught: threading.ExceptHookArgs) -> None:
    """Log an error that ended a thread; its text may contain personal data."""
    if uncaught.exc_value is not None:
        logger.error("thread ended", exc_info=uncaught.exc_value)


if __name__ == "__main__":
    main()
