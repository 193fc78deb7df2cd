"""The training loop: cosine schedule, averaged weights, checkpoints that resume, TensorBoard, a progress bar."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from torch import Tensor, nn

from training.batches import Batch, ahead


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast: ends after `steps` or `minutes`, whichever comes first.

    The part of a network called `encoder` learns at `gentle` times the rate: what it brings along is not to be lost.
    With a `partner`, the folder of a second run beside this one, both take the mean of their weights every
    `meet_every` steps (local SGD, Stich 2019): two slow processors do the work of a fast one.
    """

    steps: int = 20_000
    minutes: float = 600.0
    rate: float = 2e-3
    gentle: float = 1.0
    decay: float = 1e-2
    warm: int = 100
    average: float = 0.998
    save_every_s: float = 120.0
    look_every: int = 500
    partner: Path | None = None
    meet_every: int = 100
    device: str = "cuda" if torch.cuda.is_available() else "cpu"
    half: bool = True


@dataclass(slots=True, eq=False)
class State:
    """Everything that a checkpoint holds."""

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write the checkpoint so that a crash leaves the old or the new one."""
        part = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
            },
            part,
        )
        part.replace(path)

    def load(self, path: Path) -> None:
        """Go on where a checkpoint ended."""
        held = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(held["network"])
        self.average.load_state_dict(held["average"])
        self.optimiser.load_state_dict(held["optimiser"])
        self.step, self.seconds = held["step"], held["seconds"]


def fit(
    network: nn.Module,
    loss: Callable[[nn.Module, Batch], Tensor],
    draw: Callable[[int], Batch],
    plan: Plan,
    *,
    folder: Path,
    look: Callable[[nn.Module], dict[str, float]] | None = None,
) -> nn.Module:
    """Train `network` in `folder` (resuming what is there) and return its averaged weights.

    `look` measures the averaged network now and then; what it says goes to TensorBoard and the progress bar.
    """
    from torch.utils.tensorboard import SummaryWriter

    folder.mkdir(parents=True, exist_ok=True)
    state = begin(network.to(plan.device), plan)
    last = folder / "last.pt"
    if last.is_file():
        state.load(last)
    writer = SummaryWriter(str(folder))
    with _bar(folder.name, plan.steps) as (bar, task):
        saved = before = time.monotonic()
        for batch in ahead(draw, state.step, plan.steps):
            value = one_step(state, loss, batch, plan)
            state.seconds += time.monotonic() - before
            before = time.monotonic()
            if plan.partner is not None and state.step % plan.meet_every == 0:
                meet(state.network, folder, plan.partner)
            saved = _keep(state, last, plan, saved)
            writer.add_scalar("loss", value, state.step)
            bar.update(task, completed=state.step, description=f"{folder.name} loss {value:.3f}")
            ended = progress_of(state, plan) >= 1.0
            if look is not None and (ended or state.step % plan.look_every == 0):
                _report(writer, bar, state, look(state.average))
            if ended:
                break
    state.save(last)
    writer.close()
    return state.average


def begin(network: nn.Module, plan: Plan) -> State:
    """A fresh state; normalisation weights and biases are not decayed."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    optimiser = torch.optim.AdamW(
        [
            {"params": held, "weight_decay": plan.decay * deep, "share": plan.gentle if encodes else 1.0}
            for (encodes, deep), held in groups.items()
        ],
        lr=plan.rate,
    )
    return State(network, copy.deepcopy(network).eval().requires_grad_(False), optimiser)


def progress_of(state: State, plan: Plan) -> float:
    """How much of the plan is done, 0 to 1, by steps or by time."""
    return max(state.step / plan.steps, state.seconds / (60.0 * plan.minutes))


def one_step(state: State, loss: Callable[[nn.Module, Batch], Tensor], batch: Batch, plan: Plan) -> float:
    """One update of the network and of its average; the loss."""
    rate = (
        plan.rate * min(1.0, (state.step + 1) / plan.warm) * 0.5 * (1.0 + math.cos(math.pi * progress_of(state, plan)))
    )
    for part in state.optimiser.param_groups:
        part["lr"] = max(rate * part["share"], 1e-6)
    images, labels = batch[0].to(plan.device), batch[1].to(plan.device)
    state.network.train()
    with torch.autocast(plan.device, dtype=torch.bfloat16, enabled=plan.half):
        value = loss(state.network, (images.contiguous(memory_format=torch.channels_last), labels))
    state.optimiser.zero_grad(set_to_none=True)
    value.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
    state.optimiser.step()
    state.step += 1
    blend(state.average, state.network, min(plan.average, (1.0 + state.step) / (20.0 + state.step)))
    return float(value.detach())


@torch.no_grad()
def blend(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Move the averaged weights and statistics a little towards the network's."""
    for mine, theirs in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1.0 - keep)
        else:
            mine.copy_(theirs)


@torch.no_grad()
def meet(network: nn.Module, mine: Path, theirs: Path) -> None:
    """Lay down this run's weights and take the mean with what the partner laid down last."""
    part = mine / "meet.part"
    torch.save(network.state_dict(), part)
    part.replace(mine / "meet.pt")
    if (theirs / "meet.pt").is_file():
        held = torch.load(theirs / "meet.pt", map_location=next(network.parameters()).device, weights_only=True)
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(held[name], 0.5)


def _keep(state: State, last: Path, plan: Plan, saved: float) -> float:
    """Save if the last time is long enough ago; when it was saved last."""
    if time.monotonic() - saved < plan.save_every_s:
        return saved
    state.save(last)
    return time.monotonic()


def _report(writer: Any, bar: Progress, state: State, figures: dict[str, float]) -> None:
    for name, figure in figures.items():
        writer.add_scalar(f"validation/{name}", figure, state.step)
    bar.console.print(
        f"step {state.step} {state.seconds / 60:.1f} min " + " ".join(f"{k} {v:.3f}" for k, v in figures.items())
    )


@contextmanager
def _bar(name: str, steps: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, refresh_per_second=1) as progress:
        yield progress, progress.add_task(name, total=steps)
