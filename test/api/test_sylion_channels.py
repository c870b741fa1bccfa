"""Channels and what is bound to them: secrets that go in and never come out, numbers as everybody writes
them, and that one tenant's channels are nothing to another."""

import concurrent.futures

import pytest
from harness import database
from sylion import TIME, UUID, admin, good, make_tenant, nobody, page, refused, same_as_absent

CHANNELS, BINDINGS = "/api/v1/channels", "/api/v1/channel-bindings"
SECRETS = {"whatsappApiKey": "the-api-key-is-secret", "whatsappVerifyToken": "the-token-is-secret",
           "appSecret": "the-app-secret-is-secret"}


@pytest.fixture(scope="module")
def tenant(server, admin):
    return make_tenant(server, admin, plan="enterprise")


@pytest.fixture(scope="module")
def other(server, admin):
    return make_tenant(server, admin, plan="enterprise")


def make(client, **members):
    return good(client.post(CHANNELS, json={"name": "Accueil", "type": "web"} | members), 201)


def assistant(client):
    return good(client.post("/api/v1/assistants", json={"name": "Ada"}), 201)


# -- making and reading ----------------------------------------------------------------------------------


def test_what_is_given_is_what_is_there_but_for_secrets(tenant):
    answer = tenant.owner.post(CHANNELS, json={
        "name": "  Ligne ", "type": "whatsapp", "provider": "cloud", "whatsappPhoneNumber": "0033 6 (12) 34-56.70",
        "phoneNumberId": "1122334455667", "config": {
            "debounceMs": 800, "template": {"name": "hello", "language": "en_US"}, "mediaMaxBytes": 4096,
            "limits": {"perMinute": 100}}} | SECRETS)
    made = good(answer, 201)
    assert answer.headers["Location"] == f"{CHANNELS}/{made['id']}"
    assert UUID.match(made["id"]) and TIME.match(made["createdAt"]) and made["tenantId"] == tenant.id
    assert (made["name"], made["provider"], made["isActive"]) == ("Ligne", "cloud", True)
    assert made["whatsappPhoneNumber"] == "+33612345670" and made["phoneNumberId"] == "1122334455667"
    assert made["config"] == {"debounceMs": 800, "template": {"name": "hello", "language": "en_US"},
                              "mediaMaxBytes": 4096, "limits": {"perMinute": 100}}
    assert made["hasWhatsappApiKey"] and made["hasWhatsappVerifyToken"] and made["hasAppSecret"]
    assert good(tenant.owner.get(f"{CHANNELS}/{made['id']}")) == made
    for text in (answer.text, tenant.owner.get(CHANNELS).text, tenant.owner.get(f"{CHANNELS}/{made['id']}").text):
        assert not any(secret in text for secret in SECRETS.values())
    good(tenant.owner.delete(f"{CHANNELS}/{made['id']}"))


def test_secrets_are_sealed_where_they_are_kept_and_replaced_or_taken_away(server, tenant):
    made = make(tenant.owner, type="whatsapp", provider="cloud", **SECRETS)
    row = f"FROM channels WHERE id = '{made['id']}'"
    for column, name in (("whatsapp_api_key", "whatsappApiKey"), ("app_secret", "appSecret")):
        kept = database(server, f"SELECT {column} {row}").strip()
        assert kept and SECRETS[name] not in kept
    before = database(server, f"SELECT whatsapp_api_key {row}").strip()
    changed = good(tenant.owner.put(f"{CHANNELS}/{made['id']}", json={"whatsappApiKey": "another", "appSecret": None}))
    assert changed["hasWhatsappApiKey"] and not changed["hasAppSecret"] and changed["hasWhatsappVerifyToken"]
    assert database(server, f"SELECT whatsapp_api_key {row}").strip() != before
    assert "another" not in server.log() and not any(s in server.log() for s in SECRETS.values())


