"""The steps of `./viscera train` that teach a model new patients: update, curve, alike."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from training.arguments import RUNS

if TYPE_CHECKING:
    from training.update import Update


def run_update(options: argparse.Namespace) -> None:
    """Teach a model new patients; write it if it is better on patients held out."""
    from training.calibration import calibration_report
    from training.paired import comparison_table
    from training.promotion import refusal, updated_card
    from training.update import update_fold, update_folds, write_model

    update, folder = _update(options), RUNS / options.name
    if options.hold_out:
        pairs = update_fold(folder / "held-out", update, options.hold_out)
    else:
        pairs = update_folds(folder, update, options.folds)
    print(comparison_table(pairs), calibration_report(pairs.after), sep="\n\n")
    refused = refusal(pairs)
    if refused:
        raise SystemExit(f"Not promoted. {refused}")
    folds = 0 if options.hold_out else options.folds
    card = updated_card(update.card, update.new, pairs, version=options.version, folds=folds, licence=options.licence)
    final = write_model(folder, update, card, options.out, held_out=options.hold_out)
    print(f"{final.name} {final.version} {final.sha256}")


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
    from training.update import Recipe, Update

    new = [case for folder in options.learn for case in load_cases(folder) if case.outlined]
    new = [case for case in new if case.patient not in options.leave_out]
    if not new:
        raise SystemExit(f"There are no outlined cases in {', '.join(map(str, options.learn))}.")
    known = load_cases(options.cases)
    new, seen = apart(new, [case for case in known if case.outlined])
    recipe = Recipe(steps=options.steps, minutes=options.minutes, seed=options.seed)
    rest = [case for case in known if not case.outlined]
    return Update(options.model, options.classifier, new, [*seen, *rest], recipe)
