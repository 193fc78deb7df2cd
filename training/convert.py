"""Converts a trained model to a model folder: `./viscera models convert KIND FOLDER OUT`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.errors import ModelError
from shared.models.card import ModelCard
from training.bundles.convert import convert as convert_bundle
from training.converted import NO_LICENCE, without_code
from training.nnunet.convert import convert as convert_nnunet

FOLDER = """nnunet: with plans.json, dataset.json and fold_N/checkpoint_final.pth.
monai: a bundle, with configs/inference.json, configs/metadata.json and models/model.ts or model.onnx"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert one model; a model that can't be converted is one sentence and exit code 1."""
    parser = argparse.ArgumentParser(prog="viscera models convert", description=__doc__)
    parser.add_argument("kind", choices=("nnunet", "monai"))
    parser.add_argument("folder", type=Path, help=FOLDER)
    parser.add_argument("out", type=Path, help="the model folder to write")
    parser.add_argument("--folds", help="nnunet: comma-separated, such as 0,1 or all (default: those that are there)")
    parser.add_argument("--names", type=Path, metavar="CSV", help="columns name, title, snomed, colour and others")
    parser.add_argument("--licence", default=NO_LICENCE, metavar="TEXT", help="of the weights")
    parser.add_argument("--version", help="of the model, for its card (default: the bundle's, or 1)")
    parser.add_argument("--mirroring", action="store_true", help="nnunet: average mirrored copies (slow)")
    options = parser.parse_args(arguments)
    if options.kind == "monai" and (options.folds or options.mirroring):
        parser.error("--folds and --mirroring are for nnunet")
    try:
        card = _convert(options)
    except ModelError as error:
        print(f"viscera: {error.detail} ({error.code})", file=sys.stderr)
        sys.exit(1)
    print(f"{options.out}: {card.name} {card.version}, {len(card.labels)} labels, {len(card.files)} fold(s).")
    if nameless := without_code(card):
        print(f"Without a SNOMED CT code: {', '.join(nameless)}. A CSV file adds codes: --names.")


def _convert(options: argparse.Namespace) -> ModelCard:
    folder, out = options.folder, options.out
    if options.kind == "monai":
        return convert_bundle(folder, out, names=options.names, licence=options.licence, version=options.version)
    return convert_nnunet(
        folder,
        out,
        folds=options.folds.split(",") if options.folds else None,
        names=options.names,
        licence=options.licence,
        version=options.version or "1",
        mirroring=options.mirroring,
    )


if __name__ == "__main__":
    main()
