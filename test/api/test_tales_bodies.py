"""JSON bodies with base64 in them, as large as they may be: they go to the disk while they come, and whatever is wrong
with one is said as it is said of a small one.

A body whose length is announced, and is small, is read whole; one that comes chunked is taken apart as it comes. So
the same body sent both ways must get the same answer."""

import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import select
import socket
import subprocess

import pytest
from harness import PATIENCE
from tales import ada, b64, good, jpeg, make_note, make_space, nobody, person, png, refused, tone, wait

JSON = {"Content-Type": "application/json"}
CHANGING = re.compile(r'"(request_id|created_at|updated_at|id|url|audioUrl|timestamp|coverImage)":("[^"]*"|\d+)')


@pytest.fixture
def space(ada):
    return make_space(ada)


def pieces(data, size=1500):
    for at in range(0, len(data), size):
        yield data[at:at + size]


def in_parts(client, path, data, method="POST", size=1500, **headers):
    """Chunked: the server takes it apart as it comes."""
    return client.request(method, path, data=pieces(data, size), headers=JSON | headers, timeout=200 * PATIENCE)


def whole(client, path, data, method="POST", **headers):
    return client.request(method, path, data=data, headers=JSON | headers, timeout=200 * PATIENCE)


def blurred(answer):
    return answer.status_code, CHANGING.sub(r'"\1":…', answer.text)


def sounding(seconds=0.5, pitch=440.0):
    """More than stays in the text of a body."""
    sound = tone(seconds, pitch=pitch)
    assert len(b64(sound)) > 8192
    return sound


def links(server):
    for fd in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            yield str(fd.readlink())
        except OSError:  # it was closed a moment ago
            pass


def left_open(server):
    """Files without a name that the server still has."""
    return [link for link in links(server) if "(deleted)" in link and str(server.folder) in link]


# -- the same as whole --------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_large_body_becomes_the_same_note(server, ada, space):
    """A data: URL, slashes escaped as PHP does it, blanks and line ends inside; in every place where bytes may be."""
    path = f"/api/spaces/{space['id']}/notes"
    sound, picture = sounding(), jpeg(width=300, height=300) + bytes(6000)
    written = b64(sound).replace("+", "\\u002b").replace("/", "\\/")
    bodies = [
        '{"type":"AUDIO","audioData":"%s"}' % b64(sound),
        '{"type":"AUDIO","audioData":"data:audio\\/wav;base64,%s","mimeType":"audio/ogg"}' % written,
        '{"audioData" : "%s" , "type":"AUDIO"}' % b64(sound).rstrip("=").replace("+", "-").replace("/", "_"),
        '{"type":"AUDIO","content":"data:audio/wav;base64,%s"}' % written,
        '{"type":"AUDIO","audioData":"%s"}' % "\\r\\n".join(b64(sound)[at:at + 76] for at in range(0, len(b64(sound)), 76)),
    ]
    for body in bodies:
        note = good(in_parts(ada, path, body.encode()), 201)
        assert note["type"] == "AUDIO" and note["content"] is None and len(note["audioFileIds"]) == 1, body[:60]
        assert ada.get(note["audioUrl"]).content == sound
        assert note["media"][0]["sha256"] == hashlib.sha256(sound).hexdigest()
    both = good(in_parts(ada, path, json.dumps({
        "type": "MOMENT", "audioData": b64(sound), "imageData": b64(picture), "content": "À la plage"}).encode()), 201)
    assert sorted(m["kind"] for m in both["media"]) == ["audio", "image"] and both["content"] == "À la plage"
    changed = good(in_parts(ada, f"/api/notes/{both['id']}", json.dumps({
        "imageData": "data:image/jpeg;base64," + b64(picture), "audioFileIds": []}).encode(), "PUT"))
    assert "image" in [m["kind"] for m in changed["media"]] and "audio" not in [m["kind"] for m in changed["media"]]
    flat = good(in_parts(ada, "/api/notes", json.dumps({
        "spaceId": space["id"], "note": {"type": "AUDIO", "audioData": b64(sound)}}).encode()), 201)
    assert ada.get(flat["audioUrl"]).content == sound
    wait(lambda: not left_open(server), "the files on their way to be gone")


