"""Extraction: from a page of the Assembly's portal to audio that is heard, and all that can go wrong.

The portal is test/fake/videos.py; servers here may fetch from it because of
ROBIAN_ALLOW_PRIVATE_SOURCES, except where the guard itself is tested."""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest
from harness import (DATABASE, PATIENCE, ROOT, clean_environment, database, hasten, is_alive, make_key, make_user,
                     postgres_drop, postgres_make, problem, redis_make, token)
from robian import analyst, count, make_debate
from test_events import Socket

sys.path.insert(0, str(ROOT / "test/fake"))
from videos import PORTAL_SECONDS, Portal, make_media  # noqa: E402

TRIES = {"ROBIAN_EXTRACTION_TRIES": 1}


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture
def portal(media):
    portal = Portal(media)
    yield portal
    portal.close()


def settings(portal, **more):
    return {"ROBIAN_VIDEOS_URL": portal.url, "ROBIAN_ALLOW_PRIVATE_SOURCES": "on"} | TRIES | more


@pytest.fixture
def make(make_server, portal):
    """make(**settings): a server that may fetch from the portal."""
    return lambda **more: make_server(**settings(portal, **more))


class Sitting:
    """A debate and its extraction, followed by an analyst."""

    def __init__(self, client, url, **members):
        self.client = client
        self.debate = make_debate(client, source_url=url, **members)
        self.id = self.debate["id"]

    def extract(self, status=200, **body):
        answer = self.client.post(f"/api/streaming/{self.id}/extract", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def status(self):
        answer = self.client.get(f"/api/streaming/{self.id}/status")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, *states, seconds=60):
        until = time.monotonic() + seconds * PATIENCE
        while True:
            now = self.status()
            if now["status"] in (states or ("completed", "error", "cancelled")):
                return now
            assert time.monotonic() < until, now
            time.sleep(0.05)

    def show(self):
        return self.client.get(f"/api/debates/{self.id}").json()

    def audio(self, folder):
        answer = self.client.get(f"/api/streaming/{self.id}/stream")
        assert answer.status_code == 200, answer.text
        file = pathlib.Path(folder) / f"heard{time.monotonic_ns()}"
        file.write_bytes(answer.content)
        return file


def run(server, portal, url=None, expect="completed", **body):
    sitting = Sitting(analyst(server), url or portal.page())
    sitting.extract(**body)
    done = sitting.wait()
    assert done["status"] == expect, done
    return sitting


