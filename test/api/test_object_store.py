"""Blobs in an object store: restored into it, backed up from it, played from it by a server that has none of
the files; what is damaged, cut short, refused or away; the bound of the copy under DATA_DIR."""

import concurrent.futures
import hashlib
import os
import pathlib
import sys

import pytest
from harness import DATABASE, token
from robian import make_debate
from test_cli import backup_of, with_blobs
from test_robian_streaming import blob_path, give_audio, some_bytes, stream_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from s3 import S3  # noqa: E402


def name_of(content):
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:2]}/{digest[2:]}"


def files(server):
    return [p for p in (server.folder / "blobs").rglob("*") if p.is_file()]


@pytest.fixture
def store():
    with S3(access_key="AK", secret_key="hidden/+=", region="eu-west-3", token="a token") as s3:
        yield s3


@pytest.fixture
def player(make_server, store):
    """A server whose blobs are in the store, and give(content): a debate whose audio only the store has."""
    server = make_server(**store.settings(prefix="some/where"))
    analyst = server.client(token(server, "analyst"))

    def give(content, stored=None):
        debate = make_debate(analyst)
        give_audio(server, debate["id"], content)
        blob_path(server, hashlib.sha256(content).hexdigest()).unlink()
        store.objects["media"][f"some/where/{name_of(content)}"] = content if stored is None else stored
        return stream_of(debate)

    return server, give


@pytest.mark.skipif(DATABASE != "sqlite", reason="backups are of SQLite")
def test_blobs_go_into_it_and_come_back(make_server, store, tmp_path):
    blobs = {hashlib.sha256(b).hexdigest(): b for b in [b"", os.urandom(3_000_000)] + [bytes([i]) for i in range(6)]}
    plain, far = make_server(start=False), make_server(start=False, **store.settings(prefix="a/b"))
    plain.cli("migrate", "up")
    store.objects["media"]["a/b/not a blob"] = store.objects["media"]["elsewhere"] = b"left alone"
    far.cli("restore", with_blobs(backup_of(plain), tmp_path / "with.tar", blobs))
    held = {k: v for k, v in store.objects["media"].items() if v != b"left alone"}
    assert held == {f"a/b/{name_of(b)}": b for b in blobs.values()}
    assert {p.read_bytes() for p in files(far)} == set(blobs.values())
    for path in files(far):
        path.unlink()
    archive = backup_of(far, "again.tar.gz")  # lists the store, three keys a page, and fetches each
    near = make_server(start=False)
    assert f"{len(blobs)} blobs" in near.cli("restore", archive).stdout
    assert {p.read_bytes() for p in files(near)} == set(blobs.values())
    puts = store.calls["PUT"]
    far.cli("restore", archive, "--force")
    assert store.calls["PUT"] == puts  # what is there is not sent again


def test_many_who_want_the_same_are_served_by_one_fetch(player, store):
    server, give = player
    content = some_bytes("far", 3_000_000)
    path = give(content)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        got = list(pool.map(lambda _: server.client().get(path).content, range(20)))
    assert all(one == content for one in got) and store.calls["GET"] == 1
    part = server.client().get(path, headers={"Range": "bytes=1000-1009"})
    assert part.status_code == 206 and part.content == content[1000:1010] and store.calls["GET"] == 1
    assert [p.read_bytes() for p in files(server)] == [content]


def test_what_is_damaged_or_cut_short_is_not_kept(player, store):
    server, give = player
    content = some_bytes("damaged", 500_000)
    path = give(content, stored=b"x" + content[1:])
    assert server.client().get(path).status_code >= 500 and files(server) == []
    server.wait_log("damaged in the object store")
    store.objects["media"][f"some/where/{name_of(content)}"] = content
    store.cut_at = 100_000
    assert server.client().get(path).status_code >= 500 and files(server) == []
    store.cut_at = None
    assert server.client().get(path).content == content


def test_a_store_that_is_not_well_is_asked_again(player, store):
    server, give = player
    content = some_bytes("slow", 5000)
    path = give(content)
    store.fail(503, "SlowDown", 2)
    assert server.client().get(path).content == content and store.calls["GET"] == 3
    lost = give(some_bytes("lost", 5000))
    store.fail(500, "InternalError", 4)
    assert server.client().get(lost).status_code >= 500
    assert server.client().get(lost).status_code == 200


@pytest.mark.parametrize("settings, said", [
    ({"AWS_ACCESS_KEY_ID": "other"}, "InvalidAccessKeyId"),
    ({"AWS_SECRET_ACCESS_KEY": "other"}, "AWS_ACCESS_KEY_ID"),
    ({"AWS_SESSION_TOKEN": "other"}, "AWS_ACCESS_KEY_ID"),
    ({"AWS_REGION": "us-east-1"}, "set AWS_REGION"),
    ({"BLOB_URL": "s3://absent"}, "no bucket absent"),
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "127.0.0.1"),
])
def test_the_doctor_says_what_is_wrong(make_server, store, settings, said):
    good = make_server(start=False, **store.settings())
    good.cli("migrate", "up")
    assert "blobs" in good.cli("doctor").stdout and store.objects["media"] == {}
    bad = make_server(start=False, database=good.database or None, **store.settings() | settings)
    bad.cli("migrate", "up")
    answer = bad.cli("doctor", code=1)
    line = next(line for line in answer.stdout.splitlines() if " blobs" in line)
    assert said in answer.stdout and "hidden" not in answer.stdout + answer.stderr, line


def test_the_copy_is_bounded_and_the_truth_is_not(make_server, store):
    server = make_server(**store.settings() | {"BLOB_CACHE_BYTES": 1 << 20})
    analyst, told = server.client(token(server, "analyst")), []
    for i in range(6):
        content, debate = some_bytes(f"bound {i}", 300_000), make_debate(analyst)
        give_audio(server, debate["id"], content)
        blob_path(server, hashlib.sha256(content).hexdigest()).unlink()
        store.objects["media"][name_of(content)] = content
        told.append((stream_of(debate), content))
    for _ in range(2):
        for path, content in told:
            assert server.client().get(path).content == content
            assert sum(p.stat().st_size for p in files(server)) <= 1 << 20
    assert len(store.objects["media"]) == 6 and store.calls["GET"] > 6
