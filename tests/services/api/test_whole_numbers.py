"""Every whole number that a caller may send has bounds that both databases can hold."""

INTEGER, BIGINT = 2**31 - 1, 2**63 - 1  # PostgreSQL refuses more with an error of the server
COUNTERS = {"GET /v1/audit after"}  # columns of BIGINT


def whole_numbers(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                schema = parameter["schema"]
                for choice in schema.get("anyOf", [schema]):
                    if choice.get("type") == "integer":
                        yield f"{method.upper()} {path} {parameter['name']}", choice


def test_every_whole_number_in_a_path_or_query_has_bounds(client):
    found = dict(whole_numbers(client.get("/openapi.json").json()))
    assert len(found) > 10
    most = {where: BIGINT if where in COUNTERS else INTEGER for where in found}
    unbounded = [where for where, schema in found.items() if not 0 <= schema.get("maximum", -1) <= most[where]]
    assert unbounded == []