def test_covers_and_stories_take_large_bodies(ada):
    picture = jpeg(width=400, height=300) + bytes(9000)
    body = json.dumps({"title": "Été", "coverImage": b64(picture)}).encode()
    space = good(in_parts(ada, "/api/spaces", body), 201)
    assert ada.get(space["coverImage"]).headers["Content-Type"] == "image/jpeg"
    other = good(in_parts(ada, f"/api/spaces/{space['id']}", body.replace(b'"title": "\\u00c9t\\u00e9", ', b""), "PUT"))
    assert other["coverImage"].split("?")[0] == space["coverImage"].split("?")[0]
    notes = [{"type": "TEXT", "content": "Nous sommes partis à la mer. " * 300, "timestamp": 1700000000000},
             {"type": "IMAGE", "imageData": b64(picture), "content": "Le port.", "timestamp": 1700000100000},
             {"type": "IMAGE", "content": "data:image/jpeg;base64," + b64(picture), "timestamp": 1700000200000}]
    story = good(in_parts(ada, "/api/stories/generate", json.dumps({
        "notes": notes, "spaceTitle": "La mer", "settings": {"imagesPerChapter": 0}}).encode()))
    assert len(story["chapters"]) == 2  # of those that say something


def bad_bodies():
    sound, long = b64(sounding()), "A" * 8000
    note = '{"type":"AUDIO","audioData":"%s"}'
    yield "wrong at its end", note % (sound + "!")
    yield "wrong in the middle", note % (sound[:9000] + "§" + sound[9000:])
    yield "a pad in the middle", note % (sound[:8001] + "=" + sound)
    yield "one digit too many", note % (long + "A")
    yield "no base64 in a data: URL", note % ("data:audio/wav," + sound)
    yield "a data: URL without an end", note % ("data:audio/wav;" + long)
    yield "nothing that is known", note % b64(b"ceci n'est pas un son" * 500)
    yield "a control byte", note % (sound + "\n" + sound)
    yield "a bad escape", note % (sound + "\\x" + sound)
    yield "half a pair", note % (sound + "\\ud83d" + sound)
    yield "U+0000", note % (sound + "\\u0000")
    yield "cut in the long text", (note % sound)[:-2]
    yield "cut in an escape", (note % sound)[:-2] + "\\"
    yield "cut behind it", (note % sound)[:-1]
    yield "more behind it", (note % sound) + "\n x"
    yield "a member twice", '{"type":"AUDIO","audioData":"%s",\n "audioData":"%s"}' % (sound, long)
    yield "wrong types beside it", '{"type":7,"audioData":"%s","timestamp":"demain","imageData":{"x":"%s"}}' % (sound, long)
    yield "nothing required", '{"audioData":"%s"}' % sound
    yield "a list", '["%s"]' % sound
    yield "too deep", '{"type":"AUDIO","audioData":"%s","x":%s' % (long, '{"a":' * 300)
    yield "a long title", '{"type":"AUDIO","audioData":"%s","title":"%s"}' % (sound, long)
    yield "a name of the server's", '{"type":"AUDIO","audioData":"part:AAAAAAAAAAAAAAAAAAAAAA:0","imageData":"%s"}' % long
    yield "content that says it is sound", '{"type":"AUDIO","content":"data:audio/wav;base64,%s!"}' % sound
    yield "content that says it is sound, and is text", '{"type":"AUDIO","content":"data:audio/%s"}' % long


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in bad_bodies()])
def test_what_is_wrong_with_a_body_is_said_alike_in_parts_and_whole(server, ada, space, body):
    path, data = f"/api/spaces/{space['id']}/notes", body.encode()
    as_one, taken = whole(ada, path, data), in_parts(ada, path, data)
    assert as_one.status_code in (400, 413, 415, 422), as_one.text
    assert blurred(as_one) == blurred(taken)
    assert good(ada.get(path)) == []


