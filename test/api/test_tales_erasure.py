"""What is left of a person whose account was erased, or of a space that was deleted: nothing, in any table and among
the stored bytes; what another has stays his."""

import hashlib
import pathlib
import sqlite3
import subprocess
import sys
import threading

import pytest
from harness import DATABASE, PATIENCE, Server, database, hasten, make_user, psql, token
from tales import b64, good, make_note, make_space, png, refused, tone, wait
from tales_story import Space

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from cloudinary import Cloudinary  # noqa: E402
from models import FakeModels  # noqa: E402

WORD = "Zyxomma"  # stands in everything that is the person's, and nowhere else
MANY = {"LIFETALES_STORIES_PER_HOUR": 1000, "LIFETALES_AI_CALLS_PER_HOUR": 10000, "AI_TRIES": 1,
        "LIFETALES_TRANSCRIPTIONS_PER_MINUTE": 1000, "GEMINI_MODEL": "gemini-2.5-flash"}


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        yield fake


@pytest.fixture(scope="module")
def heard(models):
    """{sha256 of a recording: what is said in it}"""
    texts = {}
    models.listen(lambda audio: texts.get(hashlib.sha256(audio).hexdigest(), "Bonjour."))
    return texts


@pytest.fixture(scope="module")
def server(tmp_path_factory, models, heard):
    made = Server(tmp_path_factory.mktemp("data"), AI_CHAT_PROVIDER="gemini", AI_TRANSCRIBE_PROVIDER="gemini", **MANY,
                  **models.env())
    try:
        yield made.start()
    finally:
        made.close()


class Person:
    def __init__(self, server):
        self.user = make_user(server)
        self.client = server.client(token(server, user=self.user))

    def __getattr__(self, name):
        return getattr(self.client, name)

    def leave(self):
        answer = self.client.post("/api/v1/users/delete-account", json={"email": self.user["email"]})
        assert answer.status_code == 200, answer.text


def stands_in(server, word):
    """Tables in which a word is, in whichever column, as text or in bytes."""
    if server.database:
        tables = psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", server.database).split()
        like = " OR ".join(f"x::text LIKE '%{w}%'" for w in (word, word.encode().hex()))
        return [t for t in tables if psql(f'SELECT count(*) FROM "{t}" x WHERE {like}', server.database) != "0"]
    found = []
    with sqlite3.connect(server.folder / "socle.db", timeout=20) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
            like = " OR ".join(f'CAST("{column}" AS text) LIKE \'%{word}%\'' for column in columns)
            if columns and db.execute(f'SELECT count(*) FROM "{table}" WHERE {like}').fetchone()[0]:
                found.append(table)
    db.close()
    return sorted(found)


def blobs(server):
    return {path.parent.name + path.name for path in (server.folder / "blobs").rglob("*") if path.is_file()}


def blobs_with(server, word):
    return [path.name for path in (server.folder / "blobs").rglob("*")
            if path.is_file() and word.encode() in path.read_bytes()]


def recording(heard, said, pitch):
    sound = tone(0.4, pitch=pitch)
    heard[hashlib.sha256(sound).hexdigest()] = said
    return sound


def everything(server, person, heard, pitch):
    """A space with all that a person can have; the addresses that show something of it."""
    space = make_space(person, title=f"Chez {WORD}", description=WORD, coverImage=b64(png(5, 4, (pitch % 256, 1, 2))))
    with_key = {"Idempotency-Key": f"note-{pitch}"}
    body = {"type": "TEXT", "title": WORD, "textContent": f"{WORD} est venue. Elle a chanté.", "location": {"at": WORD}}
    good(person.post(f"/api/spaces/{space['id']}/notes", json=body, headers=with_key), 201)
    sound = recording(heard, f"{WORD} chante dans la cuisine.", pitch)
    spoken = make_note(person, space, type="AUDIO", audioData=b64(sound))
    alone = recording(heard, f"{WORD} est dite une fois.", pitch + 7)
    answer = person.post("/api/transcribe", json={"audioData": b64(alone), "mimeType": "audio/wav"})
    assert WORD in answer.json()["transcription"], answer.text
    note = f"/api/spaces/{space['id']}/notes/{spoken['id']}"
    spoken = wait(lambda: (lambda n: n["transcription"] and n)(good(person.get(note))), "the recording to be heard", 60)
    story = good(person.post("/api/stories/generate", json={
        "spaceId": space["id"], "settings": {"imagesPerChapter": 1, "storyMode": "chapter"}},
        headers={"Idempotency-Key": f"story-{pitch}"}, timeout=130 * PATIENCE))
    assert all(WORD in chapter["content"] for chapter in story["chapters"])
    share = good(person.post(f"/api/spaces/{space['id']}/share", json={}), 201)
    book = person.get(f"/api/spaces/{space['id']}/book?format=html", timeout=120 * PATIENCE)
    assert book.status_code == 200 and WORD in book.text
    link = good(person.post(f"/api/media/{spoken['audioFileIds'][0]}/voice"))
    token = link["url"].rsplit("/", 1)[-1]
    pictures = [chapter["illustrationUrl"] for chapter in story["chapters"]]
    assert all(pictures), story
    return {"space": space, "note": spoken, "sound": sound,
            "open": [share["url"], f"/v/{token}", spoken["audioUrl"], *pictures]}


