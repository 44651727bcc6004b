"""What a search reads: references and clean images, split into the part that fits and trains and the part that scores.

All of it is read once and travels to the workers through Ray's object store, so a folder needs to be seen only by
whoever reads it: the driver, or, where every folder is a URI, a Ray task near the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from degcraft.cache import cache_folder
from degcraft.degradation import BoxSource
from degcraft.errors import DegcraftError
from degcraft.features import load_degnet
from degcraft.images import (
    HrPool,
    Patches,
    Side,
    crop_to_scale,
    cut_structured,
    flat_name,
    hash_hashes,
    hash_pixels,
    image_size,
    is_uri,
    list_pairs,
    local_folder,
    read_image,
    read_rgb8,
    reduced_files,
    scan_folder,
    split_files,
    write_image,
)
from degcraft.inspection import inspect_clean
from degcraft.matching import scenes
from tune.folder import SearchFolder
from tune.spec import SearchSpec

_DIGEST = 16
"""Digits of a hash that MLflow's table shows."""

FEWEST = 4
"""Patches that a distance with an interval needs on either side."""


@dataclass(frozen=True)
class Pair:
    """A held-out LR image with its ground truth."""

    name: str
    lr: np.ndarray
    """uint8 (3, h, w)."""
    hr: np.ndarray
    """uint8 (3, h·scale, w·scale)."""
    border: int = 0
    """HR pixels at the edges of the truth that are not known, beside those that are left out of every score."""


@dataclass(frozen=True)
class SearchData:
    """What a search measures and scores on; the images to train on are apart, in an `HrPool`."""

    fit: Patches
    """Reference patches (LR) that the trials' distances are measured against."""
    scenes: np.ndarray
    """(m,) number of the scene that each of `fit` shows, by `degcraft.matching.scenes`."""
    crops: Patches
    """HR crops of the training files, which every bin degrades for the trials' distances."""
    pairs: tuple[Pair, ...] | None
    """Held-out pairs with ground truth, or None: then the judge makes proxies."""
    judge: Patches | None
    """Without ground truth, reference patches (LR) of the held-out files: what the judge looks at."""
    judge_crops: Patches | None
    """Without ground truth, HR crops of held-out clean files: for the judge's distances and the proxy pairs."""
    held_out: tuple[np.ndarray, ...]
    """Held-out LR references, uint8 (3, h, w), whose restored versions NIQE looks at."""
    training: str
    """Content hash of the images to train on."""
    notes: tuple[str, ...]
    """What a person should know: how many images there are, what was left out and why."""

    def hashes(self) -> dict[str, str]:
        """Content hash of every part: what is measured, trained on, and scored."""
        parts = {"fit": self.fit, "crops": self.crops, "judge": self.judge, "judge_crops": self.judge_crops}
        hashes = {name: patches.content_hash for name, patches in parts.items() if patches is not None}
        scored = [hash_pixels(side) for pair in self.pairs or () for side in (pair.lr, pair.hr)]
        scored += [hash_pixels(image) for image in self.held_out]
        return hashes | {"training": self.training, "held_out": hash_hashes(scored)}

    def datasets(self, spec: SearchSpec) -> list[dict[str, Any]]:
        """The references, the clean images and what is held out, as `tracking.notes.inputs` takes them."""
        hashes = self.hashes()
        whole = spec.held_out.pairs or (str(SearchFolder(spec.output).synthetic) if spec.synthetic else spec.references)
        scored = len(self.held_out) if self.pairs is None else len(self.pairs)
        found = (
            ("references", spec.references or whole, "fit", "fitted to", {"patches": len(self.fit)}),
            ("clean images", spec.hr, "training", "training", {"patches": len(self.crops)}),
            ("held out", whole, "held_out", "scoring", {"images": scored, "truth": self.pairs is not None}),
        )
        return [
            {
                "name": name,
                "source": source,
                "digest": hashes[part][:_DIGEST],
                "context": context,
                "profile": {**profile, "sha256": hashes[part]},
            }
            for name, source, part, context, profile in found
        ]


def remote_only(spec: SearchSpec) -> bool:
    """Whether every folder of a search is a URI, so that any worker can read it."""
    named = [spec.references, spec.hr, spec.held_out.pairs]
    return spec.synthetic is None and all(is_uri(folder) for folder in named if folder is not None)