@pytest.mark.parametrize("data", [b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\x80", b"\xc3\xa9", b"\x7f", b"\x00"])
def test_bytes_that_are_no_utf8_are_said_alike(ada, space, data):
    path, sound = f"/api/spaces/{space['id']}/notes", b64(sounding()).encode()
    for body in (b'{"type":"AUDIO","audioData":"' + sound + data + b'AAAA"}',
                 b'{"type":"AUDIO","audioData":"' + sound + b'","title":"' + data + b'"}',
                 b'{"type":"AUDIO","audioData":"' + sound + data):
        as_one, taken = whole(ada, path, body), in_parts(ada, path, body)
        assert as_one.status_code in (400, 422, 201), as_one.text
        assert blurred(as_one)[0] == blurred(taken)[0]
        if as_one.status_code != 201:
            assert blurred(as_one) == blurred(taken)


def test_texts_cut_and_changed_anywhere_are_said_alike(ada, space):
    """Two hundred bodies with a byte changed, taken out or put in, by chance that is the same each time."""
    path, chance = f"/api/spaces/{space['id']}/notes", random.Random(7)
    long = "QUJD" * 1500
    body = json.dumps({"type": "TEXT", "audioData": long, "note": {"imageData": "x"}, "imageData": "data:image/png;base64,"
                       + long, "title": "é\U0001f600"}).encode()
    signs = [b'"', b"\\", b"{", b"}", b",", b":", b"\n", b"\xc3", b"\\u", b"=", b"!", b"A", b""]
    interesting = [i for i, byte in enumerate(body) if byte not in b"QUJD"]

    def one(i):
        place = chance.choice(interesting) if i % 2 else chance.randrange(len(body))
        changed = body[:place] + chance.choice(signs) + body[place + chance.randrange(2):]
        return changed

    bodies = [one(i) for i in range(60)]
    for changed in bodies:
        as_one, taken = whole(ada, path, changed), in_parts(ada, path, changed, size=4001)
        assert as_one.status_code != 201 and blurred(as_one) == blurred(taken), changed[-200:]


def test_an_empty_body_and_no_json_are_said_alike(ada, space):
    for path in (f"/api/spaces/{space['id']}/notes", "/api/transcribe", "/api/generate-narrator"):
        for body in (b"", b" ", b"nul", b"7"):
            as_one, taken = whole(ada, path, body), in_parts(ada, path, body)
            assert as_one.status_code in (400, 422), (path, body, as_one.text)
            if body:
                assert blurred(as_one) == blurred(taken), (path, body)
    assert whole(ada, f"/api/spaces/{space['id']}/notes", b"x" * 9000, **{"Content-Type": "text/plain"}).status_code == 415
    packed = in_parts(ada, f"/api/spaces/{space['id']}/notes", b"\x1f\x8b" + bytes(9000), **{"Content-Encoding": "gzip"})
    assert packed.status_code in (400, 415)


# -- who may, keys, limits ------------------------------------------------------------------------------------


def test_the_same_key_makes_one_note_of_a_large_body(ada, space):
    path, key = f"/api/spaces/{space['id']}/notes", {"Idempotency-Key": nobody()}
    body = json.dumps({"type": "AUDIO", "audioData": b64(sounding(2))}).encode()
    first = in_parts(ada, path, body, **key)
    good(first, 201)
    again = in_parts(ada, path, body, size=333, **key)
    assert again.json() == first.json() and again.headers["Idempotency-Replayed"] == "true"
    changed = bytearray(body)
    changed[len(body) // 2] = ord("B") if changed[len(body) // 2] != ord("B") else ord("C")
    refused(in_parts(ada, path, bytes(changed), **key), 422)
    refused(in_parts(ada, path, body[:-1] + b',"title":"x"}', **key), 422)
    assert len(good(ada.get(path))) == 1


def test_one_key_at_the_same_moment_makes_one_note(ada, space):
    path, key = f"/api/spaces/{space['id']}/notes", {"Idempotency-Key": nobody()}
    body = json.dumps({"type": "AUDIO", "audioData": b64(sounding(1))}).encode()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: in_parts(ada, path, body, **key), range(6)))
    assert set(a.status_code for a in answers) <= {201, 409}
    assert len({a.json()["data"]["id"] for a in answers if a.status_code == 201}) == 1
    assert len(good(ada.get(path))) == 1


def test_a_body_may_have_so_much_beside_its_base64(ada, space):
    """Long texts that are no base64 are in memory, and as large as another route's body may be."""
    path = f"/api/spaces/{space['id']}/notes"
    body = json.dumps({"type": "TEXT", "content": "x", "unknown": "é" * (6 << 20)}, ensure_ascii=False).encode()
    assert "beside the base64" in refused(whole(ada, path, body), 413)
    text = "é" * 100_000
    assert make_note(ada, space, content=text)["content"] == text


def test_over_the_limit_is_said_before_and_while_it_comes(server, ada, space):
    announced = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60 * PATIENCE)
    for path in (f"/api/spaces/{space['id']}/notes", "/api/transcribe", "/api/stories/generate"):
        announced.putrequest("POST", path)
        for name, value in {"Authorization": ada.headers["Authorization"], "Content-Length": str(53 << 20),
                            "Expect": "100-continue"}.items() | JSON.items():
            announced.putheader(name, value)
        announced.endheaders()
        answer = announced.getresponse()
        assert answer.status == 413 and "at most 54525952 bytes" in json.loads(answer.read())["error"]
        announced.close()
    try:
        begin = b'{"type":"AUDIO","audioData":"'
        refused(ada.post(f"/api/spaces/{space['id']}/notes", data=iter([begin] + [b"A" * (1 << 20)] * 53), headers=JSON,
                         timeout=200 * PATIENCE), 413)
    except Exception:  # it was said before the last of it was sent
        pass
    server.wait_log(r'"status":413')
    assert good(ada.get(f"/api/spaces/{space['id']}/notes")) == []
    wait(lambda: not left_open(server), "the files on their way to be gone")


