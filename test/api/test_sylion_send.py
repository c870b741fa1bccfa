"""Messages on their way to WhatsApp, by both providers: what a strict stand-in takes, what its refusals
become, that nothing is sent twice, and attachments in both directions."""

import base64
import hashlib
import itertools
import pathlib
import sys
import time

import pytest
from harness import PATIENCE, Server, token
from sylion import good, make_tenant, page, refused, same_as_absent

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from place import place_keep  # noqa: E402
from whatsapp import FakeWhatsapp, graph_error, message, payload, text  # noqa: E402

SECRET = "the app's secret, which signs"
DOOR = "/api/v1/whatsapp/webhook"
people = itertools.count(33_612_000_001)
lines = itertools.count(33_140_000_001)


def wait(found, what, timeout=20):
    until = time.monotonic() + timeout * PATIENCE
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def wa():
    with FakeWhatsapp() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, wa):
    made = Server(tmp_path_factory.mktemp("data"), META_APP_SECRET=SECRET, WHATSAPP_API_URL=wa.url + "/",
                  WHATSAPP_CLOUD_URL=wa.cloud_url, WHATSAPP_VERIFY_TOKEN="t", SYLION_ALLOW_PRIVATE_SOURCES="on",
                  SYLION_MEDIA_MAX_BYTES=100_000)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def tenant(server):
    made = make_tenant(server, server.client(token(server, "admin")))
    made.quotas(quotaChannels=-1)
    return made


class Line:
    """A channel, and people who write to it so that the window is open."""

    def __init__(self, server, tenant, wa, provider, **members):
        self.server, self.owner, self.wa = server, tenant.owner, wa
        self.number = str(next(lines))
        self.data = good(self.owner.post("/api/v1/channels", json={
            "name": "Line", "type": "whatsapp", "provider": provider, "whatsappPhoneNumber": "+" + self.number,
            "whatsappApiKey": wa.key, "config": {"debounceMs": 0}} | members), 201)
        self.headers = {"X-Webhook-Secret": self.data.get("webhookSecret") or "none"}

    def hear(self, *messages):
        answer = self.wa.deliver(f"{self.server.url}{DOOR}/{self.data['id']}",
                                 payload(list(messages), phone=self.number, number_id=f"id-{self.number}"),
                                 secret=SECRET, **self.headers)
        assert answer.status_code == 200, answer.text

    def meet(self, who=None):
        """A person, and the conversation, which a person of ours has taken over."""
        who = who or str(next(people))
        self.hear(text(who, "bonjour"))
        found = page(self.owner.get("/api/v1/conversations", params={"search": who}))[0][0]
        good(self.owner.post(f"/api/v1/conversations/{found['id']}/handoff", json={"reason": "tests"}))
        return who, found["id"]

    def reply(self, conversation, words="", **members):
        return good(self.owner.post(f"/api/v1/conversations/{conversation}/reply", json={"content": words} | members),
                    201)

    def message(self, sent):
        return good(self.owner.get(f"/api/v1/messages/{sent['id']}"))

    def ends(self, sent, *states):
        """Wait until a message is in one of the states; the message."""
        return wait(lambda: (lambda m: m["status"] in states and m)(self.message(sent)), f"{states}")


@pytest.fixture(scope="module", params=["cloud", "360dialog"])
def line(request, server, tenant, wa):
    more = {"phoneNumberId": wa.number_id} if request.param == "cloud" else {}
    return Line(server, tenant, wa, request.param, **more)


# -- what is sent -----------------------------------------------------------------------------------------


def test_a_text_goes_out_as_the_provider_wants_it(line, wa):
    who, conversation = line.meet()
    sent = line.reply(conversation, "Bonjour ! 😀 \"é\"\nÀ bientôt", replyTo="wamid.HBgL")
    kept = line.ends(sent, "sent")
    (taken,) = wa.to(who)
    assert taken["text"] == "Bonjour ! 😀 \"é\"\nÀ bientôt" and taken["context"] == "wamid.HBgL"
    assert taken["cloud"] == (line.data["provider"] == "cloud")
    assert kept["externalId"] == taken["wamid"]


def test_who_has_no_number_is_sent_to_by_the_user_id(line, wa):
    who, conversation = line.meet(f"FR.{next(people)}ABC")
    line.ends(line.reply(conversation, "bonjour"), "sent")
    assert len(wa.to(who)) == 1


def test_a_long_text_goes_out_in_parts_in_order(line, wa):
    """4096 characters as people count them are more as WhatsApp does."""
    who, conversation = line.meet()
    words = " ".join(f"{i:04d}😀😀😀😀" for i in range(455))
    assert len(words) == 4094
    sent = line.ends(line.reply(conversation, words), "sent")
    taken = wa.to(who)
    assert len(taken) == 2 and " ".join(one["text"] for one in taken) == words
    assert sent["externalId"] == taken[1]["wamid"]


