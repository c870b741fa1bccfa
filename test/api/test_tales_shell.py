"""A person's spaces from the shell: socle spaces, note, story, book."""

import json
import os
import random
import resource
import subprocess
import threading

import pytest
from harness import BINARY, PATIENCE, Server, make_user, token
from tales import good, make_note, make_space, nobody, png, png_rows, tone, wait

MAX = 200_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("shell"), LIFETALES_MEDIA_MAX_BYTES=MAX, LIFETALES_STORIES_PER_HOUR=1000)
    try:
        yield server.start()
    finally:
        server.close()


class Person:
    def __init__(self, server):
        self.server, self.user = server, make_user(server)
        self.client = server.client(token(server, user=self.user))

    def cli(self, command, *args, **options):
        return self.server.cli(command, "--user", self.user["email"], *args, **options)

    def notes(self, space):
        return good(self.client.get(f"/api/spaces/{space['id']}/notes"))


@pytest.fixture(scope="module")
def ada(server):
    return Person(server)


@pytest.fixture(scope="module")
def eve(server):
    return Person(server)


def new_space(who, notes=(), **members):
    space = make_space(who.client, **{"title": f"Space {nobody()}", "language": "fr"} | members)
    for day, text in enumerate(notes, 1):
        make_note(who.client, space, content=text, title=f"Jour {day}", timestamp=f"2026-07-{day:02}T10:00:00Z")
    return space


def titles(done):
    return [json.loads(line)["title"] for line in done.stdout.splitlines()]


# -- spaces ---------------------------------------------------------------------------------------------


def test_spaces_are_those_of_the_account(server, ada, eve):
    made = [new_space(ada) for _ in range(2)]
    foreign = new_space(eve)
    lines = [line.split("\t") for line in ada.cli("spaces").stdout.splitlines()]
    assert [line[0] for line in lines][:2] == [space["id"] for space in reversed(made)]
    assert lines[0][1] == "at rest" and lines[0][3] == made[1]["title"]
    assert foreign["id"] not in str(lines)
    shown = [json.loads(line) for line in ada.cli("spaces", "--json").stdout.splitlines()]
    assert shown[0]["title"] == made[1]["title"] and "notes" not in shown[0]
    assert "needs --user" in server.cli("spaces", code=2).stderr
    assert "there is no account" in server.cli("spaces", "--user", "nobody@example.org", code=1).stderr
    assert "PRODUCTS leaves lifetales out" in subprocess.run(
        [BINARY, "spaces", "--user", ada.user["email"]], env=server.env | {"PRODUCTS": "veyl"}, capture_output=True,
        text=True, timeout=60 * PATIENCE).stderr


@pytest.mark.parametrize("command", [["note", "add", "SPACE", "Un mot."], ["story", "SPACE"], ["book", "SPACE", "-o", "x.pdf"]])
def test_what_is_not_ones_own_is_not_there(ada, eve, command):
    twice = f"Twice {nobody()}"
    spaces = [new_space(ada, title=twice) for _ in range(2)]
    foreign = new_space(eve, ["Rien pour Ada."])
    for named, said in ((nobody(), "There is no such space"), (foreign["id"], "There is no such space"),
                        (foreign["title"], "there is no space"), (twice, "2 spaces have the title")):
        done = ada.cli(*[named if word == "SPACE" else word for word in command], code=1)
        assert said in done.stderr and done.stdout == "", named
    assert len(eve.notes(foreign)) == 1 and not ada.notes(spaces[0])


# -- notes ------------------------------------------------------------------------------------------------


def test_texts_pictures_and_recordings_become_notes(ada, tmp_path):
    space = new_space(ada)
    (tmp_path / "sea.png").write_bytes(png(80, 60))
    (tmp_path / "voice.wav").write_bytes(tone(1))
    (tmp_path / "letter.txt").write_text("\nChère Jeanne, la lampe se voit de loin.\n")
    files = [tmp_path / name for name in ("sea.png", "voice.wav", "letter.txt")]
    for at, file in enumerate(files):
        os.utime(file, (1_700_000_000 + at, 1_700_000_000 + at))
    done = ada.cli("note", "add", space["title"], *files, "Il a plu. Zoé a ri.")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[1:3] for line in lines] == [["IMAGE", "none"], ["AUDIO", "waiting"], ["TEXT", "none"], ["TEXT", "none"]]
    picture, voice, letter, text = ada.notes(space)  # files have their own times, which are past
    assert [picture["timestamp"], voice["timestamp"], letter["timestamp"]] == [1_700_000_000_000 + 1000 * i for i in range(3)]
    assert picture["media"][0]["width"] == 80 and picture["media"][0]["name"] == "sea.png"
    assert voice["media"][0]["mimeType"] == "audio/wav" and voice["type"] == "AUDIO"
    assert letter["content"] == "Chère Jeanne, la lampe se voit de loin." and text["content"] == "Il a plu. Zoé a ri."
    said = ada.cli("note", "add", space["id"], "-", "--title", "Le soir", "--at", "1962-11-12T18:30:00+01:00", "--json",
                   input="Auguste attend la relève.\n")
    note = json.loads(said.stdout)
    assert note["title"] == "Le soir" and note["content"] == "Auguste attend la relève." and note["timestamp"] == -225_181_800_000
    assert ada.notes(space)[0]["id"] == note["id"]


