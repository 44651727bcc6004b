"""A search begins in a folder, and goes on in it sitting after sitting."""

import json
from contextlib import closing
from pathlib import Path

from degcraft.errors import DegcraftError
from tracking import StateFile
from tune.folder import SearchFolder
from tune.spec import SearchSpec
from tune.spec_file import changed_fields
from tune.state import SearchState


def check_folder(spec: SearchSpec, folder: Path, resume: bool) -> None:
    """Raise DegcraftError where the output folder and what is asked of it do not fit."""
    started = SearchFolder(folder).has_started()
    if not resume:
        if started:
            raise DegcraftError(
                f"output: must be a folder without a search, but {folder} holds one; add --resume to go on with it"
            )
        return
    if not started:
        raise DegcraftError(f"--resume: output must hold a search that was started, but {folder} holds none")
    with closing(StateFile(SearchFolder(folder).state)) as file:
        kept = SearchState(file).notes.get("spec")
    if kept is None:
        raise DegcraftError(f"{SearchFolder(folder).state}: must be the state of a search, but holds none")
    changed = changed_fields(SearchSpec.model_validate_json(json.dumps(kept)), spec)
    if changed:
        raise DegcraftError(
            f"--resume: the specification must be the one that {folder} was started with, "
            f"but {', '.join(changed)} changed"
        )


def start_folder(spec: SearchSpec, folder: Path) -> None:
    """Make the output folder, and give the search an identity that a resume finds again."""
    with closing(StateFile(SearchFolder(folder).state)) as file, file.transaction():
        if SearchState(file).notes:
            raise DegcraftError(f"output: another search was started in {folder} at the same time")
        SearchState(file).start(spec)
