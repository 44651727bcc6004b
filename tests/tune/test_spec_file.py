"""The specification file: what is let through, and what a person reads when it is not."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from degcraft.degradation import Axis, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.field_files import read_yaml
from tune.example import example_text
from tune.searchable import Range
from tune.spec import SearchSpec
from tune.spec_file import changed_fields, check_spec, load_spec, schema_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("photos", "clean"):
        (tmp_path / name).mkdir()
    return tmp_path


def minimal(**more: Any) -> dict[str, Any]:
    return {"name": "mine", "references": "photos", "hr": "clean", "output": "out"} | more


def check(content: dict[str, Any], folder: Path) -> SearchSpec:
    return check_spec(content, folder=folder, origin="search.yaml")


def refusal(content: dict[str, Any], folder: Path) -> str:
    with pytest.raises(DegcraftError) as caught:
        check(content, folder)
    text = str(caught.value)
    assert text.startswith("search.yaml: ")
    assert "\n" not in text
    return text


def test_example_spells_out_every_default(folder: Path) -> None:
    example = yaml.safe_load(example_text())
    plain = check(minimal(name=example["name"], output=example["output"]), folder)
    assert check(example, folder) == plain
    fields = set(SearchSpec.model_fields) - {"synthetic"}
    assert fields == set(example), "the example must name every field (synthetic stands in a comment)"


def test_example_and_a_wrong_one_against_the_json_schema() -> None:
    schema = json.loads(schema_text())
    example = yaml.safe_load(example_text())
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example | {"colour": 1}, schema)


def test_relative_paths_start_at_the_file(folder: Path) -> None:
    (folder / "search.yaml").write_text(yaml.safe_dump(minimal()))
    spec = load_spec(folder / "search.yaml")
    assert spec.references == str(folder / "photos")
    assert spec.output == str(folder / "out")


def test_uris_are_left_as_they_are(folder: Path) -> None:
    spec = check(minimal(hr="s3://bucket/clean", storage="gs://bucket/x"), folder)
    assert spec.hr == "s3://bucket/clean"
    assert spec.storage == "gs://bucket/x"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "colour: there is no such field"),
        ({"training": {"step": 5}}, "training.step: there is no such field"),
        ({"training": {"steps": 0}}, "training.steps: input should be greater than 0, but got 0"),
        ({"training": {"steps": "many"}}, "training.steps: input should be a valid integer, but got 'many'"),
        ({"training": 3}, "training: must hold fields, such as `name: value`, but got 3"),
        ({"space": {"a": 1}}, "space: must be one value or a list of them, but got {'a': 1}"),
        ({"network": {"name": "unet"}}, "network: there is no network 'unet'"),
        ({"pdm": {"colour": 1}}, "pdm: no knob 'colour'; it has size"),
        ({"compare": ["esrgan"]}, ".yaml: compare: the degradation must be one of uniform"),
        ({"compare": ["bsrgan", "bsrgan"]}, "compare: must name each degradation once, but got 'bsrgan' 2 times"),
        ({"compare": ["crafted.json"]}, "compare: must name degradations that need no file, but got 'crafted.json'"),
        ({"compare": ["bsrgan:jpeg=3"]}, "compare: degradation bsrgan: no knob 'jpeg'"),
        ({"pdm": {"size": 20}}, "pdm: size must be odd, but got 20"),
        ({"pdm": {"compression": 0}}, "pdm: compression must be a libjpeg quality from 1 to 100, the file of a"),
        ({"pdm": {"compression": "gone.json"}}, "pdm.compression: must be a file that exists, but got "),
        ({"scale": 5}, "scale: input should be 1, 2, 3 or 4, but got 5"),
        ({"search": {"alpha": 25.0}}, "alpha is a knob of one weighting: write weighting: {name: eq4, alpha: …}"),
        ({"search": {"weighting": {"name": "eq5"}}}, "weighting must be one of confusion, eq4"),
        ({"search": {"weighting": {"name": ["em", "em"]}}}, "name must name each weighting once"),
        (
            {"search": {"weighting": {"alpha": 25.0}}},
            "no weighting named has a knob 'alpha'; they have quantile, whole, width",
        ),
        ({"search": {"weighting": {"eq4": {"alpha": 1.0}}}}, "no weighting named has a knob 'eq4'"),
        ({"search": {"weighting": {"width": -1.0}}}, "weighting confusion: width must be a number at least 0"),
        ({"search": {"weighting": {"width": "wide"}}}, "input should be a valid number"),
        (
            {"search": {"weighting": {"width": {"low": 5, "high": 2}}}},
            "low must be below high, but got low 5 and high 2",
        ),
        ({"held_out": {"judge": {"weighting": {"name": "eq4", "width": 1.0}}}}, "weighting eq4: no knob 'width'"),
        ({"search": {"learning_rate": {"low": 0.0, "high": 0.1, "log": True}}}, "low must be above 0 when log is true"),
        (
            {"held_out": {"judge": {"quantile": 1.2}}},
            "held_out.judge.quantile: input should be less than or equal to 1, but got 1.2",
        ),
        ({"held_out": {"judge": {"blur": [0.5]}}}, "held_out.judge.blur"),
        ({"held_out": {"judge": {"extractor": "alexnet"}}}, "judge.extractor must have a posterior for estimates"),
        (
            {"search": {"weighting": {"name": ["eq4", "estimates"]}, "extractor": ["degnet", "alexnet"]}},
            "weighting estimates needs extractors with a posterior, such as degnet, but alexnet has none",
        ),
        ({"space": ["blur_sigma:0:3"]}, "space.0: must be NAME:LOW:HIGH:BINS"),
        ({"search": {"extractor": ["alexnet", "resnet"]}}, "extractor must be one of"),
        ({"search": {"layers": {"squeezenet": "fire3"}}}, "layers names squeezenet, which is not among"),
        ({"network": {"name": ["compact", "srresnet"], "compact": 5}}, "network: compact must map hyperparameters"),
        ({"network": {"name": "compact", "channels": [8, 8]}}, "network: channels must name each value once"),
        ({"network": {"name": ["compact", "Compact"]}}, "network: name must name each network once"),
        ({"network": {"name": "compact", "channels": []}}, "network: channels must be a value, or a list of values"),
        ({"space": [{"name": "rain", "low": 0, "high": 1, "bins": 2}]}, "space: "),
        ({"space": [{"name": "blur_sigma", "low": 2, "high": 1, "bins": 2}]}, "space: "),
        ({"references": None}, "references must be given, or held_out.pairs"),
        ({"references": "nowhere"}, "references: must be a folder that exists, but got "),
        ({"synthetic": {"setting": 7}}, "setting must be one of [1, 2, 3, 4], but got 7"),
        ({"synthetic": {}}, "exactly one of setting and box must be given"),
        ({"held_out": {"metric": "niqe"}}, "held_out.metric: input should be 'psnr'"),
        ({"extractor_weights": {"squeezenet": "w.pth"}}, "extractor_weights.squeezenet: must be a file that exists"),
        ({"name": "a b"}, "name: string should match pattern"),
    ],
)
def test_a_mistake_is_named_with_its_rule_and_value(folder: Path, change: dict[str, Any], said: str) -> None:
    assert said in refusal(minimal() | change, folder)


def test_several_mistakes_are_counted(folder: Path) -> None:
    text = refusal(minimal(a=1, b=2, c=3, d=4), folder)
    assert text.endswith("(and 1 more)")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("seed: 1\nname: a\nseed: 2", "search.yaml, line 3: is not valid YAML .seed is given twice"),
        ("training:\n\tsteps: 5", "line 2: is not valid YAML .a tab stands where"),
        ("name: 2026-99-99", "is not valid YAML .month must be"),
        ("training: {steps: 5, steps: 6}", "is not valid YAML .*steps is given twice"),
        ("name: [", "is not valid YAML"),
        ("- a\n- b", "must hold fields"),
        ("\x00\xff", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_specification(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(content)
    with pytest.raises(DegcraftError, match=said):
        load_spec(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="cannot be read"):
        load_spec(tmp_path / "none.yaml")


def test_forms_of_a_searchable_field(folder: Path) -> None:
    def width(value: Any) -> Any:
        return check(minimal(search={"weighting": {"width": value}}), folder).search.weighting.knobs_of("confusion")

    assert width(25) == {"width": 25}
    assert width([1, 25]) == {"width": [1, 25]}
    assert width({"low": 1, "high": 9}) == {"width": Range(low=1, high=9)}
    assert width(None) == {"width": Range(low=0.03, high=10.0, log=True)}


def test_an_axis_may_be_written_as_the_command_takes_it(folder: Path) -> None:
    space = check(minimal(space=["noise_level:0,2,10", "jpeg_quality:60:100:2:none"]), folder).degradation_space()
    assert space == DegradationSpace(
        (Axis.of_edges("noise_level", [0, 2, 10]), Axis("jpeg_quality", 60, 100, 2, none=True))
    )


def test_what_may_change_on_resume(folder: Path) -> None:
    first = check(minimal(), folder)
    longer = check(minimal(budget={"minutes": 5.0, "target": 30.0, "failures": 1}), folder)
    assert changed_fields(first, longer) == []
    more = {"budget": {"trials": 50}, "resources": {"cpus": 2.0}, "search": {"concurrent": 1}, "hr": "photos"}
    assert changed_fields(first, check(minimal(**more, output="elsewhere"), folder)) == []
    other = check(minimal(seed=1, training={"steps": 5}), folder)
    assert changed_fields(first, other) == ["seed", "training.steps"]


@pytest.mark.parametrize(
    ("metric", "given", "share"), [("psnr", None, 0.5), ("psnr_y", None, 0.5), ("ssim", None, 1), ("lpips", 0.7, 0.7)]
)
def test_of_blur_so_much_is_taken_as_the_metric_wants(
    folder: Path, metric: str, given: float | None, share: float
) -> None:
    spec = check(minimal(held_out={"metric": metric, "judge": {"blur": given}}), folder)
    assert spec.held_out.judged_blur == share


MANY = ["blur_sigma:0:5:10", "noise_level:0:50:10", "reduction:bicubic,area,lanczos", "jpeg_quality:30:100:7:none"]


def test_a_space_of_too_many_bins_needs_a_weighting_that_can(folder: Path) -> None:
    assert check(minimal(space=MANY), folder).weightings == ["blocks"]
    named = minimal(space=MANY, search={"weighting": {"name": "confusion"}})
    assert "search.weighting confusion measures bins one by one" in refusal(named, folder)
    spec = check(minimal(space=MANY, search={"weighting": {"name": "blocks"}}), folder)
    assert spec.degradation_space().n_bins == 2400
    assert spec.degradation_space().axes[2] == Axis.of_choices("reduction", ["bicubic", "area", "lanczos"])
    judge = {"judge": {"proxies": "weights"}}
    said = refusal(minimal(space=MANY, search={"weighting": {"name": "blocks"}}, held_out=judge), folder)
    assert "held_out.judge.weighting confusion" in said
    assert "one kind of file" in refusal(minimal(space=["jpeg_quality:30:90:3", "webp_quality:30:90:3"]), folder)


def test_numbers_and_words_are_what_their_author_means(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text("rate: 1e-4\nrates: [1E-4, 2e-4]\nname: no\nsteps: 0x10\n")
    assert read_yaml(file) == {"rate": 1e-4, "rates": [1e-4, 2e-4], "name": "no", "steps": 16}


def test_estimates_are_tried_where_the_features_have_them(folder: Path) -> None:
    def tried(**changes: Any) -> list[str]:
        return check(minimal(**changes), folder).weightings

    assert tried() == ["confusion", "estimates"]
    assert tried(search={"extractor": ["degnet", "squeezenet"]}) == ["confusion"]
    assert tried(space=["blur_sigma:0:5:5", "sharpening:0:1:2"]) == ["confusion"]
    assert tried(search={"weighting": {"name": "eq4"}}) == ["eq4"]