def test_a_stranger_and_an_absent_space_leave_nothing(server, ada):
    body = json.dumps({"type": "AUDIO", "audioData": b64(sounding(pitch=611))}).encode()
    assert in_parts(server.client(), f"/api/spaces/{nobody()}/notes", body).status_code == 401
    refused(in_parts(ada, f"/api/spaces/{nobody()}/notes", body), 404)
    foreign = make_space(person(server))
    refused(in_parts(ada, f"/api/spaces/{foreign['id']}/notes", body), 404)
    sha256 = hashlib.sha256(sounding(pitch=611)).hexdigest()
    assert not (server.folder / "blobs" / sha256[:2] / sha256[2:]).exists()
    wait(lambda: not left_open(server), "the files on their way to be gone")


# -- clients that stop, are slow, lie; disks that are full ------------------------------------------------------


def raw(server, ada, path, length, *parts):
    """A connection of its own on which so much was sent."""
    host, port = server.url.removeprefix("http://").split(":")
    s = socket.create_connection((host, int(port)), timeout=60 * PATIENCE)
    head = (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {ada.headers['Authorization']}\r\n"
            f"Content-Type: application/json\r\n{length}\r\n\r\n")
    s.sendall(head.encode())
    for part in parts:
        s.sendall(part)
    return s


def test_who_stops_in_the_middle_leaves_nothing(server, ada, space):
    path = f"/api/spaces/{space['id']}/notes"
    body = b'{"type":"AUDIO","audioData":"' + b64(tone(5, rate=44100)).encode()
    for length in (f"Content-Length: {len(body) + 2}", "Transfer-Encoding: chunked"):
        sent = body if "Length" in length else b"%x\r\n" % (len(body) + 2) + body
        s = raw(server, ada, path, length, sent)
        wait(lambda: left_open(server), "the body to be on its way")
        s.close()
        wait(lambda: not left_open(server), "the files on their way to be gone")
    assert good(ada.get(path)) == []


def test_lengths_that_lie_and_chunks_that_are_none(server, ada, space):
    path = f"/api/spaces/{space['id']}/notes"
    body = json.dumps({"type": "AUDIO", "audioData": b64(sounding(5))}).encode()
    s = raw(server, ada, path, f"Content-Length: {len(body) - 10}", body[:-10])  # less than it has
    assert b" 400 " in s.recv(200)
    s.close()
    s = raw(server, ada, path, "Transfer-Encoding: chunked", b"10000\r\n" + body[:0x10000] + b"\r\nzz\r\n")
    assert b" 400 " in s.recv(200)
    s.close()
    s = raw(server, ada, path, f"Content-Length: {len(body)}", body + b"GET / HTTP/1.1\r\n")  # more: the next request
    assert b" 201 " in s.recv(200)
    s.close()
    assert len(good(ada.get(path))) == 1
    wait(lambda: not left_open(server), "the files on their way to be gone")