def test_the_webhooks_secret_is_told_once_and_can_be_renewed(server, tenant):
    made = make(tenant.owner, type="whatsapp")
    assert made["provider"] == "360dialog" and made["hasWebhookSecret"]
    first = made["webhookSecret"]
    assert len(first) > 30
    assert "webhookSecret" not in good(tenant.owner.get(f"{CHANNELS}/{made['id']}"))
    renewed = good(tenant.owner.post(f"{CHANNELS}/{made['id']}/webhook-secret"))
    assert renewed["webhookSecret"] != first
    assert first not in database(server, f"SELECT webhook_secret FROM channels WHERE id = '{made['id']}'")
    web = make(tenant.owner)
    assert "webhookSecret" not in web and not web["hasWebhookSecret"]
    refused(tenant.owner.post(f"{CHANNELS}/{web['id']}/webhook-secret"), 400, "BAD_REQUEST")


@pytest.mark.parametrize("members, fields", [
    ({"name": ""}, ["name"]), ({"name": "x" * 256}, ["name"]), ({"type": "fax"}, ["type"]),
    ({"type": "whatsapp", "whatsappPhoneNumber": "call me"}, ["whatsappPhoneNumber"]),
    ({"type": "whatsapp", "provider": "meta"}, ["provider"]),
    ({"provider": "cloud", "appSecret": "x"}, ["provider", "appSecret"]),
    ({"config": {"debounceMs": -1}}, ["config.debounceMs"]), ({"config": {"debounceMs": "1"}}, ["config.debounceMs"]),
    ({"config": {"nonsense": 1}}, ["config.nonsense"]), ({"config": []}, ["config"]),
    ({"config": {"allowedOrigins": ["https://a.org/path"]}}, ["config.allowedOrigins[0]"]),
    ({"config": {"allowedOrigins": ["javascript:alert(1)"]}}, ["config.allowedOrigins[0]"]),
    ({"nonsense": True}, ["nonsense"]), ({"isActive": "yes"}, ["isActive"]), ({"tenantId": "x"}, ["tenantId"]),
])
def test_what_is_wrong_is_said_and_nothing_is_made(tenant, members, fields):
    total = page(tenant.owner.get(CHANNELS))[1]["total"]
    refused(tenant.owner.post(CHANNELS, json={"name": "A", "type": "web"} | members), 400, "VALIDATION_ERROR", *fields)
    assert page(tenant.owner.get(CHANNELS))[1]["total"] == total


def test_a_number_belongs_to_one_channel_of_all(tenant, other):
    first = make(tenant.owner, type="whatsapp", whatsappPhoneNumber="+33 6 99 00 00 01", phoneNumberId="one")
    refused(other.owner.post(CHANNELS, json={"name": "B", "type": "whatsapp", "whatsappPhoneNumber": "33699000001"}),
            400, "VALIDATION_ERROR", "whatsappPhoneNumber")
    second = make(other.owner, type="whatsapp")
    refused(other.owner.put(f"{CHANNELS}/{second['id']}", json={"phoneNumberId": "one"}), 400, "VALIDATION_ERROR",
            "phoneNumberId")
    good(tenant.owner.delete(f"{CHANNELS}/{first['id']}"))
    good(other.owner.put(f"{CHANNELS}/{second['id']}", json={"phoneNumberId": "one",
                                                            "whatsappPhoneNumber": "+33699000001"}))


def test_what_is_not_given_stays(tenant):
    made = make(tenant.owner, config={"debounceMs": 5, "allowedOrigins": ["https://A.org", "http://b.org:8080"]})
    assert made["config"]["allowedOrigins"] == ["https://a.org", "http://b.org:8080"]
    path = f"{CHANNELS}/{made['id']}"
    changed = good(tenant.owner.put(path, json={"isActive": False}))
    assert changed["config"] == made["config"] and changed["isActive"] is False and changed["name"] == "Accueil"
    assert good(tenant.owner.put(path, json={"config": {}}))["config"] == {}
    refused(tenant.owner.put(path, json={"type": "voice"}), 400, "VALIDATION_ERROR", "type")
    refused(tenant.owner.put(path, json={"whatsappApiKey": "x"}), 400, "VALIDATION_ERROR", "whatsappApiKey")


