"""Streaming of robian: ranges of every kind, names, counts, what is cached, HLS, and what happens when
the file, the debate or FFmpeg is not there (any more).

The audio is put in place as an extraction leaves it: a blob and its row. Most of it is not music but
bytes that tell where they are from."""

import concurrent.futures
import datetime
import hashlib
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import uuid

import pytest
from harness import PATIENCE, database, hasten, problem, token
from robian import make_debate

SIZE = 300_000
MEDIA_TYPES = {"mp3": "audio/mpeg", "aac": "audio/mp4", "opus": "audio/ogg", "wav": "audio/wav"}
needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg here")


@pytest.fixture(scope="module")
def analyst(server):
    with server.client(token(server, "analyst")) as client:
        yield client


def some_bytes(seed, size=SIZE):
    """Different for each seed, and no part of them like another."""
    made = b"".join(hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(size // 32 + 1))
    return made[:size]


def blob_path(server, digest):
    return server.folder / "blobs" / digest[:2] / digest[2:]


def moment(server, text):
    """A time as the database's column takes it."""
    if server.database:
        return f"'{text}'"
    return str(int(datetime.datetime.fromisoformat(text).timestamp() * 1_000_000))


def give_audio(server, debate, content, form="mp3", quality="128k", at="2026-11-20T10:00:00+00:00", status="completed",
               duration_ms=95_000):
    """An audio file as the extraction leaves it; its id."""
    digest, name = hashlib.sha256(content).hexdigest(), str(uuid.uuid4())
    path = blob_path(server, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(content)
    done = moment(server, at)
    database(server,
             "INSERT INTO audio_files (id, debate_n, filename, format, quality, file_size, duration_ms, blob, "
             "extraction_status, extraction_completed_at, created_at, updated_at) "
             f"SELECT '{name}', n, 'a.{form}', '{form}', '{quality}', {len(content)}, {duration_ms}, '{digest}', "
             f"'{status}', {done}, {done}, {done} FROM debates WHERE id = '{debate}' RETURNING n")
    return name


@pytest.fixture(scope="module")
def content():
    return some_bytes("audio")


@pytest.fixture(scope="module")
def debate(server, analyst, content):
    """One with an mp3 of `content`."""
    made = make_debate(analyst, title="Questions au Gouvernement", date="2026-11-06T23:30:00Z")
    give_audio(server, made["id"], content)
    return made


def stream_of(debate):
    return f"/api/streaming/{debate['id']}/stream"


def streams(server, debate):
    one = database(server, f"SELECT stream_count FROM debates WHERE id = '{debate['id']}'")
    other = database(server, "SELECT coalesce(sum(a.stream_count), 0) FROM audio_files a JOIN debates d "
                             f"ON d.n = a.debate_n WHERE d.id = '{debate['id']}'")
    assert int(one) == int(other)
    return int(one)


def all_counted(server, debate, number):
    """So many listened. Who would have to wait too long to be counted is not, and the log tells."""
    left_out = f"a listener of debate {debate['id']} was not counted"
    wait_until(lambda: streams(server, debate) + server.log().count(left_out) == number, "listeners were lost")


# -- whole, and in ranges ------------------------------------------------------------------------------


@pytest.mark.smoke
def test_the_whole_file_is_played_inline(client, debate, content):
    answer = client.get(stream_of(debate))
    assert answer.status_code == 200 and answer.content == content
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert answer.headers["Last-Modified"] == "Fri, 20 Nov 2026 10:00:00 GMT"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Content-Disposition" not in answer.headers
    assert "Content-Encoding" not in answer.headers


def test_both_forms_of_the_path_and_the_first_generations_answer(client, debate, content):
    for path in (stream_of(debate) + "/", f"/api/debats/{debate['id']}/file"):
        answer = client.get(path)
        assert answer.status_code == 200 and answer.content == content, path


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_each_format_has_its_type(server, analyst, client, form):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes(form, 1000), form)
    for method in (client.get, client.head):
        assert method(stream_of(debate)).headers["Content-Type"] == MEDIA_TYPES[form]


@pytest.mark.parametrize("asked, first, last", [
    ("0-0", 0, 0), ("0-1", 0, 1), ("0-", 0, SIZE - 1), ("100-199", 100, 199),
    (f"{SIZE - 1}-", SIZE - 1, SIZE - 1), ("-1", SIZE - 1, SIZE - 1), ("-1000", SIZE - 1000, SIZE - 1),
    (f"-{SIZE}", 0, SIZE - 1), ("-99999999", 0, SIZE - 1), ("299000-400000", 299000, SIZE - 1),
    ("5-99999999999999999999999999", 5, SIZE - 1), (" 7-8", 7, 8), ("7-8,", 7, 8),
    (f"7-8,{SIZE}-", 7, 8),
])
def test_one_range(client, debate, content, asked, first, last):
    answer = client.get(stream_of(debate), headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.content == content[first:last + 1]


@pytest.mark.parametrize("asked", [
    "bytes", "bytes=", "bytes=a-b", "bytes=5-2", "bytes=-", "bytes=--5", "bytes=1-2-3", "bytes=1",
    "chunks=0-5", "=0-5", "0-5", "bytes:0-5", "bytes=0x10-0x20", "bytes=+1-5", "bytes=1.5-3",
    "bytes=1-5;7-9", "bytes=1-5,x", "bytes=1 - 5", "bytes=\u00b2-5", "bytes=1-\u0665",
    "bytes=0-,0-", "bytes=0-200000,100000-299999", "bytes=" + ",".join(f"{2 * i}-{2 * i}" for i in range(17)),
    pytest.param("bytes=" + "0-," * 1000, id="1000 of them"),
])
def test_a_range_that_makes_no_sense_or_asks_too_much_gives_the_whole(client, debate, content, asked):
    answer = client.get(stream_of(debate), headers={"Range": asked.encode()})
    assert answer.status_code == 200 and answer.content == content


@pytest.mark.parametrize("asked", [f"{SIZE}-", f"{SIZE}-{SIZE + 5}", "-0", "99999999999999999999999-",
                                   f"{SIZE}-,{SIZE + 1}-", "-0,-0"])
def test_a_range_outside_is_416(client, debate, asked):
    answer = client.get(stream_of(debate), headers={"Range": f"bytes={asked}"})
    problem(answer, 416, code="range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_a_range_header_that_no_server_should_read_is_refused(server, debate):
    """A control character in a header is an attack on the parser, not a range."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as s:
        s.sendall(f"GET {stream_of(debate)} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\x001\r\n\r\n".encode())
        assert s.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_several_ranges_are_parts(client, debate, content):
    answer = client.get(stream_of(debate), headers={"Range": "bytes=10-19, 100-101,-3"})
    assert answer.status_code == 206
    kind, boundary = re.fullmatch(r"(multipart/byteranges); boundary=(\w+)",
                                  answer.headers["Content-Type"]).groups()
    parts = answer.content.split(f"\r\n--{boundary}".encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 5
    for part, (first, last) in zip(parts[1:-1], [(10, 19), (100, 101), (SIZE - 3, SIZE - 1)]):
        head, _, body = part.partition(b"\r\n\r\n")
        assert head == (f"\r\nContent-Type: audio/mpeg\r\nContent-Range: bytes {first}-{last}/{SIZE}").encode()
        assert body == content[first:last + 1]
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_if_range_decides_between_part_and_whole(client, debate):
    first = client.get(stream_of(debate), headers={"Range": "bytes=0-9"})
    tag, date = first.headers["ETag"], first.headers["Last-Modified"]
    for given, status in [(tag, 206), ('"another"', 200), ("W/" + tag, 200), (date, 206),
                          ("Thu, 19 Nov 2026 10:00:00 GMT", 200), ("nonsense", 200)]:
        answer = client.get(stream_of(debate), headers={"Range": "bytes=5-9", "If-Range": given})
        assert answer.status_code == status, given


def test_conditions(client, debate):
    tag = client.head(stream_of(debate)).headers["ETag"]
    same = client.get(stream_of(debate), headers={"If-None-Match": tag, "Range": "bytes=1-2"})
    assert same.status_code == 304 and same.content == b"" and same.headers["ETag"] == tag
    date = {"If-Modified-Since": "Fri, 20 Nov 2026 10:00:00 GMT"}
    assert client.get(stream_of(debate), headers=date).status_code == 304
    problem(client.get(stream_of(debate), headers={"If-Match": '"another"'}), 412)


def test_head_says_what_get_would(client, debate):
    head, got = client.head(stream_of(debate)), client.get(stream_of(debate))
    assert head.status_code == 200 and head.content == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges", "Cache-Control"):
        assert head.headers[name] == got.headers[name]
    ranged = client.head(stream_of(debate), headers={"Range": "bytes=1-2"})
    assert ranged.status_code == 200 and ranged.headers["Content-Length"] == str(SIZE)


def test_accept_that_leaves_out_audio_is_406(client, debate):
    problem(client.get(stream_of(debate), headers={"Accept": "text/html"}), 406)
    assert client.get(stream_of(debate), headers={"Accept": "audio/*;q=0.9,*/*;q=0.1"}).status_code == 200


def test_a_player_of_another_origin_may_read_what_it_needs(make_server, content):
    server = make_server(CORS_ORIGINS="https://player.example.org")
    debate = make_debate(server.client(token(server, "analyst")))
    give_audio(server, debate["id"], content)
    answer = server.client().get(stream_of(debate), headers={"Origin": "https://player.example.org", "Range": "bytes=5-9"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://player.example.org"
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Accept-Ranges", "Content-Range", "ETag", "Content-Disposition"} <= set(exposed)


def test_other_methods_are_405(client, debate):
    answer = client.post(stream_of(debate))
    problem(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


# -- which one ----------------------------------------------------------------------------------------


def test_format_and_quality_choose(server, analyst, client):
    debate = make_debate(analyst)
    versions = {("opus", "32k"): "2026-11-20T11:00:00+00:00", ("mp3", "192k"): "2026-11-20T12:00:00+00:00",
                ("mp3", "96k"): "2026-11-20T13:00:00+00:00"}
    for (form, quality), at in versions.items():
        give_audio(server, debate["id"], some_bytes(form + quality, 500), form, quality, at)
    for params, expected in [({}, "opus32k"), ({"format": "mp3"}, "mp3192k"), ({"format": "opus"}, "opus32k"),
                             ({"format": "mp3", "quality": "96k"}, "mp396k"), ({"quality": "96k"}, "mp396k")]:
        assert client.get(stream_of(debate), params=params).content == some_bytes(expected, 500), params
    problem(client.get(stream_of(debate), params={"format": "wav"}), 404,
            "Audio non disponible dans ce format ; disponible : mp3, opus")
    problem(client.get(stream_of(debate), params={"format": "flac"}), 422)
    problem(client.get(stream_of(debate), params={"quality": "x" * 17}), 422)


def test_what_is_not_there_is_404(analyst, client):
    debate = make_debate(analyst)
    missing = str(uuid.uuid4())
    for tail in ("stream", "download", "hls/index.m3u8"):
        problem(client.get(f"/api/streaming/{debate['id']}/{tail}"), 404, "Audio non disponible pour ce débat")
        problem(client.get(f"/api/streaming/{missing}/{tail}"), 404, f"Débat {missing} non trouvé")
    problem(client.get(f"/api/streaming/{missing}/info"), 404, f"Débat {missing} non trouvé")
    problem(client.get("/api/streaming/..%2f..%2fetc%2fpasswd/stream"), 400)


@pytest.mark.parametrize("status", ["pending", "extracting", "error"])
def test_only_what_is_complete_is_played(server, analyst, client, status):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes(status, 100), status=status)
    problem(client.get(stream_of(debate)), 404, "Audio non disponible pour ce débat")


# -- downloads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title, date, name", [
    ("Questions au Gouvernement", "2026-11-06T14:00:00Z", "2026-11-06 Questions au Gouvernement.mp3"),
    ("Séance de nuit", "2026-11-06T23:30:00Z", "2026-11-07 Séance de nuit.mp3"),  # in Paris it is the 7th
    ("Été", "2026-07-14T22:15:00Z", "2026-07-15 Été.mp3"),  # and in summer two hours ahead
    ('a/b\\c:d*e?f"g<h>i|j%k', "2026-11-06T14:00:00Z", "2026-11-06 a b c d e f g h i j k.mp3"),
    ("../../etc/passwd", "2026-11-06T14:00:00Z", "2026-11-06 .. .. etc passwd.mp3"),
    ("fin. . .", "2026-11-06T14:00:00Z", "2026-11-06 fin.mp3"),
    ("x\r\nSet-Cookie: a=b", "2026-11-06T14:00:00Z", "2026-11-06 x Set-Cookie a=b.mp3"),
    ("a\u202e3pm\u2066.exe\ufeff", "2026-11-06T14:00:00Z", "2026-11-06 a 3pm .exe.mp3"),
    ("???", "2026-11-06T14:00:00Z", "2026-11-06 audio.mp3"),
    ("œ" * 400, "2026-11-06T14:00:00Z", "2026-11-06 " + "œ" * 76 + ".mp3"),
])
def test_a_download_has_a_name_that_people_can_read(server, analyst, client, title, date, name):
    debate = make_debate(analyst, title=title, date=date)
    give_audio(server, debate["id"], some_bytes("download", 700))
    answer = client.get(f"/api/streaming/{debate['id']}/download")
    assert answer.status_code == 200 and answer.content == some_bytes("download", 700)
    assert "Set-Cookie" not in answer.headers
    said = answer.headers["Content-Disposition"]
    plain, _, extended = said.partition("; filename*=UTF-8''")
    assert re.fullmatch(r'attachment; filename="[ -~]*\.mp3"', plain)
    if extended:
        assert urllib.parse.unquote(extended, errors="strict") == name
        assert re.fullmatch(r"[A-Za-z0-9._~%-]+", extended)
    else:
        assert plain == f'attachment; filename="{name}"'


def test_a_download_is_resumed_by_ranges_and_counted_once(server, analyst, client):
    debate = make_debate(analyst)
    whole = some_bytes("resumed", 10_000)
    give_audio(server, debate["id"], whole)
    path = f"/api/streaming/{debate['id']}/download"
    got = client.get(path, headers={"Range": "bytes=0-3999"}).content
    got += client.get(path, headers={"Range": "bytes=4000-"}).content
    assert got == whole
    shown = client.get(f"/api/debates/{debate['id']}").json()
    assert shown["download_count"] == 1 and shown["audio_files"][0]["download_count"] == 1
    assert shown["audio_files"][0]["stream_count"] == 0 and streams(server, debate) == 0


# -- who listens ------------------------------------------------------------------------------------------


def test_a_listener_is_counted_once_however_they_seek(server, analyst, client):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes("listener", 5000))
    path = stream_of(debate)
    assert streams(server, debate) == 0
    tag = client.head(path).headers["ETag"]
    uncounted = [{"Range": "bytes=0-1"}, {"Range": "bytes=1-"}, {"Range": "bytes=4000-4999"}, {"Range": "bytes=-5"},
                 {"Range": "bytes=9999-"}, {"If-None-Match": tag}, {"If-Match": '"x"'}]
    for headers in uncounted:
        client.get(path, headers=headers)
        assert streams(server, debate) == 0, headers
    counted = [{}, {"Range": "bytes=0-"}, {"Range": "bytes=0-499"}, {"Range": "nonsense"},
               {"Range": "bytes=2000-", "If-Range": '"old"'}, {"If-None-Match": '"old"'}]
    for number, headers in enumerate(counted, 1):
        client.get(path, headers=headers)
        assert streams(server, debate) == number, headers


def test_many_listeners_at_once_are_all_counted(server, analyst):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes("crowd", 50_000))

    def listen(_):
        with server.client() as client:
            return client.get(stream_of(debate)).content

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        heard = list(pool.map(listen, range(64)))
    assert heard == [some_bytes("crowd", 50_000)] * 64
    all_counted(server, debate, 64)


# -- what is said of it --------------------------------------------------------------------------------------


def info_of(client, debate, **params):
    answer = client.get(f"/api/streaming/{debate['id']}/info", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_info(server, analyst, client):
    debate = make_debate(analyst)
    none = {"stream_url": None, "download_url": None, "file_size": None, "duration_seconds": None, "format": None,
            "quality": None, "extraction_status": None}
    assert info_of(client, debate) == none | {"debate_id": debate["id"], "audio_available": False,
                                              "message": "Audio non disponible, extraction nécessaire"}
    other = make_debate(analyst)
    give_audio(server, other["id"], some_bytes("info", 700), "aac", "96k")
    said = info_of(client, other)
    assert said["audio_available"] is True and said["message"] == "Audio disponible"
    assert (said["file_size"], said["duration_seconds"], said["format"], said["quality"],
            said["extraction_status"]) == (700, 95, "aac", "96k", "completed")
    assert client.get(said["stream_url"]).content == some_bytes("info", 700)
    assert "attachment" in client.get(said["download_url"]).headers["Content-Disposition"]


@pytest.mark.parametrize("status, message", [("pending", "Extraction en attente"), ("extracting", "Extraction en cours"),
                                             ("error", "L'extraction a échoué")])
def test_info_tells_how_an_extraction_stands(server, analyst, client, status, message):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes(status, 100), status=status)
    said = info_of(client, debate)
    assert said["audio_available"] is False and said["stream_url"] is None
    assert said["extraction_status"] == status and said["message"] == message


def test_info_is_cached_and_fresh_after_a_write(server, analyst, client):
    debate = make_debate(analyst)
    assert info_of(client, debate)["audio_available"] is False
    give_audio(server, debate["id"], some_bytes("cached", 700))  # behind the server's back
    assert info_of(client, debate)["audio_available"] is False
    answer = analyst.put(f"/api/debates/{debate['id']}", json={"title": "Autre"})
    assert answer.status_code == 200, answer.text
    assert info_of(client, debate)["audio_available"] is True
    assert analyst.delete(f"/api/debates/{debate['id']}").status_code == 200
    problem(client.get(f"/api/streaming/{debate['id']}/info"), 404, f"Débat {debate['id']} non trouvé")


# -- what goes away meanwhile ----------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_410_and_said_in_the_log(server, analyst, client):
    debate = make_debate(analyst)
    whole = some_bytes("gone", 700)
    give_audio(server, debate["id"], whole)
    digest = hashlib.sha256(whole).hexdigest()
    blob_path(server, digest).unlink()
    for tail in ("stream", "download", "hls/index.m3u8"):
        answer = client.get(f"/api/streaming/{debate['id']}/{tail}")
        problem(answer, 410, "Le fichier audio de ce débat n'est plus sur ce serveur", code="gone")
    assert client.head(stream_of(debate)).status_code == 410
    server.wait_log(rf"debate {debate['id']} has no file: blob {digest}")
    assert streams(server, debate) == 0


class Player:
    """A client that reads as slowly as it likes."""

    def __init__(self, server, path):
        host, port = server.url.removeprefix("http://").split(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(30 * PATIENCE)
        self.socket.connect((host, int(port)))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        self.heard = b""
        while b"\r\n\r\n" not in self.heard:
            self.heard += self.socket.recv(1000)
        self.head, _, self.heard = self.heard.partition(b"\r\n\r\n")

    def rest(self):
        parts = [self.heard]
        while parts[-1] or len(parts) == 1:
            parts.append(self.socket.recv(1 << 20))
        self.socket.close()
        return b"".join(parts)


def wait_until(condition, what):
    until = time.monotonic() + 20 * PATIENCE
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def gone(server, path):
    """Audio that nobody has is removed by a job that waits a while for whoever is about to store the same."""
    hasten(server, "robian.blob_remove")
    return not path.exists()


def test_a_debate_deleted_while_it_is_played_is_played_to_the_end(server, analyst, client):
    debate = make_debate(analyst)
    large = some_bytes("large", 2_000_000) * 8  # more than the kernel holds for one reader
    give_audio(server, debate["id"], large)
    path = blob_path(server, hashlib.sha256(large).hexdigest())
    player = Player(server, stream_of(debate))
    assert player.head.startswith(b"HTTP/1.1 200")
    assert analyst.delete(f"/api/debates/{debate['id']}").status_code == 200
    wait_until(lambda: gone(server, path), "the file of the deleted debate stays")
    problem(client.get(stream_of(debate)), 404)
    assert player.rest() == large


def test_audio_that_is_given_up_waits_for_who_stores_the_same_at_that_moment(server, analyst, client):
    """He finds the bytes there, does not write them again, and says a little later that he has them."""
    one, two = make_debate(analyst), make_debate(analyst)
    same = some_bytes("the same again", 700)
    give_audio(server, one["id"], same)
    assert analyst.delete(f"/api/debates/{one['id']}").status_code == 200
    row = "FROM jobs WHERE kind = 'robian.blob_remove' AND state = 'waiting' ORDER BY id DESC LIMIT 1"
    apart = "extract(epoch FROM run_at - created_at) * 1000" if server.database else "(run_at - created_at) / 1000"
    assert float(database(server, f"SELECT {apart} {row}")) >= 59_000
    give_audio(server, two["id"], same)
    job = database(server, f"SELECT id {row}")
    wait_until(lambda: hasten(server, "robian.blob_remove") or database(
        server, f"SELECT state FROM jobs WHERE id = {job}") == "done", "the job does not run")
    assert client.get(stream_of(two)).content == same


def test_a_file_that_two_debates_have_stays_until_both_are_gone(server, analyst, client):
    one, two = make_debate(analyst), make_debate(analyst)
    shared = some_bytes("shared", 900)
    for debate in (one, two):
        give_audio(server, debate["id"], shared)
    path = blob_path(server, hashlib.sha256(shared).hexdigest())
    assert analyst.delete(f"/api/debates/{one['id']}").status_code == 200
    wait_until(lambda: hasten(server, "robian.blob_remove") or int(database(
        server, "SELECT count(*) FROM jobs WHERE kind = 'robian.blob_remove' AND state IN ('waiting', 'running')")) == 0,
        "the job does not run")
    assert client.get(stream_of(two)).content == shared
    assert analyst.delete(f"/api/debates/{two['id']}").status_code == 200
    wait_until(lambda: gone(server, path), "the file stays")


def test_a_new_extraction_is_played_at_once(server, analyst, client):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes("before", 600))
    before = client.get(stream_of(debate), headers={"Range": "bytes=0-99"})
    after = some_bytes("after", 800)
    path = blob_path(server, hashlib.sha256(after).hexdigest())
    path.write_bytes(after)
    database(server, f"UPDATE audio_files SET blob = '{path.parent.name}{path.name}' WHERE debate_n = "
                     f"(SELECT n FROM debates WHERE id = '{debate['id']}') RETURNING n")
    rest = client.get(stream_of(debate), headers={"Range": "bytes=100-", "If-Range": before.headers["ETag"]})
    assert rest.status_code == 200 and rest.content == after


# -- HLS ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """25 s of sound in each format, made once."""
    folder = tmp_path_factory.mktemp("music")
    codecs = {"mp3": "libmp3lame", "aac": "aac", "opus": "libopus", "wav": "pcm_s16le"}
    made = {}
    for form, codec in codecs.items():
        path = folder / f"music.{'m4a' if form == 'aac' else form}"
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i",
                        "sine=frequency=440:duration=25:sample_rate=48000", "-c:a", codec, str(path)],
                       check=True, timeout=120)
        made[form] = path.read_bytes()
    return made


def hls_of(debate):
    return f"/api/streaming/{debate['id']}/hls/index.m3u8"


def probe(url, *more):
    """What ffprobe finds behind an address: (codec, seconds)."""
    done = subprocess.run(["ffprobe", "-v", "error", *more, "-show_entries", "stream=codec_name:format=duration",
                           "-of", "json", url], capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0 and not done.stderr, done.stderr
    found = json.loads(done.stdout)
    return found["streams"][0]["codec_name"], float(found["format"]["duration"])


def samples(*source, input=b""):
    """How much sound comes out when it is all decoded, in seconds."""
    done = subprocess.run(["ffmpeg", "-v", "error", *source, "-ac", "1", "-ar", "8000", "-f", "s16le", "-"],
                          input=input, capture_output=True, timeout=60 * PATIENCE)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return len(done.stdout) / 16000


@needs_ffmpeg
@pytest.mark.parametrize("form, codec, media_type", [("mp3", "mp3", "video/mp2t"), ("aac", "aac", "audio/mp4"),
                                                     ("opus", "opus", "audio/mp4")])
def test_hls_plays_the_same_audio(server, analyst, client, music, form, codec, media_type):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], music[form], form)
    answer = client.get(hls_of(debate))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    lines = answer.text.splitlines()
    assert lines[0] == "#EXTM3U" and lines[-1] == "#EXT-X-ENDLIST" and "#EXT-X-PLAYLIST-TYPE:VOD" in lines
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines
    assert int(re.search(r"#EXT-X-TARGETDURATION:(\d+)", answer.text)[1]) <= 11
    names = {line for line in lines if not line.startswith("#")}
    assert len(names) == 1, names  # one file, of which the segments are ranges
    ranges = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", answer.text)
    assert len(ranges) == 3
    segments, name = [], names.pop()
    start = re.findall(rf'#EXT-X-MAP:URI="{re.escape(name)}",BYTERANGE="(\d+)@(\d+)"', answer.text)
    assert bool(start) == (form != "mp3")
    for length, at in start + ranges:
        segment = client.get(f"/api/streaming/{debate['id']}/hls/{name}",
                             headers={"Range": f"bytes={at}-{int(at) + int(length) - 1}"})
        assert segment.status_code == 206 and len(segment.content) == int(length)
        assert segment.headers["Content-Type"] == media_type
        assert segment.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        segments.append(segment.content)
    for number, length in enumerate([10, 10, 5], len(start)):  # each is heard alone, as who seeks does
        alone = segments[0] * len(start) + segments[number]
        assert abs(samples("-i", "-", input=alone) - length) < 0.3
    for_http = ["-protocol_whitelist", "http,tcp"]
    found, seconds = probe(server.url + hls_of(debate), *for_http)
    assert found == codec and abs(seconds - 25) < 0.2
    heard = samples(*for_http, "-i", server.url + hls_of(debate))
    assert abs(heard - 25) < 0.3


@needs_ffmpeg
def test_hls_is_made_once_for_all_who_ask(make_server, music, tmp_path):
    """A tool that notes each of its runs stands for ffmpeg."""
    runs, tool = tmp_path / "runs", tmp_path / "ffmpeg"
    tool.write_text(f"#!/bin/sh\necho run >>{runs}\nsleep 0.3\nexec {shutil.which('ffmpeg')} \"$@\"\n")
    tool.chmod(0o755)
    server = make_server(FFMPEG_PATH=tool)
    with server.client(token(server, "analyst")) as analyst:
        debate = make_debate(analyst)
        give_audio(server, debate["id"], music["mp3"])

        def ask(_):
            with server.client() as client:
                return client.get(hls_of(debate)).text

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            texts = set(pool.map(ask, range(24)))
        assert len(texts) == 1 and texts.pop().startswith("#EXTM3U")
        assert runs.read_text() == "run\n"
        server.stop()
        server.start()
        assert ask(0).startswith("#EXTM3U") and runs.read_text() == "run\n"  # kept
        all_counted(server, debate, 25)
        left = [p.name for p in server.folder.iterdir() if p.name.startswith("segments-")]
        assert left == [] and list((server.folder / "blobs/tmp").iterdir()) == []
        blobs = [p for p in (server.folder / "blobs").glob("*/*")]
        assert len(blobs) == 2
        analyst.url = server.url
        assert analyst.delete(f"/api/debates/{debate['id']}").status_code == 200
        wait_until(lambda: all(gone(server, p) for p in blobs), "the segments stay")


@needs_ffmpeg
def test_segments_that_are_gone_are_made_again(server, analyst, client, music):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], music["opus"], "opus")
    playlist = client.get(hls_of(debate)).text
    name = playlist.splitlines()[-2]
    path = blob_path(server, name.split(".")[0])
    path.unlink()
    problem(client.get(f"/api/streaming/{debate['id']}/hls/{name}"), 410)
    assert client.get(hls_of(debate)).text == playlist and path.exists()


@needs_ffmpeg
def test_a_server_killed_while_it_makes_segments_leaves_nothing_behind(make_server, music, tmp_path):
    tool, begun = tmp_path / "ffmpeg", tmp_path / "begun"
    tool.write_text(f"#!/bin/sh\ntouch {begun}\n[ -e {tmp_path}/fast ] || sleep 60\n"
                    f"exec {shutil.which('ffmpeg')} \"$@\"\n")
    tool.chmod(0o755)
    server = make_server(FFMPEG_PATH=tool)
    with server.client(token(server, "analyst")) as analyst:
        debate = make_debate(analyst)
    give_audio(server, debate["id"], music["mp3"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: server.client().get(hls_of(debate)))
        wait_until(begun.exists, "ffmpeg was not begun")
        server.kill()
        with pytest.raises(Exception):
            asking.result()
    assert [p.name for p in server.folder.iterdir() if p.name.startswith("segments-")] == []
    (tmp_path / "fast").touch()
    server.start()
    assert server.client().get(hls_of(debate)).status_code == 200
    assert len(list((server.folder / "blobs").glob("*/*"))) == 2


@needs_ffmpeg
def test_what_is_no_audio_is_an_error_and_tried_again(server, analyst, client, music):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes("noise", 5000))
    problem(client.get(hls_of(debate)), 500)
    server.wait_log(r"ffmpeg ended with")
    problem(client.get(hls_of(debate)), 500)
    assert client.get(stream_of(debate)).status_code == 200  # the stream itself goes on


def test_hls_of_wav_is_not_offered(server, analyst, client):
    debate = make_debate(analyst)
    give_audio(server, debate["id"], some_bytes("wav", 500), "wav")
    problem(client.get(hls_of(debate), params={"format": "wav"}), 404,
            f"HLS n'est pas proposé pour le wav ; voir /api/streaming/{debate['id']}/stream")
    problem(client.get(hls_of(debate)), 404, "Audio non disponible dans ce format ; disponible : wav")


def test_without_ffmpeg_hls_says_so(make_server):
    server = make_server(FFMPEG_PATH="/nowhere/ffmpeg")
    with server.client(token(server, "analyst")) as analyst:
        debate = make_debate(analyst)
        give_audio(server, debate["id"], some_bytes("tool", 500))
        problem(analyst.get(hls_of(debate)), 501, "HLS a besoin de FFmpeg, que ce serveur ne trouve pas")
        assert analyst.get(stream_of(debate)).status_code == 200


@pytest.mark.parametrize("name", ["index.m3u", "x.ts", "a" * 64 + ".ts", "a" * 64, "A" * 64 + ".mp4", "..%2findex.m3u8",
                                  "a" * 64 + ".mp3", "%00.ts"])
def test_segments_of_nobody_are_404(client, debate, name):
    answer = client.get(f"/api/streaming/{debate['id']}/hls/{name}")
    problem(answer, 400 if "%" in name else 404)


@needs_ffmpeg
def test_segments_belong_to_their_debate(server, analyst, client, music):
    one, two = make_debate(analyst), make_debate(analyst)
    give_audio(server, one["id"], music["aac"], "aac")
    name = client.get(hls_of(one)).text.splitlines()[-2]
    assert client.get(f"/api/streaming/{one['id']}/hls/{name}").status_code == 200
    problem(client.get(f"/api/streaming/{two['id']}/hls/{name}"), 404)


def test_doctor_tells_of_audio_that_is_not_there(make_server):
    server = make_server()
    debate = make_debate(server.client(token(server, "analyst")))
    kept, lost = some_bytes("kept", 500), some_bytes("lost", 500)
    give_audio(server, debate["id"], kept)
    give_audio(server, debate["id"], lost, "aac")

    def said():
        lines = [json.loads(line) for line in server.cli("doctor", "--json").stdout.splitlines()]
        return next(line["detail"] for line in lines if line["check"] == "robian")

    assert "audio files" not in said()
    blob_path(server, hashlib.sha256(lost).hexdigest()).unlink()
    assert "1 of the latest 2 audio files are not under DATA_DIR/blobs: all nodes need one folder" in said()