def ffprobe(file):
    done = subprocess.run(["ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "json",
                           file], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def seconds(file):
    return float(ffprobe(file)["format"]["duration"])


def loudness(file):
    done = subprocess.run(["ffmpeg", "-nostdin", "-i", file, "-af", "ebur128", "-f", "null", "-"], capture_output=True,
                          text=True, check=True)
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", done.stderr)[-1])


def leftovers(server):
    """Files of work under way that nobody works on."""
    return [str(p) for folder in ("tmp", "blobs/tmp") for p in (server.folder / folder).rglob("*") if p.is_file()]


def blobs(server):
    return [p for p in (server.folder / "blobs").rglob("*") if p.is_file()]


def children(server):
    """Commands of the processes that the server has started and not ended."""
    done = subprocess.run(["ps", "-o", "args=", "--ppid", str(server.process.pid)], capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if line]


def events(server, sitting):
    """The latest that was told of a debate, up to its end."""
    channel = f"debate:{sitting.id}"
    with Socket(server, "/ws") as ws:
        ws.ask("subscribe", "subscribed", channel=channel)
        found = []
        while not found or found[-1][0] not in ("extraction_completed", "extraction_failed"):
            message = ws.read()
            if message["type"].startswith("extraction_"):
                found.append((message["type"], message["data"]))
        return found


def told(server, sitting, kind):
    """How often that was told of a debate."""
    return count(server, f"events WHERE channel = 'debate:{sitting.id}' AND type = 'extraction_{kind}'")


def chapters_add(server, sitting, chapters):
    n = database(server, f"SELECT n FROM debates WHERE id = '{sitting.id}'")
    for i, (start, level, title) in enumerate(chapters):
        database(server, "INSERT INTO debate_chapters (debate_n, source, position, parent, level, title, start_ms) "
                         f"VALUES ({n}, 'nvs', {i}, -1, {level}, '{title}', {start})")


# -- what it is for ---------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_page_becomes_audio_that_is_heard(make, portal, media, tmp_path):
    server = make()
    sitting = Sitting(analyst(server), portal.page(), title="Questions ; au = Gouvernement #2")
    chapters_add(server, sitting, [(0, 0, "Ouverture"), (6000, 0, "Santé ; école"), (6000, 1, "la même seconde"),
                                   (15500, 1, "Votes"), (9000000, 0, "après la fin")])
    with Socket(server) as ws:
        ws.ask("subscribe", "subscribed", channel="extractions")
        asked = sitting.extract()
        assert asked["status"] == "pending" and asked["debate_id"] == sitting.id and asked["progress"] == 0
        assert asked["estimated_duration"] > 0 and asked["audio_file"]["extraction_status"] == "pending"
        assert sitting.show()["status"] in ("extraction", "disponible")
        told = [ws.read()]
        while told[-1]["type"] != "extraction_completed":
            told.append(ws.read())
    types = [message["type"] for message in told]
    assert types[0] == "extraction_started" and set(types[1:-1]) == {"extraction_progress"} and len(types) > 3, types
    progress = [message["data"]["progress"] for message in told]
    assert progress == sorted(progress) and progress[-1] == 100, progress
    for message in told:
        assert message["data"]["debate_id"] == sitting.id
        assert message["data"]["extraction_id"] == asked["extraction_id"]
    last = told[-1]["data"]
    assert last["status"] == "completed" and last["format"] == "mp3"
    assert last["audio_url"] == f"/api/streaming/{sitting.id}/stream"

    done = sitting.wait()
    assert (done["status"], done["progress"], done["error"]) == ("completed", 100, None)
    audio = done["audio_file"]
    assert audio["is_ready"] and audio["file_size"] == last["file_size"]
    assert audio["metadata"]["source"] == "portal" and audio["metadata"]["transcoded"] is False
    debate = sitting.show()
    assert debate["status"] == "disponible" and debate["has_audio"] and debate["duration_minutes"] == 1
    assert debate["video_url"] == f"{portal.url}/vod/an.mp4" and debate["thumbnail_url"].endswith("/files/x.jpg")
    assert debate["description"] == "- Discussion <suite>"
    assert "GET /vod/an.mp4" not in portal.asked
    assert count(server, "jobs WHERE kind = 'robian.timeline'") == 1

    file = sitting.audio(tmp_path)
    probed = ffprobe(file)
    assert abs(seconds(file) - seconds(media / "vod/an.mp3")) < 0.1
    tags = {name.lower(): value for name, value in probed["format"]["tags"].items()}
    assert tags["title"] == "Questions ; au = Gouvernement #2" and tags["artist"] == "Assemblée nationale"
    assert tags["date"] == "2026-11-18" and tags["comment"] == portal.page()
    assert [(c["tags"]["title"], float(c["start_time"])) for c in probed["chapters"]] == [
        ("Ouverture", 0), ("Santé ; école", 6), ("Votes", 15.5)]
    part = sitting.client.get(f"/api/streaming/{sitting.id}/stream", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == file.read_bytes()[100:200]

    again = sitting.extract()
    assert again["status"] == "completed" and again["message"] == "Audio déjà disponible"
    assert again["extraction_id"] == asked["extraction_id"]
    assert count(server, "jobs WHERE kind = 'robian.extract'") == 1 and leftovers(server) == []
    assert len(blobs(server)) == 1


FORMATS = {"mp3": ("mp3", "audio/mpeg"), "aac": ("mov,mp4,m4a,3gp,3g2,mj2", "audio/mp4"), "opus": ("ogg", "audio/ogg"),
           "wav": ("wav", "audio/wav")}


def test_formats_loudness_tags_and_chapters(make, portal, media, tmp_path):
    server = make()
    client = analyst(server)
    sitting = Sitting(client, portal.page("20000000_6ac548b948b27-only"), title="Débat d'été")
    chapters_add(server, sitting, [(0, 0, "Un"), (12000, 0, "Deux")])
    for format in FORMATS:
        sitting.extract(format=format, quality="96k")
    until = time.monotonic() + 90 * PATIENCE
    while count(server, "audio_files WHERE extraction_status = 'completed'") < len(FORMATS):
        assert time.monotonic() < until, sitting.status()
        time.sleep(0.1)
    for format, (container, type) in FORMATS.items():
        answer = client.get(f"/api/streaming/{sitting.id}/stream", params={"format": format})
        assert answer.status_code == 200 and answer.headers["Content-Type"] == type, answer.text
        file = tmp_path / f"x.{format}"
        file.write_bytes(answer.content)
        probed = ffprobe(file)
        assert probed["format"]["format_name"] == container
        assert abs(seconds(file) - PORTAL_SECONDS) < 0.1, (format, seconds(file))
        assert loudness(media / "vod/only.mp4") < -35 and abs(loudness(file) + 16) < 1.5, (format, loudness(file))
        tags = probed["format"].get("tags") or probed["streams"][0]["tags"]
        assert {k.lower(): v for k, v in tags.items()}["title"] == "Débat d'été"
        if format != "wav":
            assert [c["tags"]["title"] for c in probed["chapters"]] == ["Un", "Deux"], format
        audio = [a for a in sitting.show()["audio_files"] if a["format"] == format][0]
        assert audio["metadata"]["transcoded"] is True and audio["duration_seconds"] == PORTAL_SECONDS
        assert audio["quality"] == ("pcm" if format == "wav" else "96k")
        if format in ("mp3", "aac"):
            assert abs(int(probed["streams"][0]["bit_rate"]) - 96000) < 20000
    assert leftovers(server) == []


@pytest.mark.parametrize("name", ["no contentURL", "without an mp3", "by redirect", "a media file", "HLS",
                                  "a page that plays HLS", "another site"])
def test_where_audio_is_found(make, portal, tmp_path, name):
    url, origin, source = {
        "no contentURL": (portal.page("19502241_6ac548b948b27-none"), "portal", "/vod/an.mp3"),
        "without an mp3": (portal.page("19502241_6ac548b948b27-only"), "portal", "/vod/only.mp4"),
        "by redirect": (f"{portal.url}/redirect?to={portal.url}/vod/an.mp3", "direct", "/redirect"),
        "a media file": (f"{portal.url}/vod/an.mp4", "direct", "/vod/an.mp4"),
        "HLS": (f"{portal.url}/hls/master.m3u8", "yt-dlp", "/hls/master.m3u8"),
        "a page that plays HLS": (portal.page("00000000_6ac548b948b27-hls"), "yt-dlp", "/hls/master.m3u8"),
        "another site": (f"{portal.url.replace('127.0.0.1', 'localhost')}/other/page.html", "yt-dlp", "/other/page.html"),
    }[name]
    sitting = run(make(), portal, url)
    audio = sitting.show()["audio_files"][0]
    assert audio["metadata"]["source"] == origin and source in audio["metadata"]["source_url"]
    assert abs(seconds(sitting.audio(tmp_path)) - PORTAL_SECONDS) < 0.15


def test_the_first_versions_paths(make, portal):
    server = make()
    client = analyst(server)
    answer = client.post("/api/extraction", json={"url": portal.page(), "priority": "high"})
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert answer.json()["success"] is True and data["status"] == "started" and data["url"] == portal.page()
    until = time.monotonic() + 30 * PATIENCE
    while (now := client.get(f"/api/extraction/{data['extraction_id']}").json())["status"] == "processing":
        assert now["file_url"] is None and time.monotonic() < until, now
        time.sleep(0.05)
    assert now["status"] == "completed" and now["progress"] == 100 and now["file_size"] > 100000
    assert client.get(now["file_url"]).status_code == 200
    debates = client.get("/api/debates/").json()["debates"]
    assert [d["title"] for d in debates] == ["2ème séance : l'air & l'eau"]
    again = client.post("/api/extraction", json={"url": portal.page()}).json()
    assert again["data"] == {"extraction_id": data["extraction_id"], "status": "completed", "url": portal.page()}
    problem(client.get("/api/extraction/nope"), 404, "Extraction nope non trouvée")
    problem(client.post("/api/extraction", json={"url": "ftp://example.org/x"}), 422)
    assert count(server, "debates") == 1


# -- who may, and what is asked for -----------------------------------------------------------------


def test_access_and_bad_requests(make, portal):
    server = make()
    sitting = Sitting(analyst(server), portal.page())
    path = f"/api/streaming/{sitting.id}/extract"
    problem(server.client().post(path, json={}), 401)
    problem(server.client(token(server)).post(path, json={}), 403)
    problem(server.client(token(server)).delete(path), 403)
    problem(server.client(token(server)).post("/api/extraction", json={"url": portal.page()}), 403)
    problem(server.client().get(f"/api/streaming/{sitting.id}/status"), 404, "Aucune extraction trouvée pour ce débat")
    problem(sitting.client.delete(path), 404, "Aucune extraction en cours pour ce débat")
    missing = "00000000-0000-4000-8000-000000000000"
    problem(sitting.client.post(f"/api/streaming/{missing}/extract", json={}), 404, f"Débat {missing} non trouvé")
    for body in ({"format": "exe"}, {"quality": "900k"}, {"quality": "-64k"}, {"quality": "192"}, {"priority": "now"},
                 {"quality": "064k"}, {"quality": "1e2k"}):
        problem(sitting.client.post(path, json=body), 422)
    assert count(server, "extractions") == 0
    person = make_user(server)
    key = server.client(make_key(server, person["email"], "debates:write"))
    assert key.post(path).json()["status"] == "pending"  # no body at all
    assert sitting.wait()["status"] == "completed"


def test_many_who_ask_at_once_get_the_same(make, portal):
    server = make()
    portal.hold()
    sitting = Sitting(analyst(server), portal.page())
    access = sitting.client.headers["Authorization"].split()[1]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.client(access).post(f"/api/streaming/{sitting.id}/extract", json={}),
                                range(16)))
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers]
    assert len({a.json()["extraction_id"] for a in answers}) == 1
    assert count(server, "jobs WHERE kind = 'robian.extract'") == 1
    portal.release()
    assert sitting.wait()["status"] == "completed"


