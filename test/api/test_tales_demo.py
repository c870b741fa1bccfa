"""The demo's spaces: a diary and an allotment, spoken, drawn, told and printed on this machine."""

import shutil
import signal
import subprocess
import time

import pytest
from harness import BINARY, PATIENCE, Server, clean_environment, database
from tales import good, make_note, make_space, refused, wait

DEMO = {"email": "demo@socle.test", "password": "socle-demo"}
ONLY = ("demo", "--products", "lifetales")
TIMEOUT = 300  # of a command that draws forty pictures


def sign_in(server):
    answer = server.client().post("/api/v1/auth/login", json=DEMO)
    assert answer.status_code == 200, answer.text
    return server.client(answer.json()["access_token"])


def spaces(client):
    return {space["title"]: space for space in good(client.get("/api/spaces"))}


def told(client):
    """The spaces, once their stories are written: on a slow machine that is the server's."""
    def all_of_them():
        found = spaces(client)
        return found if found and not any(space["isGenerating"] for space in found.values()) else None
    return wait(all_of_them, "the stories", 120)


def counts(server):
    """Rows of each table; of the jobs those that something asked for, not the clock."""
    tables = ("spaces", "notes", "note_media", "media", "transcriptions", "stories", "chapters", "illustrations", "books",
              "jobs WHERE COALESCE(unique_key, '') NOT LIKE 'schedule:%'")
    return [int(database(server, f"SELECT count(*) FROM {table}")) for table in tables]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), PUBLIC_URL="https://tales.example")
    try:
        said = server.cli(*ONLY, timeout=TIMEOUT)
        assert ("no recordings" in said.stderr) == (not shutil.which("espeak-ng"))
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def client(server):
    return sign_in(server)


def test_every_sentence_of_the_stories_has_its_note(client):
    found = told(client)
    assert list(found) == ["Plot 14", "La maison de Kerlann"]
    for title, notes, chapters in (("La maison de Kerlann", 26, 25), ("Plot 14", 8, 4)):
        space = found[title]
        ids = {note["id"]: note for note in space["notes"]}
        assert len(ids) == notes and len(space["generatedStory"]) == chapters
        for chapter in space["generatedStory"]:
            assert chapter["provider"] == "local" and chapter["illustrationUrl"], chapter
            assert chapter["sentences"] and set(chapter["sourceNoteIds"]) <= set(ids)
            for sentence in chapter["sentences"]:
                assert sentence["noteIds"] and set(sentence["noteIds"]) <= set(chapter["sourceNoteIds"]), sentence
        assert client.get(space["coverImage"]).headers["Content-Type"] == "image/png"
    kerlann = found["La maison de Kerlann"]
    assert [note["title"] for note in kerlann["notes"][:3]] == ["L'arrivée", "La première nuit", "Le jardin"]
    assert kerlann["notes"][0]["timestamp"] == 1757175000000  # 18:10 in Brittany
    assert sum(len(note["imageFileIds"]) for note in kerlann["notes"]) == 7
    assert len({chapter["illustrationUrl"].split("?")[0] for chapter in kerlann["generatedStory"]}) == 25


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng")
def test_recordings_say_what_is_written(server, client):
    spoken = [note for space in told(client).values() for note in space["notes"] if note["type"] == "AUDIO"]
    assert len(spoken) == 6
    for note in spoken:
        assert note["transcription_status"] == "done" and note["transcriptions"] == [note["transcription"]]
        assert len(note["transcription"]) > 100 and not note["content"]
    [one] = [note for note in spoken if note["title"] == "La recette"]
    assert "six jaunes d'œufs" in one["transcription"] and 5000 < one["media"][0]["durationMs"] < 60000
    heard = client.get(one["audioUrl"], headers={"Range": "bytes=0-11"})
    assert heard.status_code == 206 and heard.content[:4] == b"RIFF" and heard.content[8:] == b"WAVE"
    kept = "SELECT count(*) FROM transcriptions WHERE provider = 'demo' AND model = 'espeak-ng'"
    assert int(database(server, kept)) == 6


def test_the_book_is_there(server, client, tmp_path):
    space = told(client)["La maison de Kerlann"]
    made = database(server, "SELECT max(created_at) FROM books")
    book = client.get(f"/api/spaces/{space['id']}/book?format=pdf")
    assert book.status_code == 200 and book.content.startswith(b"%PDF-")
    file = tmp_path / "kerlann.pdf"
    file.write_bytes(book.content)
    words = " ".join(subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True).stdout.split())
    for said in ("Table des matières", "Dix-neuf ardoises", "Samedi 6 septembre 2025", "quelqu’un a gravé un A et un J"):
        assert said in words, said
    # The demo has made it already, unless this machine is too slow for it.
    assert database(server, "SELECT max(created_at) FROM books") == made or not made


def test_again_it_adds_nothing(server, client):
    told(client)
    client.get(f"/api/spaces/{spaces(client)['La maison de Kerlann']['id']}/book?format=pdf")
    before, shown = counts(server), spaces(client)
    server.cli(*ONLY, timeout=TIMEOUT)
    assert counts(server) == before and spaces(client) == shown


def test_its_stories_are_not_the_persons(client):
    """He has all his three of this hour."""
    space = make_space(client, title="Après la démonstration")
    make_note(client, space, content="Il a plu toute la journée.")
    for tone in ("neutral", "funny", "poetic"):
        settings = {"narrativeTone": tone, "imagesPerChapter": 0}
        good(client.post("/api/stories/generate", json={"spaceId": space["id"], "settings": settings}))
    assert "stories an hour" in refused(client.post("/api/stories/generate", json={"spaceId": space["id"]}), 429)
    good(client.delete(f"/api/spaces/{space['id']}"))


def demo_until(server, what, is_so):
    """Kill the command when it is so; or it ends before."""
    child = subprocess.Popen([BINARY, *ONLY], env=clean_environment() | server.env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + TIMEOUT * PATIENCE
    try:
        while not is_so(child) and child.poll() is None:
            assert time.monotonic() < until, what
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stderr.close()


def test_killed_and_run_again_it_is_whole_also_without_a_voice(make_server, tmp_path):
    """First while its pictures are drawn, then while its story is written."""
    server = make_server(start=False, PATH="/nonexistent")
    server.cli("migrate", "up")
    demo_until(server, "nobody speaks", lambda child: "no recordings" in child.stderr.readline())
    assert int(database(server, "SELECT count(*) FROM spaces")) == 0
    demo_until(server, "chapters", lambda child: int(database(server, "SELECT count(*) FROM chapters")) >= 3)
    assert int(database(server, "SELECT count(*) FROM spaces")) == 1
    said = server.cli(*ONLY, timeout=TIMEOUT)
    assert "espeak-ng, which is not installed" in said.stderr  # of the second space
    found = told(sign_in(server.start()))
    assert [(len(s["notes"]), len(s["generatedStory"])) for s in found.values()] == [(8, 4), (26, 25)]
    assert all(chapter["illustrationUrl"] for s in found.values() for chapter in s["generatedStory"])
    assert {note["type"] for s in found.values() for note in s["notes"]} == {"TEXT", "IMAGE"}
    assert int(database(server, "SELECT count(*) FROM stories")) == 2
