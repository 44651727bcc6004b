"""Reading an image from a request: the body itself, or the file of a form, never more than is allowed."""

from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from deploy.http.errors import Refusal
from deploy.http.uploads import Upload, Uploads

_MAX_PARTS = 16


async def read_image_bytes(request: Request, max_bytes: int, uploads: Uploads, upload: Upload) -> bytes:
    """The bytes of the image that a request brings.

    A `multipart/form-data` body gives its first file, whatever the field is called; every other type is taken for
    the image itself, since clients name types at random. What it is, its own first bytes say.

    Raises:
        Refusal: the body is longer than `max_bytes`, empty, a form without a file, or too slow.
    """
    chunks = _limited(request, uploads.watched(upload, request.stream()), max_bytes)
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind == "multipart/form-data":
        content = await _first_file(chunks, options.get("boundary", ""))
    else:
        content = b"".join([chunk async for chunk in chunks])
    if not content:
        raise Refusal(400, "empty_body", "The request must bring an image as its body or as a form file, but is empty.")
    return content


async def _limited(request: Request, chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """The chunks of the body. One that is too long is read on for as much again, so that the client sees the answer."""
    declared = request.headers.get("content-length", "")
    promised = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
    seen = 0
    try:
        async for chunk in chunks:
            seen += len(chunk)
            if promised <= max_bytes and seen <= max_bytes:
                yield chunk
            elif seen > 2 * max_bytes:
                break
    except ClientDisconnect:
        raise Refusal(400, "incomplete_body", "The connection ended before the body did.") from None
    if (length := max(promised, seen)) > max_bytes:
        raise Refusal(413, "body_too_large", f"The body may have {max_bytes} bytes, but has {length} or more.")


async def _first_file(chunks: AsyncIterator[bytes], boundary: str) -> bytes:
    content = bytearray()
    found = inside = False
    try:
        async for event in _form_events(chunks, MultipartDecoder(boundary.encode(), max_parts=_MAX_PARTS)):
            if isinstance(event, Field | File):
                inside = isinstance(event, File) and not found
                found = found or inside
            elif isinstance(event, Data) and inside:
                content += event.data
    except (ValueError, RequestEntityTooLarge) as error:
        raise Refusal(400, "bad_form", "The form cannot be read: its parts or its boundary are damaged.") from error
    if not found:
        raise Refusal(400, "no_file", "The form must hold an image as a file, but holds none.")
    return bytes(content)


async def _form_events(chunks: AsyncIterator[bytes], decoder: MultipartDecoder) -> AsyncIterator[Event]:
    async for chunk in chunks:
        decoder.receive_data(chunk)
        while not isinstance(event := decoder.next_event(), NeedData):
            yield event
    decoder.receive_data(None)
    while not isinstance(event := decoder.next_event(), Epilogue):
        yield event
