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
    "wrong range": "training: {steps: 0}",
    "misspelt weighting": "search: {weighting: {name: eq5}}",
    "misspelt network": "network: {name: unet}",
    "contradicting axes": "space: [jpeg_quality:30:90:3, webp_quality:30:90:3]",
}
"""What is wrong with a search → the line that says it."""

OF_IMAGES = ("--references", "nowhere", "--hr", "nowhere", "-o", "crafted.json")
COMMANDS = (
    ("weights", "--axis", "nonsense", *OF_IMAGES),
    ("weights", "--weighting", "eq5", *OF_IMAGES),
    ("weights", "--extractor", "degnett", *OF_IMAGES),
    ("weights", *OF_IMAGES),
    ("synthesize", "nowhere", "-o", "lr", "--distribution", "esrgan"),
    ("synthesize", "nowhere", "-o", "lr", "--distribution", "uniform"),
    ("train", "--hr", "nowhere", "-o", "model.safetensors", "--network", "unet"),
    ("train", "--hr", "nowhere", "-o", "model.safetensors", "--distribution", "esrgan"),
    ("train", "--hr", "nowhere", "-o", "model.safetensors"),
    ("evaluate", "--model", "nowhere.safetensors", "--lr", "nowhere", "--metrics", "psnr2"),
    ("evaluate", "--model", "nowhere.safetensors", "--lr", "nowhere"),
    ("upscale", "nowhere.safetensors", "nowhere", "-o", "sr"),
    ("inspect", "nowhere"),
    ("export", "nowhere.safetensors", "-o", "model.onnx"),
    ("serve", "--model", "nowhere.safetensors"),
    ("serve", "--model", "nowhere.safetensors", "--tile", "-5"),
)


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
        print(f"{'python -c pass':>44}  {plain:6.2f} s")
        cases = {" ".join(command[:3]): command for command in COMMANDS}
        for number, (kind, line) in enumerate(WRONG.items()):
            (Path(folder) / f"{number}.yaml").write_text(f"{SEARCH}{line}\n")
            cases[f"search, {kind}"] = ("search", f"{number}.yaml")
        for name, command in cases.items():
            seconds, said = processor_seconds("-m", "degcraft", *command, folder=folder)
            print(f"{name:>44}  {seconds:6.2f} s  {seconds / plain:4.0f} times   {said[:90]}")


if __name__ == "__main__":
    main()