# -- bad sources ------------------------------------------------------------------------------------

BAD = {
    "404": ("{url}/vod/gone.mp3", "La source n'existe pas (réponse 404)."),
    "410": ("{url}/status/410", "La source n'existe pas (réponse 410)."),
    "403": ("{url}/status/403", "La source refuse l'accès (réponse 403)."),
    "500": ("{url}/status/500", "La source est indisponible (réponse 500)."),
    "a loop": ("{url}/loop", "La source n'est pas joignable"),
    "nobody there": ("http://127.0.0.1:1/x.mp4", "La source n'est pas joignable"),
    "html called a video": ("{url}/video.1_a-text.slug", "La source n'est ni une vidéo ni un audio"),
    "text called a video": ("{url}/text.mp4", "La source n'est ni une vidéo ni un audio."),
    "a list of other addresses": ("{url}/playlist.mp4", "La source n'est ni une vidéo ni un audio."),
    "a list of other files": ("{url}/concat.mp4", "La source n'est ni une vidéo ni un audio."),
    "no audio track": ("{url}/vod/mute.mp4", "La source n'a pas de piste audio."),
    "a page whose video is gone": ("{url}/video.1_a-gone.slug", "La source n'existe pas"),
    "a page without a video": ("{url}/video.00_a-none.slug", "La page ne donne aucune vidéo."),
    "still live": ("{url}/video.11_a-none.slug", "La séance est encore en direct"),
    "empty": ("{url}/empty.mp3", "La source est vide."),
    "10 GB": ("{url}/huge.mp4", "La source dépasse la limite de 2 Mo."),
    "endless": ("{url}/endless.mp3", "La source dépasse la limite de 2 Mo."),
    "silent": ("{url}/silent.mp3", "La source met trop de temps à répondre."),
    "cut short": ("{url}/cut.mp3", "La source n'est pas joignable"),
}