def read_data(spec: SearchSpec) -> tuple[SearchData, HrPool]:
    """Read and split everything that `spec` names.

    The split is by file and seed, so a resumed search sees the same. References whose pixels equal a held-out LR
    image are not fitted to; clean images whose pixels equal a held-out ground truth are not trained on.

    Returns:
        What is measured and scored, and the pool of images to train on.

    Raises:
        DegcraftError: A folder is missing or holds too little.
    """
    notes: list[str] = []
    held_pairs: list[tuple[Path, Path]] | None = None
    if spec.synthetic is not None:
        fit, held_pairs = _split_pairs(_synthetic_pairs(spec, notes), None, spec, notes)
    elif spec.held_out.pairs is not None:
        pairs, left_out = list_pairs(local_folder(spec.held_out.pairs))
        notes += [f"held_out.pairs: {clause}" for clause in left_out]
        fit, held_pairs = _split_pairs(pairs, spec.references, spec, notes)
    else:
        assert spec.references is not None
        files = _scan("references", spec.references, "lr", spec.patches.size, notes)
        fit, held = _split("references", files, spec, notes)
        notes.append(f"held out: {len(held)} of {len(fit) + len(held)} references, without ground truth")
    if held_pairs is not None:
        held = [lr for lr, _ in held_pairs]

    crop = spec.patches.size * spec.scale
    whole = _scan("hr", spec.hr, "hr", crop * spec.clean.reduce, notes)
    clean = _without(whole, [hr for _, hr in held_pairs or []], "hr", notes)
    clean = reduced_files(clean, spec.clean.reduce, cache_folder("reduced"))
    notes += inspect_clean(clean, load_degnet()).sentences()
    # Only proxies need clean images that no trial has seen.
    train, judged = _split("hr", clean, spec, notes) if held_pairs is None else (clean, [])
    pool = HrPool.from_files(train, min_side=spec.training.lr_patch * spec.scale, seed=spec.seed)
    if pool.note:
        notes.append(pool.note)

    def cut(files: Sequence[Path], what: str, *, on_jpeg_blocks: bool = False, scale: int = 1) -> Patches:
        size = spec.patches.size * scale
        patches = cut_structured(
            files, size=size, count=spec.patches.count, seed=spec.seed,
            on_jpeg_blocks=on_jpeg_blocks, scale=scale, structured=spec.patches.structured,
        )  # fmt: skip
        if len(patches) < FEWEST:
            raise DegcraftError(
                f"{what}: must give at least {FEWEST} patches of {size}x{size}, but give {len(patches)} "
                f"({len(files)} images); take more images or a smaller patches.size"
            )
        return patches

    fitted = cut(_large_enough(fit, spec.patches.size), "references to fit to", on_jpeg_blocks=True)
    data = SearchData(
        fit=fitted,
        scenes=scenes(fitted.files),
        crops=cut(train, "hr to train on", scale=spec.scale),
        pairs=None
        if held_pairs is None
        else tuple(_read_pair(*pair, spec) for pair in held_pairs[: spec.held_out.count]),
        judge=cut(_large_enough(held, spec.patches.size), "held-out references", on_jpeg_blocks=True)
        if judged
        else None,
        judge_crops=cut(judged, "held-out hr", scale=spec.scale) if judged else None,
        held_out=tuple(_centre(read_rgb8(file), spec.held_out.size) for file in held[: spec.held_out.count]),
        training=pool.content_hash,
        notes=tuple(notes),
    )
    return data, pool


def _scan(field: str, location: str, side: Side, min_side: int, notes: list[str]) -> list[Path]:
    folder = scan_folder(local_folder(location, side=side), min_side=min_side)
    notes.append(f"{field}: {folder.summary()}")
    return list(folder.files)


def _split(field: str, files: list[Path], spec: SearchSpec, notes: list[str]) -> tuple[list[Path], list[Path]]:
    """Files to use and files held out; where they are too few, the error says what became of the others."""
    try:
        return split_files(files, spec.held_out.fraction, spec.seed)
    except DegcraftError as error:
        known = next((f" ({note})" for note in notes if note.startswith(f"{field}: ")), "")
        raise DegcraftError(f"{field}: {error}{known}") from None


