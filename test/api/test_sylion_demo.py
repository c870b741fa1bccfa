"""The demo's school and shop, and who plays their contacts: WhatsApp's own payloads through our own webhook."""

import time
import uuid

import pytest
from harness import PATIENCE, Server, hasten, problem
from sylion import good, make_tenant, refused, same_as_absent

DEMO = {"email": "demo@socle.test", "password": "socle-demo"}
QUESTIONS = {"ecole-des-tilleuls": ("Quand commencent les vacances de Noël ?", "19 décembre", "Calendrier.md"),
             "maison-aubrac": ("How long does delivery to Canada take?", "seven to ten working days", "Delivery.md")}


def sign_in(server, **account):
    answer = server.client().post("/api/v1/auth/login", json=DEMO | account)
    assert answer.status_code == 200, answer.text
    return server.client(answer.json()["access_token"])


def wait(found, what, timeout=20):
    until = time.monotonic() + timeout * PATIENCE
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)


class Demo:
    """One of the demo's tenants, as DEMO sees it."""

    def __init__(self, server, slug):
        self.server, self.slug, self.client = server, slug, sign_in(server)
        self.id = good(self.client.get(f"/api/v1/tenants/slug/{slug}"))["id"]
        self.client.headers["X-Tenant-ID"] = self.id
        self.channel = next(h for h in self.all("channels") if h["type"] == "whatsapp")

    def all(self, path, **query):
        return good(self.client.get(f"/api/v1/{path}", params={"limit": 100} | query))

    def messages(self, conversation):
        return self.all(f"messages/conversation/{conversation}")

    def say(self, text, phone, name="Zoé Essai", **members):
        return good(self.client.post(f"/api/v1/simulator/{self.channel['id']}/messages",
                                     json={"from": phone, "name": name, "text": text} | members))

    def report(self, phone, external_id, status):
        return good(self.client.post(f"/api/v1/simulator/{self.channel['id']}/statuses",
                                     json={"from": phone, "externalId": external_id, "status": status}))

    def conversation(self, phone):
        found = self.all("conversations", search=phone.lstrip("+"))
        return found[0] if found else None

    def answered(self, phone, count):
        """So many messages in its conversation, and nothing under way."""
        def settled():
            found = self.conversation(phone)
            said = self.messages(found["id"]) if found else []
            return said if len(said) >= count and not any(m["status"] in ("pending", "sending") for m in said) else None
        return wait(settled, f"{count} messages")

    def snapshot(self):
        """All that is in it, without what time changes."""
        conversations = self.all("conversations")
        bases = self.all("knowledge-bases")
        return {"tenant": good(self.client.get(f"/api/v1/tenants/{self.id}")),
                "channels": self.all("channels"), "assistants": self.all("assistants"), "bindings": self.all("channel-bindings"),
                "bases": bases, "documents": [self.all(f"knowledge-bases/{b['id']}/documents") for b in bases],
                "conversations": conversations, "messages": [self.messages(v["id"]) for v in conversations],
                "turns": [self.all(f"conversations/{v['id']}/turns") for v in conversations]}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"))
    try:
        server.cli("demo", "--products", "sylion", timeout=120)
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module", params=list(QUESTIONS))
def demo(request, server):
    return Demo(server, request.param)


@pytest.fixture
def school(server):
    return Demo(server, "ecole-des-tilleuls")


def phones():
    number = 639_980_500
    while True:
        number += 1
        yield f"+33{number}"


phone = phones()


def test_the_demo_twice_is_the_same(server, demo):
    before = demo.snapshot()
    server.cli("demo", "--products", "sylion", timeout=120)
    assert demo.snapshot() == before
    assert len(good(demo.client.get("/api/v1/tenants"))) == 2


def test_everything_is_indexed_and_every_answer_stands_on_something(demo):
    found = demo.snapshot()
    documents = [d for some in found["documents"] for d in some]
    assert len(documents) >= 5 and all(d["status"] == "indexed" and d["chunkCount"] > 0 for d in documents), documents
    said = [m for some in found["messages"] for m in some]
    assert not [m for m in said if m["status"] in ("pending", "sending", "failed", "unknown")]
    answers = [m for m in said if m["author"] == "assistant" and m["metadata"]["kind"] == "answer"]
    cited = [m for m in answers if m["metadata"]["citations"]]
    assert len(cited) >= 4 and all("Bonjour" in m["content"] for m in answers if m not in cited), answers
    assert all(m["externalId"].startswith("dry-run:") for m in said if m["direction"] == "outbound")
    assert {m["author"] for m in said} == {"contact", "assistant", "person"}
    assert {"active", "handoff"} <= {v["status"] for v in found["conversations"]}
    assert {m["status"] for m in said if m["direction"] == "outbound"} == {"read", "delivered"}
    assert all(t["finishedAt"] for some in found["turns"] for t in some)


