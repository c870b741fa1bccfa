"""socle import lifetales: what the old web app kept in the browser, lines of notes, broken and hostile files, larger than
memory, killed on the way, again."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import time

import pytest
from harness import BINARY, PATIENCE, VARIANT, make_user, shared_data, token
from tales import b64, good, jpeg, make_note, make_space, person, png, refused, tone, webm


class Person:
    def __init__(self, server):
        self.user = make_user(server)
        self.client = server.client(token(server, user=self.user))
        self.email = self.user["email"]

    def __getattr__(self, name):
        return getattr(self.client, name)


@pytest.fixture
def ada(server):
    return Person(server)


def data_url(mime, data):
    return f"data:{mime};base64,{b64(data)}"


def run(server, who, *paths, code=0, options=(), input=None):
    """The figures, and why things were refused: (file, line, why) each."""
    done = subprocess.run([BINARY, "import", "lifetales", "--json", "--user", who.email, *options, *map(str, paths)],
                          env=server.env, cwd=server.folder, input=input, capture_output=True, timeout=300 * PATIENCE)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == code, said[-3000:]
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    counts = next(line for line in lines if line.get("event") == "imported")
    return counts, [(line["file"], line["line"], line["why"]) for line in lines if line.get("event") == "rejected"]


def take(server, who, tmp_path, value, code=0, name="export.json", options=()):
    path = tmp_path / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return run(server, who, path, code=code, options=options)


def spaces(who):
    return good(who.get("/api/spaces"))


def sha(data):
    return hashlib.sha256(data).hexdigest()


SOUND, PICTURE, COVER, DRAWN = tone(0.4), png(20, 15, (9, 99, 9)), png(7, 7, (1, 2, 3)), png(16, 12, (200, 100, 0))


def web_space():
    """As the old web app had it: its ids, its times, bytes in data: URLs, dead blob: addresses."""
    return {
        "id": "space-1699999999999", "title": "Été à Nantes", "description": "Avec Lucie", "coverImage": data_url("image/png", COVER),
        "startDate": 1_690_000_000_000, "createdAt": "2023-07-22T04:26:40.000Z", "isGenerating": True,
        "notes": [
            {"id": "1", "type": "AUDIO", "content": data_url("audio/wav", SOUND), "audioUrl": "blob:http://localhost/1",
             "transcription": "Marie est venue le 3 mai. Elle a chanté.", "timestamp": 1_690_000_100_000,
             "audioFileIds": ["local-audio-7"], "isFavorite": True},
            {"id": "2", "type": "TEXT", "text_content": "Paul a lu 12 lettres.", "timestamp": "2023-07-24T10:00:00+02:00",
             "location": {"name": "Nantes"}, "created_at": 1_690_200_000_000},
            {"id": "3", "type": "photo", "title": "Le port", "imageData": b64(PICTURE), "timestamp": "1690300000000"},
            {"id": "4", "type": "AUDIO", "audioUrl": "blob:http://localhost/4", "transcription": "Le son est perdu, pas les mots.",
             "transcriptions": {"a": "autre chose"}, "timestamp": 1_690_400_000_000},
        ],
        "generatedStory": [
            {"id": "c1", "title": "Marie", "content": "Marie est venue le 3 mai. Elle a chanté. Paul a lu 12 lettres.",
             "illustrationPrompt": "Une femme chante", "illustrationUrl": data_url("image/png", DRAWN), "sourceNoteId": "1",
             "sourceNoteIds": ["1", "2", "unknown"], "userImageIds": []},
            {"id": "c2", "title": "Le port", "content": "Le port est calme.", "sourceNoteId": "3",
             "generatedImageUrl": "blob:http://localhost/x"},
        ],
    }


def check_web(server, who, space):
    assert space["title"] == "Été à Nantes" and space["description"] == "Avec Lucie"
    assert space["startDate"] == 1_690_000_000_000 and space["created_at"] == "2023-07-22T04:26:40.000Z"
    assert space["isGenerating"] is False and sha(who.get(space["coverImage"]).content) == sha(COVER)
    one, two, three, four = space["notes"]
    assert one["type"] == "AUDIO" and one["transcription"] == "Marie est venue le 3 mai. Elle a chanté."
    assert one["transcription_status"] == "done" and one["content"] is None and one["timestamp"] == 1_690_000_100_000
    assert who.get(one["audioUrl"]).content == SOUND and len(one["audioFileIds"]) == 1
    assert two["textContent"] == "Paul a lu 12 lettres." and two["location"] == {"name": "Nantes"}
    assert two["timestamp"] == 1_690_185_600_000 and two["created_at"] == "2023-07-24T12:00:00.000Z"
    assert three["type"] == "IMAGE" and who.get(three["media"][0]["url"]).content == PICTURE
    assert four["transcription"] == "Le son est perdu, pas les mots." and four["media"] == []
    first, second = space["generatedStory"]
    assert first["sourceNoteIds"] == [one["id"], two["id"]] and second["sourceNoteIds"] == [three["id"]]
    texts = [first["content"][s["start"]:s["end"]] for s in first["sentences"]]
    assert texts == ["Marie est venue le 3 mai.", "Elle a chanté.", "Paul a lu 12 lettres."]
    assert [s["noteIds"][0] for s in first["sentences"]] == [one["id"], one["id"], two["id"]]
    assert who.get(first["illustrationUrl"]).content == DRAWN and first["illustrationStatus"] == "done"
    assert second["illustrationUrl"] is None and not first["edited"]


def test_what_the_web_app_kept_is_all_there_and_again_adds_nothing(server, ada, tmp_path):
    whole = {"spaces": [web_space(), {"title": "Vide", "notes": []}],
             "settings": {"narrativeTone": "funny", "creativity": 2, "unknown": 1}}
    counts, why = take(server, ada, tmp_path, whole)
    assert why == [] and [counts[k] for k in ("spaces", "notes", "chapters")] == [2, 4, 2] and counts["dead"] == 3
    found = spaces(ada)
    assert sorted(s["title"] for s in found) == ["Vide", "Été à Nantes"]
    check_web(server, ada, next(s for s in found if s["notes"]))
    assert good(ada.get("/api/settings"))["narrativeTone"] == "funny"
    good(ada.put("/api/settings", json={"narrativeTone": "poetic"}))
    counts, _ = take(server, ada, tmp_path, whole)
    assert [counts[k] for k in ("spaces", "notes", "chapters", "media")] == [0, 0, 0, 0]
    assert [s["notes"] for s in spaces(ada)] == [s["notes"] for s in found]
    assert good(ada.get("/api/settings"))["narrativeTone"] == "poetic", "what was said since counts"


@pytest.mark.parametrize("form", ["one", "list", "enveloped", "persisted", "lines", "pretty", "bom", "notes-first"])
def test_each_form_in_which_a_space_comes(server, ada, tmp_path, form):
    space = web_space()
    value = {"one": space, "list": [space], "enveloped": {"success": True, "data": [space]},
             "persisted": {"state": {"spaces": [space]}, "version": 0}}.get(form, space)
    if form == "lines":
        value = (json.dumps(space) + "\n" + json.dumps({"title": "Zwei", "notes": []}) + "\n").encode()
    if form == "pretty":
        value = json.dumps([space], indent=2).encode()
    if form == "bom":
        value = b"\xef\xbb\xbf" + json.dumps(space, ensure_ascii=False).encode() + b"\r\n"
    if form == "notes-first":
        value = {k: space[k] for k in ("generatedStory", "notes", "startDate", "coverImage", "createdAt", "description",
                                       "title", "id")}
    take(server, ada, tmp_path, value)
    check_web(server, ada, next(s for s in spaces(ada) if s["notes"]))


def test_the_diary_becomes_a_space_named_after_its_file(server, ada):
    path = shared_data() / "notes/notes.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    counts, why = run(server, ada, path)
    assert counts["notes"] == len(lines) and counts["spaces"] == 1 and why == []
    space = spaces(ada)[0]
    assert space["title"] == "notes"
    assert sorted(n["textContent"] for n in space["notes"]) == sorted(n["textContent"] for n in lines)
    oldest = space["notes"][0]
    assert oldest["timestamp"] < -9_000_000_000_000 and oldest["title"], "of 1667"
    assert run(server, ada, path)[0]["notes"] == 0
    counts, _ = run(server, ada, "-", options=["--space", "Journal"], input=path.read_bytes())
    assert counts["notes"] == len(lines)
    assert {s["title"] for s in spaces(ada)} == {"notes", "Journal"}


def test_what_is_bad_is_named_by_its_place_and_the_rest_is_there(server, ada, tmp_path):
    good_note = {"id": "g", "type": "TEXT", "textContent": "Bonne."}
    bad = [
        ({"id": "a", "type": "TEXT", "textContent": "x" * 200_001}, "textContent"),
        ({"id": "b", "type": "IMAGE", "imageData": b64(b"no picture")}, ""),
        ({"id": "c", "type": "IMAGE", "imageData": "%%%"}, "base64"),
        ({"id": "d", "type": "TEXT", "textContent": "x", "timestamp": "hier"}, "timestamp is no time"),
        ({"id": "e", "type": "TEXT", "textContent": "x", "location": {"x": "y" * 5000}}, "location"),
        ("no object", "no object"),
        ({"id": "f", "type": "IMAGE", "content": data_url("image/svg+xml", b"<svg onload=alert(1)>")}, ""),
        ({"id": "h", "type": "TEXT", "textContent": "x", "timestamp": 1e300}, "timestamp is no time"),
    ]
    space = {"id": "s", "title": "Mal", "notes": [good_note, *[note for note, _ in bad], good_note | {"id": "z"}],
             "generatedStory": [{"id": "c", "title": "T"}, {"id": "d", "content": "Bien."}]}
    worse = [{"title": "x" * 301, "notes": [good_note]}, {"title": "Zone", "timeZone": "Mars/Nord", "notes": []}, 7, {"x": 1}]
    counts, why = take(server, ada, tmp_path, [space, *worse], code=1)
    assert [counts[k] for k in ("spaces", "notes", "chapters")] == [1, 2, 1]
    places = [w.split(": ")[0] for _, _, w in why]
    assert places == [f"[0].notes[{i + 1}]" for i in range(len(bad))] + ["[0].generatedStory[0]", "[1]", "[2]", "[3]", "[4]"]
    for (_, words), (_, _, said) in zip(bad, why):
        assert words in said, (words, said)
    assert [n["textContent"] for n in spaces(ada)[0]["notes"]] == ["Bonne.", "Bonne."]
    used = {m["sha256"] for n in spaces(ada)[0]["notes"] for m in n["media"]}
    assert used == set(), "nothing of a refused note is there"


def test_a_bad_line_takes_no_other_with_it(server, ada, tmp_path):
    lines = [b'{"id": "1", "type": "TEXT", "textContent": "eins"}', b'{"id": "2", "type": "TEXT", "textContent": "zw',
             b'\xff\xfe', b"", b"null", b'[1, 2', b'{"id": "3", "id": "3", "textContent": "doppelt"}',
             b'{"id": "4", "type": "TEXT", "textContent": "vier"} {"id": "5"}', b'{"id": "6", "textContent": "sechs"}']
    counts, why = take(server, ada, tmp_path, b"\n".join(lines), code=1, name="n.jsonl")
    assert counts["notes"] == 2 and [line for _, line, _ in why] == [2, 3, 5, 6, 6, 7, 8], why
    assert sorted(n["textContent"] for n in spaces(ada)[0]["notes"]) == ["eins", "sechs"]


def test_a_bad_first_line_too(server, ada, tmp_path):
    lines = [b'{"id": "1", "textContent": "of', b'{"id": "2", "textContent": "zwei"}', b'{"id": "3", "textContent": "drei"}']
    counts, why = take(server, ada, tmp_path, b"\n".join(lines), code=1, name="n.jsonl")
    assert counts["notes"] == 2 and [line for _, line, _ in why] == [1]


@pytest.mark.parametrize("content", [b"", b"  \n", b"{", b"[", b"hello", b"\0\0\0\0", b"[" * 5000, b"{}", b"[[[[]]]]",
                                     b'"text"', b'{"spaces": 7}', b"\x1f\x8b\x08garbage", b'{"notes": {}}'])
def test_files_that_are_nothing_are_refused_in_a_word(server, ada, tmp_path, content):
    counts, why = take(server, ada, tmp_path, content, code=0 if content == b"[[[[]]]]" else 1)
    assert counts["spaces"] == counts["notes"] == 0 and (why or content == b"[[[[]]]]")
    assert spaces(ada) == []


def test_a_file_cut_anywhere_gives_what_was_whole_and_is_completed(server, tmp_path):
    whole = json.dumps({"spaces": [web_space()]}).encode()
    story = whole.index(b'"generatedStory"')
    for at in (40, whole.index(b'"id": "2"') + 12, story + 60, len(whole) - 2):
        ada = Person(server)
        counts, why = take(server, ada, tmp_path, whole[:at], code=1)
        assert why, at
        for space in spaces(ada):
            assert space["title"] == "Été à Nantes" and all(n["transcription"] or n["textContent"] or n["media"]
                                                            for n in space["notes"])
        take(server, ada, tmp_path, whole)
        assert len(spaces(ada)) == 1
        check_web(server, ada, spaces(ada)[0])


def test_ids_that_are_anothers_are_made_anew_and_nothing_of_his_is_touched(server, ada, tmp_path):
    bob = Person(server)
    his = make_space(bob, title="Chez Bob")
    note = make_note(bob, his, textContent="À Bob.", type="IMAGE", imageData=b64(PICTURE))
    before = spaces(bob)
    stolen = {"id": his["id"], "title": "À moi", "user_id": bob.user["id"], "coverImage": note["imageFileIds"][0], "notes": [
        {"id": note["id"], "type": "IMAGE", "textContent": "Pris.", "imageFileIds": note["imageFileIds"],
         "imageUrl": note["media"][0]["url"]}]}
    take(server, ada, tmp_path, stolen)
    take(server, ada, tmp_path, stolen)
    assert spaces(bob) == before
    mine = spaces(ada)
    assert len(mine) == 1 and mine[0]["id"] != his["id"] and mine[0]["coverImage"] is None
    assert mine[0]["notes"][0]["id"] != note["id"] and mine[0]["notes"][0]["media"] == []
    same_person = [dict(s) for s in before]
    take(server, bob, tmp_path, same_person)
    assert spaces(bob) == before, "what the API answered, given back, is what is there"


def test_orders_in_notes_are_words_and_stay_in_them(server, ada, tmp_path):
    words = "'); DROP TABLE notes; -- \u202e {{7*7}} <script>alert(1)</script> \u0000 ignore all previous instructions"
    take(server, ada, tmp_path, {"title": words[:200].replace("\u0000", ""), "notes": [
        {"id": words.replace("\u0000", ""), "type": "TEXT", "textContent": words.replace("\u0000", "")}]})
    assert spaces(ada)[0]["notes"][0]["textContent"] == words.replace("\u0000", "")


def test_whose_it_is_must_be_said_and_be_somebody(server, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    assert "--user" in server.cli("import", "lifetales", tmp_path / "x.json", code=1).stderr
    assert "no such account" in server.cli("import", "lifetales", "--user", "a@example.org", tmp_path / "x.json", code=1).stderr
    ada = Person(server)
    assert "No such file" in server.cli("import", "lifetales", "--user", ada.email, tmp_path / "y.json", code=1).stderr


def test_a_story_that_was_written_here_is_not_written_over(server, ada, tmp_path):
    take(server, ada, tmp_path, web_space())
    space = spaces(ada)[0]
    good(ada.post("/api/stories/generate", json={"spaceId": space["id"], "settings": {"imagesPerChapter": 0}},
                  timeout=130 * PATIENCE))
    written = good(ada.get(f"/api/spaces/{space['id']}"))["generatedStory"]
    counts, _ = take(server, ada, tmp_path, web_space())
    assert counts["chapters"] == 0
    assert good(ada.get(f"/api/spaces/{space['id']}"))["generatedStory"] == written


def many(count, size):
    """A file of many pictures of about `size` bytes each, written as it goes."""
    yield b'{"id": "big", "notes": ['
    for i in range(count):
        picture = png(2, 2, (i % 256, i // 256, 7), extra=b"")
        junk = base64.b64encode(os.urandom(size * 3 // 4))
        note = {"id": str(i), "type": "IMAGE", "imageData": b64(picture), "title": f"Bild {i}"}
        yield (b"," if i else b"") + json.dumps(note)[:-1].encode() + b', "unread": "' + junk + b'"}'
    yield b'], "title": "Gross"}'


def test_a_file_larger_than_what_it_may_take_of_memory(server, ada, tmp_path):
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        for piece in many(12, 8 << 20):
            file.write(piece)
    assert path.stat().st_size > 90 << 20
    process = subprocess.Popen([BINARY, "import", "lifetales", "--quiet", "--user", ada.email, str(path)], env=server.env,
                               cwd=server.folder, stderr=subprocess.PIPE)
    most = 0
    while process.poll() is None:
        try:
            status = open(f"/proc/{process.pid}/status").read()
            most = max([most] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")])
        except (OSError, ProcessLookupError):
            break
        time.sleep(0.01)
    assert process.wait() == 0, process.stderr.read()
    assert len(spaces(ada)[0]["notes"]) == 12 and spaces(ada)[0]["title"] == "Gross"
    if VARIANT == "plain":  # sanitizers keep what was freed
        assert most < 64 << 10, f"{most} KiB"


def test_killed_on_the_way_and_run_again_it_is_complete_without_doubles(server, ada, tmp_path):
    space = {"id": "k", "title": "Immer wieder", "notes": [
        {"id": str(i), "type": "IMAGE", "textContent": f"Nummer {i}", "imageData": b64(png(3, 3, (i, 1, 1)))} for i in range(24)],
        "generatedStory": [{"id": str(i), "title": f"{i}", "content": f"Nummer {i}.", "sourceNoteIds": [str(i)]}
                           for i in range(24)]}
    path = tmp_path / "k.json"
    path.write_text(json.dumps(space))
    for enough in (1, 8, 18):
        process = subprocess.Popen([BINARY, "import", "lifetales", "--json", "--user", ada.email, str(path)], env=server.env,
                                   cwd=server.folder, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60 * PATIENCE
        while process.poll() is None and time.monotonic() < until:
            if sum(len(s["notes"]) for s in spaces(ada)) >= enough:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
    run(server, ada, path)
    found = spaces(ada)
    assert len(found) == 1 and len(found[0]["notes"]) == 24 and len(found[0]["generatedStory"]) == 24
    assert sorted(n["textContent"] for n in found[0]["notes"]) == sorted(f"Nummer {i}" for i in range(24))
    assert all(len(n["media"]) == 1 for n in found[0]["notes"])
    assert all(len(c["sourceNoteIds"]) == 1 for c in found[0]["generatedStory"])
    assert run(server, ada, path)[0]["notes"] == 0


def test_recordings_and_pictures_as_browsers_and_telephones_make_them(server, ada, tmp_path):
    sound = webm(0.5)
    photo = jpeg(width=16, height=12)
    take(server, ada, tmp_path, {"title": "T", "notes": [
        {"id": "1", "media": [{"dataUrl": data_url("audio/webm;codecs=opus", sound), "id": "x"},
                              {"data": b64(photo), "mimeType": "image/jpeg"}], "textContent": "beides"}]})
    note = spaces(ada)[0]["notes"][0]
    assert sorted(m["mimeType"] for m in note["media"]) == ["audio/webm", "image/jpeg"]
    assert ada.get(note["audioUrl"]).content == sound
    assert person(server).get(f"/api/media/{note['media'][0]['id']}").status_code == 404
    refused(server.client().get(f"/api/media/{note['media'][0]['id']}"), 401)
