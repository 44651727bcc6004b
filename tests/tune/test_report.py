"""What a search says at its end, and its exit status."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tracking import Store
from tune.report import print_result
from tune.search import SearchResult
from tune.summary import Summary


def printed(
    folder: Path, unsent: int, waiting: str | None, interrupted: bool, problems: list[str] | None = None
) -> tuple[int, str]:
    summary = Summary(name="s", metric="psnr", held_out="ground truth", trials=(), ended_by="all done", seconds=1.0)
    store = Store(tracking_uri="sqlite:////x/mlflow.db", artifact_root=None, description="")
    result = SearchResult(
        summary, store, folder / "best", None, None, interrupted, unsent, waiting, problems or [], "#/runs"
    )
    text = io.StringIO()
    status = print_result(result, Console(file=text, width=200), how_to_go_on="degcraft search s.yaml --resume")
    return status, text.getvalue()


@pytest.mark.parametrize(
    ("unsent", "interrupted", "status"), [(0, False, 0), (50, False, 3), (0, True, 130), (50, True, 130)]
)
def test_the_exit_status(tmp_path: Path, unsent: int, interrupted: bool, status: int) -> None:
    assert printed(tmp_path, unsent, None, interrupted)[0] == status


def test_what_mlflow_has_not_got_is_said_with_its_reason(tmp_path: Path) -> None:
    _, text = printed(tmp_path, 50, "403: token expired", False)
    assert "MLflow has not got 50 records yet (403: token expired); they are kept and sent by: degcraft search" in text


def test_what_mlflow_refused_is_said_with_what_sends_it_again(tmp_path: Path) -> None:
    status, text = printed(tmp_path, 0, None, False, ["artifact of t000 (weights.npy): no space left on device"])
    assert status == 3
    assert "MLflow refused: artifact of t000 (weights.npy): no space left on device\n" in text
    assert "what MLflow refused is kept, and sent once more by: degcraft search s.yaml --resume\n" in text
