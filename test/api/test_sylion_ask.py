"""The dry run of an assistant: a question, its answer with citations, passages and price, whole or as
events; counted against the tenant's quotas."""

import json
import pathlib
import sys
import threading

import pytest
from harness import PATIENCE, Server, database
from sylion import admin, good, make_base, make_tenant, nobody, refused, same_as_absent

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

RULES = """# Règlement de la bibliothèque

## Horaires

La bibliothèque ouvre à neuf heures du mardi au samedi. Elle ferme le dimanche et le lundi.

## Prêts

Un prêt dure trois semaines. Le retard coûte dix centimes par jour et par livre.
"""
ASKED = "À quelle heure ouvre la bibliothèque ?"
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    made = Server(tmp_path_factory.mktemp("data"), AI_CHAT_PROVIDER="openai", AI_TRIES=1, **models.env())
    try:
        yield made.start()
    finally:
        made.close()


class Library:
    def __init__(self, server, admin, **assistant):
        self.server, self.tenant = server, make_tenant(server, admin)
        self.owner = self.tenant.owner
        base = make_base(self.owner, "Règles", "Règlement.md", RULES)
        self.assistant = good(self.owner.post("/api/v1/assistants", json={
            "name": "Ada", "isDefault": True, "ragThreshold": 0.2, "knowledgeBaseIds": [base]} | assistant), 201)
        self.path = f"/api/v1/assistants/{self.assistant['id']}/ask"

    def ask(self, question=ASKED, **members):
        return self.owner.post(self.path, json={"question": question} | members)

    def events(self, question=ASKED, **options):
        """The events of a streamed answer, in order: (event, data); comments as (None, text)."""
        answer = self.owner.post(self.path, json={"question": question}, headers=STREAM, stream=True, **options)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        told = []
        for block in answer.content.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
            if lines:
                told.append((lines["event"], json.loads(lines["data"])))
        return told

    def figures(self):
        """Used and reserved of what an answer takes."""
        found = {}
        for unit in ("ai_requests", "tokens"):
            row = database(self.server, "SELECT coalesce(sum(used), 0) || ' ' || coalesce(sum(reserved), 0) FROM "
                                        f"ledger_balances WHERE unit = '{unit}' AND owner = (SELECT 'tenant:' || n FROM "
                                        f"tenants WHERE id = '{self.tenant.id}')")
            found[unit] = tuple(map(int, row.split()))
        return found


@pytest.fixture(scope="module")
def library(server, admin):
    return Library(server, admin)


@pytest.fixture(autouse=True)
def well(models):
    yield
    models.heal()
    models.scripted.clear()


@pytest.mark.smoke
def test_an_answer_names_the_passages_that_it_rests_on_and_what_it_used(library, models):
    before = library.figures()
    said = good(library.ask())
    assert said["kind"] == "answered" and "neuf heures" in said["answer"] and "[1]" in said["answer"]
    assert said["language"] == "fr" and said["provider"] == "openai" and said["reason"] is None
    cited, = said["citations"]
    assert cited["number"] == 1 and cited["documentName"] == "Règlement.md"
    assert "neuf heures" in said["passages"][0]["text"] and cited["chunkId"] == said["passages"][0]["chunkId"]
    used = said["usage"]
    assert used["tokensIn"] > 0 and used["tokensOut"] > 0
    after = library.figures()
    assert after["ai_requests"] == (before["ai_requests"][0] + 1, 0)
    assert after["tokens"] == (before["tokens"][0] + used["tokensIn"] + used["tokensOut"], 0)


def test_a_stream_tells_passages_then_text_then_the_whole(library):
    told = library.events()
    names = [event for event, _ in told]
    assert names[0] == "passages" and names[-1] == "done" and set(names[1:-1]) == {"text"}, names
    done = told[-1][1]
    assert "".join(data["text"] for event, data in told if event == "text") == done["answer"]
    assert done["citations"] and told[0][1] == done["passages"]
    assert library.figures()["ai_requests"][1] == 0