def test_bad_sources_each_have_their_sentence(make, portal):
    server = make(ROBIAN_EXTRACTION_MAX_BYTES=2000000, ROBIAN_SILENCE_SECONDS=5)
    client = analyst(server)
    sittings = {name: Sitting(client, url.format(url=portal.url)) for name, (url, _) in BAD.items()}
    for sitting in sittings.values():
        sitting.extract()
    for name, sitting in sittings.items():
        done = sitting.wait(seconds=60)
        assert done["status"] == "error" and done["error"].startswith(BAD[name][1]), (name, done)
        debate = sitting.show()
        assert debate["status"] == "erreur" and not debate["has_audio"], name
        assert debate["audio_files"][0]["has_error"] and not debate["audio_files"][0]["is_ready"]
    kinds, data = zip(*events(server, sittings["404"]))
    assert kinds[-1] == "extraction_failed" and data[-1]["status"] == "error" and data[-1]["audio_url"] is None
    assert leftovers(server) == [] and blobs(server) == [] and children(server) == []
    assert "GET /vod/an.mp3" not in portal.asked  # nobody followed the list
    assert server.client().get("/healthz").status_code == 200
    # And a good one goes through, also for a debate whose source was mended.
    sitting = sittings["404"]
    assert client.put(f"/api/debates/{sitting.id}", json={"source_url": portal.page()}).status_code == 200
    assert sitting.extract()["status"] == "pending"
    assert sitting.wait()["status"] == "completed" and sitting.show()["status"] == "disponible"


