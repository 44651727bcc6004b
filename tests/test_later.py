"""What is loaded later is there, and under the name that it is asked by."""

import importlib
import pkgutil
import re
from pathlib import Path

import degcraft

ROOT = Path(degcraft.__file__).parent
ADDRESSES = {found for file in ROOT.rglob("*.py") for found in re.findall(r'Later\("([\w.:]+)"\)', file.read_text())}
PACKAGES = sorted(stub.parent for stub in ROOT.rglob("__init__.pyi"))


def test_every_address_leads_to_what_can_be_called() -> None:
    assert len(ADDRESSES) > 30
    assert all(callable(pkgutil.resolve_name(address)) for address in ADDRESSES)


def test_a_package_has_all_that_it_offers_and_no_file_of_that_name() -> None:
    """A file that is imported takes the place of a function of its name."""
    assert len(PACKAGES) > 9
    for folder in PACKAGES:
        package = importlib.import_module(".".join(("degcraft", *folder.relative_to(ROOT).parts)))
        assert all(hasattr(package, name) for name in package.__all__)
        files = {file.stem for file in folder.glob("*.py")} | {
            file.parent.name for file in folder.glob("*/__init__.py")
        }
        assert not files & set(package.__all__)
