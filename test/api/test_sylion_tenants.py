"""Tenants: who may make, see, change and end them; how answers and errors look; that one tenant's ids
are nothing to another."""

import pathlib
import subprocess
import uuid

import pytest
from harness import ROOT, make_key, make_user, token
from sylion import TIME, UUID, admin, blurred, good, make_tenant, nobody, other, page, refused, same_as_absent

TENANTS = "/api/v1/tenants"


@pytest.fixture(scope="module")
def tenant(server, admin):
    return make_tenant(server, admin, name="École des Lilas")


def body(**members):
    slug = f"t-{uuid.uuid4().hex[:12]}"
    return {"name": f"Name {slug}", "slug": slug, "plan": "starter"} | members


def create(admin, **members):
    return good(admin.post(TENANTS, json=body(**members)), 201)


# -- making --------------------------------------------------------------------------------------


def test_what_is_given_is_what_is_there(admin):
    given = body(name="  Boutique Amélie ", plan="pro", contactEmail="a@example.org",
                 contactPhone="+33 1 23 45 67 89", billingAddress={"city": "Lyon"},
                 webhookUrl="https://example.org/hook", settings={"theme": {"dark": True}},
                 timeZone="America/Montreal")
    answer = admin.post(TENANTS, json=given)
    made = good(answer, 201)
    assert answer.headers["Location"] == f"{TENANTS}/{made['id']}"
    assert UUID.match(made["id"]) and TIME.match(made["createdAt"]) and TIME.match(made["updatedAt"])
    for name, value in (given | {"name": "Boutique Amélie"}).items():
        assert made[name] == value, name
    assert made["isActive"] is True
    assert made["quotaMessages"] == made["usage"]["messages"]["limit"] == 20000
    assert made["usage"]["messages"] == {"used": 0, "limit": 20000, "percentage": 0}
    assert made.pop("webhookSecret").startswith("whsec_")
    read = good(admin.get(f"{TENANTS}/{made['id']}"))
    assert read == made, "read later, without the secret"
    assert good(admin.get(f"{TENANTS}/slug/{given['slug']}")) == made
    assert not {"n", "webhookSealed", "deletedAt"} & set(read)


def test_starter_is_the_usual_plan_and_paris_the_usual_zone(admin):
    given = body()
    del given["plan"]
    made = good(admin.post(TENANTS, json=given), 201)
    assert (made["plan"], made["timeZone"], made["settings"]) == ("starter", "Europe/Paris", {})


@pytest.mark.parametrize("plan", ["starter", "pro", "business", "free", "enterprise"])
def test_every_plan(admin, plan):
    made = create(admin, plan=plan)
    quotas = {p["id"]: p["quotas"] for p in good(admin.get("/api/v1/plans"))}[plan]
    assert (made["quotaMessages"], made["quotaStorageMb"]) == (quotas["messages"], quotas["storageMb"])
    assert (made["usage"]["messages"]["percentage"] is None) == (quotas["messages"] == -1)


@pytest.mark.parametrize("bad,field", [
    ({"name": "x"}, "name"), ({"name": "n" * 256}, "name"), ({"name": " a "}, "name"),
    ({"name": None}, "name"), ({"name": 7}, "name"),
    ({"slug": "a"}, "slug"), ({"slug": "s" * 101}, "slug"), ({"slug": "Upper"}, "slug"),
    ({"slug": "a_b"}, "slug"), ({"slug": "é-cole"}, "slug"), ({"slug": "a b"}, "slug"),
    ({"plan": "gold"}, "plan"), ({"contactEmail": "nobody"}, "contactEmail"),
    ({"contactPhone": "call me"}, "contactPhone"), ({"contactPhone": "12"}, "contactPhone"),
    ({"contactPhone": "1234567890123456"}, "contactPhone"),
    ({"webhookUrl": "ftp://example.org/"}, "webhookUrl"), ({"webhookUrl": "no"}, "webhookUrl"),
    ({"timeZone": "Mars/Olympus"}, "timeZone"), ({"timeZone": "../../etc/passwd"}, "timeZone"),
    ({"billingAddress": [1]}, "billingAddress"), ({"billingAddress": "Lyon"}, "billingAddress"),
    ({"settings": 5}, "settings"), ({"settings": None}, "settings"),
    ({"settings": {"x": "y" * 40000}}, "settings"),
    ({"ownerEmail": "nobody@example.org"}, "ownerEmail"), ({"nonsense": 1}, "nonsense"),
])
def test_a_bad_field_is_named(admin, bad, field):
    refused(admin.post(TENANTS, json=body(**bad)), 400, "VALIDATION_ERROR", field)


