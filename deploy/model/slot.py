"""The place in a replica where the serving model sits: the next one is loaded beside it, then takes it over."""

import asyncio
import logging
from collections.abc import Callable

from degcraft.errors import DegcraftError
from deploy.messages import Report
from deploy.model.restorer import Restorer

log = logging.getLogger("ray.serve")


class Slot:
    """One serving model, and perhaps the one after it.

    Args:
        replica: a name for reports.
        load: gives the loaded and warm model of a pinned URI; takes its time; raises if it cannot.
        serving: the first model.
    """

    def __init__(self, replica: str, load: Callable[[str], Restorer], serving: Restorer) -> None:
        self._replica, self._load = replica, load
        self._prepared: Restorer | None = None
        self._problem: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self.serving = serving

    async def prepare(self, uri: str) -> Report:
        """Load and warm a model beside the serving one; at once if it is there already. Never raises."""
        async with self._one_at_a_time:
            self._problem = None
            if uri not in (self.serving.info.uri, self._prepared and self._prepared.info.uri):
                self._prepared = None
                try:
                    self._prepared = await asyncio.to_thread(self._load, uri)
                except DegcraftError as error:
                    self._problem = str(error) if uri in str(error) else f"model {uri}: {error}"
                except Exception as error:
                    log.exception("loading %s", uri)
                    self._problem = f"model {uri}: cannot be loaded ({type(error).__name__})"
            return self.report()

    async def switch(self, uri: str) -> Report:
        """Serve the prepared model from the next request on; those in work end with the model they began with."""
        async with self._one_at_a_time:
            if self._prepared is not None and self._prepared.info.uri == uri:
                self.serving = self._prepared
            self._prepared = None
            return self.report()

    def report(self) -> Report:
        """How it stands."""
        prepared = self._prepared.info.uri if self._prepared else None
        return Report(self._replica, self.serving.info, prepared, self._problem)
