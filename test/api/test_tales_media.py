"""Recordings and pictures: what is taken, what is taken out of them, who may read them, and for how long. What must
not be in a picture is looked for with a parser of the test's own (tales.py)."""

import concurrent.futures
import hashlib
import http.client
import os
import struct
import time
import zlib

import pytest
import requests
from harness import PATIENCE, Server, database, make_key, make_user, shared_data, token
from tales import (UUID, b64, chunk, chunks, exif, ffmpeg, good, jpeg, make_note, make_space, nobody, person, pixels,
                   png, refused, same_as_absent, segments, tone, wait, webm, with_segments)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), LIFETALES_MEDIA_MAX_BYTES=20 << 20)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def ada(server):
    return person(server)


def put(client, data, status=201, **headers):
    return good(client.post("/api/media", data=data, headers=headers), status)


def stored(server, media):
    return (server.folder / "blobs" / media["sha256"][:2] / media["sha256"][2:]).read_bytes()


# -- putting ------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_form_and_a_body_store_the_same(ada):
    data = tone(0.5)
    raw = put(ada, data, **{"Content-Type": "audio/wav"})
    assert UUID.match(raw["id"]) and raw["mimeType"] == "audio/wav" and raw["size"] == len(data)
    assert raw["sha256"] == hashlib.sha256(data).hexdigest() and raw["durationMs"] == 500
    form = good(ada.post("/api/media", files={"file": ("été.wav", data, "audio/wav")}, data={"x": "y"}), 201)
    assert form["id"] == raw["id"]
    named = good(ada.post("/api/media", files={"file": ("../../C:\\été.wav", tone(0.6), "audio/wav")}), 201)
    assert named["name"] == "été.wav"


def test_forms_with_no_file_two_or_none_at_all_are_refused(ada):
    refused(ada.post("/api/media", files={"x": (None, "y")}), 422, "file")
    refused(ada.post("/api/media", files=[("file", ("a", png())), ("file", ("b", png()))]), 422, "file")
    refused(ada.post("/api/media", data=b""), 422)
    refused(ada.post("/api/media", data=b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"}), 400)


def test_the_same_upload_a_hundred_times_at_once_is_one_blob_and_one_row_a_person(server, ada):
    bob, data = person(server), webm(1.5, pitch=777)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda i: put(bob if i % 2 else ada, data), range(100)))
    assert len({one["id"] for one in made}) == 2 and len({one["sha256"] for one in made}) == 1
    assert int(database(server, f"SELECT count(*) FROM media WHERE sha256 = '{made[0]['sha256']}'")) == 2
    assert stored(server, made[0]) == data
    # One goes: the other's is still there.
    space = make_space(bob)
    note = make_note(bob, space, type="AUDIO", audioFileIds=[made[1]["id"]])
    good(bob.delete(f"/api/spaces/{space['id']}/notes/{note['id']}"))
    database(server, "UPDATE jobs SET run_at = " + ("now()" if server.database else "0")
             + ", due = " + ("true" if server.database else "1") + " WHERE kind = 'lifetales.blob'")
    wait(lambda: int(database(server, "SELECT count(*) FROM jobs WHERE kind = 'lifetales.blob' "
                                      "AND state <> 'done'")) == 0, "the job")
    assert ada.get(f"/api/media/{made[0]['id']}").content == data


# -- recordings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("args, mime", [
    (("-f", "wav"), "audio/wav"), (("-c:a", "libopus", "-f", "ogg"), "audio/ogg"),
    (("-c:a", "libopus", "-f", "webm", "-live", "1"), "audio/webm"), (("-f", "mp3"), "audio/mpeg"),
    (("-c:a", "aac", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov"), "audio/mp4"),
    (("-c:a", "aac", "-f", "adts"), "audio/aac"), (("-f", "flac"), "audio/flac")])
def test_recordings_are_known_by_their_bytes_whatever_they_are_called(ada, args, mime):
    made = put(ada, ffmpeg(tone(1.1, rate=16000), *args), **{"Content-Type": "image/png"})
    assert made["mimeType"] == mime and made["kind"] == "audio"
    assert 950 <= made["durationMs"] <= 1300


def test_a_video_is_one(ada, tmp_path):
    picture = ffmpeg(png(32, 24), "-vf", "loop=30:1", "-c:v", "libvpx", "-f", "webm")
    made = put(ada, picture, **{"Content-Type": "audio/webm"})
    assert made["kind"] == "video" and made["mimeType"] == "video/webm" and made["width"] == 32


