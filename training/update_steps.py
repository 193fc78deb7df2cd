"""The steps of `./viscera train` that teach a model new patients: update, curve, alike."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from training.arguments import RUNS

if TYPE_CHECKING:
    from pathlib import Path

    from shared.models.card import ModelCard
    from training.paired import Pairs
    from training.recipe import Recipe
    from training.update_data import Update


def run_update(options: argparse.Namespace) -> None:
    """Teach a model new patients; write it if it is better on patients held out."""
    if options.hold_out and (options.keep_fold is not None or options.against):
        raise SystemExit("--keep-fold and --against are for groups held out in turn: leave out --hold-out.")
    if options.keep_fold is not None and options.folds != 2:
        raise SystemExit("--keep-fold needs two groups: give --folds 2.")
    from training.promotion import refusal
    from training.update import OtherRun

    update, folder = _update(options), RUNS / options.name
    try:
        pairs = _measured(options, update, folder)
    except OtherRun as error:
        raise SystemExit(str(error)) from None
    refused = refusal(pairs)
    if refused:
        raise SystemExit(f"Not promoted. {refused}")
    final = _write(options, update, folder, pairs)
    print(f"{final.name} {final.version} {final.sha256}")


def _measured(options: argparse.Namespace, update: Update, folder: Path) -> Pairs:
    """Learn without the patients held out, measure on them, and print what changes."""
    from training.calibration import calibration_report
    from training.paired import Pairs, comparison_table
    from training.update import fold_results, update_fold, update_folds

    # The other run comes first: what it lacks is better known before hours of learning than after them.
    other = fold_results(RUNS / options.against, update, options.folds) if options.against else None
    if options.hold_out:
        pairs = update_fold(folder / "held-out", update, options.hold_out)
    else:
        pairs = update_folds(folder, update, options.folds)
    print(comparison_table(pairs), calibration_report(pairs.after), sep="\n\n")
    if other is not None:
        print(f"\nAgainst {options.against}:\n\n{comparison_table(Pairs(other, pairs.after))}")
    return pairs


def _write(options: argparse.Namespace, update: Update, folder: Path, pairs: Pairs) -> ModelCard:
    """Write the model, and torch's answers if they are wanted."""
    from training.export.golden_outputs import record
    from training.export.to_onnx import export
    from training.promotion import Way, updated_card
    from training.update import final_network

    folds = 0 if options.hold_out else options.folds
    unseen = [] if options.keep_fold is None else update.fold(options.keep_fold, 2)
    learned = [case for case in (*update.new, *update.partial) if case.patient not in unseen]
    way = Way(folds, options.keep_fold is not None)
    card = updated_card(update.card, learned, pairs, version=options.version, way=way, licence=options.licence)
    network = final_network(folder, update, held_out=options.hold_out, fold=options.keep_fold)
    final = export(network, card, options.out)
    if options.record:
        record(network, card, options.record)
    return final


def run_curve(options: argparse.Namespace) -> None:
    """What 1, 2, 4 and so on new patients bring."""
    from training.evaluate import MEAN, summary
    from training.paired import differences, signed
    from training.update import learning_curve

    print("| new patients | minutes | mean Dice of the others | paired difference |\n|---|---|---|---|")
    for count, minutes, pairs in learning_curve(RUNS / options.name, _update(options)):
        if count == 1:
            print(f"| 0 | | {summary(pairs.before)[MEAN]['dice'][0]:.3f} | |")
        after = summary(pairs.after)[MEAN]["dice"][0]
        print(f"| {count} | {minutes:.1f} | {after:.3f} | {signed(differences(pairs)[MEAN])} |", flush=True)


def run_alike(options: argparse.Namespace) -> None:
    """List pairs of pictures that are probably of one patient."""
    from training.dataset.alike import alike
    from training.dataset.cases import load_cases

    cases = [case for folder in options.folders for case in load_cases(folder) if case.outlined]
    for pair in alike(cases, options.limit):
        names = (f"{case.name} slice {index} ({case.patient})" for case, index in (pair.first, pair.second))
        print(f"{pair.correlation:.3f}", *names, sep="  ")


def _update(options: argparse.Namespace) -> Update:
    from training.dataset.alike import apart
    from training.dataset.cases import load_cases
    from training.update_data import Update

    new = [case for folder in options.learn for case in load_cases(folder) if case.outlined]
    new = [case for case in new if case.patient not in options.leave_out]
    if not new:
        raise SystemExit(f"There are no outlined cases in {', '.join(map(str, options.learn))}.")
    partial = [case for folder in options.partial for case in load_cases(folder)]
    known = load_cases(options.cases)
    fresh, seen = apart([*new, *partial], [case for case in known if case.outlined])
    rest = [case for case in known if not case.outlined]
    names = {case.name for case in partial}
    update = Update(
        options.model,
        options.classifier,
        [case for case in fresh if case.name not in names],
        [*(case for case in seen if case.name not in names), *rest],
        _recipe(options),
        partial=[case for case in (*fresh, *seen) if case.name in names],
        shapes=load_cases(options.shapes) if options.shapes else [],
    )
    return _with_unknown_gut(update)


def _recipe(options: argparse.Namespace) -> Recipe:
    from training.recipe import RECIPES

    recipe = RECIPES[options.recipe]
    networks = tuple(options.networks) if options.networks else None
    changes = {"steps": options.steps, "minutes": options.minutes, "networks": networks}
    return replace(recipe, seed=options.seed, **{name: value for name, value in changes.items() if value is not None})


def _with_unknown_gut(update: Update) -> Update:
    """The update, gut without an outline in its partial cases marked by the model before."""
    from training.dataset.cases import as_scan
    from training.dataset.partial import with_unknown_gut
    from training.predict import slice_logits
    from training.update import start_of

    if not update.partial:
        return update
    network, spec = start_of(update), update.card.slices
    logits = [slice_logits(network, as_scan(case, spec), 0) for case in update.partial]
    marked = zip(update.partial, logits, strict=True)
    return replace(update, partial=[with_unknown_gut(case, each.softmax(dim=0).numpy()) for case, each in marked])
