"""MLflow is calmed where degcraft uses it, and nowhere else."""

import logging
import os
import threading

import pytest

from tracking.quiet import SETTINGS, MlflowSettings, muted_thread


def test_settings_stand_while_held_and_go_with_the_last_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    first, second = MlflowSettings(), MlflowSettings()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
    first.close()
    first.close()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    second.close()
    assert "MLFLOW_DISABLE_TELEMETRY" not in os.environ
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"


def test_only_the_muted_thread_is_mute(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("mlflow.degcraft-test")
    with muted_thread():
        logger.error("from the muted thread")
        other = threading.Thread(target=logger.error, args=("from another thread",))
        other.start()
        other.join()
    logger.error("afterwards")
    shown = capfd.readouterr().err
    assert "from the muted thread" not in shown
    assert "from another thread" in shown
    assert "afterwards" in shown