def test_all_bad_fields_are_named_at_once(admin):
    refused(admin.post(TENANTS, json={"slug": "Bad Slug", "plan": "gold", "timeZone": "Mars", "x": 1,
                                      "settings": [], "contactPhone": "x"}), 400, "VALIDATION_ERROR",
            "name", "slug", "plan", "timeZone", "x", "settings", "contactPhone")


def test_what_is_no_json_or_no_object(admin):
    for text in ("{", "", "[]", "null", '{"name":"a","name":"b"}', "\xff"):
        answer = admin.post(TENANTS, data=text.encode("latin-1"),
                            headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, (text, answer.text)
        assert answer.json()["error"]["code"] in ("BAD_REQUEST", "VALIDATION_ERROR"), answer.text
    refused(admin.post(TENANTS, data="a=b", headers={"Content-Type": "text/plain"}), 415,
            "UNSUPPORTED_MEDIA_TYPE")


def test_a_slug_is_taken_once(admin, tenant):
    refused(admin.post(TENANTS, json=body(slug=tenant.data["slug"])), 400, "TENANT_SLUG_EXISTS")
    mine = create(admin)
    refused(admin.put(f"{TENANTS}/{mine['id']}", json={"slug": tenant.data["slug"]}), 400,
            "TENANT_SLUG_EXISTS")
    assert good(admin.get(f"{TENANTS}/{mine['id']}"))["slug"] == mine["slug"]


def test_the_same_idempotency_key_makes_one(admin):
    given, key = body(webhookUrl="https://example.org/"), {"Idempotency-Key": uuid.uuid4().hex}
    first = good(admin.post(TENANTS, json=given, headers=key), 201)
    again = good(admin.post(TENANTS, json=given, headers=key), 201)
    assert first == again and first["webhookSecret"]
    assert page(admin.get(TENANTS, params={"search": given["slug"]}))[1]["total"] == 1


def test_the_owner_is_whom_the_admin_names(server, admin, tenant):
    assert good(tenant.owner.get(f"{TENANTS}/{tenant.id}"))["name"] == "École des Lilas"
    role = tenant.owner.get(f"/api/v1/organisations/{tenant.organisation}").json()["role"]
    assert role == "owner"


# -- who may -------------------------------------------------------------------------------------


def test_nobody_is_told_to_sign_in(client, tenant):
    for method, path in (("GET", TENANTS), ("POST", TENANTS), ("GET", f"{TENANTS}/{tenant.id}")):
        refused(client.request(method, path, json={} if method == "POST" else None), 401, "UNAUTHORIZED")
    refused(client.get(TENANTS, headers={"Authorization": "Bearer nonsense"}), 401, "UNAUTHORIZED")


def test_only_the_platform_makes_ends_and_limits_tenants(server, tenant):
    stranger = server.client(token(server))
    for who in (tenant.owner, tenant.make_key(), stranger):
        refused(who.post(TENANTS, json=body()), 403, "FORBIDDEN")
    for who in (tenant.owner, tenant.make_key()):
        refused(who.delete(f"{TENANTS}/{tenant.id}"), 403, "FORBIDDEN")
        refused(who.patch(f"{TENANTS}/{tenant.id}/quotas", json={"quotaMessages": -1}), 403, "FORBIDDEN")
        refused(who.patch(f"{TENANTS}/{tenant.id}/status", json={"isActive": False}), 403, "FORBIDDEN")
        refused(who.put(f"{TENANTS}/{tenant.id}", json={"plan": "enterprise"}), 403, "FORBIDDEN")
    assert good(tenant.owner.get(f"{TENANTS}/{tenant.id}"))["plan"] == "business"


def test_members_read_and_their_admins_change(tenant):
    member, boss = tenant.make_member("member"), tenant.make_member("admin")
    assert good(member.get(f"{TENANTS}/{tenant.id}"))["id"] == tenant.id
    refused(member.put(f"{TENANTS}/{tenant.id}", json={"name": "Mine"}), 403, "FORBIDDEN")
    assert good(boss.put(f"{TENANTS}/{tenant.id}", json={"contactEmail": "b@example.org"}))["contactEmail"] == "b@example.org"


def test_keys_do_what_their_scopes_say(server, tenant):
    reads, writes = tenant.make_key("sylion:read"), tenant.make_key("sylion:write")
    assert good(reads.get(f"{TENANTS}/{tenant.id}"))["id"] == tenant.id
    refused(reads.put(f"{TENANTS}/{tenant.id}", json={}), 403, "FORBIDDEN")
    refused(writes.get(f"{TENANTS}/{tenant.id}"), 403, "FORBIDDEN")
    assert good(writes.put(f"{TENANTS}/{tenant.id}", json={}))["id"] == tenant.id


def test_an_admins_key_of_an_organisation_is_no_platform_admin(server, admin, tenant):
    """Its admin made it, but it acts within one tenant."""
    key = tenant.make_key("*")
    refused(key.get("/api/v1/admin/system/info"), 403, "FORBIDDEN")
    personal = server.client(make_key(server, make_user(server, "admin")["email"]))
    assert good(personal.get(f"{TENANTS}/{tenant.id}"))["id"] == tenant.id


@pytest.mark.parametrize("method,path,given", [
    ("GET", f"{TENANTS}/{{id}}", None),
    ("PUT", f"{TENANTS}/{{id}}", {"name": "Stolen"}),
    ("DELETE", f"{TENANTS}/{{id}}", None),
    ("PATCH", f"{TENANTS}/{{id}}/quotas", {"quotaMessages": 1}),
    ("PATCH", f"{TENANTS}/{{id}}/status", {"isActive": False}),
    ("GET", f"{TENANTS}/{{id}}/stats", None),
    ("GET", f"{TENANTS}/{{id}}/quota/check?type=messages", None),
    ("GET", f"{TENANTS}/{{id}}/usage", None),
    ("GET", f"{TENANTS}/{{id}}?tenantId={{id}}", None),
    ("GET", "/api/v1/usage/dashboard?tenantId={id}", None),
])
def test_a_foreign_tenant_is_an_absent_one(server, tenant, other, method, path, given):
    for who in (tenant.owner, tenant.make_key(), server.client(token(server))):
        answer = same_as_absent(who, method, path, other.id, json=given)
        refused(answer, 404, "TENANT_NOT_FOUND")
    assert good(other.owner.get(f"{TENANTS}/{other.id}"))["name"] == other.data["name"]


def test_a_foreign_slug_is_an_absent_one(tenant, other):
    for suffix in ("", f"?tenantId={tenant.id}", f"?tenantId={other.id}", f"?tenantId={nobody()}"):
        foreign = tenant.owner.get(f"{TENANTS}/slug/{other.data['slug']}{suffix}")
        absent = tenant.owner.get(f"{TENANTS}/slug/nobody-has-this{suffix}")
        one, two = blurred(foreign), blurred(absent)
        assert one[0] == two[0] and one[0] in (400, 404)
        assert one[1].replace(other.data["slug"], "nobody-has-this") == two[1]


def test_an_admin_is_told_what_is_absent(admin):
    for wrong in (nobody(), "not-a-uuid", "1", "%00", "..%2f", "a" * 300):
        answer = admin.get(f"{TENANTS}/{wrong}")
        assert answer.status_code in (400, 404), (wrong, answer.text)
    refused(admin.get(f"{TENANTS}/{nobody()}"), 404, "TENANT_NOT_FOUND")


# -- which tenant --------------------------------------------------------------------------------


def test_all_that_name_a_tenant_must_agree(admin, tenant, other):
    for params, headers in (({"tenantId": other.id}, {}), ({}, {"X-Tenant-ID": other.id}),
                            ({"tenantId": tenant.id}, {"X-Tenant-ID": other.id})):
        for who in (admin, tenant.owner):
            refused(who.get(f"{TENANTS}/{tenant.id}", params=params, headers=headers), 400, "BAD_REQUEST")
    same = admin.get(f"{TENANTS}/{tenant.id.upper()}", params={"tenantId": tenant.id},
                     headers={"X-Tenant-ID": tenant.id})
    assert good(same)["id"] == tenant.id


def test_an_admin_names_the_tenant_and_a_member_of_one_need_not(server, admin, tenant):
    refused(admin.get("/api/v1/usage/dashboard"), 400, "BAD_REQUEST")
    assert good(tenant.as_admin().get("/api/v1/usage/dashboard"))["tenantId"] == tenant.id
    for who in (tenant.owner, tenant.make_key()):
        assert good(who.get("/api/v1/usage/dashboard"))["tenantId"] == tenant.id
    refused(server.client(token(server)).get("/api/v1/usage/dashboard"), 403, "FORBIDDEN")


def test_a_member_of_several_says_which(server, admin, tenant, other):
    user = make_user(server)
    both = tenant.make_member(user=user)
    other.make_member(user=user)
    refused(both.get("/api/v1/usage/dashboard"), 400, "BAD_REQUEST")
    for one in (tenant, other):
        assert good(both.get("/api/v1/usage/dashboard", params={"tenantId": one.id}))["tenantId"] == one.id
    assert page(both.get(TENANTS))[1]["total"] == 2
    key = tenant.make_key()
    same_as_absent(key, "GET", "/api/v1/usage/dashboard?tenantId={id}", other.id)


# -- lists ----------------------------------------------------------------------------------------


def test_lists_are_paged_searched_filtered_and_sorted(admin):
    mark = uuid.uuid4().hex[:10]
    made = [create(admin, slug=f"{mark}-{i}", name=f"Ze {mark} {'cba'[i % 3]}{i}",
                   plan="pro" if i % 2 else "free") for i in range(5)]
    good(admin.patch(f"{TENANTS}/{made[3]['id']}/status", json={"isActive": False}))

    def slugs(**params):
        data, pagination = page(admin.get(TENANTS, params={"search": mark.upper()} | params))
        return [t["slug"][-1] for t in data], pagination

    assert slugs(limit=2) == (["4", "3"], {"page": 1, "limit": 2, "total": 5, "pages": 3})
    assert slugs(limit=2, page=3) == (["0"], {"page": 3, "limit": 2, "total": 5, "pages": 3})
    assert slugs(limit=2, page=9)[0] == []
    assert slugs(sortBy="name", sortOrder="asc")[0] == ["2", "1", "4", "0", "3"]
    assert slugs(sortBy="slug", sortOrder="asc")[0] == ["0", "1", "2", "3", "4"]
    assert slugs(plan="pro", sortOrder="asc")[0] == ["1", "3"]
    assert slugs(isActive="false")[0] == ["3"]
    assert slugs(isActive="true", plan="pro")[0] == ["1"]
    assert slugs(search=f"{mark}%")[0] == [] and slugs(search=f"{mark}_0")[0] == []
    for name in ("plan", "isActive", "createdAt", "updatedAt"):
        assert len(slugs(sortBy=name)[0]) == 5
    data, _ = page(admin.get(TENANTS, params={"search": mark}))
    assert all(t["usage"]["aiRequests"]["percentage"] == 0 for t in data)


@pytest.mark.parametrize("params,field", [
    ({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"limit": "x"}, "limit"), ({"page": 0}, "page"),
    ({"page": 1000001}, "page"), ({"sortBy": "n"}, "sortBy"), ({"sortBy": "name; DROP TABLE"}, "sortBy"),
    ({"sortOrder": "up"}, "sortOrder"), ({"plan": "gold"}, "plan"), ({"isActive": "maybe"}, "isActive"),
    ({"search": "x" * 101}, "search"),
])
def test_bad_list_parameters(admin, params, field):
    refused(admin.get(TENANTS, params=params), 400, "VALIDATION_ERROR", field)


def test_people_and_keys_list_their_own(server, tenant):
    for who in (tenant.owner, tenant.make_key()):
        data, pagination = page(who.get(TENANTS))
        assert [t["id"] for t in data] == [tenant.id] and pagination["total"] == 1
    assert page(server.client(token(server)).get(TENANTS))[0] == []


# -- changing ------------------------------------------------------------------------------------


def test_a_change_changes_what_is_given(admin):
    made = create(admin, contactEmail="a@example.org", settings={"a": 1})
    changed = good(admin.put(f"{TENANTS}/{made['id']}", json={"name": "New name", "contactEmail": None,
                                                             "settings": {}, "plan": "pro"}))
    assert (changed["name"], changed["contactEmail"], changed["settings"]) == ("New name", None, {})
    assert changed["slug"] == made["slug"] and changed["quotaMessages"] == 20000
    assert changed["updatedAt"] >= made["updatedAt"] and changed["createdAt"] == made["createdAt"]
    assert good(admin.get(f"{TENANTS}/{made['id']}")) == changed
    for bad, field in (({"name": ""}, "name"), ({"slug": "A"}, "slug"), ({"plan": "gold"}, "plan"),
                       ({"quotaMessages": 5}, "quotaMessages"), ({"isActive": False}, "isActive"),
                       ({"timeZone": "Nowhere"}, "timeZone")):
        answer = admin.put(f"{TENANTS}/{made['id']}", json=bad)
        error = refused(answer, 400, "VALIDATION_ERROR")
        assert field in [e["field"] for e in error["details"]["validationErrors"]]
    assert good(admin.get(f"{TENANTS}/{made['id']}")) == changed


def test_a_webhooks_secret_is_told_once_and_goes_with_the_address(admin):
    made = create(admin)
    assert "webhookSecret" not in made
    path = f"{TENANTS}/{made['id']}"
    secret = good(admin.put(path, json={"webhookUrl": "https://a.example.org/"}))["webhookSecret"]
    assert "webhookSecret" not in good(admin.put(path, json={"webhookUrl": "https://b.example.org/"}))
    assert "webhookSecret" not in good(admin.put(path, json={"webhookUrl": None}))
    anew = good(admin.put(path, json={"webhookUrl": "https://a.example.org/"}))["webhookSecret"]
    assert anew != secret
    assert secret not in admin.get(TENANTS, params={"search": made["slug"]}).text


def test_an_inactive_tenant_is_read_not_changed(server, admin):
    tenant = make_tenant(server, admin)
    key = tenant.make_key()
    off = good(admin.patch(f"{TENANTS}/{tenant.id}/status", json={"isActive": False}))
    assert off["isActive"] is False
    for who in (tenant.owner, key):
        assert good(who.get(f"{TENANTS}/{tenant.id}"))["isActive"] is False
        assert good(who.get("/api/v1/usage/dashboard"))["tenantId"] == tenant.id
        refused(who.put(f"{TENANTS}/{tenant.id}", json={"name": "New"}), 403, "TENANT_INACTIVE")
    assert good(admin.put(f"{TENANTS}/{tenant.id}", json={"name": "By the platform"}))
    assert good(admin.patch(f"{TENANTS}/{tenant.id}/status", json={"isActive": True}))["isActive"]
    assert good(tenant.owner.put(f"{TENANTS}/{tenant.id}", json={"name": "Back"}))["name"] == "Back"
    for bad in ({}, {"isActive": None}, {"isActive": "no"}, {"isActive": 0}):
        refused(admin.patch(f"{TENANTS}/{tenant.id}/status", json=bad), 400, "VALIDATION_ERROR", "isActive")


def test_a_deleted_tenant_is_gone_for_everybody(server, admin):
    tenant = make_tenant(server, admin)
    key = tenant.make_key()
    gone = admin.delete(f"{TENANTS}/{tenant.id}")
    assert good(gone) == {"id": tenant.id, "deleted": True}
    refused(admin.delete(f"{TENANTS}/{tenant.id}"), 404, "TENANT_NOT_FOUND")
    refused(key.get(TENANTS), 401, "UNAUTHORIZED")
    refused(key.get(f"{TENANTS}/{tenant.id}"), 401, "UNAUTHORIZED")
    for who in (admin, tenant.owner):
        for path in (f"{TENANTS}/{tenant.id}", f"{TENANTS}/slug/{tenant.data['slug']}",
                     f"{TENANTS}/{tenant.id}/stats", f"/api/v1/usage/dashboard?tenantId={tenant.id}"):
            refused(who.get(path), 404, "TENANT_NOT_FOUND")
    assert page(admin.get(TENANTS, params={"search": tenant.data["slug"]}))[1]["total"] == 0
    assert create(admin, slug=tenant.data["slug"])["id"] != tenant.id
    # A new key of the same organisation acts in no tenant.
    refused(tenant.make_key().get(f"{TENANTS}/{tenant.id}"), 404, "TENANT_NOT_FOUND")


def test_a_tenant_outlives_its_owner_and_its_organisation(server, admin):
    """It stays with the platform."""
    erased, dissolved = make_tenant(server, admin), make_tenant(server, admin)
    server.cli("user", "delete", erased.user["email"])
    assert dissolved.owner.delete(f"/api/v1/organisations/{dissolved.organisation}").status_code == 204
    for tenant in (erased, dissolved):
        left = good(admin.get(f"{TENANTS}/{tenant.id}"))
        assert left["organisationId"] is None and left["isActive"] is True
        assert good(admin.delete(f"{TENANTS}/{tenant.id}"))["deleted"]
    refused(dissolved.owner.get(f"{TENANTS}/{dissolved.id}"), 404, "TENANT_NOT_FOUND")


# -- the rest -------------------------------------------------------------------------------------


def test_plans_are_for_everybody(client):
    plans = good(client.get("/api/v1/plans"))
    assert [p["id"] for p in plans] == ["free", "starter", "pro", "business", "enterprise"]
    for plan in plans:
        assert set(plan["quotas"]) == {"messages", "aiRequests", "tokens", "storageMb", "channels", "assistants"}
        assert plan["currency"] == "EUR" and plan["interval"] == "month"
    prices = [p["priceCents"] for p in plans]
    assert prices[:4] == sorted(prices[:4]) and prices[4] is None


def test_the_platform_sees_queues_and_system(admin, tenant):
    queues = good(admin.get("/api/v1/admin/queues/stats"))
    assert all({"name", "waiting", "active", "failed", "oldestWaitingMs"} <= set(q) for q in queues)
    info = good(admin.get("/api/v1/admin/system/info"))
    assert info["service"] == "socle" and info["figures"]["tenants"] >= 1 and info["uptimeS"] >= 0
    for path in ("/api/v1/admin/queues/stats", "/api/v1/admin/system/info"):
        refused(tenant.owner.get(path), 403, "FORBIDDEN")
        refused(tenant.make_key().get(path), 403, "FORBIDDEN")


def test_openapi_tells_the_errors_as_they_come(client):
    """A bad body is 400 here, not 422; a quota is 429, not 402."""
    paths = client.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            if operation.get("tags") == ["sylion"]:
                assert not {"422", "402"} & set(operation["responses"]), (method, path)
    assert "400" in paths["/api/v1/tenants"]["post"]["responses"]


def test_the_build_fails_for_statements_without_a_tenant(tmp_path):
    tool = ROOT / "tools/check_tenants"
    good_sql = """-- name: joined
SELECT m.* FROM messages m JOIN conversations v ON v.n = m.conversation_n WHERE m.tenant_n = $1;
-- name: derived
WITH x AS (SELECT n FROM turns WHERE tenant_n = $1) SELECT * FROM x JOIN messages m ON m.turn_n = x.n;
-- name: nested
UPDATE messages SET status = 'read' WHERE tenant_n = $1
  AND turn_n IN (SELECT t.n FROM turns t WHERE t.tenant_n = $1 AND (t.id = $2 OR t.n = $3));
"""
    bad = [
        "SELECT * FROM messages WHERE n = $1",
        "SELECT * FROM messages m LEFT JOIN channels k ON k.id = $2 WHERE m.tenant_n = $1",
        "SELECT * FROM messages m, channels k WHERE m.tenant_n = $1",
        "SELECT 1 FROM messages WHERE tenant_n = $1 AND turn_n IN (SELECT n FROM turns WHERE id = $2)",
        "SELECT n FROM messages WHERE tenant_n = $1 UNION ALL SELECT n FROM messages",
        "SELECT n FROM messages WHERE tenant_n = $1 OR n = $2",
        "SELECT n FROM messages WHERE NOT tenant_n = $1",
        "SELECT n FROM messages WHERE tenant_n = $2",
        "INSERT INTO channels (id, tenant_n) VALUES ($1, $2)",
        "INSERT INTO channels (id, name) VALUES ($1, $2)",
        "INSERT INTO channels (tenant_n, id) SELECT $2, id FROM channels WHERE tenant_n = $1",
        "DELETE FROM channel_bindings WHERE channel_n = $1",
        "UPDATE tenants SET name = $2 WHERE slug = $1",
        "SELECT m.n FROM json_each($2) j JOIN messages m ON m.id = j.value WHERE $1 = $1",
    ]

    def run(sql, code="", name="some.sql"):
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / name).write_text(sql)
        (tmp_path / "some.c").write_text(code)
        return subprocess.run([tool, tmp_path], capture_output=True, text=True, timeout=60)

    said = run(good_sql)
    assert said.returncode == 0, said.stderr
    for sql in bad:
        assert run(f"{good_sql}-- name: bad\n{sql};\n").returncode == 1, sql
    for code in ("f() { db_query(c, SQL(SQL_JOINED)); }", "f() { tenant_int(c, s, SQL(SQL_SYSTEM_X)); }",
                 "f() { system_one(c, SQL(SQL_JOINED)); }", '#define X "SELECT n FROM messages"',
                 "#define SQL_MINE SQL(SQL_SYSTEM_X)"):
        assert run(good_sql, code).returncode == 1, code
    assert run(good_sql, "/* db_query( */ f() { db_transaction(c, f, a); tenant_int(c, s, SQL(SQL_X)); }").returncode == 0
    assert run("-- name: system_x\nSELECT n FROM messages;\n", name="system.sql").returncode == 0
    assert run("-- name: system_x\nSELECT 1;\n").returncode == 1, "the name says where it stands"
    assert run("").returncode == 1, "nothing checked is no success"
    assert subprocess.run([tool], timeout=60).returncode == 0, "what is built"
    assert pathlib.Path(tool).stat().st_mode & 0o100
