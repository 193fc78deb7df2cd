"""One trace per job: OpenTelemetry spans from the upload through every stage, in every process.

Tracing is off unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set and the extra `telemetry` is installed. The parent is stored
in the ledger, in the job's first history event, as a W3C `traceparent`; messages stay a job id and a stage name.
Attributes are ids, stages and sizes, nothing of the scan.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@lru_cache(maxsize=1)
def _tracer(process: int, service: str) -> Any:
    """Return the tracer of this process (a fork needs its own), or None where tracing is off."""
    del process
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    resource = Resource.create({"service.name": f"viscera-{service}", "service.namespace": "viscera"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=1000))
    return provider.get_tracer("viscera")


_service = "viscera"


def configure(service: str) -> None:
    """Set the name of this process's service in its spans."""
    global _service  # noqa: PLW0603 - a process is one service
    _service = service


@contextmanager
def span(name: str, parent: str | None = None, **attributes: str | int | float) -> Iterator[str | None]:
    """Open a span below `parent` (a traceparent) or below the current one; yield its traceparent, None if tracing is
    off.
    """
    tracer = _tracer(os.getpid(), _service)
    if tracer is None:
        yield None
        return
    from opentelemetry import propagate

    above = propagate.extract({"traceparent": parent}) if parent else None
    marked = {f"viscera.{key}": value for key, value in attributes.items()}
    with tracer.start_as_current_span(name, context=above, attributes=marked):
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        yield carrier.get("traceparent")


def current() -> str | None:
    """Return the current trace id for log lines; None outside a trace."""
    if _tracer(os.getpid(), _service) is None:
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
