"""How many workers a day takes follows from what one scan costs; what is asked for on Kubernetes, from the docs."""

import re
from pathlib import Path

import pytest
import yaml

from bench.capacity import Cost, plan

ROOT = Path(__file__).parents[2]


def test_workers_cores_and_bytes_follow_from_the_cost_of_a_scan():
    costs = {"classifier": Cost(1.0, 0, 0), "segmenter": Cost(43.2, 0, 0), "mesher": Cost(8.4, 0, 0)}
    found = plan(costs, 2**20, studies=1000, peak=0.36)  # 0.1 a second in the busiest hour
    assert (found["classifier"], found["segmenter"], found["mesher"]) == (1, 7, 2)
    assert found["cores"] == pytest.approx(52.6 / 86.4)
    assert found["gib_a_day"] == pytest.approx(1000 / 1024)


def test_kubernetes_asks_for_what_the_page_says():
    page = (ROOT / "docs" / "capacity.md").read_text()
    rows = re.findall(r"^\| (\w+) \|.*\| (\d\S*) / (\d\S*) / (\d\S*) \|$", page, re.MULTILINE)
    assert {name for name, *_ in rows} == {"api", "classifier", "segmenter", "mesher", "reconciler", "dimse"}
    for name, cpu, memory, limit in rows:
        documents = yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "base" / f"{name}.yaml").read_text())
        (container,) = next(documents)["spec"]["template"]["spec"]["containers"]
        wanted = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}
        assert container["resources"] == wanted, name