def nothing_is_left(server, before):
    assert stands_in(server, WORD) == []
    hasten(server, "lifetales.blob")
    wait(lambda: hasten(server, "lifetales.blob") or blobs(server) <= before, "the bytes to go", 60)
    assert blobs_with(server, WORD) == []


def shut(server, addresses):
    anybody = server.client()
    assert [anybody.get(address).status_code for address in addresses] == [404] * len(addresses)


def test_of_an_erased_person_nothing_is_left_and_the_others_keep_theirs(server, heard):
    ada, bob = Person(server), Person(server)
    shared = recording(heard, "Ceci est à deux.", 300)
    picture = b64(png(6, 5, (77, 78, 79)))
    his = make_space(bob, title="Chez Bob", coverImage=picture)
    hers = make_note(bob, his, type="AUDIO", audioData=b64(shared))
    wait(lambda: good(bob.get(f"/api/spaces/{his['id']}/notes/{hers['id']}"))["transcription"], "his to be heard", 60)
    before = blobs(server)
    world = everything(server, ada, heard, 440)
    make_note(ada, world["space"], type="AUDIO", audioData=b64(shared), title=WORD)
    make_note(ada, world["space"], type="IMAGE", imageData=picture)
    good(ada.put("/api/settings", json={"narrativeTone": "poetic"}))
    assert all(server.client().get(address).status_code == 200 for address in world["open"])
    kinds = {"spaces", "notes", "media", "chapters", "transcriptions", "events", "ai_kept", "idempotency_keys"}
    assert kinds <= set(stands_in(server, WORD)), "the search finds what is there"
    assert blobs_with(server, WORD)
    ada.leave()
    shut(server, world["open"])
    nothing_is_left(server, before)
    assert before <= blobs(server)
    note = good(bob.get(f"/api/spaces/{his['id']}/notes/{hers['id']}"))
    assert note["transcription"] == "Ceci est à deux." and note["transcription_status"] == "done"
    assert bob.get(note["audioUrl"]).content == shared
    again = bob.post("/api/transcribe", json={"audioData": b64(shared), "mimeType": "audio/wav"}).json()
    assert again["transcription"] == "Ceci est à deux." and again["cached"] is True


def test_of_a_deleted_space_nothing_is_left_and_the_persons_others_stay(server, heard):
    ada = Person(server)
    other = make_space(ada, title="Ailleurs")
    kept = make_note(ada, other, type="TEXT", textContent="Ici rien ne manque.")
    before = blobs(server)
    world = everything(server, ada, heard, 550)
    good(ada.delete(f"/api/spaces/{world['space']['id']}"))
    shut(server, world["open"])
    assert stands_in(server, WORD) == ["transcriptions"], "what was heard for her without a note is hers still"
    assert good(ada.get(f"/api/spaces/{other['id']}/notes/{kept['id']}"))["textContent"] == "Ici rien ne manque."
    ada.leave()
    nothing_is_left(server, before)


def test_a_deleted_note_takes_what_its_recording_says(server, heard):
    ada = Person(server)
    space = make_space(ada)
    sound = recording(heard, f"{WORD} au téléphone.", 660)
    note = make_note(ada, space, type="AUDIO", audioData=b64(sound))
    path = f"/api/spaces/{space['id']}/notes/{note['id']}"
    wait(lambda: good(ada.get(path))["transcription"], "it to be heard", 60)
    good(ada.delete(path))
    assert "transcriptions" not in stands_in(server, WORD)
    ada.leave()
    assert stands_in(server, WORD) == []


@pytest.mark.parametrize("whole", [True, False])
def test_erased_while_a_story_is_written_its_end_is_told_and_nothing_comes_after(server, models, whole):
    ada = Person(server)
    space = Space(ada.client, [(f"Note {i}", f"{WORD} compte {i} pas.") for i in range(4)])
    asked, go = threading.Event(), threading.Event()
    chapters = []

    def slow(request, notes):
        chapters.append(notes)
        if len(chapters) > 1:
            asked.set()
            go.wait(60 * PATIENCE)
        return {"title": WORD, "illustrationPrompt": WORD, "characters": [],
                "sentences": [{"paragraph": False, "text": n["text"], "noteIds": [n["id"]]} for n in notes]}

    models.storyteller = slow
    try:
        with space.follow(storyMode="chapter") as events:
            assert asked.wait(60 * PATIENCE)
            if whole:
                ada.leave()
            else:
                good(ada.delete(f"/api/spaces/{space.id}"))
            assert events.until("error")[2]["code"] == "cancelled"
    finally:
        go.set()
        models.storyteller = None
    ended = "SELECT count(*) FROM jobs WHERE kind = 'lifetales.story' AND state IN ('waiting', 'running')"

    def quiet():
        if server.database:
            return psql(ended, server.database) == "0"
        with sqlite3.connect(server.folder / "socle.db", timeout=20) as db:
            return db.execute(ended).fetchone()[0] == 0
    wait(quiet, "the story's job to end", 60)
    assert stands_in(server, WORD) == []


