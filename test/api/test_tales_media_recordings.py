"""What devices write beside the sound of a recording, where it was made first of all, is not kept: of each container,
made by FFmpeg and by hand. The sound is the same, packet for packet, and in most containers at the same place."""

import struct
import subprocess

import pytest
from harness import PATIENCE
from tales import ada, b64, good, make_note, make_space, png, refused, tone, webm

PLACE, SECRETS = b"+48.8566+002.3522/", (b"48.8566", b"GEHEIMNIS", b"Kamera")


def packets(data, tmp_path, which="a"):
    """Of the sound, whatever holds them; from a file, because some are read by going back in them."""
    path = tmp_path / "packets"
    path.write_bytes(data)
    return subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:{which}:0", "-c", "copy", "-f", "data", "-"],
                          check=True, capture_output=True, timeout=120 * PATIENCE).stdout


def stored(server, media):
    return (server.folder / "blobs" / media["sha256"][:2] / media["sha256"][2:]).read_bytes()


def told(data):
    """With a title, a place and a maker, wherever the container has room for them."""
    return ["-metadata", "title=GEHEIMNIS", "-metadata", f"location={PLACE.decode()}", "-metadata",
            f"comment=GEHEIMNIS {PLACE.decode()}", "-metadata", "artist=Kamera", *data]


