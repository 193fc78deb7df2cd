"""Reads the configuration of a MONAI bundle without running anything that it contains."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.errors import ModelError

NAMES = ("inference.json", "inference.yaml", "inference.yml")
_DEEPEST = 16
"""References to references that are followed."""


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform: the name of its class without the module, and its other keys with references resolved."""

    name: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Configuration:
    """The content of `configs/inference.json` or `.yaml`.

    Values that begin with `@` name other values (`@pixdim`, `@inferer#roi_size`). Those that begin with `$` are Python
    expressions: they are refused where they are needed.
    """

    content: dict[str, Any]
    file: str

    def value(self, value: Any, where: str, depth: int = 0) -> Any:
        """Return a value with the references in it replaced.

        Raises ModelError for an expression, and for a reference to nothing.
        """
        if isinstance(value, dict):
            return {key: self.value(each, f"{where}#{key}", depth) for key, each in value.items()}
        if isinstance(value, list):
            return [self.value(each, f"{where}#{number}", depth) for number, each in enumerate(value)]
        if isinstance(value, str) and value.startswith("$"):
            raise ModelError(f"{where} in {self.file} is a Python expression; write its value there instead.")
        if isinstance(value, str) and value.startswith("@"):
            if depth > _DEEPEST:
                raise ModelError(f"{where} in {self.file} refers to itself.")
            return self.value(self._find(value[1:]), value[1:], depth + 1)
        return value

    def _find(self, name: str) -> Any:
        found: Any = self.content
        for key in name.replace("::", "#").split("#"):
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise ModelError(f"{self.file} refers to {name}, which is not in it.") from error
        return found

    def component(self, name: str) -> Transform:
        """Return a part that has a class (`_target_`), such as the inferer."""
        if name not in self.content:
            raise ModelError(f"{self.file} has no {name}.")
        return self._part(self.content[name], name)

    def transforms(self, name: str, known: Collection[str]) -> list[Transform]:
        """Return the transforms of a `Compose`, without the disabled ones.

        Raises ModelError for one whose class is not among the known ones, by its name.
        """
        if name not in self.content:
            raise ModelError(f"{self.file} has no {name}.")
        compose = self._follow(self.content[name], name)
        if not isinstance(compose, dict) or _class(compose) != "Compose":
            raise ModelError(f"{name} in {self.file} is not a Compose of transforms.")
        steps = self._follow(compose.get("transforms"), f"{name}#transforms")
        if not isinstance(steps, list):
            raise ModelError(f"{name} in {self.file} has no list of transforms.")
        parts = []
        for number, each in enumerate(steps):
            where = f"{name}#transforms#{number}"
            step = self._follow(each, where)
            if isinstance(step, dict) and step.get("_disabled_") is True:
                continue
            if isinstance(step, dict) and _class(step) not in known:
                raise ModelError(f"The transform {_class(step)} in {name} can't be converted.")
            parts.append(self._part(step, where))
        return parts

    def _follow(self, value: Any, where: str) -> Any:
        """Return what a reference names; a value that is none, as it is."""
        for _ in range(_DEEPEST):
            if not isinstance(value, str) or not value.startswith("@"):
                break
            value = self._find(value[1:])
        if isinstance(value, str) and value.startswith("$"):
            self.value(value, where)
        return value

    def _part(self, value: Any, where: str) -> Transform:
        part = self._follow(value, where)
        if not isinstance(part, dict) or "_target_" not in part:
            raise ModelError(f"{where} in {self.file} is no part with a _target_.")
        unneeded = {"_target_", "_desc_", "_requires_", "_disabled_", *NOT_NEEDED.get(_class(part), ())}
        options = {key: self.value(each, f"{where}#{key}") for key, each in part.items() if key not in unneeded}
        return Transform(_class(part), options)


NOT_NEEDED = {
    name: frozenset(options.split())
    for name, options in {
        "Invertd": "transform device keys orig_keys meta_keys orig_meta_keys meta_key_postfix",
        "SaveImaged": "keys meta_keys meta_key_postfix output_dir output_ext output_dtype output_postfix "
        "separate_folder data_root_dir squeeze_end_dims print_log dtype",
        "SlidingWindowInferer": "device sw_device sw_batch_size progress cpu_thresh cache_roi_weight_map",
        "LoadImaged": "keys reader dtype image_only meta_keys meta_key_postfix simple_keys",
        "EnsureTyped": "keys device track_meta data_type dtype",
        "EnsureChannelFirstd": "keys meta_keys meta_key_postfix channel_dim",
        "ToTensord": "keys device dtype",
    }.items()
}
"""Options that do not change a label; they are often expressions."""


def _class(part: dict[str, Any]) -> str:
    """Return the name of a class without its module; `SpacingD` and `SpacingDict` are `Spacingd`."""
    name = str(part.get("_target_", "")).rsplit(".", 1)[-1]
    for ending in ("Dict", "D"):
        if name.endswith(ending):
            return name.removesuffix(ending) + "d"
    return name


def read_configuration(folder: Path) -> Configuration:
    """Return the configuration of inference of a bundle.

    Raises ModelError where there is none that can be read.
    """
    path = next((path for path in (folder / "configs" / name for name in NAMES) if path.is_file()), None)
    if path is None:
        raise ModelError("There is no configs/inference.json or .yaml in the bundle.")
    return Configuration(read_object(path), path.name)


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON or YAML file.

    Raises ModelError where there is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelError(f"There is no readable {path.name} in the bundle.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path.name} is not a bundle's.")
    return content
