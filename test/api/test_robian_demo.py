"""The demo's sitting: spoken by espeak-ng, through the real extraction, with its transcript."""

import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest
from harness import PATIENCE

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from place import place_keep  # noqa: E402


@pytest.fixture
def port():
    """One's own for the whole test."""
    with place_keep(0) as place:
        yield place.getsockname()[1]


def wait_for_audio(client, debate, seconds=90):
    until = time.monotonic() + seconds * PATIENCE
    while True:
        now = client.get(f"/api/streaming/{debate}/status").json()
        assert now["status"] in ("pending", "extracting", "completed"), now
        if now["status"] == "completed":
            return now
        assert time.monotonic() < until, now
        time.sleep(0.1)


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng")
def test_the_demo_speaks_and_a_word_leads_to_its_second(make_server, port, tmp_path):
    server = make_server(start=False, LISTEN=f"127.0.0.1:{port}")
    server.cli("demo", "--products", "robian", timeout=120)
    server.cli("demo", "--products", "robian", timeout=120)
    server.start()
    client = server.client()
    [debate] = client.get("/api/debates/").json()["debates"]
    done = wait_for_audio(client, debate["id"])
    assert done["audio_file"]["metadata"]["source"] == "portal" and done["audio_file"]["duration_seconds"] >= 120
    file = tmp_path / "heard.mp3"
    file.write_bytes(client.get(f"/api/streaming/{debate['id']}/stream").content)
    probed = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration:chapter_tags=title",
                             "-of", "default=nk=1:nw=1", file], capture_output=True, text=True, check=True).stdout
    assert "Entretien des ponts de pierre" in probed and "Avenir des phares du littoral" in probed, probed
    speeches = client.get(f"/api/debates/{debate['id']}/transcript").json()["speeches"]
    timed = [s for s in speeches if s.get("time_source") == "transcript"]
    assert len(timed) > 30, len(timed)
    # Where the transcript says that somebody begins, it has just been silent.
    quiet = subprocess.run(["ffmpeg", "-nostdin", "-i", file, "-af", "silencedetect=noise=-38dB:d=0.25", "-f", "null", "-"],
                           capture_output=True, text=True).stderr
    ends = [float(x) for x in re.findall(r"silence_end: ([\d.]+)", quiet)]
    begins = [s["start"] if "start" in s else s["start_ms"] / 1000 for s in timed][1:]
    near = sum(any(abs(end - begin) < 0.6 for end in ends) for begin in begins)
    assert near >= 0.9 * len(begins), (near, len(begins), ends[:5], begins[:5])
    found = client.post("/api/search/debates", json={"q": "lentilles de Fresnel"})
    assert found.status_code == 200 and debate["id"] in found.text
    server.cli("demo", "--products", "robian", timeout=120)
    assert client.get("/api/debates/").json()["total"] == 1
    assert client.get(f"/api/debates/{debate['id']}").json()["has_audio"] is True


def test_without_a_voice_the_demo_goes_on(make_server, port):
    server = make_server(start=False, LISTEN=f"127.0.0.1:{port}", FFMPEG_PATH="/nonexistent/ffmpeg")
    said = server.cli("demo", "--products", "robian", timeout=120)
    assert "the demo's sitting has no audio: ffmpeg is missing" in said.stderr
    server.start()
    client = server.client()
    [debate] = client.get("/api/debates/").json()["debates"]
    assert debate["has_audio"] is False
    speeches = client.get(f"/api/debates/{debate['id']}/transcript").json()["speeches"]
    assert any("lentilles de Fresnel" in s["text"] for s in speeches)
    assert client.get("/demo/robian/seance.mp4").status_code == 404
    for path in ("seance.xml", "..%2f..%2fsocle.db", "../../socle.db"):
        assert client.get(f"/demo/robian/{path}").status_code in (400, 404)