@pytest.mark.skipif(DATABASE != "postgres", reason="SQLite has one writer")
def test_what_is_written_while_an_account_is_erased_goes_with_it(server):
    ada = Person(server)
    number = database(server, f"SELECT id FROM users WHERE email = '{ada.user['email']}'")
    key = hashlib.sha256(ada.user["email"].encode()).hexdigest()
    with subprocess.Popen(["psql", "-qAtX", server.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        print(f"""BEGIN;
            INSERT INTO ai_kept (key, kind, state, value, created_at, used_at)
                 VALUES ('{key}', 'chat', 'kept', '{WORD} est venue.', now(), now());
            INSERT INTO ai_kept_of VALUES ('{key}', {number}); SELECT 'kept';""", file=node.stdin, flush=True)
        assert node.stdout.readline() == "kept\n"
        leaving = threading.Thread(target=ada.leave)
        leaving.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait(lambda: int(database(server, waiting)), "the erasure to wait for what is being written")
        print("COMMIT;", file=node.stdin, flush=True)
        node.stdin.close()
    leaving.join(60 * PATIENCE)
    assert not leaving.is_alive() and stands_in(server, WORD) == []


@pytest.mark.parametrize("whole", [True, False])
def test_deleted_while_it_is_heard_nothing_of_it_is_kept(server, models, heard, whole):
    ada = Person(server)
    space = make_space(ada)
    asked, go = threading.Event(), threading.Event()
    former = models.listener

    def slow(audio):
        asked.set()
        go.wait(60 * PATIENCE)
        return f"{WORD} parle encore."

    models.listen(slow)
    try:
        note = make_note(ada, space, type="AUDIO", audioData=b64(tone(0.4, pitch=910 + whole)))
        assert asked.wait(60 * PATIENCE)
        good(ada.delete(f"/api/spaces/{space['id']}" + ("" if whole else f"/notes/{note['id']}")))
    finally:
        go.set()
        models.listen(former)
    under_way = "SELECT count(*) FROM jobs WHERE kind = 'lifetales.transcribe' AND state IN ('waiting', 'running')"
    wait(lambda: int(database(server, under_way)) == 0, "the hearing to end", 60)
    assert stands_in(server, WORD) == []


def test_killed_on_the_way_it_is_all_there_or_all_gone_and_the_bytes_go_after(make_server, models, heard):
    server = make_server(AI_CHAT_PROVIDER="gemini", AI_TRANSCRIBE_PROVIDER="gemini", **MANY, **models.env())
    for at in (0.0, 0.01):
        ada = Person(server)
        world = everything(server, ada, heard, 700 + int(at * 1000))
        going = threading.Thread(target=lambda: swallow(ada.leave))
        going.start()
        going.join(at)
        server.kill()
        going.join(60 * PATIENCE)
        server.start()
        answer = server.client().post("/api/v1/auth/login", json={"email": ada.user["email"],
                                                                  "password": ada.user["password"]})
        if answer.status_code == 200:
            ada.client = server.client(answer.json()["access_token"])
            assert len(good(ada.get("/api/spaces"))) == 1, "nothing was taken by halves"
            assert ada.get(f"/api/media/{world['note']['audioFileIds'][0]}").content == world["sound"]
            ada.leave()
        nothing_is_left(server, set())


def swallow(function):
    try:
        function()
    except Exception:  # noqa: BLE001 - the server was killed under it
        pass


def test_the_command_erases_as_the_route_does(server, heard):
    before = blobs(server)
    ada = Person(server)
    everything(server, ada, heard, 880)
    server.cli("user", "delete", ada.user["email"])
    refused(ada.get("/api/spaces"), 401)
    nothing_is_left(server, before)


def test_a_picture_that_a_cdn_serves_goes_there_too(make_server, models, heard):
    with Cloudinary() as cloud:
        server = make_server(AI_TRANSCRIBE_PROVIDER="gemini", **MANY, **models.env(), **cloud.env())
        ada, bob = Person(server), Person(server)
        for who, prompts in ((ada, ("Une barque rouge", "Une barque bleue")), (bob, ("Une barque bleue",))):
            for prompt in prompts:
                good(who.post("/api/illustrations", json={"prompt": prompt, "style": "pastel"}, timeout=60 * PATIENCE))
        assert len(cloud.pictures) == 2
        ada.leave()
        wait(lambda: len(cloud.pictures) == 1, "hers to go", 60)
        cloud.fail(500, 1)
        bob.leave()
        wait(lambda: hasten(server, "lifetales.cdn") or not cloud.pictures, "his to go, though it failed once", 60)
        assert not cloud.refused or cloud.refused == ["The fake was told to fail"]
