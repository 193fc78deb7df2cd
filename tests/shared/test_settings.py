"""Settings come from the environment or from files of secrets; the reference page is made from them."""

from pathlib import Path

import pytest

from shared.operations import settings_docs
from shared.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_reference_is_the_generated_one():
    assert PAGE.read_text() == settings_docs.page()


def test_every_setting_is_described_in_a_sentence():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_a_file_of_secrets_is_read_and_the_environment_goes_first(tmp_path, monkeypatch):
    (tmp_path / "viscera_key").write_text("vsk_file")
    (tmp_path / "viscera_broker_url").write_text("redis://file:1/0")
    monkeypatch.setenv("VISCERA_BROKER_URL", "redis://environment:1/0")
    found = Settings(_secrets_dir=tmp_path)
    assert found.key.get_secret_value() == "vsk_file"
    assert found.broker_url == "redis://environment:1/0"
    assert "vsk_file" not in repr(found)


@pytest.mark.parametrize("name", ["VISCERA_LEASE_SECONDS", "VISCERA_QUEUE_BOUND"])
def test_a_setting_that_is_no_number_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "soon")
    with pytest.raises(ValueError, match=name.removeprefix("VISCERA_").lower()):
        Settings()
