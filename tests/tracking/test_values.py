"""Values in MLflow's measure. The judge is MLflow's own validation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param

from tracking.values import LONGEST_PARAM, clean_name, flatten, plain, tag_text


def test_nested_params_become_dotted_names() -> None:
    params = {"training": {"steps": 5, "ema": 0.999}, "alpha": None, "deep": {"a": {"b": True}}, "none": {}}
    assert flatten(params) == {
        "training.steps": "5",
        "training.ema": "0.999",
        "alpha": "null",
        "deep.a.b": "true",
        "none": "{}",
    }


def test_lists_are_json_and_empty_text_is_visible() -> None:
    assert flatten({"milestones": [1, 2], "note": ""}) == {"milestones": "[1, 2]", "note": '""'}


def test_long_values_are_cut_and_say_so() -> None:
    (value,) = flatten({"spec": "x" * 10_000}).values()
    assert len(value) == LONGEST_PARAM
    assert value.endswith("whole in params.json)")


def test_names_that_become_alike_stay_apart() -> None:
    assert flatten({"a?": 1, "a!": 2, "a_": 3}) == {"a_": "1", "a__2": "2", "a__3": "3"}


@given(st.dictionaries(st.text(), st.text(max_size=20), max_size=5))
def test_whatever_the_names_mlflow_takes_them_all(params: dict[str, str]) -> None:
    flat = flatten(params)
    assert len(flat) == len(params)
    for name, value in flat.items():
        _validate_param(name, value)


@pytest.mark.parametrize("name", ["", ".", "..", "/a", "a//b", "../x", "a/../b", "n" * 400, "σ", "a\nb", "ok/b c"])
def test_clean_names_are_names(name: str) -> None:
    _validate_metric_name(clean_name(name))


def test_good_names_are_left_alone() -> None:
    for name in ("loss", "held_out/psnr y", "weights.0", "a:b"):
        assert clean_name(name) == name


@dataclass(frozen=True)
class Plan:
    steps: int
    folder: Path


def test_plain_makes_json_of_what_a_spec_holds() -> None:
    value = {
        "plan": Plan(3, Path("a/b")),
        "array": np.array([1.5, 2.0], dtype=np.float32),
        "scalar": np.int64(4),
        "tensor": torch.tensor([True]),
        "set": {2, 1},
        "device": torch.device("cpu"),
        1: (None, "x"),
    }
    assert plain(value) == {
        "plan": {"steps": 3, "folder": "a/b"},
        "array": [1.5, 2.0],
        "scalar": 4,
        "tensor": [True],
        "set": [1, 2],
        "device": "cpu",
        "1": [None, "x"],
    }
    assert tag_text(0.5) == "0.5"
    assert tag_text("as it is") == "as it is"
