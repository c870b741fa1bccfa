"""What the tests of stories share: a person with a space of notes, a story asked for whole or as events."""

import json
import time

from harness import PATIENCE, shared_data, token

STREAM = {"Accept": "text/event-stream"}
ENDS = ("complete", "error")
DAYS = 24 * 3600 * 1000
FIRST = 1_600_000_000_000  # of the notes' times, ms


def data(answer, status=200):
    """Check an answer's envelope; its data."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text}"
    body = answer.json()
    assert body["success"] is True, body
    return body["data"]


def refused(answer, status, code=None):
    """Check an error: the contract's members beside RFC 9457's."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text}"
    body = answer.json()
    assert body["success"] is False and body["statusCode"] == status and body["error"] == body["message"], body
    assert code is None or body["code"] == code, body
    return body


def person(server):
    return server.client(token(server))


def diary(count, lang=None):
    """Open diary notes: (title, text) each."""
    lines = (shared_data() / "notes/notes.jsonl").read_text().splitlines()
    notes = [json.loads(line) for line in lines]
    return [(n["title"] or n.get("date_label") or "", n["textContent"]) for n in notes if lang in (None, n["lang"])][:count]


def made(count):
    """Notes of our own making, with names and numbers."""
    people = ["Marie", "Paul", "Lucie", "Karim", "Odile", "Hugo"]
    return [(f"Note {i + 1}", f"{people[i % 6]} m'a montré {i + 3} lettres dans la maison de Nantes. "
             f"Nous avons ri longtemps. {people[(i + 1) % 6]} préparait la soupe.") for i in range(count)]


class Space:
    """A space of a person's, with notes a day apart."""

    def __init__(self, client, notes, title="Nos lettres"):
        self.client = client
        self.id = data(client.post("/api/spaces", json={"title": title}), 201)["id"]
        self.notes = [self.add(i, *note) for i, note in enumerate(notes)]

    def add(self, day, title, text):
        return data(self.client.post(f"/api/spaces/{self.id}/notes", json={
            "type": "TEXT", "title": title, "textContent": text, "timestamp": FIRST + day * DAYS}), 201)

    def edit(self, i, text):
        return data(self.client.put(f"/api/spaces/{self.id}/notes/{self.notes[i]['id']}", json={"textContent": text}))

    def body(self, **settings):
        return {"spaceId": self.id, "settings": {"imagesPerChapter": 0} | settings}

    def generate(self, **settings):
        return self.client.post("/api/stories/generate", json=self.body(**settings), timeout=130 * PATIENCE)

    def story(self, **settings):
        return data(self.generate(**settings))

    def follow(self, last=None, **settings):
        headers = STREAM | ({"Last-Event-ID": str(last)} if last is not None else {})
        return Events(self.client.post("/api/stories/generate", json=self.body(**settings), headers=headers,
                                       stream=True, timeout=60 * PATIENCE))

    def chapters(self):
        return data(self.client.get(f"/api/spaces/{self.id}/story"))


class Events:
    """Server-sent events of an answer: (id or None, event, data) each."""

    def __init__(self, answer):
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        self.answer, self.story_id = answer, answer.headers["X-Story-Id"]
        self.seen = []
        self.lines = answer.iter_lines(chunk_size=None)

    def next(self):
        """None at the end."""
        event = {}
        for line in self.lines:
            name, _, value = line.decode().partition(": ")
            if line:
                event[name] = value
            elif "event" in event:
                got = (int(event["id"]) if "id" in event else None, event["event"], json.loads(event["data"]))
                self.seen.append(got)
                return got
            else:
                event = {}
        return None

    def until(self, kind):
        while (event := self.next()) is not None:
            if event[1] == kind:
                return event
        raise AssertionError(f"no {kind} in {[e[1] for e in self.seen]}")

    def rest(self):
        while self.next() is not None:
            pass
        self.close()
        return self.seen

    def close(self):
        self.answer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def state_of(client, story_id):
    return data(client.get(f"/api/stories/{story_id}"))


def state_wait(client, story_id, *states, patience=30):
    until = time.monotonic() + patience * PATIENCE
    while True:
        story = state_of(client, story_id)
        if story["state"] in states:
            return story
        assert time.monotonic() < until, story
        time.sleep(0.05)


def sourced(space, chapters):
    """Every chapter names notes of the space, every sentence notes of its chapter; sentences cover the text."""
    known = {note["id"] for note in space.notes}
    for chapter in chapters:
        assert chapter["sourceNoteIds"] and set(chapter["sourceNoteIds"]) <= known
        assert chapter["sourceNoteId"] == chapter["sourceNoteIds"][0]
        assert chapter["sentences"], chapter
        at = 0
        for sentence in chapter["sentences"]:
            assert set(sentence["noteIds"]) and set(sentence["noteIds"]) <= set(chapter["sourceNoteIds"])
            assert chapter["content"][at:sentence["start"]].strip() == ""
            assert chapter["content"][sentence["start"]:sentence["end"]].strip()
            at = sentence["end"]
        assert chapter["content"][at:].strip() == ""
