"""A search begins in a folder, and goes on in it sitting after sitting."""

import json
from contextlib import closing

from degcraft.errors import DegcraftError
from tracking import StateFile
from tune.folder import SearchFolder
from tune.spec import SearchSpec
from tune.spec_file import changed_fields
from tune.state import SearchState


def check_sitting(spec: SearchSpec, folder: SearchFolder, *, resume: bool) -> None:
    """Raise DegcraftError where the output folder and what is asked of it do not fit."""
    folder.check_started(resume)
    if not resume:
        return
    with closing(StateFile(folder.state)) as file:
        kept = SearchState(file).notes.get("spec")
    if kept is None:
        raise DegcraftError(f"{folder.state}: must be the state of a search, but holds none")
    changed = changed_fields(SearchSpec.model_validate_json(json.dumps(kept)), spec)
    if changed:
        raise DegcraftError(
            f"--resume: the specification must be the one that {folder.path} was started with, "
            f"but {', '.join(changed)} changed"
        )


def begin(spec: SearchSpec, folder: SearchFolder) -> None:
    """Make the output folder, and give the search an identity that a resume finds again."""
    with closing(StateFile(folder.state)) as file, file.transaction():
        if SearchState(file).notes:
            raise DegcraftError(f"output: another search was started in {folder.path} at the same time")
        SearchState(file).start(spec)
