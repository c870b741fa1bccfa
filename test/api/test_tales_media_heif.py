"""HEIC and AVIF, what telephones photograph in: taken, and kept as JPEG, because browsers do not show the first. They are
made by heif-enc (libheif-examples), so that what reads them here did not write them the same way."""

import random
import struct
import subprocess

import pytest
from harness import PATIENCE, database
from tales import ada, b64, exif, good, make_note, make_space, pixels, png_rows, refused, segments

RED, GREEN, BLUE, WHITE = (250, 10, 10), (10, 200, 10), (10, 10, 220), (250, 250, 250)
WIDTH, HEIGHT = 128, 64


@pytest.fixture(scope="module")
def rows():
    """Corners of four colours."""
    return [[RED if x < WIDTH // 2 and y < HEIGHT // 2 else GREEN if y < HEIGHT // 2 else BLUE if x < WIDTH // 2 else WHITE
             for x in range(WIDTH)] for y in range(HEIGHT)]


def jpeg_with(rows, *more):
    """A JPEG by FFmpeg with further segments, for heif-enc to take over."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "1", "-"],
                          input=png_rows(rows), capture_output=True, check=True, timeout=60 * PATIENCE).stdout
    return done[:2] + b"".join(struct.pack(">BBH", 0xFF, m, len(b) + 2) + b for m, b in more) + done[2:]


@pytest.fixture(scope="module")
def made(tmp_path_factory, rows):
    """made(ending, picture): what heif-enc makes of a JPEG, once."""
    folder, kept = tmp_path_factory.mktemp("heif"), {}

    def make(ending, picture, *options):
        key = (ending, picture, options)
        if key not in kept:
            (folder / "from.jpg").write_bytes(picture)
            subprocess.run(["heif-enc", "-q", "90", *options, "-o", str(folder / f"to.{ending}"), str(folder / "from.jpg")],
                           check=True, capture_output=True, timeout=120 * PATIENCE)
            kept[key] = (folder / f"to.{ending}").read_bytes()
        return kept[key]
    return make


def stored(server, media):
    return (server.folder / "blobs" / media["sha256"][:2] / media["sha256"][2:]).read_bytes()


def looks_like(got, wanted):
    for x, y in ((6, 6), (-6, 6), (6, -6), (-6, -6)):
        assert all(abs(a - b) < 50 for a, b in zip(got[y][x], wanted[y][x])), (x, y, got[y][x], wanted[y][x])


PROFILE = b"ICC_PROFILE\0\1\1" + struct.pack(">I", 132) + b"lcms\4\0\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(88) + bytes(4)


@pytest.mark.smoke
@pytest.mark.parametrize("ending", ["heic", "avif"])
def test_telephones_pictures_become_jpeg_without_what_was_written_into_them(server, ada, made, rows, ending):
    taken = made(ending, jpeg_with(rows, (0xE1, b"Exif\0\0" + exif()), (0xE2, PROFILE)))
    assert b"Kamera" in taken and b"acsp" in taken
    media = good(ada.post("/api/media", data=taken, headers={"Content-Type": f"image/{ending}"}), 201)
    out = stored(server, media)
    assert (media["mimeType"], media["kind"]) == ("image/jpeg", "image")
    assert (media["width"], media["height"]) == (WIDTH, HEIGHT) and media["size"] == len(out)
    looks_like(pixels(out, WIDTH, HEIGHT), rows)
    assert b"Kamera" not in out and b"Exif" not in out and b"Lavc" not in out
    assert [body for marker, body in segments(out) if marker == 0xE2] == [PROFILE]
    answer = server.client().get(media["url"])
    assert answer.headers["Content-Type"] == "image/jpeg" and answer.content == out
    assert good(ada.post("/api/media", data=taken), 201)["id"] == media["id"]  # the same again is the same


def turned(heic, property):
    """With another property, which every decoder obeys; heif-enc writes none of these: ipco gets it, ipma names it."""
    def box(name, body):
        return struct.pack(">I", len(body) + 8) + name + body

    def walk(data):
        at, found = 0, []
        while at < len(data):
            size, = struct.unpack(">I", data[at:at + 4])
            found.append((data[at + 4:at + 8], data[at + 8:at + size]))
            at += size
        return found
    top = walk(heic)
    meta = dict(top)[b"meta"]
    inner = walk(meta[4:])
    iprp = walk(dict(inner)[b"iprp"])
    properties = dict(iprp)[b"ipco"] + property
    number = len(walk(properties))
    ipma = bytearray(dict(iprp)[b"ipma"])
    assert ipma[3] == 0  # an association is one byte
    count, = struct.unpack(">I", ipma[4:8])
    at = 8
    for _ in range(count):  # to each picture
        ipma[at + 2] += 1
        at += 3 + ipma[at + 2] - 1
        ipma[at:at] = bytes([0x80 | number])
        at += 1
    grown = len(property) + count
    iloc = bytearray(dict(inner)[b"iloc"])
    assert iloc[0] == 0 and iloc[4:6] == b"\x44\x40", iloc[:8].hex()  # offsets and lengths of four bytes
    items, = struct.unpack(">H", iloc[6:8])
    at = 8
    for _ in range(items):  # each lies further behind
        iloc[at + 4:at + 8] = struct.pack(">I", struct.unpack(">I", iloc[at + 4:at + 8])[0] + grown)
        extents, = struct.unpack(">H", iloc[at + 8:at + 10])
        at += 10 + 8 * extents
    new = b"".join(box(name, bytes(iloc) if name == b"iloc" else box(b"ipco", properties) + box(b"ipma", bytes(ipma))
                       if name == b"iprp" else body) for name, body in inner)
    return b"".join(box(name, meta[:4] + new if name == b"meta" else body) for name, body in top)


def test_they_are_turned_upright(server, ada, made, rows):
    """A quarter to the left, as irot says; what EXIF says of them beside it does not count."""
    taken = turned(made("heic", jpeg_with(rows, (0xE1, b"Exif\0\0" + exif(6)))), struct.pack(">I", 9) + b"irot\1")
    media = good(ada.post("/api/media", data=taken), 201)
    assert (media["width"], media["height"]) == (HEIGHT, WIDTH)
    upright = [list(column) for column in zip(*rows)][::-1]
    looks_like(pixels(stored(server, media), HEIGHT, WIDTH), upright)


def test_one_in_a_body_is_taken_too(server, ada, made, rows):
    note = make_note(ada, make_space(ada), type="IMAGE", imageData=b64(made("heic", jpeg_with(rows))))
    assert note["media"][0]["mimeType"] == "image/jpeg"


def test_larger_than_is_taken_is_refused_before_it_is_decoded(ada, made, rows):
    taken = made("heic", jpeg_with(rows))
    at = taken.index(b"ispe") + 8
    vast = taken[:at] + struct.pack(">II", 20_000, 20_000) + taken[at + 8:]
    answer = ada.post("/api/media", data=vast)
    assert "million" in refused(answer, 413) if answer.status_code == 413 else refused(answer, 422)


@pytest.mark.parametrize("ending", ["heic", "avif"])
def test_broken_and_hostile_ones_are_refused_and_nobody_else_notices(server, ada, made, rows, ending):
    """Cut off, and with bytes changed anywhere: a clear answer each time, from a server that lives."""
    whole = made(ending, jpeg_with(rows))
    dice, before = random.Random(6), int(database(server, "SELECT count(*) FROM media"))
    for length in (12, 40, len(whole) // 2, len(whole) - 20):
        refused(ada.post("/api/media", data=whole[:length]), 422)
    assert int(database(server, "SELECT count(*) FROM media")) == before
    for _ in range(12):
        hostile = bytearray(whole)
        for _ in range(dice.choice((1, 3, 20))):
            hostile[dice.randrange(12, len(whole))] = dice.randrange(256)
        answer = ada.post("/api/media", data=bytes(hostile))
        assert answer.status_code in (201, 413, 422), answer.text
    assert ada.get("/api/spaces").status_code == 200
