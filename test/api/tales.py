"""What the tests of lifetales share: people with their spaces, how answers and errors look, and recordings, pictures
and a film made here. Each topic adds its own helpers below; a test file imports the fixtures that it wants, and those
that they want."""

import array
import base64
import io
import math
import pathlib
import re
import struct
import subprocess
import sys
import time
import uuid
import wave
import zlib

import pytest
from harness import PATIENCE, token

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def good(answer, status=200):
    """Check an answer's envelope; its data."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text[:2000]}"
    body = answer.json()
    assert body["success"] is True, body
    return body["data"]


def refused(answer, status, *fields):
    """Check an error: the contract's members beside RFC 9457's; the names in `errors` are `fields`, when some are
    given. What it says."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text[:2000]}"
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.headers
    body = answer.json()
    assert body["success"] is False and body["statusCode"] == body["status"] == status, body
    assert body["error"] == body["message"] == body["detail"] and body["error"], body
    if fields:
        assert sorted(bad["field"] for bad in body["errors"]) == sorted(fields), body
    return body["error"]


def nobody():
    """An id that is nowhere."""
    return str(uuid.uuid4())


def same_as_absent(client, method, path, foreign_id, **options):
    """A foreign id answers as an absent one, but for request id and the id itself. `path` has {id} where it goes."""
    absent_id = nobody()

    def blurred(id):
        answer = client.request(method, path.replace("{id}", id), **options)
        refused(answer, 404)
        body = answer.json()
        return answer.status_code, answer.text.replace(body["request_id"], "…").replace(id, "{id}")
    assert blurred(foreign_id) == blurred(absent_id)


def person(server):
    """A new user, as a client."""
    return server.client(token(server))


@pytest.fixture(scope="module")
def ada(server):
    """A user of the module's server."""
    return person(server)


def make_space(client, **members):
    return good(client.post("/api/spaces", json={"title": "Les vacances"} | members), 201)


def make_note(client, space, **members):
    return good(client.post(f"/api/spaces/{space['id']}/notes", json={"type": "TEXT"} | members), 201)


def wait(found, what, timeout=20):
    until = time.monotonic() + timeout * PATIENCE
    while not (value := found()):
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)
    return value


def b64(data):
    return base64.b64encode(data).decode()


# -- recordings ---------------------------------------------------------------------------------------


def tone(seconds=1.0, rate=8000, pitch=440.0):
    """A WAV of a tone; pitch 0: silence."""
    samples = array.array("h", (int(9000 * math.sin(2 * math.pi * pitch * i / rate)) if pitch else 0
                                for i in range(int(seconds * rate))))
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(samples.tobytes())
    return out.getvalue()


def ffmpeg(data, *args):
    """Through FFmpeg's pipes."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", "pipe:0", *args, "pipe:1"], input=data, capture_output=True,
                          timeout=120 * PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def webm(seconds=1.0, pitch=440.0):
    """What a browser's MediaRecorder makes: WebM with Opus, without a duration at its beginning, and without tags."""
    return ffmpeg(ffmpeg(tone(seconds, pitch=pitch), "-c:a", "libopus", "-f", "ogg"), "-c", "copy", "-map_metadata", "-1",
                  "-map_metadata:s:a", "-1", "-fflags", "+bitexact", "-f", "webm", "-live", "1")


# -- pictures -------------------------------------------------------------------------------------------


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width=8, height=6, colour=(200, 30, 60), extra=b""):
    """One colour; extra: further chunks before the pixels."""
    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + extra
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def png_rows(rows):
    """Of rows of (r, g, b)."""
    data = b"".join(b"\0" + b"".join(bytes(p) for p in row) for row in rows)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def jpeg(rows=None, width=16, height=12):
    return ffmpeg(png_rows(rows) if rows else png(width, height), "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "1",
                  "-pix_fmt", "yuvj444p")


def exif(orientation=1, latitude=(48, 51, 24)):
    """A TIFF block as cameras write it: which way up, who made it, and where."""
    text = b"Kamera AG\0"
    entries = 3
    heap = 8 + 2 + 12 * entries + 4
    gps = heap + len(text)
    ifd = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    ifd += struct.pack("<HHII", 0x010F, 2, len(text), heap)
    ifd += struct.pack("<HHII", 0x8825, 4, 1, gps)
    place = struct.pack("<H", 2) + struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0")
    place += struct.pack("<HHII", 2, 5, 3, gps + 2 + 24 + 4) + struct.pack("<I", 0)
    place += b"".join(struct.pack("<II", part, 1) for part in latitude)
    return (b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", entries) + ifd + struct.pack("<I", 0) + text + place)


def with_segments(data, *segments):
    """A JPEG with further segments (marker, bytes) behind its beginning."""
    more = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return data[:2] + more + data[2:]


def segments(data):
    """[(marker, bytes)] of a JPEG up to its scan: a parser of its own, for what must not be there."""
    at, found = 2, []
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF, at
        length = struct.unpack(">H", data[at + 2:at + 4])[0]
        found.append((data[at + 1], data[at + 4:at + 2 + length]))
        at += 2 + length
    return found


def chunks(data):
    """[(name, bytes)] of a PNG."""
    at, found = 8, []
    while at < len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        found.append((data[at + 4:at + 8], data[at + 8:at + 8 + length]))
        at += 12 + length
    return found


def pixels(data, width, height):
    """[[(r, g, b)]] by FFmpeg, as it stands in the file."""
    raw = ffmpeg(data, "-f", "rawvideo", "-pix_fmt", "rgb24")
    assert len(raw) == 3 * width * height, len(raw)
    return [[tuple(raw[3 * (y * width + x):][:3]) for x in range(width)] for y in range(height)]


# -- films ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A second of it, as MP4."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=8:duration=1", str(path)],
                   check=True, timeout=60 * PATIENCE)
    return path.read_bytes()


@pytest.fixture
def models(film):
    """The stand-in of the models, where every video that is asked for is that film."""
    with FakeModels() as models:
        models.film = film
        yield models
