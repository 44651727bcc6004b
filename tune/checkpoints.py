"""Where the trials of an experiment keep their checkpoints: `<experiment>/<trial>.<sitting>/checkpoint_<number>`."""

from contextlib import suppress

import pyarrow.fs
from ray.tune import Checkpoint

TRAINER, MODEL, CRAFTED, WEIGHTS = "trainer.pt", "model.safetensors", "crafted.json", "weights.npy"
LEARNED, SAMPLES, SCORES = "pdm.safetensors", "samples.npz", "scores.json"
"""Names of the files in a trial's checkpoint."""

WEIGHT_MAP, KERNELS, SAMPLE_SHEET = "weights.png", "pdm.png", "samples.png"
"""Names of the pictures drawn of a trial, beside them."""


def kept_checkpoints(experiment: str, key: str) -> list[Checkpoint]:
    """The checkpoints of a trial, of all sittings, the newest first.

    Args:
        experiment: Absolute folder or URI.
        key: Of the trial.
    """
    files, root = pyarrow.fs.FileSystem.from_uri(experiment)
    found = []
    for folder in _folders(files, root):
        name, _, sitting = folder.rpartition("/")[2].rpartition(".")
        if name == key:
            found += [
                (int(sitting), path, Checkpoint(path, files))
                for path in _folders(files, folder)
                if path.rpartition("/")[2].startswith("checkpoint_")
            ]
    return [checkpoint for _, _, checkpoint in sorted(found, key=lambda one: one[:2], reverse=True)]


def drop_checkpoints(experiment: str, key: str) -> None:
    """Delete the checkpoints of a trial that is over."""
    for checkpoint in kept_checkpoints(experiment, key):
        assert checkpoint.filesystem is not None
        checkpoint.filesystem.delete_dir(checkpoint.path)


def drop_earlier(checkpoint: Checkpoint) -> None:
    """Delete what a trial had kept before this one, of the same sitting. What cannot be deleted now goes with the rest
    when the trial is over.
    """
    files, (folder, _, newest) = checkpoint.filesystem, checkpoint.path.rpartition("/")
    assert files is not None
    with suppress(OSError):
        for path in _folders(files, folder):
            if path.rpartition("/")[2].startswith("checkpoint_") and path.rpartition("/")[2] < newest:
                files.delete_dir(path)


def _folders(files: pyarrow.fs.FileSystem, root: str) -> list[str]:
    inside = files.get_file_info(pyarrow.fs.FileSelector(root, allow_not_found=True))
    return [info.path for info in inside if info.type == pyarrow.fs.FileType.Directory]