def test_silence_is_a_recording(ada):
    assert put(ada, tone(2, pitch=0))["durationMs"] == 2000


@pytest.mark.parametrize("data, status", [
    (b"ceci n'est pas un son" * 100, 415), (b"%PDF-1.7\n", 415), (b"\0" * 5000, 415), (b"PK\3\4" + b"\0" * 100, 415),
    (b"RIFF\x10\0\0\0WAVE", 422), (b"OggS" + b"\0" * 200, 422), (b"\x1a\x45\xdf\xa3" + b"\xff" * 500, 422),
    (b"ID3\3\0\0\0\0\0\0" + b"\0" * 500, 422), (b"\0\0\0\x18ftypisom" + b"\0" * 300, 422),
    (b"fLaC" + b"\0" * 300, 422), (b"#!AMR\n", 422), (b"\0\0\0\x18ftypheic" + b"\0" * 300, 422)])
def test_what_is_no_recording_is_refused(server, ada, data, status):
    before = int(database(server, "SELECT count(*) FROM media"))
    refused(ada.post("/api/media", data=data, headers={"Content-Type": "audio/webm"}), status)
    assert int(database(server, "SELECT count(*) FROM media")) == before


def test_a_broken_container_is_refused(ada):
    whole = ffmpeg(tone(3, rate=16000), "-c:a", "aac", "-f", "ipod", "-movflags", "frag_keyframe+empty_moov")
    refused(ada.post("/api/media", data=whole[:40]), 422)
    refused(ada.post("/api/media", data=webm(3)[:160]), 422)


def test_three_hours_are_too_long_and_the_limit_is_not(ada):
    long, short = (ffmpeg(tone(1), "-af", f"apad=whole_dur={seconds}", "-compression_level", "0", "-f", "flac")
                   for seconds in (10_800, 7_100))
    assert "at most 120" in refused(ada.post("/api/media", data=long), 413)
    assert put(ada, short)["durationMs"] >= 7_099_000


def test_too_many_bytes_are_refused_in_a_form_and_in_a_body(make_server):
    """200 MB where 100 are allowed: told before they are sent; where their length was not told, while they come."""
    server = make_server()
    ada, piece = person(server), b"\0" * (1 << 20)
    try:
        refused(ada.post("/api/media", data=iter([piece] * 200), timeout=200), 413)
    except requests.ConnectionError:  # it was said before the last of them was sent
        pass
    server.wait_log(r'"status":413')
    assert int(database(server, "SELECT count(*) FROM media")) == 0
    announced = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60 * PATIENCE)
    announced.putrequest("POST", "/api/media")
    for name, value in {"Authorization": ada.headers["Authorization"], "Content-Length": str(200 << 20),
                        "Expect": "100-continue"}.items():
        announced.putheader(name, value)
    announced.endheaders()
    assert announced.getresponse().status == 413


def test_over_the_limit_in_a_form(ada):
    refused(ada.post("/api/media", files={"file": ("a.wav", tone(230, rate=48000), "audio/wav")}, timeout=200), 413)


# -- pictures -------------------------------------------------------------------------------------------


