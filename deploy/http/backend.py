"""What the routes stand on: something that restores and says how it stands."""

from typing import Protocol

from deploy.messages import Pixels, Restored, Standing


class Backend(Protocol):
    """Restores images by the model that is served."""

    async def restore(self, pixels: Pixels, seconds: float) -> Restored:
        """Restore one image; raises Refusal where that is not possible now, or not in so many seconds."""

    async def standing(self) -> Standing:
        """How the deployment stands; raises Refusal where nobody can say."""

    async def refresh(self) -> Standing:
        """Look the model's alias up and swap if it moved."""