def test_what_is_wrong_is_named_and_keeps_nothing_else_out(ada, tmp_path):
    space = new_space(ada)
    wrong = {"gone.jpg": None, "bad.wav": b"RIFF but no sound", "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
             "large.bin": bytes(MAX + 1), "empty.txt": b" \n", "latin.txt": "été".encode("latin-1")}
    for name, data in wrong.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
    done = ada.cli("note", "add", space["id"], *[tmp_path / name for name in wrong], "Le reste va bien.", code=1)
    complaints = done.stderr.splitlines()
    for name, why in (("gone.jpg", "no such file"), ("bad.wav", ""), ("drawing.svg", ""), ("large.bin", "LIFETALES_MEDIA_MAX_BYTES"),
                      ("empty.txt", "nothing in it"), ("latin.txt", "UTF-8")):
        [said] = [line for line in complaints if name in line]
        assert why in said, said
    assert [note["content"] for note in ada.notes(space)] == ["Le reste va bien."]
    for args, said in ((["add", space["id"], "x", "--at", "yesterday"], "--at is a time"), (["take", space["id"], "x"], "note takes add")):
        assert said in ada.cli("note", *args, code=2).stderr


# -- stories ------------------------------------------------------------------------------------------------


DAYS = ["Nous avons pris le train pour Quimper.", "La mer était grise à Doëlan.", "Yann a réparé la pompe du puits."]


def test_a_story_is_printed_in_its_order_and_kept(ada):
    space = new_space(ada, DAYS)
    done = ada.cli("story", space["title"], "--mode", "transcription", "--tone", "neutral", "--pictures", "0")
    assert done.stdout == "\n".join(f"Jour {day}\n\n{text}\n" for day, text in enumerate(DAYS, 1))
    assert "3 chapters, 0 of them as they were" in done.stderr
    make_note(ada.client, space, content="Le départ.", title="Jour 4", timestamp="2026-07-04T10:00:00Z")
    again = ada.cli("story", space["id"], "--mode", "transcription", "--tone", "neutral", "--pictures", "0", "--json")
    assert titles(again) == ["Jour 1", "Jour 2", "Jour 3", "Jour 4"] and "4 chapters, 3 of them" in again.stderr
    story = good(ada.client.get(f"/api/spaces/{space['id']}/story"))
    shown = [json.loads(line) for line in again.stdout.splitlines()]
    assert [chapter["id"] for chapter in shown] == [chapter["id"] for chapter in story]
    assert all(sentence["noteIds"] for chapter in shown for sentence in chapter["sentences"])
    # What the person has edited stands, and is read.
    good(ada.client.put(f"/api/spaces/{space['id']}/chapters/{shown[1]['id']}", json={"title": "À la mer"}))
    edited = ada.cli("story", space["id"], "--mode", "transcription", "--tone", "neutral", "--pictures", "0", "--json", "--quiet")
    assert sorted(titles(edited)) == sorted(["Jour 1", "À la mer", "Jour 3", "Jour 4"]) and edited.stderr.count("chapters") == 0


def test_a_story_that_cannot_be(ada):
    space = new_space(ada)
    assert "says or shows" in ada.cli("story", space["id"], code=1).stderr
    for args, said in ((["--mode", "epic"], "storyMode: must be one of"), (["--creativity", "9"], "creativity"),):
        assert said in ada.cli("story", space["id"], *args, code=1).stderr
    for args in (["--creativity", "much"], ["--timeout", "soon"], ["--overwrite-edited", "perhaps"]):
        assert args[0] in ada.cli("story", space["id"], *args, code=2).stderr


