"""The features of all bins, sharded over Ray actors: groups of bins, each written down whole, none measured twice."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import torch
from ray.exceptions import RayActorError, RayTaskError

from degcraft.cache import read_kept
from degcraft.degradation import DegradationSpace
from degcraft.errors import DegcraftError, in_short
from degcraft.features import FeatureExtractor
from degcraft.images import Patches
from degcraft.images.atomic import writing_to
from degcraft.matching import Group, Measurement, check_patches, join_groups, key_of, measure_group
from degcraft.matching.arrays import load_arrays, save_arrays
from tune.cluster import fits, worker_device, worker_threads

GROUP = 5
"""Bins in a group: what a killed actor costs at most."""

RESTARTS = 3
"""Times that an actor is restarted, and its group measured again, before the measurement is given up."""


@dataclass(frozen=True)
class Workers:
    """What the actors take of the cluster."""

    cpus: float = 1
    gpus: float = 0
    count: int | None = None
    """As many as fit, if None."""


class _Worker:
    """Holds the images and the extractor; measures group after group of bins."""

    def __init__(self) -> None:
        torch.set_num_threads(worker_threads())
        self._device = worker_device()
        self._ready = False

    def measure(self, inputs: list[ray.ObjectRef], bins: list[int], scale: int, seed: int) -> Group:
        # The inputs come with every call, as references, and are unpacked at the first: a restarted actor has lost
        # what it was made with, and Ray does not keep an actor's own arguments for it.
        if not self._ready:
            self._unpack(*ray.get(inputs))
        return measure_group(self._space, bins, self._hr, self._extractor, scale=scale, seed=seed, device=self._device)

    def _unpack(self, space: DegradationSpace, hr: Patches, extractor: FeatureExtractor) -> None:
        # Arrays out of the object store are read-only, which torch cannot express: hence the copy.
        self._space, self._hr, self._extractor = space, hr.pixels.clone(), extractor.to(self._device)
        self._ready = True


def sharded_measurement(
    space: DegradationSpace,
    hr: Patches,
    references: Patches,
    extractor: FeatureExtractor,
    *,
    scale: int,
    seed: int,
    workers: Workers,
    cache: Path,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = print,
) -> Measurement:
    """`degcraft.matching.measure` on Ray actors, or read from the cache that it keeps, too.

    Each group of bins is written to the cache whole as soon as it is measured, so a killed driver goes on where it
    was, a killed actor costs one group, and a repeated call measures nothing. Numbers do not depend on the sharding.

    Args:
        space: The bins.
        hr: HR crops that every bin degrades.
        references: Reference patches (LR); their features are computed here.
        extractor: On the CPU; the actors move it to what Ray gives them.
        scale: LR is HR divided by it.
        seed: Of what the bins draw.
        workers: Size and number of the actors.
        cache: Folder of the cache.
        progress: Called with (bins measured, bins).
        say: Told in a sentence of what is damaged in the cache; it is measured anew.

    Raises:
        DegcraftError: The cluster is too small for one actor, or a group could not be measured even after restarts.
    """
    key = key_of(space, hr, references, extractor, scale, seed)
    whole = cache / f"{key}.npz"
    kept = read_kept(Measurement.load, whole, say)
    if kept is not None:
        return kept
    check_patches(hr, references, scale)
    pieces = cache / key
    with writing_to(pieces):
        pieces.mkdir(parents=True, exist_ok=True)
    groups = [list(range(start, min(start + GROUP, space.groups))) for start in range(0, space.groups, GROUP)]
    missing = [group for group in groups if read_kept(_read, _piece(pieces, group), say) is None]
    if missing:
        count = min(workers.count or fits(workers.cpus, workers.gpus), len(missing))
        _measure(missing, pieces, (space, hr, extractor), count, scale, seed, workers, progress, space.groups)
    parts = [_read(_piece(pieces, group)) for group in groups]
    measured = join_groups(parts, space, hr, references, extractor, scale=scale, seed=seed)
    measured.save(whole)
    shutil.rmtree(pieces, ignore_errors=True)
    return measured


def _measure(
    groups: list[list[int]],
    pieces: Path,
    inputs: tuple[DegradationSpace, Patches, FeatureExtractor],
    count: int,
    scale: int,
    seed: int,
    workers: Workers,
    progress: Callable[[int, int], None] | None,
    total: int,
) -> None:
    """Keep every actor busy with one group, and no more than one waiting behind it."""
    # One copy in the object store for all actors, and for their restarts.
    kept = [ray.put(part) for part in inputs]
    factory: Any = ray.remote(_Worker).options(
        num_cpus=workers.cpus, num_gpus=workers.gpus, max_restarts=RESTARTS, max_task_retries=RESTARTS
    )
    actors = [factory.remote() for _ in range(count)]
    waiting = list(reversed(groups))
    running: dict[ray.ObjectRef, tuple[ray.actor.ActorHandle, list[int]]] = {}

    def feed(actor: ray.actor.ActorHandle) -> None:
        if waiting:
            group = waiting.pop()
            running[actor.measure.remote(kept, group, scale, seed)] = (actor, group)

    try:
        for actor in [*actors, *actors]:
            feed(actor)
        done = total - sum(len(group) for group in groups)
        while running:
            (ready,), _ = ray.wait(list(running), num_returns=1)
            actor, group = running.pop(ready)
            try:
                save_arrays(_piece(pieces, group), ray.get(ready), {})
            except RayTaskError as error:
                if isinstance(error.cause, DegcraftError):
                    raise error.cause from None
                raise
            except RayActorError as error:
                raise DegcraftError(
                    f"measuring: bins {group[0]} to {group[-1]} could not be measured, because their worker died "
                    f"{RESTARTS + 1} times ({in_short(error)})"
                ) from None
            done += len(group)
            if progress:
                progress(done, total)
            feed(actor)
    finally:
        for actor in actors:
            ray.kill(actor)


def _piece(pieces: Path, group: list[int]) -> Path:
    return pieces / f"bins-{group[0]:05d}-{group[-1]:05d}.npz"


def _read(path: Path) -> Group:
    return load_arrays(path)[0]
