"""The server answers in its own name and to its own page: no rebound name, no page of another site."""

import pytest
import requests
from starlette.datastructures import Headers

from deploy.args import ServeArgs, listening_at
from deploy.http.errors import Refusal
from deploy.http.hosts import Hosts
from tests.deploy.hostile import WHOLE
from tests.deploy.servers import InProcess, listening


def verdict(hosts: Hosts, host: str | list[str] | None, method: str = "POST", **headers: str) -> str:
    """The code of the refusal, or "taken"."""
    names = [host] if isinstance(host, str) else host or []
    raw = [(b"host", name.encode("latin-1")) for name in names]
    raw += [(key.replace("_", "-").encode(), value.encode("latin-1")) for key, value in headers.items()]
    try:
        hosts.check(method, Headers(raw=raw))
    except Refusal as refusal:
        return refusal.code
    return "taken"


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LOCALHOST.", "me.localhost:1", "127.0.0.1:8000", "127.8.9.1", "[::1]", "[::1]:80"],
)
def test_loopback_is_answered(host: str) -> None:
    assert verdict(Hosts(()), host) == "taken"


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example"),
        *("192.168.1.7:8000", "[fe80::1]", "0.0.0.0", "", ":8000", "localhost:x", "[::1", "localhost@evil.example"),
        *(None, ["localhost", "evil.example"], "localhost,evil.example", "*", "é"),
    ],
)
def test_no_other_name_is_answered(host: str | list[str] | None) -> None:
    for method in ("GET", "POST"):
        assert verdict(Hosts(()), host, method) == "wrong_host"


def test_names_can_be_added() -> None:
    hosts = Hosts(("sr.example.org", "*.lab.example", "10.0.0.0/8", "2001:db8::7"))
    for host in (
        "sr.example.org",
        "SR.example.org:443",
        "a.lab.example",
        "10.1.2.3:8000",
        "[2001:db8::7]",
        "localhost",
    ):
        assert verdict(hosts, host) == "taken", host
    for host in ("lab.example", "sr.example.org.evil.example", "11.0.0.1", "[2001:db8::8]"):
        assert verdict(hosts, host) == "wrong_host", host
    assert verdict(Hosts(("*",)), "any.example") == "taken"


@pytest.mark.parametrize(
    ("host", "answered", "refused"),
    [
        ("127.0.0.1", "127.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1:8000", "10.0.0.2"),
        ("gpu-box", "gpu-box:8000", "other-box"),
        ("0.0.0.0", "192.168.1.7:8000", "evil.example"),
        ("::", "[fe80::1]:8000", "evil.example"),
    ],
)
def test_what_is_listened_on_is_answered(host: str, answered: str, refused: str) -> None:
    hosts = Hosts(listening_at(ServeArgs(), host).allowed_hosts)
    assert verdict(hosts, answered) == "taken"
    assert verdict(hosts, refused) == "wrong_host"


def test_only_its_own_page_may_use_it() -> None:
    hosts = Hosts(("sr.example.org", "10.0.0.0/8"))
    for host, origin in (
        ("localhost:8000", "http://localhost:8000"),
        ("sr.example.org", "https://sr.example.org"),
        ("127.0.0.1:8000", "https://sr.example.org"),  # a proxy before it asks by its address
    ):
        assert verdict(hosts, host, origin=origin) == "taken", origin
    for origin in ("http://evil.example", "null", "http://localhost:3000", "https://10.0.0.9", "", "http://[", "\x00"):
        for method in ("GET", "POST"):
            assert verdict(hosts, "localhost:8000", method, origin=origin) == "cross_origin", origin
    # Browsers that send no Origin with a form say at least this; a link from elsewhere only opens the page.
    assert verdict(hosts, "localhost", sec_fetch_site="cross-site") == "cross_origin"
    assert verdict(hosts, "localhost", "GET", sec_fetch_site="cross-site") == "taken"
    assert verdict(hosts, "localhost", sec_fetch_site="same-origin") == "taken"


def test_it_holds_for_every_path_and_whatever_the_body_is_called(args: ServeArgs, backend: InProcess) -> None:
    named = args.model_copy(update={"allowed_hosts": ("sr.example.org",)})
    with listening(named, backend) as server:
        for path in ("/", "/v1/model", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/nothing"):
            assert requests.get(server + path, headers={"Host": "sr.example.org"}, timeout=60).status_code in (200, 404)
            refused = requests.get(server + path, headers={"Host": "evil.example:8000"}, timeout=60)
            assert (refused.status_code, refused.json()["code"]) == (421, "wrong_host")
            assert "--allow-host" in refused.json()["message"]
            assert refused.headers["X-Content-Type-Options"] == "nosniff"
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "image/png"):
            for origin in ("https://evil.example", "null"):
                headers = {"Content-Type": kind, "Origin": origin}
                refused = requests.post(f"{server}/v1/upscale", data=WHOLE["png"], headers=headers, timeout=60)
                assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")
        own = requests.post(f"{server}/v1/upscale", data=WHOLE["png"], headers={"Origin": server}, timeout=60)
        assert own.status_code == 200
    assert backend.waiting == 0