def test_what_a_camera_wrote_is_gone_from_a_jpeg_and_its_pixels_are_untouched(server, ada):
    plain = jpeg()
    profile = b"ICC_PROFILE\0\1\1" + bytes(200)
    taken = with_segments(plain, (0xE1, b"Exif\0\0" + exif()), (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
                          (0xED, b"Photoshop 3.0\0" + bytes(50)), (0xE2, profile), (0xFE, b"12 rue de la Paix"))
    made = put(ada, taken + b"MotionPhoto" + webm(0.1))
    out = stored(server, made)
    assert made["mimeType"] == "image/jpeg" and (made["width"], made["height"]) == (16, 12)
    assert {marker for marker, _ in segments(out)} <= {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE2, 0xEE}
    assert (0xE2, profile) in segments(out)
    for secret in (b"Exif", b"Kamera", b"GPS", b"xmpmeta", b"Photoshop", b"rue de la Paix", b"MotionPhoto", b"Lavc"):
        assert secret not in out, secret
    assert out.endswith(b"\xff\xd9") and pixels(out, 16, 12) == pixels(plain, 16, 12)
    assert ada.get(made["url"]).content == out


def test_what_is_written_into_png_webp_and_gif_is_gone(server, ada):
    taken = png(9, 7, extra=chunk(b"eXIf", exif()) + chunk(b"tEXt", b"Author\0Ada") + chunk(b"gAMA", bytes(4))
                + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>") + chunk(b"tIME", bytes(7)))
    out = stored(server, put(ada, taken + b"trailing"))
    assert [name for name, _ in chunks(out)] == [b"IHDR", b"gAMA", b"IDAT", b"IEND"]

    whole = ffmpeg(png(9, 7), "-c:v", "libwebp", "-lossless", "1", "-f", "webp")
    size = struct.pack("<I", len(whole) - 8 + 18 + 8 + len(exif()) + len(exif()) % 2)
    extended = b"VP8X" + struct.pack("<IB3x", 10, 0x0C) + (8).to_bytes(3, "little") + (6).to_bytes(3, "little")
    block = exif() + b"\0" * (len(exif()) % 2)
    made = put(ada, b"RIFF" + size + b"WEBP" + extended + whole[12:] + b"EXIF" + struct.pack("<I", len(exif())) + block)
    out = stored(server, made)
    assert made["mimeType"] == "image/webp" and (made["width"], made["height"]) == (9, 7)
    assert b"EXIF" not in out and b"Kamera" not in out and out[20] & 0x0C == 0
    assert struct.unpack("<I", out[4:8])[0] == len(out) - 8

    gif = ffmpeg(png(9, 7), "-f", "gif")
    out = stored(server, put(ada, gif[:-1] + b"\x21\xfe\x0bgeheimnis!!\0" + b";more"))
    assert b"geheimnis" not in out and b"more" not in out and out.endswith(b";")
    assert pixels(out, 9, 7) == pixels(gif, 9, 7)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(server, ada, orientation):
    """Corners of four colours, held as EXIF's number says, come out where they belong."""
    width, height, block = 32, 16, 8
    upright = [[RED if x < width // 2 and y < height // 2 else GREEN if y < height // 2 else
                BLUE if x < width // 2 else WHITE for x in range(width)] for y in range(height)]
    turn = {1: lambda p: p, 2: lambda p: [row[::-1] for row in p], 3: lambda p: [row[::-1] for row in p[::-1]],
            4: lambda p: p[::-1], 5: lambda p: [list(row) for row in zip(*p)],
            6: lambda p: [list(row) for row in zip(*p)][::-1],
            7: lambda p: [list(row)[::-1] for row in zip(*p)][::-1],
            8: lambda p: [list(row)[::-1] for row in zip(*p)]}
    held = turn[orientation](upright)
    profile = b"ICC_PROFILE\0\1\1" + bytes([orientation]) * 100
    made = put(ada, with_segments(jpeg(held), (0xE1, b"Exif\0\0" + exif(orientation)), (0xE2, profile)))
    out = stored(server, made)
    assert (made["width"], made["height"]) == (width, height)
    got = pixels(out, width, height)
    for x, y in ((4, 4), (width - 4, 4), (4, height - 4), (width - 4, height - 4)):
        assert all(abs(a - b) < 60 for a, b in zip(got[y][x], upright[y][x])), (x, y, got[y][x], upright[y][x])
    assert (0xE2, profile) in segments(out) and b"Exif" not in out and b"Lavc" not in out
    assert block


def test_pictures_of_a_hundred_megapixels_are_refused_before_they_are_decoded(server, ada):
    """Small files that say so: a PNG of 10 000 × 10 000, a JPEG whose frame was changed, a GIF, a WebP."""
    row = zlib.compressobj()
    packed = b"".join(row.compress(bytes(10_001 * 1000)) for _ in range(10)) + row.flush()
    head = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    big = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    small = jpeg()
    at = next(i for i in range(len(small)) if small[i] == 0xFF and small[i + 1] in (0xC0, 0xC1, 0xC2))
    vast = small[:at + 5] + struct.pack(">HH", 10_000, 10_000) + small[at + 9:]
    gif = ffmpeg(png(), "-f", "gif")
    wide = gif[:6] + struct.pack("<HH", 10_000, 10_000) + gif[10:]
    for data in (big, vast, wide, png(40_000, 1)):
        assert "million" in refused(ada.post("/api/media", data=data), 413)


@pytest.mark.parametrize("data", [
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    b"<?xml version='1.0'?><!DOCTYPE svg><svg onload='alert(1)'/>", b"<html><script>alert(1)</script></html>",
    b"\xef\xbb\xbf<svg/>"])
def test_what_could_run_is_refused(ada, data):
    for type in ("image/svg+xml", "image/png", "text/html"):
        refused(ada.post("/api/media", data=data, headers={"Content-Type": type}), 415)


def test_broken_pictures_are_refused(ada):
    whole, drawn = png(30, 30), jpeg(width=64, height=48)
    flipped = bytearray(whole)
    flipped[-20] ^= 0xFF
    for data in (whole[:-5], whole[:60], bytes(flipped), drawn[:-2], drawn[:200], b"GIF89a" + bytes(4),
                 b"RIFF\xff\xff\0\0WEBPVP8 ", b"\xff\xd8\xff\xe0\xff\xff", b"\xff\xd8\xff\xd9",
                 b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 5, 8, 2, 0, 0, 0))
                 + chunk(b"IDAT", b"no pixels") + chunk(b"IEND", b"")):
        refused(ada.post("/api/media", data=data), 422)


# -- reading --------------------------------------------------------------------------------------------


def test_ranges_are_given(server, ada):
    data = tone(2, rate=16000)
    made = put(ada, data)
    reader = server.client()
    whole = reader.get(made["url"])
    assert whole.status_code == 200 and whole.content == data and whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["ETag"] == f'"{made["sha256"]}"' and whole.headers["X-Content-Type-Options"] == "nosniff"
    part = reader.get(made["url"], headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == data[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(data)}"
    assert reader.get(made["url"], headers={"Range": "bytes=-5"}).content == data[-5:]
    assert reader.get(made["url"], headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert reader.get(made["url"], headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert reader.head(made["url"]).headers["Content-Length"] == str(len(data))


def test_an_address_is_good_for_what_it_was_made_for_only(server, ada):
    one, other = put(ada, tone(0.7)), put(ada, tone(0.8))
    reader = server.client()
    assert reader.get(one["url"]).status_code == 200
    tail = one["url"].split("?")[1]
    refused(reader.get(f"/api/media/{other['id']}?{tail}"), 404)
    expires, signature = (pair.split("=")[1] for pair in tail.split("&"))
    other_first = "B" if signature[0] == "A" else "A"
    for query in (f"expires={int(expires) + 1}&signature={signature}", f"expires={expires}&signature={other_first}{signature[1:]}",
                  f"expires={expires}&signature=", f"signature={signature}", f"expires={expires}&signature=%20"):
        answer = reader.get(f"/api/media/{one['id']}?{query}")
        assert answer.status_code in (401, 404), (query, answer.text)
    refused(reader.get(f"/api/media/{one['id']}"), 401)
    assert good(ada.get("/api/spaces")) is not None and put(ada, tone(0.7))["url"] == one["url"]


def test_an_address_expires(make_server):
    server = make_server(LIFETALES_MEDIA_URL_SECONDS=4)
    ada = person(server)
    reader = server.client()

    def read(address):
        """It is given, unless it was asked for too late; when it expires."""
        until = int(address.split("expires=")[1].split("&")[0])
        answer = reader.get(address)
        assert answer.status_code == 200 or time.time() >= until, answer.text
        return until
    made = put(ada, tone(0.3))
    until = read(made["url"])
    while time.time() < until + 0.1:
        time.sleep(0.1)
    refused(reader.get(made["url"]), 410)
    assert ada.get(f"/api/media/{made['id']}").status_code == 200
    assert read(put(ada, tone(0.3))["url"]) > until


def test_another_persons_media_are_absent(server, ada):
    bob = person(server)
    made = put(ada, tone(0.9))
    same_as_absent(bob, "GET", "/api/media/{id}", made["id"])
    user = make_user(server)
    key = server.client(make_key(server, user["email"], "veyl:read"))
    refused(key.get(f"/api/media/{made['id']}"), 403)
    refused(key.post("/api/media", data=tone(0.9)), 403)


def test_an_address_outlives_a_change_of_the_secret_by_the_former_one(make_server, tmp_path):
    server = make_server()
    ada = server.client(token(server))
    made = put(ada, png(6, 6))
    server.stop()
    server.env |= {"SECRET_KEY": "another-secret-key-of-32-bytes-or-more!", "SECRET_KEY_PREVIOUS": server.env["SECRET_KEY"]}
    server.start()
    assert server.client().get(made["url"]).status_code == 200
    server.stop()
    server.env |= {"SECRET_KEY_PREVIOUS": ""}
    server.start()
    refused(server.client().get(made["url"]), 404)


def test_without_ffmpeg_it_says_what_to_install(make_server):
    server = make_server(FFMPEG_PATH="/nonexistent/ffmpeg", FFPROBE_PATH="/nonexistent/ffprobe")
    ada = person(server)
    for data in (tone(), png()):
        assert "install ffmpeg" in refused(ada.post("/api/media", data=data), 501)


def test_a_program_that_hangs_or_crashes_is_our_fault_told_as_theirs(make_server, tmp_path):
    tool = tmp_path / "ffprobe"
    tool.write_text("#!/bin/sh\nkill -9 $$\n")
    os.chmod(tool, 0o755)
    server = make_server(FFPROBE_PATH=tool)
    refused(person(server).post("/api/media", data=tone()), 422)


def test_real_recordings_are_taken(ada):
    folder = shared_data() / "audio"
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".wav", ".mp3", ".ogg", ".webm", ".m4a", ".flac"))
    if not files:
        pytest.skip(f"no recordings in {folder}")
    for file in files[:6]:
        if file.stat().st_size < 20 << 20:
            made = put(ada, file.read_bytes())
            assert made["kind"] == "audio" and made["durationMs"] > 0, file


def test_media_in_a_body_are_cleaned_too(server, ada):
    space = make_space(ada)
    note = make_note(ada, space, type="IMAGE", imageData=b64(with_segments(jpeg(), (0xE1, b"Exif\0\0" + exif(6)))))
    out = stored(server, note["media"][0])
    assert b"Exif" not in out and (note["media"][0]["width"], note["media"][0]["height"]) == (12, 16)
    assert nobody() != note["id"]


# -- going ----------------------------------------------------------------------------------------------


def bytes_go(server):
    """The jobs that remove bytes, now instead of in a minute."""
    database(server, "UPDATE jobs SET run_at = " + ("now()" if server.database else "0")
             + ", due = " + ("true" if server.database else "1") + " WHERE kind = 'lifetales.blob' AND state <> 'done'")
    wait(lambda: int(database(server, "SELECT count(*) FROM jobs WHERE kind = 'lifetales.blob' "
                                      "AND state <> 'done'")) == 0, "the job")


def test_what_nothing_shows_is_taken_away_with_its_bytes_unless_somebody_else_has_them(server, ada):
    bob, data = person(server), tone(0.62)
    own, shared, his = put(ada, tone(0.61)), put(ada, data), put(bob, data)
    same_as_absent(bob, "DELETE", "/api/media/{id}", own["id"])
    for made in (own, shared):
        assert good(ada.delete(f"/api/media/{made['id']}")) == {"success": True}
        refused(ada.get(f"/api/media/{made['id']}"), 404)
        refused(server.client().get(made["url"]), 404)
        refused(ada.delete(f"/api/media/{made['id']}"), 404)  # as it stays: gone
    bytes_go(server)
    assert not (server.folder / "blobs" / own["sha256"][:2] / own["sha256"][2:]).exists()
    assert bob.get(f"/api/media/{his['id']}").content == data
    assert put(ada, data)["id"] != shared["id"]  # and it can be brought again


def test_what_a_note_or_a_cover_shows_stays_until_it_is_taken_out_there(server, ada):
    spoken, cover = put(ada, tone(0.63)), put(ada, png(7, 5))
    space = make_space(ada, coverImage=cover["id"])
    note = make_note(ada, space, type="AUDIO", audioFileIds=[spoken["id"]])
    for made in (spoken, cover):
        assert "shows it" in refused(ada.delete(f"/api/media/{made['id']}"), 409)
        assert ada.get(made["url"]).status_code == 200
    good(ada.put(f"/api/notes/{note['id']}", json={"audioFileIds": []}))
    good(ada.put(f"/api/spaces/{space['id']}", json={"coverImage": None}))
    for made in (spoken, cover):
        answer = ada.delete(f"/api/media/{made['id']}")
        assert answer.status_code in (200, 404), answer.text  # the space may have let its cover go itself
        refused(ada.get(f"/api/media/{made['id']}"), 404)
