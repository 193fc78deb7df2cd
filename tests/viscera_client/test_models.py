"""The client's types say what the service's own types say."""

import ast
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from services.api import label_edits, schemas
from services.api.dicomweb import deliveries
from services.api.routes import jobs, measurements, uploads
from services.mesher.report import Report
from viscera_client import edits, models, report

FOLDER = Path(models.__file__).parent
PAIRS = [
    (models.Job, schemas.Job),
    (models.JobPage, schemas.JobPage),
    (models.Scan, schemas.Scan),
    (models.WorkerModel, schemas.WorkerModel),
    (models.Upload, uploads.Upload),
    (models.Revision, label_edits.Revision),
    (models.Drawing, measurements.MeasurementRequest),
    (models.Measurement, measurements.MeasurementView),
    (models.Delivery, deliveries.DeliveryView),
    (models.Destination, deliveries.DestinationView),
    (report.Report, Report),
    (edits.Relabel, label_edits.Relabel),
    (edits.Fill, label_edits.Fill),
    (edits.Erase, label_edits.Erase),
    (edits.Paint, label_edits.Paint),
    (edits.Smooth, label_edits.Smooth),
    (edits.Islands, label_edits.Islands),
    (edits.Interpolate, label_edits.Interpolate),
]
KEPT = {
    "type",
    "format",
    "enum",
    "const",
    "items",
    "prefixItems",
    "anyOf",
    "properties",
    "additionalProperties",
    "$ref",
}


def shape(schema):
    """A JSON schema's types without titles, descriptions, defaults and limits."""
    inlined = schemas.inlined(schema)

    def reduced(node):
        if isinstance(node, list):
            return [reduced(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        kept = {key: reduced(value) for key, value in node.items() if key in KEPT}
        if "properties" in node:
            kept["properties"] = {name: reduced(value) for name, value in node["properties"].items()}
        if kept.get("additionalProperties") is False:
            del kept["additionalProperties"]
        return kept

    return reduced(inlined)


@pytest.mark.parametrize(("own", "other"), PAIRS, ids=lambda model: model.__name__)
def test_a_type_has_the_members_of_the_services_type(own, other):
    assert shape(own) == shape(other)


def test_options_filters_and_changes_are_those_of_the_service():
    parameters = set(inspect.signature(jobs.list_jobs).parameters) - {"gateway", "caller", "cursor", "limit"}
    assert set(models.JobFilters.__annotations__) == parameters
    assert set(models.JobOptions.__annotations__) == set(schemas.Options.model_fields)
    assert set(models.JobChange.__annotations__) == set(schemas.JobChange.model_fields)


def test_it_needs_no_package_but_those_that_it_names():
    named = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]["dependencies"]
    allowed = {name.split(">=")[0] for name in named} | {"viscera_client"}
    trees = [ast.parse(path.read_text()) for path in FOLDER.glob("*.py")]
    imported = {node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        name.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) <= allowed
    script = "import sys, viscera_client; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True).stdout
    assert not {"services", "shared", "numpy", "fastapi", "sqlalchemy"} & set(loaded.split())
