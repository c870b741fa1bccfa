"""Assistants: one default a tenant whoever makes it so, knowledge of the tenant's own only, and a handoff
that can be read."""

import concurrent.futures

import pytest
from sylion import UUID, admin, good, make_tenant, nobody, page, refused, same_as_absent

ASSISTANTS = "/api/v1/assistants"


@pytest.fixture(scope="module")
def tenant(server, admin):
    return make_tenant(server, admin, plan="enterprise")


@pytest.fixture(scope="module")
def other(server, admin):
    return make_tenant(server, admin, plan="enterprise")


def make(client, **members):
    return good(client.post(ASSISTANTS, json={"name": "Ada"} | members), 201)


def base(client):
    return good(client.post("/api/v1/knowledge-bases", json={"name": "Règles"}), 201)["id"]


def defaults(client):
    return [a["id"] for a in page(client.get(ASSISTANTS, params={"limit": 100}))[0] if a["isDefault"]]


def test_a_name_is_enough(tenant):
    answer = tenant.owner.post(ASSISTANTS, json={"name": " Ada "})
    made = good(answer, 201)
    assert answer.headers["Location"] == f"{ASSISTANTS}/{made['id']}" and UUID.match(made["id"])
    assert {name: made[name] for name in ("name", "isDefault", "isActive", "model", "temperature", "maxTokens",
                                          "enableRag", "ragThreshold", "ragMaxResults", "knowledgeBaseIds", "handoff",
                                          "tenantId")} == {
        "name": "Ada", "isDefault": False, "isActive": True, "model": None, "temperature": None, "maxTokens": 1024,
        "enableRag": True, "ragThreshold": 0.7, "ragMaxResults": 5, "knowledgeBaseIds": [], "handoff": {},
        "tenantId": tenant.id}


def test_what_is_given_is_what_is_there_and_what_is_not_stays(tenant):
    known = base(tenant.owner)
    handoff = {"enabled": True, "phrases": ["un conseiller"], "onUnsupported": "handoff", "onMedia": "say",
               "onFailure": "none", "messages": {"unsupported": "Je ne sais pas.", "greeting": {"fr": "Bonjour", "ar": "مرحبا"}}}
    made = make(tenant.owner, description="Répond", provider="openai", model="gpt", systemPrompt="Sois bref.",
                temperature=1.5, maxTokens=8192, enableRag=False, ragThreshold=0, ragMaxResults=20,
                knowledgeBaseIds=[known.upper()], handoff=handoff)
    assert made["knowledgeBaseIds"] == [known] and made["handoff"] == handoff and made["temperature"] == 1.5
    path = f"{ASSISTANTS}/{made['id']}"
    assert good(tenant.owner.get(path)) == made
    changed = good(tenant.owner.put(path, json={"model": None, "temperature": 0, "knowledgeBaseIds": []}))
    assert changed["model"] is None and changed["temperature"] == 0 and changed["knowledgeBaseIds"] == []
    assert changed["handoff"] == handoff and changed["systemPrompt"] == "Sois bref." and changed["maxTokens"] == 8192
    assert good(tenant.owner.delete(path)) == {"id": made["id"], "deleted": True}
    refused(tenant.owner.get(path), 404, "ASSISTANT_NOT_FOUND")


@pytest.mark.parametrize("members, fields", [
    ({"name": " "}, ["name"]), ({"temperature": 2.1}, ["temperature"]), ({"temperature": -0.1}, ["temperature"]),
    ({"maxTokens": 0}, ["maxTokens"]), ({"maxTokens": 8193}, ["maxTokens"]), ({"ragThreshold": 1.01}, ["ragThreshold"]),
    ({"ragMaxResults": 21}, ["ragMaxResults"]), ({"ragMaxResults": 0}, ["ragMaxResults"]),
    ({"provider": "skynet"}, ["provider"]), ({"knowledgeBaseIds": ["x"]}, ["knowledgeBaseIds[0]"]),
    ({"knowledgeBaseIds": "x"}, ["knowledgeBaseIds"]), ({"systemPrompt": "x" * 32001}, ["systemPrompt"]),
    ({"handoff": []}, ["handoff"]), ({"handoff": {"onUnsupported": "cry"}}, ["handoff.onUnsupported"]),
    ({"handoff": {"nonsense": 1, "enabled": "yes"}}, ["handoff.enabled", "handoff.nonsense"]),
    ({"handoff": {"phrases": [""]}}, ["handoff.phrases"]), ({"handoff": {"phrases": ["x"] * 51}}, ["handoff.phrases"]),
    ({"handoff": {"messages": {"unsupported": {"de": "Nein"}}}}, ["handoff.messages.unsupported"]),
    ({"handoff": {"messages": {"goodbye": "x"}}}, ["handoff.messages.goodbye"]),
    ({"name": None, "maxTokens": "many"}, ["name", "maxTokens"]),
])
def test_what_is_wrong_is_said_and_nothing_is_made(tenant, members, fields):
    total = page(tenant.owner.get(ASSISTANTS))[1]["total"]
    refused(tenant.owner.post(ASSISTANTS, json={"name": "A"} | members), 400, "VALIDATION_ERROR", *fields)
    assert page(tenant.owner.get(ASSISTANTS))[1]["total"] == total
    made = make(tenant.owner)
    refused(tenant.owner.put(f"{ASSISTANTS}/{made['id']}", json=members), 400, "VALIDATION_ERROR", *fields)
    assert good(tenant.owner.get(f"{ASSISTANTS}/{made['id']}")) == made
    good(tenant.owner.delete(f"{ASSISTANTS}/{made['id']}"))


