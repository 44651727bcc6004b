"""Finds pretrained weights on this machine or downloads them.

Looked for in this order, the first that exists is taken:

1. the file that was asked for;
2. the folder that the environment variable `DEGCRAFT_WEIGHTS` names, under one of `PretrainedWeights.names`;
3. torch's hub cache (`$TORCH_HOME/hub/checkpoints`), where torchvision keeps its downloads too;
4. the download that torchvision names, where there is one.

torch itself is imported when they are looked for: most commands only need the names.
"""

import contextlib
import hashlib
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from degcraft.errors import DegcraftError

WEIGHTS_FOLDER_VARIABLE = "DEGCRAFT_WEIGHTS"
SUFFIXES = (".safetensors", ".pth")

_SECONDS_TO_ANSWER = 5.0


@dataclass(frozen=True)
class PretrainedWeights:
    """Where one set of pretrained weights can come from."""

    extractor: str
    """The extractor that needs them, for messages."""
    stem: str
    """Their file name without suffix in the weights folder."""
    url: str | None
    """The download, its file name ending in the start of its sha256 (`-12345678.pth`) as torchvision's do; None
    where there is no public file in torchvision's layout."""
    origin: str
    """Where a person gets them, a clause for the error message."""

    @property
    def names(self) -> tuple[str, ...]:
        """File names accepted in the weights folder, the first preferred."""
        stems = (self.stem, f"{self.stem}_imagenet") if self.url else (self.stem,)
        own = (self._cached_name,) if self._cached_name else ()
        return tuple(stem + suffix for stem in stems for suffix in SUFFIXES) + own

    @property
    def _cached_name(self) -> str | None:
        return Path(urlparse(self.url).path).name if self.url else None

    def find(self, explicit: Path | None = None) -> Path | None:
        """The file on this machine, or None.

        Raises:
            DegcraftError: `explicit` is given and no such file exists, or the weights folder does not exist.
        """
        if explicit is not None:
            if not explicit.is_file():
                raise DegcraftError(f"extractor {self.extractor}: the weights file {explicit} does not exist")
            return explicit
        import torch

        folders: list[tuple[Path, tuple[str, ...]]] = []
        if os.environ.get(WEIGHTS_FOLDER_VARIABLE):
            folder = Path(os.environ[WEIGHTS_FOLDER_VARIABLE])
            if not folder.is_dir():
                raise DegcraftError(f"{WEIGHTS_FOLDER_VARIABLE} must name a folder, but got {folder}")
            folders.append((folder, self.names))
        if self._cached_name:
            folders.append((Path(torch.hub.get_dir()) / "checkpoints", (self._cached_name,)))
        candidates = (folder / name for folder, names in folders for name in names)
        return next((path for path in candidates if path.is_file()), None)

    def missing(self, explicit: Path | None = None) -> str | None:
        """Why the weights cannot be had, or None. Downloads nothing; may ask whether the server answers."""
        try:
            if self.find(explicit) is not None:
                return None
        except DegcraftError as error:
            return str(error)
        if self.url is None:
            return self._how_to_get("it has no public download")
        failure = _unreachable(self.url)
        return None if failure is None else self._how_to_get(f"its address cannot be reached ({failure})")

    def obtain(self, explicit: Path | None = None) -> Path:
        """The weights file, downloaded into torch's hub cache if this machine has none.

        Raises:
            DegcraftError: it is not here and cannot be downloaded, and says which file, where from and where to; or an
                earlier download is damaged.
        """
        found = self.find(explicit)
        if found is not None:
            if found.name == self._cached_name and not _is_whole(found):
                raise DegcraftError(
                    f"extractor {self.extractor}: the weights file {found} is damaged (its sha256 is not the one that "
                    "its name ends in); with the file removed it is downloaded anew"
                )
            return found
        reason = self.missing()
        if reason is not None or self.url is None:
            raise DegcraftError(reason or self._how_to_get("it has no public download"))
        import torch

        try:
            # torch announces a download on stdout, which belongs to the caller's results.
            with contextlib.redirect_stdout(sys.stderr):
                torch.hub.load_state_dict_from_url(self.url, progress=False, check_hash=True, weights_only=True)
        except (OSError, RuntimeError) as error:
            raise DegcraftError(self._how_to_get(f"the download failed ({error})")) from error
        found = self.find()
        assert found is not None, "torch keeps its downloads in the hub cache"
        return found

    def _how_to_get(self, reason: str) -> str:
        return (
            f"extractor {self.extractor}: no weights file was found, and {reason}; get {self.origin}, and "
            f"give its path as the weights file or put it into the folder that {WEIGHTS_FOLDER_VARIABLE} "
            f"names, as {self.names[0]} or {self.names[1]}"
        )


def _is_whole(download: Path) -> bool:
    """Whether a download has the sha256 that its name ends in the start of."""
    with download.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(download.stem.rpartition("-")[2])


def _unreachable(url: str) -> str | None:
    """Asks for the header only, so that a machine without a network learns it in seconds."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS_TO_ANSWER):
            return None
    except urllib.error.URLError as error:
        return f"{url}: {error.reason}"
    except OSError as error:
        return f"{url}: {error}"