def test_a_page_elsewhere_without_a_video(make, portal):
    url = portal.url.replace("127.0.0.1", "localhost") + "/html.mp4"
    assert run(make(), portal, url, "error").status()["error"] == "Aucune vidéo n'est connue à cette adresse."


def test_what_is_too_long_or_would_be_too_large_is_refused(make, portal):
    server = make(ROBIAN_EXTRACTION_MAX_BYTES=1500000)
    sitting = run(server, portal, portal.page("1_a-only"), "error", format="wav")
    assert sitting.status()["error"] == "L'audio en wav dépasserait la limite de 1 Mo."
    database(server, f"DELETE FROM debates WHERE id = '{sitting.id}'")


def test_private_addresses_are_refused(make_server, portal):
    """By address, by a name that leads there, with other spellings; whoever fetches."""
    server = make_server(ROBIAN_VIDEOS_URL=portal.url, **TRIES)
    port = portal.url.rsplit(":", 1)[1]
    client = analyst(server)
    for host in ("127.0.0.1", "localhost", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "0"):
        sitting = Sitting(client, f"http://{host}:{port}/vod/an.mp3")
        sitting.extract()
        done = sitting.wait()
        assert done["status"] == "error", (host, done)
        assert done["error"] == "La source mène à une adresse privée : refusé.", (host, done)
    problem(client.post("/api/extraction", json={"url": portal.page()}), 403,
            "La source mène à une adresse privée : refusé.")
    assert portal.asked == []


def test_names_with_shell_characters_are_only_names(make, portal, tmp_path):
    server = make()
    title = "$(touch pwned) `touch pwned`; touch pwned | 'a\" & \\ %s --exec=x\n-y"
    sitting = Sitting(analyst(server), f"{portal.url}/vod/an.mp4?a=$(touch%20pwned);`touch`|&--exec=touch", title=title)
    sitting.extract(quality="64k")
    assert sitting.wait()["status"] == "completed"
    tags = ffprobe(sitting.audio(tmp_path))["format"]["tags"]
    assert tags["title"] == title.replace("\n", " ")
    assert not list(server.folder.rglob("*pwned*"))


# -- the programs ------------------------------------------------------------------------------------


def stub(folder, text):
    file = folder / f"tool{time.monotonic_ns()}"
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(0o755)
    return file


MISSING = "ffmpeg is missing: install it (apt install ffmpeg) or set FFMPEG_PATH to its place"


def test_a_missing_ffmpeg_is_said_everywhere(make, portal):
    server = make(FFMPEG_PATH="/nonexistent/ffmpeg")
    sitting = run(server, portal, expect="error")
    assert sitting.status()["error"] == MISSING
    assert portal.asked == []  # nothing is fetched in vain
    doctor = server.cli("doctor").stdout
    assert MISSING in doctor, doctor
    health = server.client().get("/health/detailed")
    assert MISSING in health.text and health.json()["status"] == "degraded" and health.status_code == 200, health.text
    server = make(YTDLP_PATH="/nonexistent/yt-dlp")
    sitting = run(server, portal, f"{portal.url}/hls/master.m3u8", "error")
    assert sitting.status()["error"].startswith("yt-dlp is missing: install it")


