"""The page that describes the interface names every call and asks nothing of any other server."""

import re


def test_every_call_of_the_openapi_document_is_on_the_page(client):
    page = client.get("/docs").text
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in page
    assert "<code>wait</code>" in page


def test_nothing_is_fetched_from_elsewhere(client):
    answer = client.get("/docs")
    assert re.findall(r'(?:src|href)="([^"]+)"', answer.text) == ["/docs.css", "/favicon.svg", "/openapi.json"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.get("/docs.css").headers["content-type"].startswith("text/css")
    assert client.get("/redoc").status_code == 404
