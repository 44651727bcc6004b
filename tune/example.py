"""The commented example of a specification; apart from `tune.spec_file`, which needs torch to check one."""

from importlib.resources import files


def example_text() -> str:
    """The commented example that `degcraft spec` prints."""
    return (files("tune") / "example.yaml").read_text(encoding="utf-8")
