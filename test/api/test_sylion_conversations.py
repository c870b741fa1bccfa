"""Conversations and messages over HTTP: who writes, who has taken over, what was told to whom reads along.
The server has no workers, so that a message stays as it was left; what answers is in test_sylion_pipeline."""

import concurrent.futures
import itertools
import json

import pytest
from harness import Server, database
from sylion import TIME, UUID, admin, good, make_tenant, nobody, page, refused, same_as_absent

CONVERSATIONS, MESSAGES = "/api/v1/conversations", "/api/v1/messages"
visitors = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), args=["--workers", "off"])
    try:
        yield server.start()
    finally:
        server.close()


def furnished(server, admin):
    tenant = make_tenant(server, admin, plan="enterprise")
    tenant.channel = good(tenant.owner.post("/api/v1/channels", json={"name": "Site", "type": "web"}), 201)["id"]
    tenant.line = good(tenant.owner.post("/api/v1/channels", json={"name": "Ligne", "type": "whatsapp"}), 201)["id"]
    return tenant


@pytest.fixture(scope="module")
def tenant(server, admin):
    return furnished(server, admin)


@pytest.fixture(scope="module")
def other(server, admin):
    return furnished(server, admin)


def begin(tenant, status=201, **members):
    return good(tenant.owner.post(CONVERSATIONS, json={
        "channelId": tenant.channel, "userIdentifier": f"visitor-{next(visitors)}"} | members), status)


def say(tenant, conversation, content="Bonjour", direction="inbound", status=201, **members):
    return good(tenant.owner.post(MESSAGES, json={
        "conversationId": conversation["id"], "direction": direction, "content": content} | members), status)


def look(tenant, conversation):
    return good(tenant.owner.get(f"{CONVERSATIONS}/{conversation['id']}"))


def state(tenant, message):
    return good(tenant.owner.get(f"{MESSAGES}/{message['id']}"))["status"]


def jobs(server, tenant, conversation):
    return int(database(server, "SELECT count(*) FROM jobs j JOIN conversations v ON j.unique_key = CAST(v.n AS text) "
                                f"WHERE j.kind = 'sylion.conversation' AND v.id = '{conversation['id']}'"))


def events(server, tenant):
    """The tenant's, as they were told."""
    line = "type || ' ' || CAST(data AS text)"
    lines = f"string_agg({line}, chr(10) ORDER BY id)" if server.database else f"group_concat({line}, char(10))"
    rows = database(server, f"SELECT {lines} FROM events WHERE channel = 'tenant:{tenant.id}'")
    return [(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])) for line in rows.strip().splitlines()]


# -- conversations ---------------------------------------------------------------------------------------


def test_a_contact_has_one_open_conversation(tenant):
    answer = tenant.owner.post(CONVERSATIONS, json={
        "channelId": tenant.channel, "userIdentifier": "ana", "userName": "Ana", "title": "Devis",
        "userMetadata": {"vip": True}, "context": {"order": 7}})
    made = good(answer, 201)
    assert answer.headers["Location"] == f"{CONVERSATIONS}/{made['id']}" and UUID.match(made["id"])
    assert TIME.match(made["createdAt"]) and made["status"] == "active" and made["messageCount"] == 0
    assert (made["userIdentifier"], made["userName"], made["title"]) == ("ana", "Ana", "Devis")
    assert made["userMetadata"] == {"vip": True} and made["context"] == {"order": 7}
    assert made["channelId"] == tenant.channel and made["tenantId"] == tenant.id and made["assistantId"] is None
    assert begin(tenant, 200, userIdentifier="ana", title="other") == made == look(tenant, made)
    good(tenant.owner.put(f"{CONVERSATIONS}/{made['id']}", json={"status": "ended"}))
    assert begin(tenant, userIdentifier="ana")["id"] != made["id"]


def test_a_whatsapp_contact_has_a_number_or_a_user_id(tenant):
    one = begin(tenant, channelId=tenant.line, userIdentifier="+33 (0)6 11.22.33.44")
    assert one["userIdentifier"] == "+33611223344"
    assert begin(tenant, 200, channelId=tenant.line, userIdentifier="0033611223344")["id"] == one["id"]
    assert begin(tenant, channelId=tenant.line, userIdentifier="FR.1349ab")["userIdentifier"] == "FR.1349ab"
    refused(tenant.owner.post(CONVERSATIONS, json={"channelId": tenant.line, "userIdentifier": "somebody"}), 400,
            "VALIDATION_ERROR", "userIdentifier")


