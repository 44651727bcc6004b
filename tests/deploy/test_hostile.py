"""Hostile files as the bodies of requests: each is restored or refused in a sentence, and none is felt.

`pytest tests/deploy/test_hostile.py --hostile 1000 --timeout 3600 -v` is the long form, and prints what became of them.
"""

from collections import Counter
from pathlib import Path

import psutil
import pytest
import requests

from tests.images.hostile import hostile_files


def test_hostile_bodies_are_restored_or_refused_and_leave_no_memory_behind(
    server: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    table: Counter[tuple[str, int]] = Counter()
    memory = []
    for seed in (0, 1):
        for file, kind in hostile_files(tmp_path / str(seed), request.config.getoption("--hostile") // 2, seed).items():
            response = requests.post(f"{server}/v1/upscale", data=file.read_bytes(), timeout=60)
            assert response.status_code in (200, 400, 413, 415, 422), (file, response.text)
            assert response.status_code == 200 or set(response.json()) == {"code", "message"}
            table[kind, response.status_code] += 1
        memory.append(psutil.Process().memory_info().rss)
    if request.config.get_verbosity() > 0:
        with capsys.disabled():
            for kind, status in sorted(table):
                print(f"{kind}: {table[kind, status]} {status}")
            print(f"memory after the second half, over that after the first: {memory[1] / memory[0]:.3f}")
    assert memory[1] < 1.3 * memory[0]
