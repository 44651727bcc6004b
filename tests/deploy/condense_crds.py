"""Make `kuberay.schema.json` from KubeRay's custom resource definitions (ray.io_*.yaml), which are 3 MB.

    python tests/deploy/condense_crds.py FOLDER

Nothing is left out of what a manifest may say in ray.io/v1: the descriptions go, and what occurs more than once (the
pod template, again and again) is written once. Unknown fields are refused, as `kubectl` and the API server do it.
Rules in CEL are left to the API server, and printed.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

OUTPUT = Path(__file__).with_name("kuberay.schema.json")
ORIGIN = "KubeRay's custom resource definitions, ray.io/v1 (github.com/ray-project/kuberay, Apache-2.0), condensed"
KEPT = ("type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required")
NESTED = ("items", "additionalProperties")
LISTS = ("anyOf", "oneOf", "allOf")
OPEN = "x-kubernetes-preserve-unknown-fields"
CEL = "x-kubernetes-validations"
LONG = 80
"""Characters from which a repeated piece is worth a name."""

Schema = dict[str, Any]


def strict(schema: Schema, rules: list[str]) -> Schema:
    """A structural schema of Kubernetes as a JSON schema that refuses unknown fields."""
    made: Schema = {key: schema[key] for key in KEPT if key in schema}
    rules += [str(rule["rule"]) for rule in schema.get(CEL, [])]
    for key in NESTED:
        if isinstance(schema.get(key), dict):
            made[key] = strict(schema[key], rules)
    for key in LISTS:
        if key in schema:
            made[key] = [strict(one, rules) for one in schema[key]]
    if "properties" in schema:
        made["properties"] = {name: strict(one, rules) for name, one in schema["properties"].items()}
        if not schema.get(OPEN) and "additionalProperties" not in made:
            made["additionalProperties"] = False
    return made


def pieces(schema: Schema) -> list[Schema]:
    """The schemas directly within a schema."""
    inner = [schema[key] for key in NESTED if isinstance(schema.get(key), dict)]
    inner += [one for key in LISTS for one in schema.get(key, [])]
    return inner + list(schema.get("properties", {}).values())


def text(schema: Schema) -> str:
    return json.dumps(schema, sort_keys=True, separators=(",", ":"))


class Folding:
    """Writes every piece that occurs more than once into `definitions`, and a reference in its places."""

    def __init__(self, schemas: list[Schema]) -> None:
        self.definitions: dict[str, Schema] = {}
        self._names: dict[str, str] = {}
        self._seen: Counter[str] = Counter()
        for schema in schemas:
            self._count(schema)

    def _count(self, schema: Schema) -> None:
        self._seen[text(schema)] += 1
        if self._seen[text(schema)] == 1:
            for piece in pieces(schema):
                self._count(piece)

    def fold(self, schema: Schema) -> Schema:
        same = text(schema)
        if self._seen[same] == 1 or len(same) < LONG:
            return self._inner(schema)
        if same not in self._names:
            self._names[same] = name = str(len(self._names))
            self.definitions[name] = {}  # keeps the order of the names
            self.definitions[name] = self._inner(schema)
        return {"$ref": f"#/$defs/{self._names[same]}"}

    def _inner(self, schema: Schema) -> Schema:
        made = dict(schema)
        for key in NESTED:
            if isinstance(made.get(key), dict):
                made[key] = self.fold(made[key])
        for key in LISTS:
            if key in made:
                made[key] = [self.fold(one) for one in made[key]]
        if "properties" in made:
            made["properties"] = {name: self.fold(one) for name, one in made["properties"].items()}
        return made


def condense(folder: Path) -> tuple[Schema, list[str]]:
    """The schema of all kinds under `kinds`, and the CEL rules that it does not hold."""
    rules: list[str] = []
    kinds: dict[str, Schema] = {}
    for file in sorted(folder.glob("ray.io_*.yaml")):
        definition = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
        (version,) = [one for one in definition["versions"] if one["name"] == "v1"]
        kind = strict(version["schema"]["openAPIV3Schema"], rules)
        del kind["properties"]["status"]
        kind["required"] = ["apiVersion", "kind", "metadata", "spec"]
        kinds[definition["names"]["kind"]] = kind
    folding = Folding(list(kinds.values()))
    folded = {name: folding.fold(kind) for name, kind in kinds.items()}
    return {"$comment": ORIGIN, "kinds": folded, "$defs": folding.definitions}, rules


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    schema, rules = condense(parser.parse_args().folder)
    OUTPUT.write_text(json.dumps(schema, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{OUTPUT}: {', '.join(schema['kinds'])}, {OUTPUT.stat().st_size} bytes; rules left out:")
    print("\n".join(f"  {rule}" for rule in sorted(set(rules))))