def test_many_who_begin_at_once_begin_one(server, tenant):
    body = {"channelId": tenant.channel, "userIdentifier": "crowd"}
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: tenant.owner.post(CONVERSATIONS, json=body), range(24)))
    assert sorted(a.status_code for a in answers) == [200] * 23 + [201]
    assert len({a.json()["data"]["id"] for a in answers}) == 1


@pytest.mark.parametrize("members, fields", [
    ({"channelId": None}, ["channelId"]), ({"userIdentifier": " "}, ["userIdentifier"]),
    ({"userMetadata": []}, ["userMetadata"]), ({"context": "x"}, ["context"]), ({"status": "asleep"}, ["status"]),
    ({"context": {"a": "x" * 17000}}, ["context"]), ({"title": "x" * 256}, ["title"]), ({"nonsense": 1}, ["nonsense"]),
    ({"assistantId": "x"}, ["assistantId"]),
])
def test_what_is_wrong_is_said_and_nothing_is_made(tenant, members, fields):
    total = page(tenant.owner.get(CONVERSATIONS))[1]["total"]
    body = {"channelId": tenant.channel, "userIdentifier": "nobody"} | members
    refused(tenant.owner.post(CONVERSATIONS, json=body), 400, "VALIDATION_ERROR", *fields)
    assert page(tenant.owner.get(CONVERSATIONS))[1]["total"] == total


def test_what_is_given_changes_and_the_rest_stays(tenant):
    made = begin(tenant, userName="Ana", title="Devis", context={"a": 1})
    ada = good(tenant.owner.post("/api/v1/assistants", json={"name": "Ada"}), 201)["id"]
    path = f"{CONVERSATIONS}/{made['id']}"
    say(tenant, made)
    assert look(tenant, made)["unreadCount"] == 1
    changed = good(tenant.owner.put(path, json={"title": None, "assistantId": ada, "unreadCount": 0}))
    assert changed["title"] is None and changed["assistantId"] == ada and changed["unreadCount"] == 0
    assert changed["userName"] == "Ana" and changed["context"] == {"a": 1}
    assert good(tenant.owner.put(path, json={"assistantId": None}))["assistantId"] is None
    refused(tenant.owner.put(path, json={"unreadCount": 3}), 400, "VALIDATION_ERROR", "unreadCount")


def test_what_has_ended_stays_ended(tenant):
    made = begin(tenant)
    asked = say(tenant, made)
    path = f"{CONVERSATIONS}/{made['id']}"
    ended = good(tenant.owner.put(path, json={"status": "ended"}))
    assert ended["status"] == "ended" and TIME.match(ended["endedAt"])
    assert state(tenant, asked) == "processed"
    for answer in (tenant.owner.put(path, json={"status": "active"}), tenant.owner.post(f"{path}/reply", json={"content": "x"}),
                   tenant.owner.post(f"{path}/handoff", json={}), tenant.owner.post(f"{path}/resume", json={}),
                   tenant.owner.post(MESSAGES, json={"conversationId": made["id"], "direction": "outbound", "content": "x"}),
                   tenant.owner.post(MESSAGES, json={"conversationId": made["id"], "direction": "inbound", "content": "x"})):
        refused(answer, 409, "CONVERSATION_ENDED")
    assert good(tenant.owner.put(path, json={"title": "Klar"}))["title"] == "Klar"
    assert good(tenant.owner.put(path, json={"status": "ended"}))["endedAt"] == ended["endedAt"]


def test_lists_have_pages_filters_and_a_search(server, admin):
    mine = furnished(server, admin)
    made = [begin(mine, userName=f"Contact {i}") for i in range(3)]
    phone = begin(mine, channelId=mine.line, userIdentifier="+33655443322", title="100% _vrai_")
    say(mine, made[0], "Je cherche une chaise")
    data, paging = page(mine.owner.get(CONVERSATIONS, params={"limit": 2}))
    assert data[0]["id"] == made[0]["id"] and data[0]["lastMessage"] == "Je cherche une chaise"
    assert paging == {"page": 1, "limit": 2, "total": 4, "pages": 2}
    good(mine.owner.put(f"{CONVERSATIONS}/{made[1]['id']}", json={"status": "paused"}))
    for params, wanted in (({"status": "paused"}, 1), ({"channelId": mine.line}, 1), ({"search": "contact"}, 3),
                           ({"search": "chaise"}, 1), ({"search": "+3365"}, 1), ({"search": "100% _"}, 1),
                           ({"search": "%"}, 1), ({"assistantId": nobody()}, 0), ({}, 4)):
        assert page(mine.owner.get(CONVERSATIONS, params=params))[1]["total"] == wanted, params
        assert page(mine.owner.get(f"{CONVERSATIONS}/tenant/{mine.id}", params=params))[1]["total"] == wanted, params
    refused(mine.owner.get(CONVERSATIONS, params={"status": "x"}), 400, "VALIDATION_ERROR", "status")
    assert phone["title"] == "100% _vrai_"


