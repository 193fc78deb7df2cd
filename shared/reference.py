"""docs/configuration.md, made from the settings: `python -P -m shared.reference > docs/configuration.md`."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.settings import Settings

HEAD = """# Configuration

Made by `python -P -m shared.reference`. Every setting is an environment variable; one that is secret, or any other, may
instead be a file of its name in lower case in the folder that `VISCERA_SECRETS` names. All services of an installation
get the same settings; who does not need one passes over it.

| variable | default | what it does |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    default = "" if field.default in (None, "") else f"`{field.default}`"
    secret = " Secret." if field.annotation == SecretStr | None else ""
    return f"| `VISCERA_{name.upper()}` | {default} | {field.description}{secret} |\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page itself