def test_a_deleted_channel_is_gone_with_its_bindings_and_its_secrets(server, tenant):
    made, ada = make(tenant.owner, type="whatsapp", **SECRETS), assistant(tenant.owner)
    bound = good(tenant.owner.post(BINDINGS, json={"channelId": made["id"], "assistantId": ada["id"]}), 201)
    assert good(tenant.owner.delete(f"{CHANNELS}/{made['id']}")) == {"id": made["id"], "deleted": True}
    for method in ("GET", "DELETE"):
        refused(tenant.owner.request(method, f"{CHANNELS}/{made['id']}"), 404, "CHANNEL_NOT_FOUND")
    refused(tenant.owner.get(f"{BINDINGS}/{bound['id']}"), 404, "BINDING_NOT_FOUND")
    assert made["id"] not in tenant.owner.get(CHANNELS).text
    assert int(database(server, f"SELECT count(*) FROM channels WHERE id = '{made['id']}' "
                                "AND whatsapp_api_key IS NULL")) == 1


def test_lists_have_pages_filters_and_a_search(server, admin):
    mine = make_tenant(server, admin, plan="enterprise")
    names = [make(mine.owner, name=f"Canal {i}")["name"] for i in range(3)]
    make(mine.owner, name="100% _vrai_", type="voice", isActive=False)
    data, paging = page(mine.owner.get(CHANNELS, params={"limit": 2, "page": 2}))
    assert [d["name"] for d in data] == [names[1], names[0]] and paging == {"page": 2, "limit": 2, "total": 4, "pages": 2}
    for params, wanted in (({"type": "voice"}, 1), ({"isActive": "true"}, 3), ({"search": "canal"}, 3),
                           ({"search": "100% _"}, 1), ({"search": "%"}, 1), ({"provider": "cloud"}, 0)):
        assert page(mine.owner.get(CHANNELS, params=params))[1]["total"] == wanted, params
    for params in ({"limit": 0}, {"limit": 101}, {"page": 0}, {"type": "fax"}, {"page": "x"}):
        refused(mine.owner.get(CHANNELS, params=params), 400, "VALIDATION_ERROR", next(iter(params)))


def test_the_plan_says_how_many_also_of_many_at_once(server, admin):
    mine = make_tenant(server, admin)
    mine.quotas(quotaChannels=3)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: mine.owner.post(CHANNELS, json={"name": f"C{i}", "type": "web"}), range(8)))
    assert sorted(a.status_code for a in answers) == [201] * 3 + [429] * 5
    refused(next(a for a in answers if a.status_code == 429), 429, "QUOTA_EXCEEDED")
    gone = next(a for a in answers if a.status_code == 201).json()["data"]["id"]
    good(mine.owner.delete(f"{CHANNELS}/{gone}"))
    make(mine.owner)
    assert page(mine.owner.get(CHANNELS))[1]["total"] == 3


def test_members_read_and_admins_change(tenant):
    made, member, writer = make(tenant.owner), tenant.make_member("member"), tenant.make_key("sylion:read")
    assert good(member.get(f"{CHANNELS}/{made['id']}"))["id"] == made["id"]
    for answer in (member.post(CHANNELS, json={"name": "A", "type": "web"}), member.delete(f"{CHANNELS}/{made['id']}"),
                   member.put(f"{CHANNELS}/{made['id']}", json={"name": "B"}),
                   writer.post(CHANNELS, json={"name": "A", "type": "web"})):
        refused(answer, 403, "FORBIDDEN")
    assert make(tenant.make_key(), name="by key")["tenantId"] == tenant.id
    assert make(tenant.as_admin(), name="by the platform")["tenantId"] == tenant.id


# -- bindings --------------------------------------------------------------------------------------------