def test_hanging_and_killed_programs_end(make, portal, tmp_path):
    hang = stub(tmp_path, "trap '' TERM; echo out_time_us=1; sleep 1000")
    server = make(FFMPEG_PATH=hang, ROBIAN_SILENCE_SECONDS=5)
    sitting = run(server, portal, expect="error")
    assert sitting.status()["error"] == "ffmpeg ne donne plus signe de vie depuis 5 s : arrêté."
    assert children(server) == [] and leftovers(server) == []
    server = make(FFMPEG_PATH=stub(tmp_path, "kill -9 $$"))
    assert run(server, portal, expect="error").status()["error"] == "ffmpeg a été arrêté par le signal 9."
    server = make(FFMPEG_PATH=stub(tmp_path, "echo bad news >&2; exit 3"))
    assert run(server, portal, expect="error").status()["error"] == "ffmpeg a échoué : bad news"
    server = make(YTDLP_PATH=stub(tmp_path, "sleep 1000"), ROBIAN_SILENCE_SECONDS=5)  # the portal has as long to answer
    sitting = run(server, portal, f"{portal.url}/hls/master.m3u8", "error")
    assert sitting.status()["error"] == "yt-dlp ne donne plus signe de vie depuis 5 s : arrêté."
    assert children(server) == [] and leftovers(server) == []


