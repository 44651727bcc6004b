"""The HTTP interface. It holds no model: what restores is behind `Backend`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response, Security
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline

from degcraft import __version__
from deploy.args import ServeArgs
from deploy.http import errors
from deploy.http.backend import Backend
from deploy.http.describing import described
from deploy.http.encoding import FORMATS, FormatName
from deploy.http.errors import Refusal, busy
from deploy.http.hardening import Hardened, page_policy
from deploy.http.hosts import Hosts, OwnNames
from deploy.http.metrics import Metrics
from deploy.http.page import read_page
from deploy.http.restoring import Restorations
from deploy.http.tokens import check_token, read_token

DESCRIPTION = "Restores images with the network that a search found best for images of their kind."
DOCS = "/docs"
_RETRY_AFTER_S = 10
# For the documentation alone, which then asks for the token: `check_token` says what is wrong with one.
_BEARER = HTTPBearer(auto_error=False, description="The server's token.")
_IMAGE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {"type": "object", "properties": {"image": _IMAGE["schema"]}, "required": ["image"]},
    "encoding": {"image": {"contentType": ", ".join(one.media_type for one in FORMATS.values())}},
}
_UPSCALE_DOCS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {**{one.media_type: _IMAGE for one in FORMATS.values()}, "multipart/form-data": _FORM},
    }
}
_IMAGE_ANSWER: dict[str, Any] = {"content": {one.media_type: _IMAGE for one in FORMATS.values()}}
_ERROR = {"type": "object", "properties": {"code": {"type": "string"}, "message": {"type": "string"}}}
_ANY_ERROR: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "What the client can mend.", "content": {"application/json": {"schema": _ERROR}}},
    "5XX": {
        "description": "What it cannot; Retry-After says when to come again.",
        "content": {"application/json": {"schema": _ERROR}},
    },
}


def only_what_is_known(request: Request) -> None:
    """Refuse query parameters that a call lacks, or that are given twice: what they say would go unheard."""
    route = request.scope["route"]
    if not route.include_in_schema:
        return
    known = {parameter.alias for parameter in route.dependant.query_params}
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            told = ", ".join(sorted(known)) or "none"
            raise Refusal(400, "bad_request", f"There is no parameter {name[:100]!r}; this call has {told}.")
        if names.count(name) > 1:
            raise Refusal(
                400, "bad_request", f"The parameter {name} must be given once, but is {names.count(name)} times."
            )


def make_app(args: ServeArgs, backend: Backend, replica: str) -> FastAPI:
    """The application.

    Args:
        args: the limits, and where the token is.
        backend: what restores.
        replica: a name for this copy, for metrics.

    Raises:
        DegcraftError: the token cannot be read.
    """
    token = read_token(args.token_file)
    metrics = Metrics(replica)
    restorations = Restorations(args, backend, metrics)
    page = read_page()
    page_headers = {"Content-Security-Policy": page_policy(page)}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        restorations.close()

    def check(request: Request, _: Annotated[object, Security(_BEARER)]) -> None:
        if token is not None:
            check_token(token, request.headers.get("authorization"))

    def nobody() -> None:
        raise Refusal(403, "no_token", "This is only possible where the server was started with a token.")

    guard = [] if token is None else [Depends(check)]

    app = FastAPIOffline(  # its documentation needs no other server
        title="degcraft",
        description=DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        docs_url=DOCS,
        redoc_url=None,
        responses=_ANY_ERROR,
        dependencies=[Depends(only_what_is_known)],
    )
    errors.install(app)
    app.add_middleware(OwnNames, hosts=Hosts(args.allowed_hosts))
    app.add_middleware(Hardened, docs=DOCS)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def show_page() -> HTMLResponse:
        return HTMLResponse(page, headers=page_headers)

    @app.post(
        "/v1/upscale",
        tags=["restoring"],
        dependencies=guard,
        response_class=Response,
        responses={200: _IMAGE_ANSWER},
        openapi_extra=_UPSCALE_DOCS,
    )
    async def upscale(
        request: Request,
        format: Annotated[
            FormatName | None, Query(description="what to give back; else what Accept says; else PNG")
        ] = None,
        quality: Annotated[int, Query(ge=1, le=100, description="of JPEG and WebP; 100 is lossless WebP")] = 95,
    ) -> Response:
        """Restore an image, sent as the body or as the file of a form.

        PNG, JPEG and WebP are taken. The EXIF orientation is applied; transparency, colour profile and metadata are
        kept. The answer's headers say which model restored it (`X-Model`), by which factor (`X-Scale`), and how long
        each stage took (`Server-Timing`, in ms).
        """
        return await restorations.restore(request, format, quality)

    @app.get("/v1/model", tags=["the model"], dependencies=guard)
    async def describe_model() -> dict[str, Any]:
        """Which model serves, where it is from, what it was made for, and what may be sent to it."""
        return described(await backend.standing(), args)

    @app.post(
        "/v1/admin/refresh",
        tags=["the model"],
        dependencies=guard or [Depends(nobody)],
        include_in_schema=token is not None,
    )
    async def refresh() -> dict[str, Any]:
        """Look the model's alias up now, and swap the model if it moved; answers when that is done."""
        return described(await backend.refresh(), args)

    @app.get("/healthz", tags=["for machines"])
    async def is_alive() -> dict[str, str]:
        """Whether this process answers."""
        return {"status": "alive"}

    @app.get("/readyz", tags=["for machines"])
    async def is_ready(request: Request) -> dict[str, Any]:
        """Whether a model answers; who has the token, where there is one, hears how many and what is wrong."""
        given = request.headers.get("authorization")
        if token is not None and given is not None:
            check_token(token, given)
        standing = await backend.standing()
        if not standing.reports:
            raise busy(503, "unavailable", "No replica of the model is up yet.", _RETRY_AFTER_S)
        if token is not None and given is None:
            return {"status": "ready"}
        return {"status": "ready", "replicas": len(standing.reports), "problem": standing.problem}

    @app.get("/metrics", tags=["for machines"], dependencies=guard, response_class=Response)
    async def tell_metrics() -> Response:
        """For Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app
