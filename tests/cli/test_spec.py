"""`degcraft spec`: what it prints is a file to start from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from degcraft.cli import main
from tune.spec_file import load_spec


def test_the_example_is_a_search_once_its_folders_are_there(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["spec"]) == 0
    text = capsys.readouterr().out
    example = yaml.safe_load(text)
    assert text.count("#") > len(example), "every field has its comment"
    for field, part in (("references", "others"), ("hr", "clean")):
        (tmp_path / example[field]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / example[field]).symlink_to(photographs / part)
    (tmp_path / "search.yaml").write_text(text, encoding="utf-8")
    spec = load_spec(tmp_path / "search.yaml")
    assert spec.name == example["name"]
    assert spec.output == str(tmp_path / example["output"])


def test_the_schema_accepts_the_example_and_nothing_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spec", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    main(["spec"])
    example = yaml.safe_load(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example | {"colour": 1}, schema)


def test_a_reader_that_goes_away_is_no_error() -> None:
    # Buffered as in a user's shell, so that the text only meets the closed pipe when all is done.
    command = [sys.executable, "-m", "degcraft", "spec"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, env=os.environ | {"PYTHONUNBUFFERED": ""}) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_what_is_known_is_filled_in_and_the_comments_stay(capsys: pytest.CaptureFixture[str]) -> None:
    main(["spec"])
    plain = capsys.readouterr().out
    assert main(["spec", "--references", "my photos/", "--hr", "a: b #c", "--size", "6"]) == 0
    text = capsys.readouterr().out
    filled, example = yaml.safe_load(text), yaml.safe_load(plain)
    assert (filled["name"], filled["references"], filled["hr"]) == ("my-photos", "my photos/", "a: b #c")
    assert filled["budget"]["minutes"] == 6
    assert 50 <= filled["training"]["steps"] <= 20000
    assert filled["patches"] == example["patches"]
    assert text.count("#") == plain.count("#") + 1