def test_the_first_bytes_of_a_stream_come_before_the_model_has_said_anything(library, models):
    read, waited = threading.Event(), []

    def answer_late(asked):
        waited.append(read.wait(20 * PATIENCE))
        return "Neuf heures [1]."

    models.script(answer_late)
    with library.owner.post(library.path, json={"question": ASKED}, headers=STREAM, stream=True) as answer:
        pieces = answer.iter_content(1)
        first = next(pieces)
        read.set()
        rest = b"".join(pieces)
    assert first == b":" and waited == [True]
    assert b"event: done" in rest


def test_what_is_not_in_the_documents_is_not_answered_and_costs_nothing(library, models):
    before, calls = library.figures(), models.count("openai")
    said = good(library.ask("Quelle est la masse volumique du tungstène ?"))
    assert said["kind"] == "unsupported" and said["reason"].startswith("no_support: ") and not said["citations"]
    assert said["passages"] == [] and said["model"] is None
    assert library.figures() == before and models.count("openai") == calls


def test_the_language_can_be_asked_for(library):
    said = good(library.ask("Quelle est la masse volumique du tungstène ?", language="en"))
    assert said["language"] == "en" and said["answer"].startswith("I cannot find")


def test_what_a_model_should_not_have_said_does_not_get_out(library, models):
    models.script("NO_ANSWER")
    said = good(library.ask())
    assert said["kind"] == "unsupported" and "NO_ANSWER" not in said["answer"]
    models.script("NO_ANSWER")
    told = library.events()
    assert "NO_ANSWER" not in json.dumps(told) and told[-1][1]["kind"] == "unsupported"
    models.script("Neuf heures [1] [9].")
    assert good(library.ask())["answer"] == "Neuf heures [1]."


def test_a_model_that_fails_is_an_error_and_gives_back_what_was_reserved(library, models):
    before = library.figures()
    models.fault("500", times=None)
    assert library.ask().status_code in (502, 503)
    told = library.events()
    assert [event for event, _ in told] == ["passages", "error"] and told[1][1]["message"]
    assert library.figures() == before


def test_over_the_quota_both_forms_are_429(library):
    library.tenant.quotas(quotaAiRequests=0)
    for headers in ({}, STREAM):
        answer = library.owner.post(library.path, json={"question": ASKED}, headers=headers)
        refused(answer, 429, "QUOTA_EXCEEDED")
    library.tenant.quotas(quotaAiRequests=None)
    good(library.ask())


@pytest.mark.parametrize("body, fields", [
    ({}, ["question"]), ({"question": ""}, ["question"]), ({"question": "   "}, ["question"]),
    ({"question": "a" * 4097}, ["question"]), ({"question": 7}, ["question"]),
    ({"question": "a", "language": "klingon"}, ["language"]), ({"question": "a", "more": 1}, ["more"])])
def test_bad_questions_are_refused_field_by_field(library, body, fields):
    before = library.figures()
    refused(library.owner.post(library.path, json=body), 400, "VALIDATION_ERROR", *fields)
    assert library.figures() == before


def test_an_assistant_of_another_tenant_answers_as_an_absent_one(server, admin, library):
    other = make_tenant(server, admin)
    for client in (other.owner, other.make_key()):
        answer = same_as_absent(client, "POST", "/api/v1/assistants/{id}/ask", library.assistant["id"],
                                json={"question": ASKED})
        assert answer.status_code == 404
    refused(library.owner.post(f"/api/v1/assistants/{nobody()}/ask", json={"question": ASKED}), 404,
            "ASSISTANT_NOT_FOUND")
    assert server.client().post(library.path, json={"question": ASKED}).status_code == 401
    assert library.tenant.make_key("sylion:read").post(library.path, json={"question": ASKED}).status_code == 403


def test_the_same_key_asks_once(library, models):
    calls = models.count("openai")
    headers = {"Idempotency-Key": nobody()}
    first = library.owner.post(library.path, json={"question": ASKED}, headers=headers)
    again = library.owner.post(library.path, json={"question": ASKED}, headers=headers)
    assert good(first)["answer"] == good(again)["answer"] and again.headers["Idempotency-Replayed"] == "true"
    assert models.count("openai") == calls + 1


def test_local_answers_without_a_key_and_says_so(server, admin):
    library = Library(server, admin, provider="local")
    said = good(library.ask())
    assert said["provider"] == "local" and "neuf heures" in said["answer"] and said["citations"]