# -- taking over and giving back -----------------------------------------------------------------------------


def test_a_person_who_replies_has_taken_over_until_resume(server, tenant):
    made = begin(tenant)
    path = f"{CONVERSATIONS}/{made['id']}"
    asked = say(tenant, made, "Quel est le prix ?")
    assert jobs(server, tenant, made) == 1
    sent = good(tenant.owner.post(f"{path}/reply", json={"content": "Dix euros."}), 201)
    assert (sent["author"], sent["direction"], sent["status"], sent["type"]) == ("person", "outbound", "pending", "text")
    assert sent["authorId"] and sent["turnId"] is None and sent["conversationId"] == made["id"]
    now = look(tenant, made)
    assert (now["status"], now["unreadCount"], now["lastMessage"]) == ("handoff", 0, "Dix euros.")
    assert now["handoffReason"] == "A person answered." and state(tenant, asked) == "processed"
    more = say(tenant, made, "Merci")
    assert state(tenant, more) == "pending" and look(tenant, made)["unreadCount"] == 1
    back = good(tenant.owner.post(f"{path}/resume", json={}))
    assert back["status"] == "active" and back["handoffReason"] is None
    assert state(tenant, more) == "processed"


def test_what_came_meanwhile_is_answered_when_that_is_asked(server, tenant):
    made = begin(tenant)
    path = f"{CONVERSATIONS}/{made['id']}"
    taken = good(tenant.owner.post(f"{path}/handoff", json={"reason": "  Réclamation "}))
    assert taken["status"] == "handoff" and taken["handoffReason"] == "Réclamation"
    asked = say(tenant, made)
    assert jobs(server, tenant, made) == 0
    good(tenant.owner.post(f"{path}/resume", json={"answer": True}))
    assert jobs(server, tenant, made) == 1 and state(tenant, asked) == "pending"
    refused(tenant.owner.post(f"{path}/resume", json={"answer": "yes"}), 400, "VALIDATION_ERROR", "answer")


@pytest.mark.parametrize("body, field", [
    ({}, "content"), ({"content": "  "}, "content"), ({"content": "x" * 4097}, "content"),
    ({"content": "x", "type": "fax"}, "type"), ({"content": "x", "metadata": []}, "metadata"),
])
def test_a_reply_says_something(tenant, body, field):
    made = begin(tenant)
    refused(tenant.owner.post(f"{CONVERSATIONS}/{made['id']}/reply", json=body), 400, "VALIDATION_ERROR", field)
    assert look(tenant, made)["status"] == "active"


# -- messages ------------------------------------------------------------------------------------------------


def test_a_posted_message_is_the_contacts_or_a_persons(server, tenant):
    made = begin(tenant)
    asked = say(tenant, made, "Où êtes-vous ?", externalId="ext-1", metadata={"page": "/contact"})
    assert (asked["author"], asked["status"], asked["externalId"]) == ("contact", "pending", "ext-1")
    assert asked["metadata"] == {"page": "/contact"} and asked["media"] is None and asked["reason"] is None
    assert "raw" not in asked and jobs(server, tenant, made) == 1
    told = say(tenant, made, "À Lyon.", "outbound", replyTo="ext-1")
    assert (told["author"], told["status"], told["replyTo"]) == ("person", "pending", "ext-1")
    note = say(tenant, made, "Cliente fidèle", "outbound", type="system")
    assert (note["author"], note["status"], note["type"]) == ("system", "processed", "system")
    data, paging = page(tenant.owner.get(f"{MESSAGES}/conversation/{made['id']}"))
    assert [d["id"] for d in data] == [asked["id"], told["id"], note["id"]] and paging["total"] == 3
    assert look(tenant, made)["messageCount"] == 3


def test_a_message_that_is_known_is_the_one_that_is_there(tenant):
    made = begin(tenant)
    body = {"conversationId": made["id"], "direction": "inbound", "content": "Une fois", "externalId": "once"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tenant.owner.post(MESSAGES, json=body), range(16)))
    assert sorted(a.status_code for a in answers) == [200] * 15 + [201], [a.text for a in answers]
    assert len({a.json()["data"]["id"] for a in answers}) == 1 and look(tenant, made)["messageCount"] == 1


