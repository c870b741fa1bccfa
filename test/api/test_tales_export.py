"""Everything a person has, as a tar file: what is in it, read without us; the same in another account and on another
server; cut, killed, somebody else's, while things change."""

import hashlib
import io
import json
import pathlib
import sys
import tarfile
import wave

import pytest
from harness import PATIENCE, VARIANT, Server, make_key, make_user, token
from tales import b64, good, make_note, make_space, png, refused, tone, wait

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

MANY = {"LIFETALES_STORIES_PER_HOUR": 1000, "LIFETALES_AI_CALLS_PER_HOUR": 10000, "AI_TRANSCRIBE_PROVIDER": "gemini"}


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        fake.listen(lambda audio: f"Dit {hashlib.sha256(audio).hexdigest()[:8]}.")
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    """With a provider for recordings; stories are told from the notes, pictures drawn."""
    made = Server(tmp_path_factory.mktemp("data"), **MANY, **models.env())
    try:
        yield made.start()
    finally:
        made.close()


class Person:
    def __init__(self, server):
        self.user = make_user(server)
        self.client = server.client(token(server, user=self.user))
        self.email = self.user["email"]

    def __getattr__(self, name):
        return getattr(self.client, name)


@pytest.fixture(scope="module")
def ada(server):
    """With all that a person can have: two spaces, one with a story, a book, links; what hangs on nothing."""
    ada = Person(server)
    good(ada.put("/api/settings", json={"narrativeTone": "poetic", "creativity": 0.5}))
    space = make_space(ada, title="L'été / à Nantes: «fin»", description="Chez Lucie.", startDate=1_600_000_000_000,
                       coverImage=b64(png(9, 7, (1, 2, 3))), timeZone="America/Montreal", language="fr")
    for i, text in enumerate(["Marie est venue le 3 mai. Elle a chanté.", "Paul a lu 12 lettres.\n\nPuis il a ri."]):
        make_note(ada, space, title=f"Jour {i + 1}", textContent=text, timestamp=1_600_000_000_000 + i * 86_400_000,
                  location={"name": "Nantes", "lat": 47.2})
    spoken = make_note(ada, space, type="AUDIO", audioData=b64(tone(0.5)), timestamp="1923-05-01T10:00:00Z")
    make_note(ada, space, type="AUDIO", audioData=b64(tone(0.4, pitch=700)), transcription="Mes propres mots, 1924.")
    make_note(ada, space, type="IMAGE", imageData=b64(png(12, 11, (9, 8, 7))), title="今天 / مرحبا")
    wait(lambda: good(ada.get(f"/api/spaces/{space['id']}/notes/{spoken['id']}"))["transcription"], "hearing", 60)
    story = good(ada.post("/api/stories/generate", json={
        "spaceId": space["id"], "settings": {"imagesPerChapter": 1, "storyMode": "chapter"}},
        timeout=130 * PATIENCE))["chapters"]
    ada.chapters = len(story)
    assert ada.chapters > 3
    good(ada.put(f"/api/spaces/{space['id']}/chapters/{story[0]['id']}", json={"content": story[0]["content"] + " Fin."}))
    good(ada.post(f"/api/spaces/{space['id']}/share", json={}), 201)
    assert ada.get(f"/api/spaces/{space['id']}/book?format=html", timeout=120 * PATIENCE).status_code == 200
    make_space(ada, title="Vide")
    good(ada.post("/api/media", data=png(4, 4, (4, 4, 4))), 201)
    return ada