def test_somebody_who_plays_a_contact_is_answered(demo):
    question, words, document = QUESTIONS[demo.slug]
    me = next(phone)
    sent = demo.say(question, me)
    assert sent["payload"]["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"] == question
    asked, answer = demo.answered(me, 2)
    assert asked["content"] == question and asked["externalId"] == sent["externalId"] and asked["author"] == "contact"
    assert words in answer["content"] and answer["metadata"]["citations"][0]["documentName"] == document
    assert demo.conversation(me)["userName"] == "Zoé Essai"
    for status in ("delivered", "read"):
        demo.report(me, answer["externalId"], status)
        assert demo.messages(demo.conversation(me)["id"])[1]["status"] == status
    demo.report(me, answer["externalId"], "delivered")  # late: nothing goes back
    assert demo.messages(demo.conversation(me)["id"])[1]["status"] == "read"


def test_a_burst_gets_one_answer_and_the_same_message_is_one(school):
    me, name = next(phone), f"wamid.{uuid.uuid4()}"
    channel = f"/api/v1/channels/{school.channel['id']}"
    good(school.client.put(channel, json={"config": school.channel["config"] | {"debounceMs": 60000}}))
    for _ in range(2):
        assert school.say("Combien coûte un repas ?", me, externalId=name)["externalId"] == name
    school.say("Je parle de la cantine.", me)
    good(school.client.put(channel, json={"config": school.channel["config"]}))
    hasten(school.server, "sylion.conversation")  # looked at now, and answered after the demo's own pause
    assert [m["author"] for m in school.answered(me, 3)] == ["contact", "contact", "assistant"]


def test_who_asks_for_a_person_gets_one(school):
    me = next(phone)
    school.say("Je voudrais parler à une personne", me)
    school.answered(me, 2)
    assert school.conversation(me)["status"] == "handoff"


def test_what_is_wrong_is_said(school):
    path = f"/api/v1/simulator/{school.channel['id']}"
    refused(school.client.post(f"{path}/messages", json={"from": "12", "text": "x"}), 400, "VALIDATION_ERROR")
    refused(school.client.post(f"{path}/messages", json={"from": "+33639980001", "text": ""}), 400, "VALIDATION_ERROR")
    refused(school.client.post(f"{path}/statuses", json={"from": "+33639980001", "externalId": "x", "status": "sent"}), 400, "VALIDATION_ERROR")
    assert school.server.client().post(f"{path}/messages", json={"from": "+33639980001", "text": "x"}).status_code == 401


def test_only_a_channel_on_which_nothing_goes_out_is_played_with(server, school, admin_client):
    body = {"from": "+33639980001", "text": "x"}
    site = next(h for h in school.all("channels") if h["type"] == "web")
    refused(school.client.post(f"/api/v1/simulator/{site['id']}/messages", json=body), 403, "FORBIDDEN")
    other = make_tenant(server, admin_client)
    same_as_absent(other.owner, "POST", "/api/v1/simulator/{id}/messages", school.channel["id"], json=body)
    real = good(other.owner.post("/api/v1/channels", json={"name": "Real", "type": "whatsapp", "whatsappApiKey": "k", "appSecret": "s"}), 201)
    path = f"/api/v1/simulator/{real['id']}/messages"
    refused(other.owner.post(path, json=body), 403, "FORBIDDEN")
    changed = good(other.owner.put(f"/api/v1/channels/{real['id']}", json={"config": {"simulated": True, "readReceipts": False, "typingIndicator": True}}))
    assert changed["config"] == {"simulated": True, "readReceipts": False, "typingIndicator": True}
    good(other.owner.post(path, json=body))
    good(other.owner.put(f"/api/v1/channels/{real['id']}", json={"appSecret": None}))
    refused(other.owner.post(path, json=body), 400, "BAD_REQUEST")
    refused(other.make_key("sylion:read").post(path, json=body), 403, "FORBIDDEN")


def test_nobody_plays_the_contact_in_production(server, make_server):
    if server.database:
        live = make_server(ENVIRONMENT="production", database=server.database, redis="")
    else:
        server.stop()
        live = make_server(ENVIRONMENT="production", folder=server.folder)
    try:
        school = Demo(live, "ecole-des-tilleuls")
        answer = school.client.post(f"/api/v1/simulator/{school.channel['id']}/messages", json={"from": "+33639980001", "text": "x"})
        refused(answer, 403, "FORBIDDEN")
        assert "production" in problem(answer, 403)["detail"]
        assert live.cli("demo", code=1).returncode == 1
    finally:
        live.stop()
        if server.process is None:
            server.start()
