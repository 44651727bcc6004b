"""A folder behind a URI becomes a local one, and is fetched again only where it has changed."""

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from moto.server import ThreadedMotoServer
from PIL import Image
from skimage import data

from degcraft.errors import DegcraftError
from degcraft.images import is_uri, list_images, list_pairs, local_folder, scan_folder
from tests.damage import DAMAGES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, one in a sub-folder, among what is not wanted."""
    root = tmp_path / "source"
    (root / "sub").mkdir(parents=True)
    (root / ".hidden").mkdir()
    photo = Image.fromarray(data.astronaut()[:48, :64])
    for name in ("a.png", "sub/b.JPG", ".hidden/c.png"):
        photo.rotate(len(name)).save(root / name)
    (root / "notes.txt").write_text("not wanted")
    return root


def held(copy: Path) -> dict[str, bytes]:
    """The files of a copy that are not hidden."""
    found = {p.relative_to(copy).as_posix(): p for p in copy.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".")}


def inodes(copy: Path) -> dict[str, int]:
    """A file that is fetched anew replaces the old one and so has another inode."""
    return {name: (copy / name).stat().st_ino for name in held(copy)}


def wanted(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("a.png", "sub/b.JPG")}


def test_what_a_uri_is() -> None:
    for uri in ("s3://bucket/folder", "gs://b", "file:///tmp", "simplecache::s3://b", "http://host/x", "abfs+x://c"):
        assert is_uri(uri)
    for path in ("folder", "/tmp/a", "./a:b", "~/x", "C:\\images", Path("s3://bucket"), "1x://a"):
        assert not is_uri(path)


def test_a_plain_path_is_its_own_answer(tmp_path: Path) -> None:
    assert local_folder(tmp_path) == tmp_path
    assert local_folder(str(tmp_path / "absent")) == tmp_path / "absent"
    assert local_folder("~/x") == Path.home() / "x"


def test_only_images_come_and_only_once(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    copy = local_folder(f"file://{folder}", cache)
    assert copy.parent == cache
    assert held(copy) == wanted(folder)
    assert scan_folder(copy).content_hash == scan_folder(folder).content_hash
    before = inodes(copy)
    assert local_folder(f"file://{folder}/", cache) == copy
    assert inodes(copy) == before
    assert not list(copy.glob(".incoming-*"))


def test_the_folders_of_a_system_are_named_as_those_on_this_machine(folder: Path, tmp_path: Path) -> None:
    for place in ("@eaDir", "sub/@eaDir/deeper", ".hidden/@eaDir"):
        (folder / place).mkdir(parents=True)
        shutil.copy(folder / "a.png", folder / place)
    copy = local_folder(f"file://{folder}", tmp_path / "cache")
    assert held(copy) == wanted(folder)
    assert list_images(copy).system_folders == list_images(folder).system_folders != ()
    shutil.rmtree(folder / "@eaDir")
    local_folder(f"file://{folder}", tmp_path / "cache")
    assert list_images(copy).left_out() == ["1 system folder passed over: sub/@eaDir"]


def test_changes_are_followed(folder: Path, tmp_path: Path) -> None:
    copy = local_folder(f"file://{folder}", tmp_path / "cache")
    before = inodes(copy)
    changed = folder / "a.png"
    content = bytearray(changed.read_bytes())
    content[-5] ^= 1
    changed.write_bytes(content)  # the same size; the time tells
    os.utime(changed, (1, 1))
    Image.fromarray(data.coffee()[:40, :40]).save(folder / "new.webp")
    (folder / "sub" / "b.JPG").rename(folder / "sub" / "c.jpg")
    assert local_folder(f"file://{folder}", tmp_path / "cache") == copy
    assert set(held(copy)) == {"a.png", "new.webp", "sub/c.jpg"}
    assert held(copy)["a.png"] == bytes(content)
    assert inodes(copy)["a.png"] != before["a.png"]


def test_a_damaged_copy_is_mended(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copy = local_folder(f"file://{folder}", tmp_path / "cache")
    manifest = copy / ".manifest.json"
    (copy / "sub" / "b.JPG").unlink()
    local_folder(f"file://{folder}", tmp_path / "cache")
    assert held(copy) == wanted(folder)
    for damage in DAMAGES.values():
        (copy / "a.png").write_bytes(damage((copy / "a.png").read_bytes()))
        local_folder(f"file://{folder}", tmp_path / "cache")
        assert held(copy) == wanted(folder)
        assert caplog.messages == [f"{copy / 'a.png'}: is damaged; fetched anew"]
        caplog.clear()
        for content in (damage(manifest.read_bytes()), b"[]", b'{"a.png": 3, "sub/b.JPG": null}'):
            manifest.write_bytes(content)
            local_folder(f"file://{folder}", tmp_path / "cache")
            assert held(copy) == wanted(folder)
        caplog.clear()


def test_the_default_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_folder(f"file://{folder}").parent == Path(os.environ["DEGCRAFT_CACHE"]) / "folders"
    monkeypatch.delenv("DEGCRAFT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert local_folder(f"file://{folder}").parent == tmp_path / "xdg" / "degcraft" / "folders"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert local_folder(f"file://{folder}").parent == tmp_path / "home" / ".cache" / "degcraft" / "folders"


def test_an_interrupted_download_goes_on_where_it_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(40):
        Image.new("RGB", (8, 8), (index, 0, 0)).save(folder / f"{index:02d}.bmp")
    get = LocalFileSystem.get
    batches: list[int] = []

    def failing(self: LocalFileSystem, sources: list[str], targets: list[str], **options: Any) -> None:
        batches.append(len(sources))
        if len(batches) == 2:
            raise ConnectionResetError("the line went dead")
        get(self, sources, targets, **options)

    monkeypatch.setattr(LocalFileSystem, "get", failing)
    with pytest.raises(DegcraftError, match=r"cannot be downloaded.*the line went dead"):
        local_folder(f"file://{folder}", tmp_path / "cache")
    copy = local_folder(f"file://{folder}", tmp_path / "cache")
    assert batches == [32, 10, 10]
    assert len(held(copy)) == 42


def test_a_file_that_arrives_short_is_not_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(self: LocalFileSystem, sources: list[str], targets: list[str], **options: Any) -> None:
        for target in targets:
            Path(target).write_bytes(b"half")

    monkeypatch.setattr(LocalFileSystem, "get", short)
    with pytest.raises(DegcraftError, match=r"a\.png must have \d+ bytes, but 4 arrived"):
        local_folder(f"file://{folder}", tmp_path / "cache")
    assert [held(copy) for copy in (tmp_path / "cache").iterdir()] == [{}]


def test_names_cannot_leave_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = {"size": 3, "created": "now", "type": "file"}
    monkeypatch.setattr(MemoryFileSystem, "find", lambda self, root, **_: {f"{root}/../evil.png": info})
    with pytest.raises(DegcraftError, match=r"must stay inside the folder, but one is '\.\./evil\.png'"):
        local_folder("memory://folder", tmp_path / "cache")


def test_what_cannot_be_read_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DegcraftError, match="none were found there"):
        local_folder(f"file://{folder}/absent", tmp_path / "cache")
    with pytest.raises(DegcraftError, match=r"nowhere://x: cannot be read .*nowhere"):
        local_folder("nowhere://x", tmp_path / "cache")
    (tmp_path / "file").touch()
    with pytest.raises(DegcraftError, match=r"the local copy .* cannot be written"):
        local_folder(f"file://{folder}", tmp_path / "file")

    def missing(uri: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(DegcraftError, match=r"s3://b: s3:// needs a package .*degcraft\[cloud\]"):
        local_folder("s3://b", tmp_path / "cache")


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3").Bucket("photos")
    bucket.create()
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


def test_an_s3_folder_of_pairs(folder: Path, bucket: Any, tmp_path: Path) -> None:
    for side in ("lr", "hr"):
        for name in wanted(folder):
            bucket.upload_file(str(folder / name), f"set/{side}/{name}")
    bucket.upload_file(str(folder / "notes.txt"), "set/notes.txt")
    bucket.upload_file(str(folder / "a.png"), "settings/other.png")
    copy = local_folder("s3://photos/set", tmp_path / "cache")
    assert held(copy) == {f"{side}/{n}": b for side in ("lr", "hr") for n, b in wanted(folder).items()}
    assert len(list_pairs(copy).files) == 2

    before = inodes(copy)
    bucket.put_object(Key="set/lr/a.png", Body=(folder / "a.png").read_bytes()[:-1] + b"x")
    bucket.Object("set/hr/sub/b.JPG").delete()
    local_folder("s3://photos/set", tmp_path / "cache")
    after = inodes(copy)
    assert set(after) == set(before) - {"hr/sub/b.JPG"}
    assert {name for name in after if after[name] != before[name]} == {"lr/a.png"}
    assert (copy / "lr" / "a.png").read_bytes()[-1:] == b"x"


def test_an_s3_folder_that_is_not_there(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match=r"s3://photos/absent: needs image files"):
        local_folder("s3://photos/absent", tmp_path / "cache")
    with pytest.raises(DegcraftError, match=r"s3://no-such-bucket/x: "):
        local_folder("s3://no-such-bucket/x", tmp_path / "cache")


class Quiet(SimpleHTTPRequestHandler):
    """A web server's folder listing, without a log."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_web_servers_listing(folder: Path, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}/"
        copy = local_folder(uri, tmp_path / "cache")
        assert held(copy) == wanted(folder)
        before = inodes(copy)
        os.utime(folder / "a.png", (1e9, 1e9))
        local_folder(uri, tmp_path / "cache")
        assert {name for name, inode in inodes(copy).items() if inode != before[name]} == {"a.png"}
        server.shutdown()