def test_a_later_part_waits_its_turn_and_the_first_is_not_repeated(line, wa):
    who, conversation = line.meet()
    words = "a" * 3000 + " " + "😀" * 1000
    refusals = iter([None, graph_error(130429)])
    wa.refusal_for, former = (lambda to: next(refusals, None) if to == who else None), wa.refusal_for
    try:
        line.ends(line.reply(conversation, words), "sent")
    finally:
        wa.refusal_for = former
    assert [one["text"] for one in wa.to(who)] == ["a" * 3000, "😀" * 1000]


def test_a_template_goes_out_with_its_parameters(line, wa):
    who, conversation = line.meet()
    line.ends(line.reply(conversation, type="template", metadata={
        "name": "hello", "language": "fr", "parameters": ["Ada", "demain"]}), "sent")
    assert wa.to(who)[0]["own"] == {"name": "hello", "language": {"code": "fr"}, "components": [
        {"type": "body", "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "demain"}]}]}
    failed = line.ends(line.reply(conversation, type="template", metadata={"name": "hello"}), "failed")
    assert "language" in failed["reason"] and len(wa.to(who)) == 1


# -- what refusals become -----------------------------------------------------------------------------------


def test_what_passes_is_sent_later_and_once(line, wa):
    who, conversation = line.meet()
    wa.fail(130429, to=who)
    line.ends(line.reply(conversation, "again"), "sent")
    assert len(wa.to(who)) == 1


@pytest.mark.parametrize("code", [131026, 131049, 132001])
def test_what_is_for_good_fails_with_its_reason(line, wa, code):
    who, conversation = line.meet()
    wa.fail(code, to=who)
    failed = line.ends(line.reply(conversation, "never"), "failed")
    assert str(code) in failed["reason"], failed["reason"]
    assert not wa.to(who) and not wa.refusals


def test_a_key_that_is_refused_is_said(server, tenant, wa):
    more = {"phoneNumberId": "999"}
    for provider in ("cloud", "360dialog"):
        bad = Line(server, tenant, wa, provider, whatsappApiKey="wrong", **(more if provider == "cloud" else {}))
        who, conversation = bad.meet()
        failed = bad.ends(bad.reply(conversation, "x"), "failed")
        assert "not_configured" in failed["reason"] or "190" in failed["reason"], failed["reason"]
        assert "wrong" not in failed["reason"] and not wa.to(who)


def test_a_lost_answer_is_unknown_and_never_sent_again(line, wa):
    who, conversation = line.meet()
    wa.lose_answers = 1
    line.ends(line.reply(conversation, "once"), "unknown")
    line.ends(line.reply(conversation, "and on"), "sent")
    assert [one["text"] for one in wa.to(who)] == ["once", "and on"]


def test_a_provider_that_cannot_be_reached_was_not_sent_to(make_server, wa):
    """Nobody listens there: sent later, when somebody does."""
    with FakeWhatsapp() as other:
        port = int(other.url.rsplit(":", 1)[1])
    with place_keep(port):
        made = make_server(META_APP_SECRET=SECRET, WHATSAPP_API_URL=other.url)
        tenant = make_tenant(made, made.client(token(made, "admin")))
        line = Line(made, tenant, wa, "360dialog")
        who, conversation = line.meet()
        sent = line.reply(conversation, "when you are back")
        wait(lambda: line.message(sent)["reason"], "the first try")
        assert line.message(sent)["status"] in ("pending", "sending")
        with FakeWhatsapp(port=port) as back:
            line.ends(sent, "sent")
            assert len(back.to(who)) == 1


def test_a_dry_run_sends_nothing(make_server, wa):
    made = make_server(META_APP_SECRET=SECRET, WHATSAPP_API_URL=wa.url, WHATSAPP_DRY_RUN="on")
    line = Line(made, make_tenant(made, made.client(token(made, "admin"))), wa, "360dialog")
    who, conversation = line.meet()
    sent = line.ends(line.reply(conversation, "nowhere"), "sent")
    assert sent["externalId"].startswith("dry-run:") and not wa.to(who)


def test_what_becomes_of_it_goes_forward_only(line, wa):
    who, conversation = line.meet()
    sent = line.ends(line.reply(conversation, "told"), "sent")
    url = f"{line.server.url}{DOOR}/{line.data['id']}"
    wa.app_secret, wa.headers = SECRET, line.headers
    try:
        wa.statuses(url, sent["externalId"], "sent", "delivered", "read", shuffle=True, copies=3, phone=line.number,
                    number_id=f"id-{line.number}")
    finally:
        wa.app_secret, wa.headers = None, {}
    assert line.message(sent)["status"] == "read"


# -- attachments ----------------------------------------------------------------------------------------


def attached(line, who, media_id, sha256=None, kind="image"):
    """What became of an attachment that somebody sent, after the turn looked at it."""
    one = message(who, kind, {"id": media_id, "mime_type": "image/png"} | ({"sha256": sha256} if sha256 else {}))
    line.hear(one)

    def stored():
        found = [m for m in good(line.owner.get("/api/v1/messages", params={"limit": 100})) if m["externalId"] == one["id"]]
        return found and (found[0]["media"] or {}).get("state") and found[0]
    return wait(stored, "the attachment")["media"]


@pytest.fixture(scope="module", params=["cloud", "360dialog"])
def answering(request, server, wa):
    """Attachments are fetched for a turn, and somebody must answer for there to be one; not in the tenant
    whose messages are counted above."""
    own = make_tenant(server, server.client(token(server, "admin")))
    good(own.owner.post("/api/v1/assistants", json={"name": "Ada", "isDefault": True, "enableRag": False}), 201)
    wa.number_ids.add("200300400")
    more = {"phoneNumberId": "200300400"} if request.param == "cloud" else {}
    return Line(server, own, wa, request.param, **more)


def test_an_attachment_is_fetched_and_measured(answering, wa):
    content = bytes(range(256)) * 300
    media_id = wa.media_add(content, "image/png")
    spelled = base64.b64encode(hashlib.sha256(content).digest()).decode()
    kept = attached(answering, str(next(people)), media_id, spelled)
    assert kept["state"] == "stored" and kept["size"] == len(content) and kept["mimeType"] == "image/png"
    assert kept["blob"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("what", ["sha256", "size", "larger", "gone", "type", "told"])
def test_an_attachment_that_is_not_what_was_announced_is_not_taken(answering, wa, what):
    content = f"an image {what}".encode()
    told = None
    if what == "sha256":
        media_id = wa.media_add(content, "image/png", sha256="0" * 64)
    elif what == "size":
        media_id = wa.media_add(content, "image/png", size=len(content) + 1)
    elif what == "larger":
        media_id = wa.media_add(bytes(100_001), "image/png", size=5)
    elif what == "type":
        media_id = wa.media_add(content, "image/png", sha256="none", type_sent="text/html")
    elif what == "told":
        media_id, told = wa.media_add(content, "image/png"), hashlib.sha256(b"another").hexdigest()
    else:
        media_id = "123"
    kept = attached(answering, str(next(people)), media_id, told)
    assert kept["state"] == "failed" and kept["reason"], kept
    assert "blob" not in kept


def test_an_attachment_goes_out_by_upload(answering, wa):
    line = answering
    content = b"\x89PNG the picture of the day"
    seen = attached(line, str(next(people)), wa.media_add(content, "image/png"))
    who, conversation = line.meet()
    sent = line.reply(conversation, "voilà", type="image", media={"blob": seen["blob"], "mimeType": "image/png"})
    line.ends(sent, "sent")
    (taken,) = [one for one in wa.to(who) if one["type"] == "image"]
    assert taken["own"]["caption"] == "voilà"
    assert wa.uploads[taken["own"]["id"]] == {"content": content, "mime": "image/png"}


# -- how it is set up -------------------------------------------------------------------------------------


def test_the_status_says_what_is_missing_and_never_secrets(server, tenant, wa):
    admin = server.client(token(server, "admin"))
    own = make_tenant(server, admin)
    ready = Line(server, own, wa, "cloud", phoneNumberId=wa.number_id + "7")
    wrong = Line(server, own, wa, "360dialog", whatsappApiKey="wrong key")
    bare = Line(server, own, wa, "360dialog", whatsappApiKey=None)
    answer = own.owner.get("/api/v1/whatsapp/status")
    told = {one["channelId"]: one for one in good(answer)["channels"]}
    assert len(told) == 3 and good(answer)["dryRun"] is False
    assert told[ready.data["id"]]["canSend"] and told[ready.data["id"]]["isProtected"]
    assert told[ready.data["id"]]["webhookPath"] == f"{DOOR}/{ready.data['id']}"
    assert told[wrong.data["id"]]["reachable"] is None
    assert not told[bare.data["id"]]["canSend"] and "API key" in told[bare.data["id"]]["problem"]
    checked = own.owner.get("/api/v1/whatsapp/status?check=true")
    asked = {one["channelId"]: one for one in good(checked)["channels"]}
    assert asked[wrong.data["id"]]["reachable"] is False and "api key" in asked[wrong.data["id"]]["problem"]
    for secret in (wa.key, "wrong key", SECRET, wrong.headers["X-Webhook-Secret"]):
        assert secret not in answer.text + checked.text
    assert good(tenant.owner.get("/api/v1/whatsapp/status?check=true"))["channels"][0]["reachable"] is True
    refused(admin.get("/api/v1/whatsapp/status"), 400, "BAD_REQUEST")
    refused(server.client().get("/api/v1/whatsapp/status"), 401, "UNAUTHORIZED")
    same_as_absent(tenant.owner, "GET", "/api/v1/whatsapp/status?tenantId={id}", own.id)