def test_history_is_kept_as_told_and_nothing_comes_of_it(server, tenant):
    made = begin(tenant)
    good(tenant.owner.put(f"{CONVERSATIONS}/{made['id']}", json={"status": "paused"}))
    asked = good(tenant.owner.post(MESSAGES, json={
        "conversationId": made["id"], "direction": "inbound", "content": "Hier", "status": "processed"}), 201)
    told = good(tenant.owner.post(MESSAGES, json={
        "conversationId": made["id"], "direction": "outbound", "content": "Aussi", "status": "read",
        "externalId": "old-1"}), 201)
    assert asked["status"] == "processed" and told["status"] == "read" and told["externalId"] == "old-1"
    refused(tenant.owner.post(MESSAGES, json={"conversationId": made["id"], "direction": "outbound", "content": "x",
                                             "status": "read", "externalId": "old-1"}), 409, "CONFLICT")
    assert look(tenant, made)["messageCount"] == 2


def test_a_messages_status_goes_forward(tenant):
    made = begin(tenant)
    asked, told = say(tenant, made), say(tenant, made, "Voilà", "outbound")
    path = f"{MESSAGES}/{told['id']}"
    assert good(tenant.owner.put(path, json={"status": "delivered", "externalId": "w-1"}))["status"] == "delivered"
    for status in ("sent", "pending", "processed", "failed"):
        refused(tenant.owner.put(path, json={"status": status}), 400, "VALIDATION_ERROR", "status")
    refused(tenant.owner.put(path, json={"externalId": "w-2"}), 400, "VALIDATION_ERROR", "externalId")
    changed = good(tenant.owner.put(path, json={"status": "read", "metadata": {"seen": True}}))
    assert changed["status"] == "read" and changed["metadata"] == {"seen": True} and changed["externalId"] == "w-1"
    mine = f"{MESSAGES}/{asked['id']}"
    refused(tenant.owner.put(mine, json={"status": "read"}), 400, "VALIDATION_ERROR", "status")
    assert good(tenant.owner.put(mine, json={"status": "failed"}))["status"] == "failed"
    assert good(tenant.owner.put(mine, json={"status": "pending"}))["status"] == "pending"


@pytest.mark.parametrize("members, fields", [
    ({"direction": "sideways"}, ["direction"]), ({"content": ""}, ["content"]), ({"content": "x" * 4097}, ["content"]),
    ({"type": "fax"}, ["type"]), ({"type": "template"}, ["type"]), ({"status": "delivered"}, ["status"]),
    ({"metadata": 1}, ["metadata"]), ({"conversationId": "x"}, ["conversationId"]), ({"nonsense": 1}, ["nonsense"]),
    ({"content": 5, "status": "gone"}, ["content", "status"]), ({"externalId": "x" * 256}, ["externalId"]),
])
def test_a_message_that_makes_no_sense_is_refused(tenant, members, fields):
    made = begin(tenant)
    body = {"conversationId": made["id"], "direction": "inbound", "content": "x"} | members
    refused(tenant.owner.post(MESSAGES, json=body), 400, "VALIDATION_ERROR", *fields)
    assert look(tenant, made)["messageCount"] == 0


def test_messages_are_listed_in_pages_by_age_and_found(tenant):
    made = begin(tenant)
    ids = [say(tenant, made, f"Message {i} 100%")["id"] for i in range(5)]
    ids.append(say(tenant, made, "Réponse", "outbound")["id"])
    path = f"{MESSAGES}/conversation/{made['id']}"
    assert [m["id"] for m in page(tenant.owner.get(path, params={"limit": 4, "page": 2}))[0]] == ids[4:]
    assert [m["id"] for m in page(tenant.owner.get(path, params={"sortOrder": "desc", "limit": 2}))[0]] == ids[:3:-1]
    mine = {"conversationId": made["id"]}
    assert [m["id"] for m in page(tenant.owner.get(MESSAGES, params=mine | {"limit": 2}))[0]] == ids[:3:-1]
    for params, wanted in (({"direction": "outbound"}, 1), ({"search": "message 3"}, 1), ({"search": "100%"}, 5),
                           ({"type": "image"}, 0), ({"status": "pending"}, 6)):
        assert page(tenant.owner.get(MESSAGES, params=mine | params))[1]["total"] == wanted, params
    assert good(tenant.owner.get(f"{MESSAGES}/{ids[0]}"))["content"] == "Message 0 100%"