def test_there_is_one_default_whoever_makes_it_so(server, admin):
    mine = make_tenant(server, admin, plan="enterprise")
    first, second = make(mine.owner, isDefault=True), make(mine.owner, isDefault=True)
    assert defaults(mine.owner) == [second["id"]]
    good(mine.owner.put(f"{ASSISTANTS}/{first['id']}", json={"isDefault": True}))
    assert defaults(mine.owner) == [first["id"]]
    many = [make(mine.owner)["id"] for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: mine.owner.put(f"{ASSISTANTS}/{i}", json={"isDefault": True}), many * 4))
        answers += list(pool.map(lambda i: mine.owner.post(ASSISTANTS, json={"name": "B", "isDefault": True}), range(6)))
    assert {a.status_code for a in answers} == {200, 201}, [a.text for a in answers if a.status_code > 201]
    last = defaults(mine.owner)
    assert len(last) == 1
    good(mine.owner.delete(f"{ASSISTANTS}/{last[0]}"))
    assert defaults(mine.owner) == []
    refused(mine.owner.put(f"{ASSISTANTS}/{nobody()}", json={"isDefault": True}), 404, "ASSISTANT_NOT_FOUND")


def test_knowledge_is_the_tenants_own(tenant, other):
    ours, theirs = base(tenant.owner), base(other.owner)
    for ids, fields in (([theirs], ["knowledgeBaseIds[0]"]), ([ours, nobody()], ["knowledgeBaseIds[1]"])):
        refused(tenant.owner.post(ASSISTANTS, json={"name": "A", "knowledgeBaseIds": ids}), 400, "VALIDATION_ERROR",
                *fields)
    made = make(tenant.owner, knowledgeBaseIds=[ours])
    refused(tenant.owner.put(f"{ASSISTANTS}/{made['id']}", json={"knowledgeBaseIds": [theirs]}), 400,
            "VALIDATION_ERROR", "knowledgeBaseIds[0]")
    assert good(tenant.owner.get(f"{ASSISTANTS}/{made['id']}"))["knowledgeBaseIds"] == [ours]


def test_the_plan_says_how_many(server, admin):
    mine = make_tenant(server, admin)
    mine.quotas(quotaAssistants=2)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda i: mine.owner.post(ASSISTANTS, json={"name": f"A{i}"}), range(6)))
    assert sorted(a.status_code for a in answers) == [201] * 2 + [429] * 4
    good(mine.owner.delete(f"{ASSISTANTS}/{next(a for a in answers if a.status_code == 201).json()['data']['id']}"))
    make(mine.owner)
    refused(mine.owner.post(ASSISTANTS, json={"name": "B"}), 429, "QUOTA_EXCEEDED")


def test_lists_have_pages_filters_and_a_search(server, admin):
    mine = make_tenant(server, admin, plan="enterprise")
    made = [make(mine.owner, name=f"Élève {i}")["id"] for i in range(3)]
    make(mine.owner, name="Zoé", description="commandes", isActive=False)
    data, paging = page(mine.owner.get(ASSISTANTS, params={"limit": 2, "page": 2}))
    assert [d["id"] for d in data] == [made[1], made[0]] and paging["total"] == 4 and paging["pages"] == 2
    for params, wanted in (({"isActive": "false"}, 1), ({"search": "commande"}, 1), ({"search": "nobody"}, 0)):
        assert page(mine.owner.get(ASSISTANTS, params=params))[1]["total"] == wanted, params
    assert page(mine.owner.get(f"{ASSISTANTS}/tenant/{mine.id}"))[1]["total"] == 4


def test_another_tenants_ids_are_nobodys(tenant, other):
    theirs, member = make(other.owner), tenant.make_member("member")
    for client in (tenant.owner, tenant.make_key(), tenant.as_admin()):
        same_as_absent(client, "GET", f"{ASSISTANTS}/{{id}}", theirs["id"])
        same_as_absent(client, "PUT", f"{ASSISTANTS}/{{id}}", theirs["id"], json={"name": "mine", "isDefault": True})
        same_as_absent(client, "DELETE", f"{ASSISTANTS}/{{id}}", theirs["id"])
    same_as_absent(tenant.owner, "GET", f"{ASSISTANTS}/tenant/{{id}}", other.id)
    refused(tenant.owner.post(ASSISTANTS, json={"name": "A", "tenantId": other.id}), 404, "TENANT_NOT_FOUND")
    refused(member.post(ASSISTANTS, json={"name": "A"}), 403, "FORBIDDEN")
    assert good(other.owner.get(f"{ASSISTANTS}/{theirs['id']}"))["name"] == "Ada"
    assert tenant.server.client().get(ASSISTANTS).status_code == 401