def to_file(path, data, *args):
    """By FFmpeg into a file it can go back in."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "wav", "-i", "pipe:0", *args, str(path)], input=data, check=True,
                   timeout=120 * PATIENCE)
    return path.read_bytes()


@pytest.mark.parametrize("name, args", [
    ("a.m4a", ["-c:a", "aac"]), ("a.mp4", ["-c:a", "aac", "-movflags", "+faststart+use_metadata_tags"]),
    ("b.mp4", ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]), ("a.mov", ["-c:a", "pcm_s16le"]),
    ("a.webm", ["-c:a", "libopus"]), ("b.webm", ["-c:a", "libopus", "-live", "1"]),
    ("a.ogg", ["-c:a", "libopus"]), ("b.ogg", ["-c:a", "libvorbis"]), ("c.ogg", ["-c:a", "flac"]),
    ("long.ogg", ["-c:a", "libopus", "-metadata", "lyrics=" + "GEHEIMNIS" * 10_000]), ("a.flac", []), ("a.wav", []),
    ("a.aiff", ["-write_id3v2", "1"]), ("a.caf", []), ("a.mp3", ["-write_id3v1", "1", "-write_apetag", "1"]),
    ("a.aac", ["-write_apetag", "1"])])
def test_what_is_written_beside_the_sound_is_gone_and_the_sound_is_the_same(server, ada, tmp_path, name, args):
    recording = to_file(tmp_path / name, tone(0.5, rate=48000), *told(args))
    assert any(secret in recording for secret in SECRETS), "nothing to be lost"
    made = good(ada.post("/api/media", data=recording), 201)
    out = stored(server, made)
    assert not [secret for secret in SECRETS if secret in out]
    assert packets(out, tmp_path) == packets(recording, tmp_path)
    if name not in ("a.mp3", "a.aac"):  # whose tags are cut off
        assert len(out) == len(recording)
    if name in ("a.m4a", "a.webm", "a.ogg"):  # nothing more to be taken out
        assert good(ada.post("/api/media", data=out), 201)["id"] == made["id"]


# -- boxes by hand --------------------------------------------------------------------------------------


def box(name, *parts):
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + name + body


def boxes(data):
    """[(name, bytes)] of a row of boxes."""
    at, found = 0, []
    while at < len(data):
        size = struct.unpack(">I", data[at:at + 4])[0]
        assert size >= 8 and at + size <= len(data), (at, size)
        found.append((data[at + 4:at + 8], data[at + 8:at + size]))
        at += size
    return found


def with_telephone_boxes(plain):
    """As iPhones, Androids and cameras say where they were: `plain` has its moov at the end, so that nothing moves. A
    track of a GPS has its only sample in a box of its own."""
    parts = dict(boxes(plain))
    track = dict(boxes(parts[b"moov"]))[b"trak"]
    sample = b"GPS 48.8566 GEHEIMNIS"
    where = len(plain) - len(box(b"moov", parts[b"moov"])) + 8
    full = struct.pack(">I", 0)
    table = box(b"stbl", box(b"stsd", full, full), box(b"stts", full, struct.pack(">III", 1, 1, 1000)),
                box(b"stsc", full, struct.pack(">IIII", 1, 1, 1, 1)),
                box(b"stsz", full, struct.pack(">II", len(sample), 1)), box(b"stco", full, struct.pack(">II", 1, where)))
    gps = box(b"trak", box(b"tkhd", full, bytes(8), struct.pack(">I", 9), bytes(68)),
              box(b"mdia", box(b"mdhd", full, struct.pack(">IIIII", 1, 1, 1000, 1000, 0)),
                  box(b"hdlr", full, full, b"meta", bytes(12), b"GEHEIMNIS\0"), box(b"minf", table)))
    meta = box(b"meta", box(b"hdlr", full, full, b"mdta", bytes(13)),
               box(b"keys", full, struct.pack(">I", 1), box(b"mdta", b"com.apple.quicktime.location.ISO6709")),
               box(b"ilst", box(struct.pack(">I", 1), box(b"data", struct.pack(">II", 1, 0), PLACE))))
    udta = box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(PLACE), 0x15C7), PLACE),
               box(b"loci", full, b"\x15\xc7", b"Paris 48.8566\0\0", bytes(12), b"earth\0\0"))
    xmp = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), b"<x:xmpmeta>48.8566</x:xmpmeta>")
    kept = [box(name, body) for name, body in boxes(parts[b"moov"]) if name in (b"mvhd",)]
    own = box(b"trak", *(box(name, body) for name, body in boxes(track)), udta)
    before = plain[:where - 8]
    return before + box(b"mdat", sample) + box(b"moov", *kept, own, gps, meta, udta) + xmp + box(b"free", PLACE) + udta


def test_positions_in_every_box_of_a_telephone_are_gone_and_so_is_a_track_of_them(server, ada, tmp_path):
    plain = to_file(tmp_path / "a.m4a", tone(0.7, rate=48000), "-c:a", "aac")
    taken = with_telephone_boxes(plain)
    assert taken.count(b"48.8566") == 10, taken.count(b"48.8566")
    made = good(ada.post("/api/media", data=taken), 201)
    out = stored(server, made)
    assert len(out) == len(taken) and made["mimeType"] == "audio/mp4" and made["durationMs"] >= 690
    assert not [secret for secret in SECRETS + (b"xmpmeta", b"location.ISO6709", b"xyz", b"loci") if secret in out]
    names = [name for name, _ in boxes(dict(boxes(out))[b"moov"])]
    assert names == [b"mvhd", b"trak", b"free", b"free", b"free"]
    assert packets(out, tmp_path) == packets(plain, tmp_path)
    head = dict(boxes(dict(boxes(out))[b"moov"]))[b"mvhd"]
    assert head[4:12] == bytes(8)  # when it was made


@pytest.mark.parametrize("args", [["-movflags", "frag_keyframe+empty_moov", "a.mp4"], ["a.mp4"], ["a.mkv"]])
def test_what_a_drone_writes_under_its_picture_is_gone_with_its_track(server, ada, tmp_path, args):
    """Positions as subtitles: their track goes, and its samples, wherever in the file they lie."""
    subtitles = tmp_path / "a.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nGEHEIMNIS GPS 48.8566\n\n"
                         "2\n00:00:01,000 --> 00:00:02,000\nGEHEIMNIS GPS 48.8567\n")
    codec = "srt" if args[-1] == "a.mkv" else "mov_text"
    taken = to_file(tmp_path / args[-1], tone(2.0, rate=48000), "-f", "lavfi", "-i", "testsrc=d=2:s=64x48", "-i",
                    str(subtitles), "-map", "0", "-map", "1", "-map", "2", "-c:a", "aac", "-c:v", "mpeg4", "-c:s", codec,
                    *args[:-1])
    assert taken.count(b"GEHEIMNIS") == 2
    made = good(ada.post("/api/media", data=taken), 201)
    out = stored(server, made)
    assert made["kind"] == "video" and b"GEHEIMNIS" not in out and len(out) == len(taken)
    assert packets(out, tmp_path) == packets(taken, tmp_path) and packets(out, tmp_path, "v") == packets(taken, tmp_path, "v")


def test_a_cover_is_gone(server, ada, tmp_path):
    cover = tmp_path / "a.png"
    cover.write_bytes(png(40, 30))
    for name in ("a.mp3", "a.flac"):
        taken = to_file(tmp_path / name, tone(0.6, rate=48000), "-i", str(cover), "-map", "0", "-map", "1", "-disposition:v",
                        "attached_pic", "-c:v", "copy")
        assert b"IHDR" in taken
        made = good(ada.post("/api/media", data=taken), 201)
        assert b"IHDR" not in stored(server, made) and made["kind"] == "audio"
        assert packets(stored(server, made), tmp_path) == packets(taken, tmp_path)


def test_a_recording_in_a_body_is_told_the_same_way(server, ada, tmp_path):
    taken = to_file(tmp_path / "a.m4a", tone(0.4, rate=48000), "-c:a", "aac", *told([]))
    note = make_note(ada, make_space(ada), type="AUDIO", audioData=b64(taken))
    assert PLACE not in stored(server, note["media"][0])


@pytest.mark.parametrize("cut", [0.4, 0.9])
def test_a_recording_that_ended_with_the_window_is_kept_as_far_as_it_goes(ada, cut):
    whole = webm(4)
    made = good(ada.post("/api/media", data=whole[:int(len(whole) * cut)]), 201)
    assert 0 < made["durationMs"] < 4000


def test_tracks_that_lie_over_each_other_are_refused(ada, tmp_path):
    """A small file whose table says that its samples are the whole file, a thousand times: not one pass over it each."""
    plain = to_file(tmp_path / "a.m4a", tone(0.3, rate=48000), "-c:a", "aac")
    taken = bytearray(with_telephone_boxes(plain))
    at = taken.index(b"stsz", taken.index(b"GPS 48")) + 8
    assert taken.count(b"stco") == 2
    taken[at:at + 4] = struct.pack(">I", len(taken))
    last = taken.rindex(b"stsc") + 16
    taken[last:last + 4] = struct.pack(">I", 1_000_000)
    refused(ada.post("/api/media", data=bytes(taken)), 422)