def _split_pairs(
    pairs: list[tuple[Path, Path]], references: str | None, spec: SearchSpec, notes: list[str]
) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """Files to fit to, and pairs to score on."""
    if references is None:
        fit, held_lr = _split("held_out.pairs", [lr for lr, _ in pairs], spec, notes)
        held = [pair for pair in pairs if pair[0] in set(held_lr)]
    else:
        # References of their own: every pair may score, and none of them is fitted to.
        held = pairs
        files = _scan("references", references, "lr", spec.patches.size, notes)
        fit = _without(files, [lr for lr, _ in pairs], "references", notes)
        if not fit:
            raise DegcraftError(
                f"references: must hold images that are not among the held-out pairs, but all of {references} are; "
                "leave `references` out to split the pairs instead"
            )
    notes.append(f"held out: {len(held)} pairs with ground truth; {len(fit)} references to fit to")
    return fit, held


def _synthetic_pairs(spec: SearchSpec, notes: list[str]) -> list[tuple[Path, Path]]:
    """Clean references degraded by the hidden box, written once as pairs into the output folder."""
    assert spec.synthetic is not None
    assert spec.references is not None
    folder = SearchFolder(spec.output).synthetic
    files = _scan("references", spec.references, "hr", spec.patches.size * spec.scale, notes)
    truth, generator = BoxSource(spec.synthetic.bounds()), torch.Generator().manual_seed(spec.seed)
    root = local_folder(spec.references, side="hr").expanduser()
    for file in files:
        name = flat_name(file.relative_to(root).with_suffix("").as_posix(), f"{file.suffix.lower()}.png")
        hr = read_image(file).rgb
        height, width = (side // spec.scale * spec.scale for side in hr.shape[-2:])
        hr = hr[:, :height, :width]
        lr, _ = truth.degrade(hr[None], spec.scale, generator)
        write_image(folder / "lr" / name, lr[0])
        write_image(folder / "hr" / name, hr)
    notes.append(f"references: degraded by the hidden setting, kept in {folder}")
    return list_pairs(folder).files


def _without(files: list[Path], leaks: list[Path], field: str, notes: list[str]) -> list[Path]:
    """`files` without those whose pixels equal one of `leaks`."""
    sizes = {image_size(leak) for leak in leaks}
    known = {hash_pixels(read_rgb8(leak)) for leak in leaks}
    # Decoding is only worth it where the size allows that the pixels are equal.
    kept = [file for file in files if image_size(file) not in sizes or hash_pixels(read_rgb8(file)) not in known]
    if len(kept) < len(files):
        notes.append(f"{field}: {len(files) - len(kept)} images that are held out were left out")
    return kept


def _large_enough(files: Sequence[Path], side: int) -> list[Path]:
    kept = [file for file in files if min(image_size(file)) >= side]
    if not kept:
        raise DegcraftError(
            f"patches.size: must be at most the smaller side of some reference in {files[0].parent}, but got {side}"
        )
    return kept


def _read_pair(lr_file: Path, hr_file: Path, spec: SearchSpec) -> Pair:
    """A pair cropped to the side that the specification allows.

    Raises:
        DegcraftError: The HR image is not `scale` times the LR image.
    """
    lr, whole = read_rgb8(lr_file), read_rgb8(hr_file)
    hr = crop_to_scale(lr, whole, spec.scale)
    if hr is None:
        raise DegcraftError(
            f"{hr_file}: must be {spec.scale} times the size of its LR image {lr.shape[2]}x{lr.shape[1]}, "
            f"but is {whole.shape[2]}x{whole.shape[1]}"
        )
    return Pair(
        lr_file.stem,
        _centre(lr, spec.held_out.size),
        _centre(hr, spec.held_out.size * spec.scale, align=spec.scale),
    )


def _centre(image: np.ndarray, side: int, align: int = 1) -> np.ndarray:
    """The centre of an image, at most `side` in either direction, from an offset that is a multiple of `align`.

    An HR image cut with `align` = scale stays on its LR image cut to 1/scale of the side.
    """
    top, left = (max(0, have - side) // (2 * align) * align for have in image.shape[1:])
    return np.ascontiguousarray(image[:, top : top + side, left : left + side])
