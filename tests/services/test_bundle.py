"""The web application is built once per state of its sources, and its absence is said in one sentence."""

import pytest

from services import bundle as module
from services.bundle import BundleError, bundle


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    (folder / "src").mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "tiny", "dependencies": {"preact": "10.0.0"}}')
    (folder / "package-lock.json").write_text('{"name": "tiny", "lockfileVersion": 3, "packages": {}}')
    (folder / "src" / "main.ts").write_text("export {};")
    return folder


def test_what_was_built_is_used_again_until_a_source_changes(sources, tmp_path, monkeypatch):
    built = []

    def run(failed, command, folder, program, seconds):
        built.append(command)
        (folder / "dist").mkdir(exist_ok=True)
        (folder / "dist" / "index.html").write_text("<title>Viscera</title>")

    monkeypatch.setattr(module, "_run", run)
    first = bundle(tmp_path / "cache", sources)
    assert (first / "index.html").is_file()
    steps = len(built)
    assert bundle(tmp_path / "cache", sources) == first
    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "anything.js").write_text("")
    assert bundle(tmp_path / "cache", sources) == first
    assert len(built) == steps
    (sources / "src" / "main.ts").write_text("export const more = 1;")
    assert bundle(tmp_path / "cache", sources) != first
    assert len(built) == 2 * steps


def test_missing_sources_and_failing_steps_are_one_sentence(sources, tmp_path, monkeypatch):
    with pytest.raises(BundleError, match="not installed here"):
        bundle(tmp_path / "cache", tmp_path / "nothing")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    with pytest.raises(BundleError) as caught:
        bundle(tmp_path / "cache", sources)
    assert "\n" not in caught.value.detail
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name.startswith("build-")]