def exported(person):
    answer = person.get("/api/export", timeout=120 * PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer


def files_of(data):
    """{name: bytes} by Python's tarfile: a reader that is not ours."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}


def told(person):
    """All that a person has, without ids and addresses: as it is compared across accounts."""
    shown = []
    for space in sorted(good(person.get("/api/spaces")), key=lambda s: s["title"]):
        number = {note["id"]: i for i, note in enumerate(space["notes"])}
        media = {m["id"]: m["sha256"] for note in space["notes"] for m in note["media"]}
        notes = [{k: note[k] for k in ("type", "title", "description", "content", "textContent", "transcription",
                                       "transcription_status", "transcriptions", "timestamp", "location", "created_at")}
                 | {k: [media[i] for i in note[k]] for k in ("audioFileIds", "imageFileIds", "videoFileIds")}
                 for note in space["notes"]]
        chapters = [{k: c[k] for k in ("title", "content", "edited", "provider", "illustrationPrompt",
                                       "illustrationStatus", "position", "created_at")}
                    | {"notes": [number[i] for i in c["sourceNoteIds"]],
                       "images": [media[i] for i in c["userImageIds"]],
                       "sentences": [(s["start"], s["end"], [number[i] for i in s["noteIds"]]) for s in c["sentences"]],
                       "drawn": c["illustrationUrl"] and hashlib.sha256(person.get(c["illustrationUrl"]).content).hexdigest()}
                    for c in space["generatedStory"]]
        cover = space["coverImage"] and hashlib.sha256(person.get(space["coverImage"]).content).hexdigest()
        shown.append({k: space[k] for k in ("title", "description", "startDate", "timeZone", "language", "characters",
                                            "created_at")} | {"cover": cover, "notes": notes, "chapters": chapters})
    return shown


def imported(server, person, path, code=0, *options):
    done = server.cli("import", "lifetales", "--json", "--user", person.email, *options, str(path), code=code, timeout=180)
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    counts = [line for line in lines if line.get("event") == "imported"][0]
    return counts, [line["why"] for line in lines if line.get("event") == "rejected"]


def added(counts):
    return [counts[k] for k in ("spaces", "notes", "chapters", "media")]


@pytest.fixture(scope="module")
def archive(ada, tmp_path_factory):
    path = tmp_path_factory.mktemp("tar") / "ada.tar"
    path.write_bytes(exported(ada).content)
    return path


def test_it_is_read_without_us_and_nothing_is_missing(ada, archive):
    answer = exported(ada)
    assert answer.headers["Content-Type"] == "application/x-tar"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="lifetales-')
    files = files_of(answer.content)
    names = list(files)
    assert names[:2] == ["README.txt", "person.json"] and names[-1] == "export.json"
    counts = json.loads(files["export.json"])
    assert [counts[k] for k in ("spaces", "notes", "missing")] == [2, 5, 0] and counts["chapters"] == ada.chapters
    person = json.loads(files["person.json"])
    assert person["email"] == ada.email and person["settings"]["narrativeTone"] == "poetic"
    folder = next(name.split("/")[1] for name in names if "Nantes" in name)
    assert folder == "01 L'été à Nantes «fin»"
    text = next(files[n].decode() for n in names if "/notes/" in n and n.endswith("Jour 2.md"))
    assert "# Jour 2" in text and "Paul a lu 12 lettres.\n\nPuis il a ri." in text
    chapters = [n for n in names if "/chapters/" in n and n.endswith(".md")]
    assert len(chapters) == ada.chapters and any(files[n].decode().rstrip().endswith(" Fin.") for n in chapters)
    assert any(n.endswith("/book.html") for n in names)
    notes = [json.loads(files[n]) for n in names if "/notes/" in n and n.endswith(".json")]
    assert all(name in files for note in notes for name in note["files"]), "a note says which files are its own"
    for name in names:
        if name.startswith("media/") and name.endswith(".json"):
            known = json.loads(files[name])
            assert hashlib.sha256(files[known["file"]]).hexdigest() == known["sha256"]
    secrets = b"".join(data for name, data in files.items() if name.endswith(".json"))
    assert b"signature=" not in secrets and b"token_sha256" not in secrets and b"password" not in secrets
    assert json.loads(next(files[n] for n in names if n.endswith("Nantes «fin»/space.json")))["shares"][0]["views"] == 0


def test_in_another_account_it_is_the_same_and_again_it_adds_nothing(server, ada, archive):
    bob = Person(server)
    counts, refused_ones = imported(server, bob, archive)
    assert added(counts)[:3] == [2, 5, ada.chapters] and refused_ones == [] and counts["dead"] == 0
    assert told(bob) == told(ada)
    assert good(bob.get("/api/settings"))["narrativeTone"] == "poetic"
    hers, his = ({s["id"] for s in good(p.get("/api/spaces"))} for p in (ada, bob))
    assert not hers & his, "ids are another's here"
    counts, _ = imported(server, bob, archive)
    assert added(counts) == [0, 0, 0, 0]
    assert told(bob) == told(ada)


def test_in_its_own_account_nothing_is_added(server, ada, archive):
    before = told(ada)
    assert added(imported(server, ada, archive)[0]) == [0, 0, 0, 0]
    assert told(ada) == before


def test_on_another_server_ids_stay_and_nothing_is_heard_again(make_server, ada, archive, models):
    other = make_server(**MANY, **models.env())
    bob = Person(other)
    calls = models.count()
    assert added(imported(other, bob, archive)[0])[:3] == [2, 5, ada.chapters]
    assert told(bob) == told(ada)
    assert {s["id"] for s in good(bob.get("/api/spaces"))} == {s["id"] for s in good(ada.get("/api/spaces"))}
    assert models.count() == calls
    again = files_of(exported(bob).content)
    bytes_of = {name: data for name, data in files_of(archive.read_bytes()).items()
                if name.startswith("media/") and not name.endswith(".json")}
    assert {n: d for n, d in again.items() if n in bytes_of} == bytes_of
    space = next(s for s in good(bob.get("/api/spaces")) if s["generatedStory"])
    story = good(bob.post("/api/stories/generate", json={"spaceId": space["id"], "settings": {
        "imagesPerChapter": 1, "storyMode": "chapter"}}, timeout=130 * PATIENCE))
    before = {c["id"]: (c["title"], c["content"]) for c in space["generatedStory"]}
    after = {c["id"]: (c["title"], c["content"]) for c in story["chapters"]}
    assert before == after and story["kept"] >= ada.chapters - 1, "what is unchanged is not written again"


def test_a_printed_code_leads_to_the_voice_on_the_new_server(make_server, ada, archive, models):
    old = next(json.loads(data)["voiceLinks"][0]["token"] for name, data in files_of(archive.read_bytes()).items()
               if name.startswith("media/") and name.endswith(".json") and json.loads(data)["voiceLinks"])
    other = make_server(**MANY, **models.env())
    imported(other, Person(other), archive)
    assert other.client().get(f"/v/{old}").status_code == 200


def test_the_command_writes_the_same(server, ada, archive, tmp_path):
    path = tmp_path / "whole.tar"
    server.cli("export", "lifetales", "--quiet", "--user", ada.email, path)
    now = {n: d for n, d in files_of(path.read_bytes()).items() if n not in ("export.json",)}
    assert now == {n: d for n, d in files_of(archive.read_bytes()).items() if n not in ("export.json",)}
    said = server.cli("export", "lifetales", "--user", "nobody@example.org", tmp_path / "x.tar", code=1).stderr
    assert "no such account" in said
    assert "--user" in server.cli("export", "lifetales", tmp_path / "y.tar", code=1).stderr


def test_only_the_persons_own_and_not_for_organisations_keys(server, ada, client):
    bob = Person(server)
    space = make_space(bob, title="Chez Bob")
    make_note(bob, space, textContent="Rien de commun.")
    files = files_of(exported(bob).content)
    assert not any("Nantes" in name for name in files) and b"Marie" not in b"".join(files.values())
    assert [json.loads(files["export.json"])[k] for k in ("spaces", "notes", "media")] == [1, 1, 0]
    refused(client.get("/api/export"), 401)
    made = bob.post("/api/v1/organisations", json={"name": "Famille"}).json()
    key = bob.post("/api/v1/keys", json={"name": "k", "scopes": ["*"], "organisation_id": made["id"]}).json()["key"]
    refused(server.client(key).get("/api/export"), 403)
    refused(server.client(make_key(server, bob.email, "lifetales:write")).get("/api/export"), 403)
    assert server.client(make_key(server, bob.email, "lifetales:read")).get("/api/export").status_code == 200


def test_bytes_that_are_gone_are_counted_and_the_rest_is_there(server):
    bob = Person(server)
    space = make_space(bob)
    make_note(bob, space, type="IMAGE", imageData=b64(png(31, 3, (1, 1, 1))), title="Sans image")
    kept = make_note(bob, space, type="IMAGE", imageData=b64(png(31, 4, (1, 1, 1))))
    gone = good(bob.get(f"/api/spaces/{space['id']}/notes"))
    sha = next(n["media"][0]["sha256"] for n in gone if n["id"] != kept["id"])
    (server.folder / "blobs" / sha[:2] / sha[2:]).unlink()
    files = files_of(exported(bob).content)
    counts = json.loads(files["export.json"])
    assert (counts["media"], counts["missing"], counts["notes"]) == (1, 1, 2)


@pytest.mark.parametrize("part", [0.02, 0.5, 0.97])
def test_a_cut_archive_says_so_gives_what_was_whole_and_is_completed_later(server, ada, archive, tmp_path, part):
    bob = Person(server)
    cut = tmp_path / "cut.tar"
    data = archive.read_bytes()
    cut.write_bytes(data[:int(len(data) * part)])
    counts, why = imported(server, bob, cut, 1)
    assert any("cut" in line for line in why), why
    assert all(n <= m for n, m in zip(added(counts), [2, 5, ada.chapters, 99]))
    counts, why = imported(server, bob, archive)
    assert why == [] and told(bob) == told(ada)


def test_what_somebody_put_into_an_archive_harms_nobody(server, ada, archive, tmp_path):
    """Ids of another person's, files that are no pictures, links, and paths that lead out."""
    bob = Person(server)
    hers = good(ada.get("/api/spaces"))
    victim = next(s for s in hers if s["notes"])
    before = told(ada)
    path = tmp_path / "evil.tar"

    def put(tar, name, data, **more):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for key, value in more.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))

    def put_json(tar, name, value):
        put(tar, name, json.dumps(value).encode())
    media = next(m for n in victim["notes"] for m in n["media"])
    with tarfile.open(path, "w") as tar:
        put_json(tar, "media/a.json", {"id": media["id"], "sha256": "0" * 64, "file": "media/a.png", "mimeType": "image/png"})
        put(tar, "media/a.png", b"<svg onload=alert(1)>")
        put(tar, "../../../tmp/out.json", b"{}")
        put(tar, "media/link.json", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        put_json(tar, "spaces/01/space.json", {"id": victim["id"], "title": "À moi", "coverImage": media["id"],
                                               "user_id": 1, "userId": 1})
        put_json(tar, "spaces/01/notes/1.json", {"id": victim["notes"][0]["id"], "type": "TEXT", "textContent": "Volé.",
                                                 "audioFileIds": [media["id"]]})
        put_json(tar, "spaces/01/chapters/1.json", {"id": victim["generatedStory"][0]["id"], "title": "T",
                                                    "content": "Volé.", "sourceNoteIds": [victim["notes"][1]["id"]],
                                                    "sentences": [{"start": -1, "end": 10 ** 9, "noteIds": []}]})
        put(tar, "spaces/01/notes/2.json", b'{"type": "TEXT", "textContent": "cass')
        put_json(tar, "export.json", {"format": "lifetales-export", "version": 1})
    counts, why = imported(server, bob, path, 1)
    assert len(why) == 2 and "media/a.png" in why[0] and "notes/2.json" in why[1]
    assert told(ada) == before
    mine = good(bob.get("/api/spaces"))[0]
    assert mine["id"] != victim["id"] and mine["coverImage"] is None
    note = mine["notes"][0]
    assert note["id"] != victim["notes"][0]["id"] and note["audioFileIds"] == []
    chapter = mine["generatedStory"][0]
    assert chapter["sourceNoteIds"] == [] and chapter["sentences"][0]["end"] == len("Volé.")
    assert counts["dead"] >= 1


def test_of_a_newer_form_it_says_so(server, tmp_path):
    bob = Person(server)
    path = tmp_path / "new.tar"
    with tarfile.open(path, "w") as tar:
        data = json.dumps({"format": "lifetales-export", "version": 99}).encode()
        info = tarfile.TarInfo("export.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    assert any("newer" in line for line in imported(server, bob, path, 1)[1])


def long_recording(i):
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(44100)
        w.writeframes(bytes([i + 1, 0]) * (10 << 20))
    return out.getvalue()


def test_what_is_exported_takes_no_memory_for_its_size(server):
    """Recordings of many times what a request may hold."""
    bob = Person(server)
    space = make_space(bob)
    for i in range(8):
        media = good(bob.post("/api/media", data=long_recording(i), headers={"Content-Type": "audio/wav"}), 201)
        make_note(bob, space, type="AUDIO", audioFileIds=[media["id"]], transcription="x")

    def resident():
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])
    before, size, most = resident(), 0, 0
    with bob.get("/api/export", stream=True, timeout=120 * PATIENCE) as answer:
        for i, piece in enumerate(answer.iter_content(1 << 20)):
            size += len(piece)
            most = max(most, resident()) if i % 16 == 0 else most
    assert size > 150 << 20, size
    if VARIANT == "plain":  # sanitizers keep what was freed
        assert most - before < 60 << 10, (before, most)
