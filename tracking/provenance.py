"""What a result was made with: versions, machine, device, source."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import degcraft

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "pillow",
    "scikit-image",
    "lpips",
    "ray",
    "optuna",
    "mlflow",
)


def describe_environment(device: str | torch.device = "cpu") -> dict[str, str]:
    """Versions, platform and device as short texts, for tags and files; asks no network.

    Keys: `degcraft`, `degcraft_commit` (only in a checkout of degcraft; ends in "-changed" if edited),
    `python`, `platform`, `cpu_count`, `device`, `device_name`, `cuda` (only for a GPU), and the name of
    each installed package that bears on the result.
    """
    device = torch.device(device)
    found = {
        "degcraft": _version("degcraft") or "not installed",
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "device": str(device),
        "device_name": _device_name(device),
    }
    commit = _commit(Path(degcraft.__file__))
    if commit is not None:
        found["degcraft_commit"] = commit
    if device.type == "cuda":
        found["cuda"] = str(torch.version.cuda)
    for package in PACKAGES:
        installed = _version(package)
        if installed is not None:
            found[package] = installed
    found["torch"] = torch.__version__  # with the build, which the package's version lacks
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda" and torch.cuda.is_available():
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _commit(source: Path) -> str | None:
    """The commit that `source` belongs to; None if no repository tracks it (an installed copy, say)."""
    if _git(source.parent, "ls-files", "--error-unmatch", source.name) is None:
        return None
    commit = _git(source.parent, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(source.parent, "status", "--porcelain", "--untracked-files=no")
    return commit + ("-changed" if changed else "")


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
