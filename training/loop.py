"""The training loop: cosine schedule, averaged weights, checkpoints, TensorBoard and a progress bar."""

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
from torch import nn

from training.dataset.batches import Batch, prefetch
from training.losses import Loss


@dataclass(frozen=True, slots=True)
class Schedule:
    """Length and rates of a training; it ends after `steps` or `minutes`, whichever comes first.

    Parameters of the submodule `encoder` learn at `encoder_lr_factor` times `lr`, so that pre-trained weights are
    kept. `peer` is the folder of a second run: both average their weights every `average_every` steps (local SGD,
    Stich 2019), so that two processors train one network. `bf16` computes in bfloat16: twice as fast on a GPU or with
    AVX-512, and twelve times slower on a processor without it.
    """

    steps: int = 20_000
    minutes: float = 600.0
    lr: float = 2e-3
    encoder_lr_factor: float = 1.0
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    ema_decay: float = 0.998
    save_every_s: float = 120.0
    eval_every: int = 500
    peer: Path | None = None
    average_every: int = 100
    device: str = "cuda" if torch.cuda.is_available() else "cpu"
    bf16: bool = torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability() == "AVX512"


@dataclass(slots=True, eq=False)
class State:
    """The contents of a checkpoint; `average` is the exponential moving average of `network`'s weights."""

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically: after a crash the file is the old or the new one."""
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
        """Continue from a checkpoint."""
        saved = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.seconds = saved["step"], saved["seconds"]


def fit(
    network: nn.Module,
    loss: Loss,
    draw: Callable[[int], Batch],
    schedule: Schedule,
    *,
    folder: Path,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
) -> nn.Module:
    """Train `network`, resuming the checkpoint in `folder` if there is one; returns the averaged network.

    `draw` makes the batch of a number. `evaluate` measures the averaged network every `eval_every` steps and at the
    end; its figures go to TensorBoard and the console.
    """
    from torch.utils.tensorboard import SummaryWriter

    folder.mkdir(parents=True, exist_ok=True)
    state = initial_state(network.to(schedule.device), schedule)
    checkpoint = folder / "last.pt"
    if checkpoint.is_file():
        state.load(checkpoint)
    writer = SummaryWriter(str(folder))
    with _bar(folder.name, schedule.steps) as (bar, task):
        saved = before = time.monotonic()
        last = schedule.steps if progress_of(state, schedule) < 1.0 else state.step  # a finished run learns no more
        for batch in prefetch(draw, state.step, last):
            value = train_step(state, loss, batch, schedule)
            state.seconds += time.monotonic() - before
            before = time.monotonic()
            if schedule.peer is not None and state.step % schedule.average_every == 0:
                average_with_peer(state.network, folder, schedule.peer)
            saved = _save_if_due(state, checkpoint, schedule, saved)
            writer.add_scalar("loss", value, state.step)
            bar.update(task, completed=state.step, description=f"{folder.name} loss {value:.3f}")
            ended = progress_of(state, schedule) >= 1.0
            if evaluate is not None and (ended or state.step % schedule.eval_every == 0):
                _report(writer, bar, state, evaluate(state.average))
            if ended:
                break
    state.save(checkpoint)
    writer.close()
    return state.average


def initial_state(network: nn.Module, schedule: Schedule) -> State:
    """The state before the first step; normalisation weights and biases have no weight decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    optimiser = torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": schedule.weight_decay if has_decay else 0.0,
                "share": schedule.encoder_lr_factor if in_encoder else 1.0,
            }
            for (in_encoder, has_decay), parameters in groups.items()
        ],
        lr=schedule.lr,
    )
    return State(network, copy.deepcopy(network).eval().requires_grad_(False), optimiser)


def progress_of(state: State, schedule: Schedule) -> float:
    """The fraction of the schedule that is done, 0 to 1, by steps or by time, whichever is larger."""
    return max(state.step / schedule.steps, state.seconds / (60.0 * schedule.minutes))


def learning_rate(state: State, schedule: Schedule) -> float:
    """Linear warm-up, then half a cosine to 0 (Loshchilov and Hutter 2017)."""
    warmup = min(1.0, (state.step + 1) / schedule.warmup_steps)
    return schedule.lr * warmup * 0.5 * (1.0 + math.cos(math.pi * progress_of(state, schedule)))


def train_step(state: State, loss: Loss, batch: Batch, schedule: Schedule) -> float:
    """Update the network and its average with one batch; returns the loss."""
    lr = learning_rate(state, schedule)
    for group in state.optimiser.param_groups:
        group["lr"] = max(lr * group["share"], 1e-6)
    images, labels = batch[0].to(schedule.device), batch[1].to(schedule.device)
    state.network.train()
    with torch.autocast(schedule.device, dtype=torch.bfloat16, enabled=schedule.bf16):
        value = loss(state.network, (images.contiguous(memory_format=torch.channels_last), labels))
    state.optimiser.zero_grad(set_to_none=True)
    value.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
    state.optimiser.step()
    state.step += 1
    # Early on the average follows faster, so that it forgets the initial weights.
    ema_update(state.average, state.network, min(schedule.ema_decay, (1.0 + state.step) / (20.0 + state.step)))
    return float(value.detach())


@torch.no_grad()
def ema_update(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update the exponential moving average of weights and statistics; integer buffers are copied."""
    for mean, current in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(current, 1.0 - decay)
        else:
            mean.copy_(current)


@torch.no_grad()
def average_with_peer(network: nn.Module, own: Path, peer: Path) -> None:
    """Save this run's weights and average them with the peer's latest."""
    part = own / "meet.part"
    torch.save(network.state_dict(), part)
    part.replace(own / "meet.pt")
    if (peer / "meet.pt").is_file():
        latest = torch.load(peer / "meet.pt", map_location=next(network.parameters()).device, weights_only=True)
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(latest[name], 0.5)


def _save_if_due(state: State, checkpoint: Path, schedule: Schedule, saved: float) -> float:
    """Save if `save_every_s` have passed; returns the time of the last save."""
    if time.monotonic() - saved < schedule.save_every_s:
        return saved
    state.save(checkpoint)
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