def test_the_channel_must_be_on(server, admin):
    mine = furnished(server, admin)
    made = begin(mine)
    good(mine.owner.put(f"/api/v1/channels/{mine.channel}", json={"isActive": False}))
    refused(mine.owner.post(MESSAGES, json={"conversationId": made["id"], "direction": "inbound", "content": "x"}), 403,
            "CHANNEL_INACTIVE")


def test_who_reads_along_is_told(server, admin):
    mine = furnished(server, admin)
    made = begin(mine, userName="Ana")
    asked = say(mine, made, "x" * 4000)
    sent = good(mine.owner.post(f"{CONVERSATIONS}/{made['id']}/reply", json={"content": "Oui"}), 201)
    good(mine.owner.put(f"{MESSAGES}/{sent['id']}", json={"status": "sent"}))
    good(mine.owner.post(f"{CONVERSATIONS}/{made['id']}/resume", json={}))
    told = events(server, mine)
    named = [(kind, data["id"], data["status"]) for kind, data in told]
    for wanted in (("conversation.updated", made["id"], "active"), ("message.created", asked["id"], "pending"),
                   ("conversation.updated", made["id"], "handoff"), ("message.created", sent["id"], "pending"),
                   ("message.updated", sent["id"], "sent")):
        assert wanted in named, (wanted, named)
    created = next(data for kind, data in told if kind == "message.created")
    assert created == asked and not any("tenantN" in data or "raw" in data for _, data in told)


# -- whose ---------------------------------------------------------------------------------------------------


def test_another_tenants_ids_are_nobodys(tenant, other):
    theirs = begin(other)
    words = say(other, theirs, "Secret")
    ada = good(other.owner.post("/api/v1/assistants", json={"name": "Ada"}), 201)["id"]
    ours = begin(tenant)
    for client in (tenant.owner, tenant.make_key(), tenant.as_admin(), tenant.make_member()):
        for method, tail, body in (("GET", "", None), ("PUT", "", {"status": "ended"}), ("POST", "/reply", {"content": "x"}),
                                   ("POST", "/handoff", {}), ("POST", "/resume", {"answer": True})):
            same_as_absent(client, method, f"{CONVERSATIONS}/{{id}}{tail}", theirs["id"], json=body)
        same_as_absent(client, "GET", f"{MESSAGES}/{{id}}", words["id"])
        same_as_absent(client, "PUT", f"{MESSAGES}/{{id}}", words["id"], json={"status": "failed"})
        same_as_absent(client, "GET", f"{MESSAGES}/conversation/{{id}}", theirs["id"])
        refused(client.post(MESSAGES, json={"conversationId": theirs["id"], "direction": "inbound", "content": "x"}),
                404, "CONVERSATION_NOT_FOUND")
        refused(client.post(CONVERSATIONS, json={"channelId": other.channel, "userIdentifier": "x"}), 404,
                "CHANNEL_NOT_FOUND")
        refused(client.put(f"{CONVERSATIONS}/{ours['id']}", json={"assistantId": ada}), 404, "ASSISTANT_NOT_FOUND")
        for params in ({"conversationId": theirs["id"]}, {"search": "Secret"}):
            assert page(client.get(MESSAGES, params=params))[1]["total"] == 0
        assert page(client.get(CONVERSATIONS, params={"channelId": other.channel}))[1]["total"] == 0
    same_as_absent(tenant.owner, "GET", f"{CONVERSATIONS}/tenant/{{id}}", other.id)
    now = look(other, theirs)
    assert now["status"] == "active" and now["messageCount"] == 1 and state(other, words) == "pending"
    for path in (CONVERSATIONS, MESSAGES, f"{CONVERSATIONS}/{theirs['id']}", f"{MESSAGES}/{words['id']}"):
        assert tenant.server.client().get(path).status_code == 401


def test_a_key_for_reading_reads(tenant):
    made, reader = begin(tenant), tenant.make_key("sylion:read")
    assert good(reader.get(f"{CONVERSATIONS}/{made['id']}"))["id"] == made["id"]
    for path, body in ((f"{CONVERSATIONS}/{made['id']}/reply", {"content": "x"}),
                       (MESSAGES, {"conversationId": made["id"], "direction": "inbound", "content": "x"})):
        refused(reader.post(path, json=body), 403, "FORBIDDEN")