def test_bindings_say_who_answers_first(tenant):
    channel, low, high = make(tenant.owner), assistant(tenant.owner), assistant(tenant.owner)
    hours = {"mon": [["09:00", "12:30"], ["14:00", "18:00"]], "sat": [["22:00", "02:00"]]}
    first = good(tenant.owner.post(BINDINGS, json={"channelId": channel["id"], "assistantId": low["id"]}), 201)
    assert first["languages"] == [] and first["hours"] is None and first["priority"] == 0
    second = good(tenant.owner.post(BINDINGS, json={
        "channelId": channel["id"].upper(), "assistantId": high["id"], "languages": ["fr", "ar"], "hours": hours,
        "priority": 5}), 201)
    assert second["hours"] == hours and second["languages"] == ["fr", "ar"] and second["channelId"] == channel["id"]
    data, paging = page(tenant.owner.get(BINDINGS, params={"channelId": channel["id"]}))
    assert [d["id"] for d in data] == [second["id"], first["id"]] and paging["total"] == 2
    assert page(tenant.owner.get(BINDINGS, params={"assistantId": low["id"]}))[1]["total"] == 1
    assert good(tenant.owner.get(f"{BINDINGS}/{second['id']}")) == second
    refused(tenant.owner.post(BINDINGS, json={"channelId": channel["id"], "assistantId": low["id"]}), 409,
            "BINDING_EXISTS")
    good(tenant.owner.delete(f"{BINDINGS}/{first['id']}"))
    refused(tenant.owner.delete(f"{BINDINGS}/{first['id']}"), 404, "BINDING_NOT_FOUND")


@pytest.mark.parametrize("members, fields", [
    ({"hours": {"lundi": []}}, ["hours"]), ({"hours": {"mon": [["9:00", "18:00"]]}}, ["hours"]),
    ({"hours": {"mon": [["09:00", "25:00"]]}}, ["hours"]), ({"hours": {"mon": [["09:00", "09:00"]]}}, ["hours"]),
    ({"hours": []}, ["hours"]), ({"hours": {"mon": [["00:00", "01:00"]] * 11}}, ["hours"]),
    ({"languages": ["French"]}, ["languages[0]"]), ({"priority": 1001}, ["priority"]),
    ({"channelId": "x"}, ["channelId"]), ({"assistantId": None}, ["assistantId"]),
])
def test_a_binding_that_makes_no_sense_is_refused(tenant, members, fields):
    body = {"channelId": nobody(), "assistantId": nobody()} | members
    refused(tenant.owner.post(BINDINGS, json=body), 400, "VALIDATION_ERROR", *fields)


# -- whose ------------------------------------------------------------------------------------------------


def test_another_tenants_ids_are_nobodys(tenant, other):
    theirs, ours = make(other.owner, type="whatsapp"), make(tenant.owner)
    their_ada, our_ada = assistant(other.owner), assistant(tenant.owner)
    bound = good(other.owner.post(BINDINGS, json={"channelId": theirs["id"], "assistantId": their_ada["id"]}), 201)
    for client in (tenant.owner, tenant.make_key(), tenant.as_admin()):
        same_as_absent(client, "GET", f"{CHANNELS}/{{id}}", theirs["id"])
        same_as_absent(client, "PUT", f"{CHANNELS}/{{id}}", theirs["id"], json={"name": "mine"})
        same_as_absent(client, "DELETE", f"{CHANNELS}/{{id}}", theirs["id"])
        same_as_absent(client, "POST", f"{CHANNELS}/{{id}}/webhook-secret", theirs["id"])
        same_as_absent(client, "GET", f"{BINDINGS}/{{id}}", bound["id"])
        same_as_absent(client, "DELETE", f"{BINDINGS}/{{id}}", bound["id"])
    for client in (tenant.owner, tenant.make_key()):
        same_as_absent(client, "GET", f"{CHANNELS}/tenant/{{id}}", other.id)
    for body in ({"channelId": theirs["id"], "assistantId": our_ada["id"]},
                 {"channelId": ours["id"], "assistantId": their_ada["id"]}):
        what = "CHANNEL" if body["channelId"] == theirs["id"] else "ASSISTANT"
        refused(tenant.owner.post(BINDINGS, json=body), 404, f"{what}_NOT_FOUND")
    refused(tenant.owner.post(CHANNELS, json={"name": "A", "type": "web", "tenantId": other.id}), 404,
            "TENANT_NOT_FOUND")
    assert page(tenant.owner.get(BINDINGS, params={"channelId": theirs["id"]}))[1]["total"] == 0
    assert good(other.owner.get(f"{CHANNELS}/{theirs['id']}"))["name"] == "Accueil"
    assert page(tenant.owner.get(f"{CHANNELS}/tenant/{tenant.id}"))[1]["total"] >= 1
    for path in (CHANNELS, BINDINGS, f"{CHANNELS}/{ours['id']}"):
        assert tenant.server.client().get(path).status_code == 401