def test_what_may_pass_is_tried_again(make, portal, tmp_path):
    once = tmp_path / "once"
    flaky = stub(tmp_path, f'test -e {once} && exec ffmpeg "$@"; touch {once}; kill -9 $$')
    server = make(FFMPEG_PATH=flaky, ROBIAN_EXTRACTION_TRIES=2)
    sitting = Sitting(analyst(server), portal.page())
    sitting.extract()
    now = sitting.wait("pending", "completed")
    database(server, "UPDATE jobs SET run_at = " + ("now()" if server.database else str(time.time_ns() // 1000)))
    now = sitting.wait("completed", seconds=60)
    assert now["error"] is None and told(server, sitting, "started") == 1


# -- stopping ---------------------------------------------------------------------------------------


def test_a_killed_server_finishes_the_job_once(make_server, portal, tmp_path):
    server = make_server(**settings(portal, JOB_LEASE_SECONDS=5, ROBIAN_EXTRACTION_TRIES=3))
    sitting = Sitting(analyst(server), portal.page("1_a-only"))
    portal.hold()
    sitting.extract()
    portal.wait_held()
    until = time.monotonic() + 10 * PATIENCE
    while not leftovers(server):  # it is in the middle of something
        assert time.monotonic() < until
        time.sleep(0.02)
    server.kill()
    portal.release()
    server.start()
    sitting.client = server.client(sitting.client.headers["Authorization"].split()[1])
    assert sitting.wait()["status"] == "completed"
    assert leftovers(server) == [] and len(blobs(server)) == 1
    assert len(sitting.show()["audio_files"]) == 1 and count(server, "extractions") == 1
    assert told(server, sitting, "completed") == 1 and told(server, sitting, "failed") == 0
    assert abs(seconds(sitting.audio(tmp_path)) - PORTAL_SECONDS) < 0.1


@pytest.mark.slow
def test_a_stopped_server_gives_its_extraction_back(make_server, portal):
    server = make_server(**settings(portal, ROBIAN_EXTRACTION_TRIES=1))
    sitting = Sitting(analyst(server), portal.page())
    portal.hold()
    sitting.extract()
    portal.wait_held()
    server.stop()  # after the time that jobs have to end by themselves
    assert leftovers(server) == []
    assert database(server, "SELECT status FROM extractions") == "pending"
    portal.release()
    server.start()
    sitting.client = server.client(sitting.client.headers["Authorization"].split()[1])
    assert sitting.wait()["status"] == "completed"
    assert told(server, sitting, "completed") == 1 and told(server, sitting, "failed") == 0


def test_ffmpeg_dies_with_a_killed_server(make_server, portal, tmp_path):
    pid = tmp_path / "pid"
    server = make_server(**settings(portal, FFMPEG_PATH=stub(tmp_path, f"echo $$ > {pid}; exec sleep 1000")))
    sitting = Sitting(analyst(server), portal.page())
    sitting.extract()
    until = time.monotonic() + 20 * PATIENCE
    while not (pid.exists() and pid.read_text().strip()):
        assert time.monotonic() < until, sitting.status()
        time.sleep(0.02)
    number = int(pid.read_text())
    os.kill(number, 0)
    server.kill()
    while is_alive(number):
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("door", ["extract", "jobs"])
def test_cancelling_stops_everything(make, portal, door):
    server = make()
    admin = server.client(token(server, "admin"))
    portal.hold()
    sitting = Sitting(analyst(server), portal.page())
    asked = sitting.extract()
    portal.wait_held()
    if door == "extract":
        answer = sitting.client.delete(f"/api/streaming/{sitting.id}/extract")
        assert answer.status_code == 200 and answer.json()["extraction_id"] == asked["extraction_id"], answer.text
    else:
        job = database(server, "SELECT id FROM jobs WHERE kind = 'robian.extract'")
        assert admin.post(f"/api/jobs/{job}/cancel").status_code == 200
    done = sitting.wait()
    assert done["status"] == "cancelled" and done["message"] == "Extraction annulée", done
    assert sitting.show()["status"] == "programme" or sitting.show()["status"] == "termine"
    assert events(server, sitting)[-1][1]["status"] == "cancelled"
    assert leftovers(server) == [] and children(server) == []
    portal.release()
    assert sitting.extract()["extraction_id"] != asked["extraction_id"]
    assert sitting.wait()["status"] == "completed"


def test_one_that_waits_is_cancelled_at_once_by_either_door(make, portal):
    server = make(MAX_CONCURRENT_EXTRACTIONS=1)
    admin = server.client(token(server, "admin"))
    portal.hold()
    first = Sitting(analyst(server), portal.page("1_a"))
    first.extract()
    portal.wait_held()
    second, third = (Sitting(first.client, portal.page(f"{i}_a")) for i in (2, 3))
    second.extract()
    third.extract()
    assert second.client.delete(f"/api/streaming/{second.id}/extract").json()["status"] == "cancelled"
    job = database(server, "SELECT max(id) FROM jobs WHERE kind = 'robian.extract'")
    assert admin.post(f"/api/jobs/{job}/cancel").status_code == 200
    assert third.status()["status"] == "cancelled"  # settled by whoever looks
    portal.release()
    assert first.wait()["status"] == "completed"


def test_a_dead_job_that_is_tried_again_by_its_operator_succeeds(make, portal, media):
    server = make()
    admin = server.client(token(server, "admin"))
    sitting = Sitting(analyst(server), f"{portal.url}/vod/late.mp3")
    sitting.extract()
    assert sitting.wait()["status"] == "error"
    (media / "vod/late.mp3").write_bytes((media / "vod/an.mp3").read_bytes())
    try:
        job = database(server, "SELECT id FROM jobs WHERE kind = 'robian.extract'")
        until = time.monotonic() + 10 * PATIENCE
        while admin.post(f"/api/jobs/{job}/retry").status_code == 409:  # its end is not written yet
            assert time.monotonic() < until
            time.sleep(0.05)
        assert sitting.wait("completed")["error"] is None
    finally:
        (media / "vod/late.mp3").unlink()


def test_audio_whose_file_is_gone_is_extracted_again(make, portal):
    server = make()
    sitting = run(server, portal)
    for blob in blobs(server):
        blob.unlink()
    server.stop()  # nobody holds the file open any more
    server.start()
    sitting.client = analyst(server)
    assert sitting.client.get(f"/api/streaming/{sitting.id}/stream").status_code == 410
    assert sitting.extract()["status"] == "pending"
    assert sitting.wait()["status"] == "completed"
    assert sitting.client.get(f"/api/streaming/{sitting.id}/stream").status_code == 200
    assert sitting.extract()["message"] == "Audio déjà disponible"


def test_a_debate_removed_meanwhile_leaves_nothing(make, portal):
    server = make()
    portal.hold()
    sitting = Sitting(analyst(server), portal.page())
    sitting.extract()
    portal.wait_held()
    assert sitting.client.delete(f"/api/debates/{sitting.id}").status_code == 200
    portal.release()
    until = time.monotonic() + 30 * PATIENCE
    while count(server, "jobs WHERE kind = 'robian.extract' AND state IN ('waiting', 'running')"):
        assert time.monotonic() < until
        time.sleep(0.05)
    while blobs(server) or leftovers(server):
        assert time.monotonic() < until, (blobs(server), leftovers(server))
        hasten(server, "robian.blob_remove")
        time.sleep(0.05)
    assert count(server, "audio_files") == 0 and server.client().get("/healthz").status_code == 200


# -- how many, and in which order -------------------------------------------------------------------


def hold_many(server, portal, clients, number):
    """Extractions of so many debates, held half-way; the portal sees how many come at once."""
    portal.hold()
    sittings = [Sitting(clients[i % len(clients)], portal.page(f"{i + 1}_a")) for i in range(number)]
    for sitting in sittings:
        sitting.extract()
    return sittings


def test_no_more_than_the_limit_run_at_once_and_the_urgent_first(make, portal):
    server = make(MAX_CONCURRENT_EXTRACTIONS=1)
    client = analyst(server)
    portal.hold()
    names = {"first": "normal", "low": "low", "normal": "normal", "high": "high", "urgent": "urgent"}
    sittings = {}
    for i, (name, priority) in enumerate(names.items()):
        sittings[name] = Sitting(client, portal.page(f"{i + 1}_a"))
        sittings[name].extract(priority=priority)
        if name == "first":
            portal.wait_held()
    portal.release()
    for sitting in sittings.values():
        assert sitting.wait(seconds=60)["status"] == "completed"
    assert portal.most_under_way == 1
    pages = [line.split(".")[1].split("_")[0] for line in portal.asked if "/video." in line]
    assert pages == ["1", "5", "4", "3", "2"]


@pytest.mark.skipif(DATABASE != "postgres", reason="several nodes need PostgreSQL")
def test_two_nodes_hold_the_limit_together_and_both_tell(make_server, portal):
    shared = postgres_make()
    redis = redis_make() if "SOCLE_TEST_REDIS" in os.environ else ""
    nodes = [make_server(database=shared, redis=redis, **settings(portal, MAX_CONCURRENT_EXTRACTIONS=2))
             for _ in range(2)]
    try:
        access = token(nodes[0], "analyst")
        clients = [node.client(access) for node in nodes]
        with Socket(nodes[0]) as one, Socket(nodes[1]) as two:
            for ws in (one, two):
                ws.ask("subscribe", "subscribed", channel="extractions")
            sittings = hold_many(nodes[0], portal, clients, 6)
            for _ in range(2):
                portal.wait_held()
            time.sleep(1.5)  # longer than a look for work takes: nobody else may begin
            assert portal.under_way == 2
            portal.release()
            for sitting in sittings:
                assert sitting.wait(seconds=90)["status"] == "completed"
            assert portal.most_under_way == 2
            for ws in (one, two):
                done = set()
                while len(done) < len(sittings):
                    message = ws.read()
                    if message["type"] == "extraction_completed":
                        assert message["data"]["debate_id"] not in done
                        done.add(message["data"]["debate_id"])
                assert done == {sitting.id for sitting in sittings}
        for node in nodes:
            assert leftovers(node) == []
    finally:
        for node in nodes:
            node.stop()
        postgres_drop(shared)


# -- the disk ---------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.skipif(DATABASE != "sqlite", reason="the small disk holds the database too")
def test_a_full_disk_is_an_error_of_the_job(make_server, portal, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", small], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        server = make_server(folder=small / "data", **settings(portal))
        sitting = Sitting(analyst(server), portal.page("1_a-only"))
        free = os.statvfs(small)
        # Room for the source and the database, not for 24 s as wav (4 MB).
        (small / "ballast").write_bytes(b"x" * (free.f_bavail * free.f_bsize - 2500 * 1024))
        sitting.extract(format="wav")
        done = sitting.wait()
        assert done["status"] == "error" and done["error"] == "Le disque est plein.", done
        assert leftovers(server) == [] and blobs(server) == []
        (small / "ballast").unlink()
        assert sitting.extract(format="wav")["status"] == "pending"
        assert sitting.wait()["status"] == "completed"
        server.stop()
    finally:
        subprocess.run(["umount", "-l", small], check=True)
