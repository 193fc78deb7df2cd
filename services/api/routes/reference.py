"""/docs: the interface on one page, generated from the OpenAPI document; it loads nothing from other servers."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .35rem 0; } code { font-size: .95em; }
b { display: inline-block; min-width: 4.5rem; } section { margin: 0 0 1rem 1.5rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .15rem 1rem .15rem 0; vertical-align: top; }
"""


@router.get("/docs", response_class=HTMLResponse)
def docs(request: Request) -> HTMLResponse:
    """Return every call with its parameters, bodies and responses."""
    answer = HTMLResponse(page(request.app.openapi()))
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; base-uri 'none'"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@router.get("/docs.css", response_class=HTMLResponse)
def style() -> HTMLResponse:
    """Return the page's style sheet."""
    return HTMLResponse(_STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


def page(document: dict[str, Any]) -> str:
    """Return an OpenAPI document as HTML."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            groups.setdefault((call.get("tags") or ["other"])[0], []).append("".join(_call(path, method, call)))
    parts = [f"<h2>{escape(tag)}</h2>{''.join(calls)}" for tag, calls in groups.items()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Viscera: the interface</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs.css">'
        '<link rel="icon" href="/favicon.svg"></head><body><main>'
        f"<h1>{escape(document['info']['title'])} {escape(document['info']['version'])}</h1>"
        f"<p>{escape(document['info'].get('summary', ''))} For programs: "
        f'<a href="/openapi.json">openapi.json</a>.</p>{"".join(parts)}</main></body></html>'
    )


def _call(path: str, method: str, call: dict[str, Any]) -> Iterator[str]:
    description = (call.get("description") or call.get("summary") or "").split("\n")[0]
    title = f"<b>{method.upper()}</b> <code>{escape(path)}</code> {escape(description)}"
    yield f"<details><summary>{title}</summary><section>"
    if call.get("description"):
        yield f"<p>{escape(call['description'])}</p>"
    if rows := [_parameter(parameter) for parameter in call.get("parameters", [])]:
        yield f"<table><tr><th>parameter</th><th>in</th><th>kind</th></tr>{''.join(rows)}</table>"
    for kind, schema in call.get("requestBody", {}).get("content", {}).items():
        yield f"<p>body: <code>{escape(kind)}</code> {_kind(schema.get('schema', {}))}</p>"
    rows = [
        f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td>"
        f"<td><code>{escape(', '.join(answer.get('content', {})))}</code></td></tr>"
        for status, answer in call.get("responses", {}).items()
    ]
    yield f"<table><tr><th>status</th><th>meaning</th><th>type</th></tr>{''.join(rows)}</table></section></details>"


def _parameter(parameter: dict[str, Any]) -> str:
    needed = " (needed)" if parameter.get("required") else ""
    name, place = escape(parameter["name"]), escape(parameter["in"])
    return f"<tr><td><code>{name}</code>{needed}</td><td>{place}</td><td>{_kind(parameter.get('schema', {}))}</td></tr>"


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        return f"<code>{escape(schema['$ref'].rpartition('/')[2])}</code>"
    if "anyOf" in schema:
        return " or ".join(_kind(parameter) for parameter in schema["anyOf"] if parameter.get("type") != "null")
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    named = ", ".join(f"<code>{escape(name)}</code>" for name in schema.get("properties", {}))
    return named or escape(str(schema.get("type", "")))
