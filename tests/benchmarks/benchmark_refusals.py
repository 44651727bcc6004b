"""Processor time until a command says what is wrong with its input, beside that of `python -c pass`.

    python tests/benchmarks/benchmark_refusals.py

Processor time of the process and what it starts, not the clock's: other work on the machine does not count.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

REPEATS = 3

SEARCH = "name: mine\nreferences: .\nhr: .\noutput: out\n"
WRONG = {
    "misspelt field": "traning: {steps: 5}",
    "field given twice": "name: yours",
    "wrong range": "training: {steps: 0}",
    "wrong learning rate": "search: {learning_rate: {low: 0.0, high: 0.1}}",
    "misspelt weighting": "search: {weighting: {name: eq5}}",
    "misspelt knob": "search: {weighting: {name: eq4, width: 1.0}}",
    "misspelt extractor": "search: {extractor: degnett}",
    "misspelt layer": "search: {extractor: alexnet, layers: {alexnet: relu9}}",
    "misspelt network": "network: {name: unet}",
    "misspelt degradation": "compare: [esrgan]",
    "wrong knob of a degradation": "compare: ['bsrgan:jpeg=3']",
    "wrong knob of pdm": "pdm: {size: 20}",
    "misspelt loss": "training: {losses: {l2: 1}}",
    "misspelt metric": "held_out: {metric: psnr2}",
    "misspelt axis": "space: [blur:0:3:6]",
    "axis out of range": "space: [jpeg_quality:0:200:3]",
    "contradicting axes": "space: [jpeg_quality:30:90:3, webp_quality:30:90:3]",
    "weighting without posterior": "search: {weighting: {name: estimates}, extractor: alexnet}",
    "box outside the space": "synthetic: {box: {blur_sigma: [6, 7], noise_level: [0, 1], jpeg_quality: [30, 40]}}",
    "no such folder": "held_out: {pairs: nowhere}",
    "no such start": "network: {start: none.pth}",
}
"""What is wrong with a search → the line that says it."""

BLOCKS = {
    "no degradation block": "scale: 4",
    "wrong range": "jpeg_range: [30, 130]",
    "field given twice": "jpeg_range: [30, 95]\njpeg_range: [30, 90]",
}
"""What is wrong with a trainer's configuration → all of it."""

FOLDERS = ("--references", "nowhere", "--hr", "nowhere", "-o", "crafted.json")
TRAINED = ("--hr", "nowhere", "-o", "model.safetensors")
COMMANDS: dict[str, tuple[str, ...]] = {
    "weights, misspelt axis": ("weights", "--axis", "nonsense", *FOLDERS),
    "weights, misspelt weighting": ("weights", "--weighting", "eq5", *FOLDERS),
    "weights, misspelt extractor": ("weights", "--extractor", "degnett", *FOLDERS),
    "weights, no such kind of device": ("weights", "--device", "gpu", *FOLDERS),
    "weights, no such folder": ("weights", *FOLDERS),
    "synthesize, misspelt degradation": ("synthesize", "esrgan", "--hr", "nowhere", "-o", "pairs"),
    "synthesize, no such folder": ("synthesize", "uniform", "--hr", "nowhere", "-o", "pairs"),
    "train, misspelt degradation": ("train", "esrgan", *TRAINED),
    "train, misspelt network": ("train", "uniform", "--network", "unet", *TRAINED),
    "train, misspelt loss": ("train", "uniform", "--losses", "l2=1", "--hr", ".", "-o", "model.safetensors"),
    "train, no such start": ("train", "uniform", "--start", "none.pth", *TRAINED),
    "train, no such folder": ("train", "uniform", *TRAINED),
    "evaluate, misspelt metric": ("evaluate", "--lr", "nowhere", "none.pth", "--metrics", "psnr2"),
    "evaluate, no such model": ("evaluate", "--lr", "nowhere", "none.pth", "--niqe-clean", "nowhere"),
    "evaluate, no such folder": ("evaluate", "--lr", "nowhere", "start:x4", "--niqe-clean", "nowhere"),
    "upscale, no such model": ("upscale", "none.pth", "nowhere", "-o", "sr"),
    "upscale, no such image": ("upscale", "start:x4", "nowhere.png", "-o", "sr"),
    "inspect, no such image": ("inspect", "nowhere.png"),
    "export, no such model": ("export", "none.pth", "-o", "model.onnx"),
    "export, no such clean images": ("export", "crafted.json", "--for", "neosr", "--hr", "nowhere", "-o", "a.toml"),
    "audit, no such configuration": ("audit", "none.yml", "--references", ".", "--hr", "."),
    "audit, no such folder": ("audit", "none.yml", "--references", "nowhere", "--hr", "."),
    "serve, no such model": ("serve", "--model", "none.pth"),
    "serve, wrong number": ("serve", "--model", "start:x4", "--replicas", "0"),
}
"""What is wrong → the command."""


def write_files(folder: Path) -> dict[str, tuple[str, ...]]:
    """A file for each of `WRONG` and `BLOCKS`; returns the commands that are to refuse them."""
    commands: dict[str, tuple[str, ...]] = {}
    for number, (kind, line) in enumerate(WRONG.items()):
        (folder / f"{number}.yaml").write_text(f"{SEARCH}{line}\n")
        commands[f"search, {kind}"] = ("search", f"{number}.yaml")
    for number, (kind, text) in enumerate(BLOCKS.items()):
        (folder / f"{number}.yml").write_text(f"{text}\n")
        commands[f"audit, {kind}"] = ("audit", f"{number}.yml", "--references", ".", "--hr", ".")
    return commands


def processor_seconds(*arguments: str, folder: str) -> tuple[float, str]:
    """The least of several runs, and the last line that was said."""
    least, said = float("inf"), ""
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
    return least, said


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain, _ = processor_seconds("-c", "pass", folder=folder)
        print(f"{'python -c pass':>36}  {plain:6.2f} s")
        cases = COMMANDS | write_files(Path(folder))
        for name, command in cases.items():
            seconds, said = processor_seconds("-m", "degcraft", *command, folder=folder)
            print(f"{name:>36}  {seconds:6.2f} s  {seconds / plain:4.0f} times   {said[:90]}")


if __name__ == "__main__":
    main()