def test_who_sends_byte_by_byte_is_heard_out(server, ada, space):
    path = f"/api/spaces/{space['id']}/notes"
    body = json.dumps({"type": "AUDIO", "audioData": b64(sounding())}).encode()
    s = raw(server, ada, path, "Transfer-Encoding: chunked")
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(len(body)):
        s.sendall(b"1\r\n" + body[at:at + 1] + b"\r\n")
    s.sendall(b"0\r\n\r\n")
    assert b" 201 " in s.recv(200)
    s.close()


def on_their_way(server):
    """Bytes of all files without a name."""
    total = 0
    for fd in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            total += fd.stat().st_size if "(deleted)" in str(fd.readlink()) else 0
        except OSError:  # it was closed a moment ago
            pass
    return total


def until_answered(s, piece, times):
    """Send until there is an answer: its head."""
    for _ in range(times):
        if select.select([s], [], [], 0)[0]:
            break
        try:
            s.sendall(piece)
        except OSError:  # the answer is here, and the server has closed
            break
    return s.recv(4000).decode()


def test_beyond_its_room_the_server_asks_to_come_again(make_server):
    """Of what is on its way there is so much, and no more; what is small goes on."""
    server = make_server(TEMP_MAX_BYTES=16 << 20)
    ada = person(server)
    space = make_space(ada)
    path = f"/api/spaces/{space['id']}/notes"
    begin = b'{"type":"AUDIO","audioData":"' + b"A" * (8 << 20)
    holding = [raw(server, ada, path, f"Content-Length: {30 << 20}", begin) for _ in range(2)]
    try:
        wait(lambda: on_their_way(server) > 11 << 20, "both to be on their way", 60)
        third = raw(server, ada, path, f"Content-Length: {30 << 20}", b'{"type":"AUDIO","audioData":"')
        answer = until_answered(third, b"A" * 65536, 400)
        assert " 503 " in answer and "\r\nRetry-After: 5\r\n" in answer, answer
        third.close()
        make_note(ada, space, content="Bonjour")
    finally:
        for s in holding:
            s.close()
    wait(lambda: not left_open(server), "the files on their way to be gone")
    good(in_parts(ada, path, json.dumps({"type": "AUDIO", "audioData": b64(sounding(20))}).encode(), size=1 << 16), 201)
    assert [n["content"] for n in good(ada.get(path)) if n["type"] == "TEXT"] == ["Bonjour"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_507_and_nothing_is_kept(make_server, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", small], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        server = make_server(folder=small)
        ada = person(server)
        space = make_space(ada)
        path = f"/api/spaces/{space['id']}/notes"
        s = raw(server, ada, path, f"Content-Length: {50 << 20}", b'{"type":"AUDIO","audioData":"')
        answer = until_answered(s, b"A" * 65536, 800)
        assert " 507 " in answer, answer
        s.close()
        wait(lambda: not left_open(server), "the files on their way to be gone")
        assert good(ada.get(path)) == []
        good(in_parts(ada, path, json.dumps({"type": "AUDIO", "audioData": b64(sounding())}).encode()), 201)
        server.stop()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


# -- many at once -------------------------------------------------------------------------------------------------


def most_memory(server):
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) / 1024


def test_large_bodies_are_not_in_memory(make_server):
    """Eight times 20 MB are on their way, all but their end: the server has them on the disk."""
    server = make_server()
    ada = person(server)
    space = make_space(ada)
    body = b'{"type":"AUDIO","audioData":"' + b64(bytes(15 << 20)).encode()
    before = most_memory(server)
    sockets = [raw(server, ada, f"/api/spaces/{space['id']}/notes", f"Content-Length: {len(body) + 2}") for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda s: s.sendall(body), sockets))
    wait(lambda: on_their_way(server) >= 8 * (14 << 20), "the bodies to be on the disk", 60)
    grown = most_memory(server) - before
    assert grown < (40 if PATIENCE == 1 else 160), f"{grown:.0f} MiB for 160 MB of bodies"
    for s in sockets:
        s.sendall(b'"}')
    for s in sockets:
        assert b" 415 " in s.recv(200)  # zeroes are no recording
        s.close()
    wait(lambda: not left_open(server), "the files on their way to be gone")