def test_one_under_way_is_followed_and_written_here(make_server):
    """Where the server leaves work to others."""
    server = make_server(args=["--workers", "off"])
    who = Person(server)
    space = new_space(who, DAYS)
    asking = who.client.post("/api/stories/generate", json={"spaceId": space["id"], "settings": {"imagesPerChapter": 0}},
                             headers={"Accept": "text/event-stream"}, stream=True)
    heard = []
    reader = threading.Thread(target=lambda: heard.extend(line for line in asking.iter_lines() if line.startswith(b"event:")))
    reader.start()
    wait(lambda: b"event: status" in heard, "the story's beginning")
    assert "is being written" in who.cli("story", space["id"], "--tone", "funny", code=1).stderr
    done = who.cli("story", space["id"])
    assert "this is it" in done.stderr and done.stdout.count("Jour ") == 3
    reader.join(60 * PATIENCE)
    assert not reader.is_alive() and heard[-1] == b"event: complete"
    asking.close()


# -- books ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(ada, tmp_path_factory):
    """A space with a story, and a picture that makes its books large."""
    space = new_space(ada, DAYS)
    noise = random.Random(7)
    rows = [[tuple(noise.randbytes(3)) for _ in range(250)] for _ in range(240)]
    file = tmp_path_factory.mktemp("noise") / "noise.png"
    file.write_bytes(png_rows(rows))
    ada.cli("note", "add", space["id"], file, "--title", "Du bruit", "--at", "2026-07-02T11:00:00Z")
    ada.cli("story", space["id"], "--pictures", "0")
    return space


@pytest.mark.parametrize("name, options, begins", [
    ("a.pdf", [], b"%PDF-"), ("a.epub", [], b"PK"), ("a.HTML", [], b"<!DOCTYPE html>"), ("book", [], b"%PDF-"),
    ("b.pdf", ["--format", "epub"], b"PK")])
def test_a_book_is_what_its_file_is_called(ada, told, tmp_path, name, options, begins):
    said = ada.cli("book", told["title"], "-o", tmp_path / name, *options)
    made = (tmp_path / name).read_bytes()
    assert made.startswith(begins) and f"{len(made)} bytes" in said.stdout
    assert os.listdir(tmp_path) == [name]


def test_a_file_that_is_there_is_not_written_over(ada, told, tmp_path):
    file = tmp_path / "book.html"
    file.write_text("mine")
    assert "is there already: --force" in ada.cli("book", told["id"], "-o", file, code=1).stderr
    assert file.read_text() == "mine"
    ada.cli("book", told["id"], "-o", file, "--force")
    shown = subprocess.run([BINARY, "book", "--user", ada.user["email"], told["id"], "--output", "-", "--format", "html"],
                           env=ada.server.env, capture_output=True, timeout=60 * PATIENCE)
    assert shown.returncode == 0 and shown.stdout == file.read_bytes() and b"Quimper" in shown.stdout
    assert "is no file" in ada.cli("book", told["id"], "-o", tmp_path, "--force", code=1).stderr
    assert "No such file" in ada.cli("book", told["id"], "-o", tmp_path / "nowhere" / "b.pdf", code=1).stderr
    for args in ([], ["-o"], ["-x", file], ["-o", file, "--format", "docx"]):
        ada.cli("book", told["id"], *args, code=2)


def test_a_disk_that_is_full_leaves_the_old_book(ada, told, tmp_path):
    file = tmp_path / "book.html"
    file.write_text("mine")
    ada.cli("book", told["id"], "-o", tmp_path / "kept.html")  # it is made: only the copy is to fail
    done = subprocess.run([BINARY, "book", "--user", ada.user["email"], told["id"], "-o", file, "--force"], env=ada.server.env,
                          capture_output=True, text=True, timeout=60 * PATIENCE,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    assert done.returncode == 1 and "book.html" in done.stderr, done.stderr
    assert file.read_text() == "mine" and sorted(os.listdir(tmp_path)) == ["book.html", "kept.html"]
    with open("/dev/full", "wb") as full:
        piped = subprocess.run([BINARY, "book", "--user", ada.user["email"], told["id"], "-o", "-", "--format", "html"],
                               env=ada.server.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60 * PATIENCE)
    assert piped.returncode == 1 and "standard output cannot be written" in piped.stderr


def test_a_book_needs_a_story(ada, tmp_path):
    space = new_space(ada, ["Rien encore."])
    assert "no story yet" in ada.cli("book", space["id"], "-o", tmp_path / "b.pdf", code=1).stderr
    assert os.listdir(tmp_path) == []
