"""For schemathesis: what an image is, which a schema cannot say."""

import schemathesis
from hypothesis import strategies as st

from tests.deploy.hostile import WHOLE

for _kind in ("png", "jpeg", "webp"):
    schemathesis.openapi.media_type(f"image/{_kind}", st.just(WHOLE[_kind]))
