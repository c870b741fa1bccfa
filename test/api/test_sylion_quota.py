"""Quotas: what plans give and tenants have of their own, what is used of it, by whom and when; many at
once; warnings at 80 and 100 %; the dashboard's figures."""

import concurrent.futures
import datetime
import json
import sys
import threading
import uuid
import zoneinfo

import pytest
from harness import DATABASE, ROOT, Server, database
from sylion import TIME, admin, good, make_tenant, refused

sys.path.insert(0, str(ROOT / "test/fake"))
from webhook import FakeWebhook  # noqa: E402

TENANTS, CHANNELS, ASSISTANTS = "/api/v1/tenants", "/api/v1/channels", "/api/v1/assistants"
PARIS = zoneinfo.ZoneInfo("Europe/Paris")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("quota"), SYLION_ALLOW_PRIVATE_SOURCES="on")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def tenant(server, admin):
    return make_tenant(server, admin, plan="pro")


@pytest.fixture(scope="module")
def lasting(server, admin):
    """For tests that leave nothing behind that others see."""
    return make_tenant(server, admin, plan="pro")


def assistant(client, status=201, **members):
    answer = client.post(ASSISTANTS, json={"name": f"A {uuid.uuid4().hex[:8]}"} | members)
    return good(answer, status) if status < 400 else answer


def usage(tenant):
    return good(tenant.owner.get(f"{TENANTS}/{tenant.id}"))["usage"]


def number_of(server, tenant):
    return int(database(server, f"SELECT n FROM tenants WHERE id = '{tenant.id}'"))


def moment(server, text):
    """A time as the database has it."""
    at = datetime.datetime.fromisoformat(text)
    return f"'{at.isoformat()}'" if server.database else str(int(at.timestamp() * 1000000))


def spend(server, tenant, kind, amount, at, cost="NULL"):
    """A line of usage at that time: no public door goes back in time."""
    database(server, "INSERT INTO usage_records (tenant_n, kind, key, amount, cost_micros, at) VALUES "
             f"({number_of(server, tenant)}, '{kind}', '{uuid.uuid4()}', {amount}, {cost}, {moment(server, at)})")


# -- limits ---------------------------------------------------------------------------------------


def test_quotas_of_ones_own_and_the_plans(admin, tenant):
    path = f"{TENANTS}/{tenant.id}/quotas"
    own = good(admin.patch(path, json={"quotaMessages": 7, "quotaStorageMb": 0, "quotaAiRequests": -1}))
    assert (own["quotaMessages"], own["quotaStorageMb"], own["quotaAiRequests"]) == (7, 0, -1)
    assert own["quotaTokens"] == 20000000, "the plan's"
    assert own["usage"]["aiRequests"] == {"used": 0, "limit": -1, "percentage": None}
    assert own["usage"]["storageMb"]["percentage"] == 100, "nothing is all of nothing"
    assert good(admin.patch(path, json={"quotaAiRequests": None}))["quotaAiRequests"] == 10000
    assert good(admin.put(f"{TENANTS}/{tenant.id}", json={"plan": "business"}))["quotaMessages"] == 7
    assert good(admin.patch(path, json={}))["quotaMessages"] == 7
    for bad, field in (({"quotaMessages": -2}, "quotaMessages"), ({"quotaMessages": 1.5}, "quotaMessages"),
                       ({"quotaMessages": "9"}, "quotaMessages"), ({"quotaTokens": 10 ** 13}, "quotaTokens"),
                       ({"messages": 1}, "messages")):
        refused(admin.patch(path, json=bad), 400, "VALIDATION_ERROR", field)


def test_what_is_made_counts_and_what_is_removed_does_not(tenant):
    tenant.quotas(quotaAssistants=2)
    made = [assistant(tenant.owner) for _ in range(2)]
    assert usage(tenant)["assistants"] == {"used": 2, "limit": 2, "percentage": 100}
    error = refused(assistant(tenant.owner, 429), 429, "QUOTA_EXCEEDED")
    assert "2" in error["message"]
    good(tenant.owner.delete(f"{ASSISTANTS}/{made[0]['id']}"))
    assert usage(tenant)["assistants"]["used"] == 1
    assistant(tenant.owner)
    tenant.quotas(quotaAssistants=1)  # less than there are: nothing is taken away, nothing more fits
    assert usage(tenant)["assistants"]["percentage"] == 200
    refused(assistant(tenant.owner, 429), 429, "QUOTA_EXCEEDED")


def test_stats_say_what_is_used_and_left(tenant):
    tenant.quotas(quotaAssistants=5, quotaMessages=-1)
    assistant(tenant.owner)
    stats = good(tenant.owner.get(f"{TENANTS}/{tenant.id}/stats"))
    assert stats["usage"]["assistants"] == 1 and stats["quotas"]["assistants"] == 5
    assert stats["remaining"]["assistants"] == 4
    assert stats["quotas"]["messages"] == stats["remaining"]["messages"] == -1
    now = datetime.datetime.now(PARIS)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begins = datetime.datetime.fromisoformat(stats["periodStart"])
    ends = datetime.datetime.fromisoformat(stats["periodEnd"])
    assert begins == first and ends.astimezone(PARIS).day == 1 and ends > now
    assert TIME.match(stats["periodStart"]) and stats["timeZone"] == "Europe/Paris"


@pytest.mark.parametrize("kind,quota,fits,over", [
    ("messages", {"quotaMessages": 10}, 10, 11), ("aiRequests", {"quotaAiRequests": 3}, 3, 4),
    ("storage", {"quotaStorageMb": 5}, 5, 6), ("storageMb", {"quotaStorageMb": 5}, 5, 6),
    ("tokens", {"quotaTokens": 0}, 0, 1), ("channels", {"quotaChannels": -1}, 10 ** 12, None),
])
def test_would_it_fit(lasting, kind, quota, fits, over):
    lasting.quotas(**quota)
    path = f"{TENANTS}/{lasting.id}/quota/check"
    asked = good(lasting.owner.get(path, params={"type": kind, "amount": fits}))
    assert asked == {"tenantId": lasting.id, "type": kind, "amount": fits, "canProceed": True}
    if over is not None:
        assert good(lasting.owner.get(path, params={"type": kind, "amount": over}))["canProceed"] is False
    assert good(lasting.owner.get(path, params={"type": kind}))["amount"] == 1


@pytest.mark.parametrize("params,fields", [
    ({}, ["type"]), ({"type": "gold"}, ["type"]), ({"type": "messages", "amount": -1}, ["amount"]),
    ({"type": "messages", "amount": "many"}, ["amount"]), ({"type": "x", "amount": "x"}, ["type", "amount"]),
    ({"type": "storage", "amount": 10 ** 15}, ["amount"]),
])
def test_a_bad_question(lasting, params, fields):
    refused(lasting.owner.get(f"{TENANTS}/{lasting.id}/quota/check", params=params), 400, "VALIDATION_ERROR",
            *fields)


def at_once(clients, count, call):
    """count calls, all begun together: their answers."""
    barrier = threading.Barrier(len(clients))

    def run(client):
        barrier.wait(30)
        return [call(client) for _ in range(count // len(clients))]

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        return [answer for answers in pool.map(run, clients) for answer in answers]


def test_many_at_once_get_what_there_is_and_no_more(server, tmp_path, tenant):
    """On two nodes, where the engine has several."""
    tenant.quotas(quotaAssistants=25)
    key = tenant.make_key().headers["Authorization"].split()[1]
    nodes = [server]
    if DATABASE == "postgres":
        nodes.append(Server(tmp_path / "second", database=server.database, redis=server.env["REDIS_URL"]).start())
    try:
        answers = at_once([nodes[i % len(nodes)].client(key) for i in range(10)], 60,
                          lambda client: client.post(ASSISTANTS, json={"name": "One of many"}).status_code)
    finally:
        for node in nodes[1:]:
            node.close()
    assert sorted(answers) == [201] * 25 + [429] * 35
    assert usage(tenant)["assistants"]["used"] == 25
    lines = database(server, "SELECT sum(amount) FROM usage_records WHERE kind = 'assistants' "
                     f"AND tenant_n = {number_of(server, tenant)}")
    assert int(lines) == 25


def test_one_tenants_use_is_not_anothers(server, admin, tenant):
    other = make_tenant(server, admin)
    tenant.quotas(quotaAssistants=1)
    assistant(tenant.owner)
    refused(assistant(tenant.owner, 429), 429, "QUOTA_EXCEEDED")
    assistant(other.owner)
    assert usage(other)["assistants"]["used"] == 1 and usage(tenant)["assistants"]["used"] == 1


# -- series ---------------------------------------------------------------------------------------


def series(client, tenant, **params):
    return good(client.get(f"{TENANTS}/{tenant.id}/usage", params=params))


def test_days_are_the_zones_and_change_with_its_clocks(server, tenant):
    """28 to 30 March 2026 in Paris: the 29th has 23 hours."""
    for at, amount in (("2026-03-28T22:59:59.999999+00:00", 1), ("2026-03-28T23:00:00+00:00", 10),
                       ("2026-03-29T21:59:59+00:00", 100), ("2026-03-29T22:00:00+00:00", 1000)):
        spend(server, tenant, "messages", amount, at, cost=amount * 2)
    given = dict(zip(("from", "to"), ("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z")))
    days = series(tenant.owner, tenant, group="day", **given)
    assert days["timeZone"] == "Europe/Paris" and days["group"] == "day"
    assert [p["start"] for p in days["points"]] == [
        "2026-03-27T23:00:00.000Z", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"]
    assert [p["messages"] for p in days["points"]] == [1, 110, 1000]
    assert [p["costMicros"] for p in days["points"]] == [2, 220, 2000]
    hours = series(tenant.owner, tenant, group="hour", **given)
    assert len(hours["points"]) == 24 + 23 + 24
    assert sum(p["messages"] for p in hours["points"]) == 1111


def test_months_end_where_the_zone_says(server, tenant):
    spend(server, tenant, "tokens", 5, "2026-03-31T21:59:59+00:00")
    spend(server, tenant, "tokens", 7, "2026-03-31T22:00:00+00:00")
    spend(server, tenant, "ai_requests", 1, "2026-04-30T21:59:59+00:00")
    given = {"from": "2026-02-28T23:00:00Z", "to": "2026-04-30T22:00:00Z", "group": "month"}
    points = series(tenant.owner, tenant, **given)["points"]
    assert [(p["start"], p["tokens"], p["aiRequests"]) for p in points] == [
        ("2026-02-28T23:00:00.000Z", 5, 0), ("2026-03-31T22:00:00.000Z", 7, 1)]
    good(tenant.owner.put(f"{TENANTS}/{tenant.id}", json={"timeZone": "Pacific/Auckland"}))
    points = series(tenant.owner, tenant, **given)["points"]
    assert sum(p["tokens"] for p in points) == 12 and len(points) == 3, "first and last are parts"


def test_what_is_used_now_is_in_the_series(tenant):
    made = assistant(tenant.owner)
    good(tenant.owner.delete(f"{ASSISTANTS}/{made['id']}"))
    assistant(tenant.owner)
    for group, count in (("day", 31), ("hour", 49), ("month", 12), (None, 31)):
        points = series(tenant.owner, tenant, **({"group": group} if group else {}))["points"]
        assert len(points) in (count, count + 1), (group, len(points))
        assert sum(p["assistants"] for p in points[-2:]) == 1, group  # an hour may have ended meanwhile


@pytest.mark.parametrize("params,field", [
    ({"group": "week"}, "group"), ({"from": "yesterday"}, "from"), ({"to": "x"}, "to"),
    ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
    ({"from": "2020-01-01T00:00:00Z", "group": "hour"}, "from"),
    ({"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T00:00:00Z", "group": "month"}, "from"),
])
def test_bad_ranges(lasting, params, field):
    refused(lasting.owner.get(f"{TENANTS}/{lasting.id}/usage", params=params), 400, "VALIDATION_ERROR", field)


# -- warnings -------------------------------------------------------------------------------------


class Follower:
    """What is told on a tenant's channel, by server-sent events."""

    def __init__(self, client, tenant):
        self.answer = client.get("/events", params={"channels": f"tenant:{tenant.id}"}, stream=True)
        assert self.answer.status_code == 200, self.answer.text
        self.lines = self.answer.iter_lines(chunk_size=1)

    def next(self, type):
        for line in self.lines:
            if line.startswith(b"data:"):
                event = json.loads(line[5:])
                if event["type"] == type:
                    return event
        raise AssertionError("the stream ended")

    def close(self):
        self.answer.close()


def test_a_quota_that_runs_out_is_told_at_80_and_at_100_percent(server, admin, tenant):
    with FakeWebhook("X-Sylion", "quota.warning") as receiver:
        receiver.secret = good(tenant.owner.put(f"{TENANTS}/{tenant.id}", json={"webhookUrl": receiver.url}))["webhookSecret"]
        tenant.quotas(quotaAssistants=5)
        follower = Follower(tenant.owner, tenant)
        for _ in range(4):
            last = assistant(tenant.owner)
        told = receiver.delivery()
        assert told["data"] | {"periodStart": 0, "periodEnd": 0} == {
            "tenantId": tenant.id, "type": "assistants", "level": 80, "used": 4, "limit": 5,
            "percentage": 80, "periodStart": 0, "periodEnd": 0}
        assert follower.next("quota.warning")["data"]["level"] == 80
        assistant(tenant.owner)
        assert receiver.delivery()["data"]["level"] == 100
        assert follower.next("quota.warning")["data"] == told["data"] | {"level": 100, "used": 5, "percentage": 100}
        refused(assistant(tenant.owner, 429), 429, "QUOTA_EXCEEDED")
        good(tenant.owner.delete(f"{ASSISTANTS}/{last['id']}"))  # four: still at 80 %
        assistant(tenant.owner)
        assert receiver.delivery()["data"]["level"] == 100, "not by the month: told anew after it was below"
        follower.close()
        assert receiver.faults == [] and len(receiver.requests) == 3


def jobs_of(admin, **filters):
    return admin.get("/api/jobs", params={"kind": "sylion.webhook", "limit": 200} | filters).json()["items"]


def test_a_webhook_that_fails_is_tried_again_and_one_that_refuses_is_not(server, admin, tenant):
    with FakeWebhook("X-Sylion", "quota.warning") as receiver:
        receiver.answers = [503]
        receiver.secret = good(tenant.owner.put(f"{TENANTS}/{tenant.id}", json={"webhookUrl": receiver.url}))["webhookSecret"]
        tenant.quotas(quotaAssistants=1)
        assistant(tenant.owner)
        assert receiver.delivery(60)["data"]["level"] == 100
        assert [status for _, status, _ in receiver.requests] == [503, 204]
        assert len({delivery for delivery, _, _ in receiver.requests}) == 1, "the same name at every try"
        known = {job["id"] for job in jobs_of(admin, state="dead")}
        for i, status in enumerate((400, 401, 403, 404, 422)):
            receiver.answers = [status]
            tenant.quotas(quotaAssistants=2 + i)
            assistant(tenant.owner)
            dead = server_waits(lambda: [j for j in jobs_of(admin, state="dead") if j["id"] not in known])
            known |= {job["id"] for job in dead}
            assert [(job["attempts"], str(status) in job["error"]) for job in dead] == [(1, True)]


def server_waits(question, seconds=20):
    import time
    until = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.05)


def test_only_who_belongs_to_a_tenant_hears_of_it(server, admin, lasting):
    other = make_tenant(server, admin)
    path = f"/events?channels=tenant:{lasting.id}"
    for who in (other.owner, other.make_key(), server.client(), lasting.make_key("posts:read")):
        assert who.get(path, stream=True).status_code in (401, 403)
    for who in (lasting.make_member(), lasting.make_key("sylion:read"), admin):
        answer = who.get(path, stream=True)
        assert answer.status_code == 200, answer.text
        answer.close()


# -- the dashboard --------------------------------------------------------------------------------


def test_an_empty_dashboard(tenant):
    board = good(tenant.owner.get("/api/v1/usage/dashboard"))
    assert board["tenantId"] == tenant.id and board["plan"] == "pro"
    for span in (board["today"], board["period"]):
        assert span["messagesIn"] == span["messagesOut"] == span["answers"]["turns"] == 0
        assert span["byChannel"] == span["byAssistant"] == span["failures"] == []
        assert span["latency"] == {"count": 0, "p50Ms": None, "p95Ms": None, "p99Ms": None, "maxMs": None}
    assert set(board["quotas"]) == {"messages", "aiRequests", "tokens", "storageMb", "channels", "assistants"}


def make_life(server, tenant, messages, turns):
    """Rows of a conversation now: [(direction, status, reason)], [(state, reason, ms, tokens, cost)]."""
    channel = good(tenant.owner.post(CHANNELS, json={"name": "Site", "type": "web"}), 201)
    helper = assistant(tenant.owner)
    n = number_of(server, tenant)
    now = datetime.datetime.now(datetime.timezone.utc)
    at = moment(server, now.isoformat())
    c = int(database(server, f"SELECT n FROM channels WHERE id = '{channel['id']}'"))
    a = int(database(server, f"SELECT n FROM assistants WHERE id = '{helper['id']}'"))
    person = database(server, "INSERT INTO contacts (id, tenant_n, channel_n, user_key, created_at, updated_at) VALUES "
                      f"('{uuid.uuid4()}', {n}, {c}, 'someone', {at}, {at}) RETURNING n")
    v = database(server, "INSERT INTO conversations (id, tenant_n, channel_n, contact_n, user_identifier, "
                 "last_message_at, recency, created_at, updated_at) VALUES "
                 f"('{uuid.uuid4()}', {n}, {c}, {person}, 'someone', {at}, {int(now.timestamp() // 60)}, {at}, {at}) "
                 "RETURNING n")
    for direction, status, reason in messages:
        author = "contact" if direction == "inbound" else "assistant"
        said = f"'{reason}'" if reason else "NULL"
        database(server, "INSERT INTO messages (id, tenant_n, channel_n, conversation_n, type, direction, author, "
                 f"status, reason, created_at, updated_at) VALUES ('{uuid.uuid4()}', {n}, {c}, {v}, 'text', "
                 f"'{direction}', '{author}', '{status}', {said}, {at}, {at})")
    for state, reason, ms, tokens, cost in turns:
        said = f"'{reason}'" if reason else "NULL"
        end = moment(server, (now + datetime.timedelta(milliseconds=ms)).isoformat())
        database(server, "INSERT INTO turns (id, tenant_n, conversation_n, assistant_n, state, step, reason, tokens_in, "
                 f"cost_micros, started_at, updated_at, finished_at) VALUES ('{uuid.uuid4()}', {n}, {v}, {a}, "
                 f"'{state}', 'settle', {said}, {tokens}, {cost}, {at}, {at}, {end})")
    return channel, helper


def test_the_dashboard_counts_ones_own(server, admin, tenant):
    other = make_tenant(server, admin)
    make_life(server, other, [("inbound", "processed", None)], [("answered", None, 9, 9, 9)])
    channel, helper = make_life(
        server, tenant,
        [("inbound", "processed", None)] * 3 + [("outbound", "sent", None), ("outbound", "failed", "131047")],
        [("answered", None, 100 * i, 10, 1000) for i in range(1, 101)]
        + [("failed", "the model is away", 1, 5, 0)] * 2 + [("over_quota", None, 1, 0, 0), ("handed_over", None, 1, 0, 0)])
    board = good(tenant.owner.get("/api/v1/usage/dashboard"))
    for span in (board["today"], board["period"]):
        assert (span["messagesIn"], span["messagesOut"]) == (3, 2)
        assert span["byChannel"] == [{"id": channel["id"], "name": "Site", "type": "web", "inbound": 3, "outbound": 2}]
        answers = {"turns": 104, "answered": 100, "handedOver": 1, "refused": 0, "failed": 2, "overQuota": 1,
                   "tokens": 1010, "costMicros": 100000}
        assert span["answers"] == answers
        assert span["byAssistant"] == [answers | {"id": helper["id"], "name": helper["name"]}]
        assert span["failures"] == [
            {"subject": "turn", "state": "failed", "reason": "the model is away", "count": 2},
            {"subject": "message", "state": "failed", "reason": "131047", "count": 1},
            {"subject": "turn", "state": "over_quota", "reason": "over_quota", "count": 1}]
        assert span["latency"] == {"count": 100, "p50Ms": 5000, "p95Ms": 9500, "p99Ms": 9900, "maxMs": 10000}
        assert span["conversations"] == {"active": 1, "paused": 0, "handoff": 0, "ended": 0}
    midnight = datetime.datetime.now(PARIS).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.datetime.fromisoformat(board["today"]["start"]) == midnight
    good(tenant.owner.delete(f"{CHANNELS}/{channel['id']}"))
    assert good(tenant.owner.get("/api/v1/usage/dashboard"))["today"]["byChannel"][0]["inbound"] == 3, "it stays counted"


# -- the command line -----------------------------------------------------------------------------


def test_the_command_does_what_the_api_does(server, lasting):
    slug = f"cli-{uuid.uuid4().hex[:8]}"
    said = server.cli("tenant", "create", "By the shell", "--slug", slug, "--owner", lasting.user["email"],
                      "--plan", "free", "--time-zone", "Asia/Tokyo").stdout.strip().split("\t")
    assert said[1:] == [slug, "free", "active", "By the shell"]
    assert f"{said[0]}\t{slug}\tfree\tactive\tBy the shell" in server.cli("tenant", "list").stdout.splitlines()
    shown = server.cli("tenant", "show", slug).stdout
    assert "Asia/Tokyo" in shown and "0 of 100" in shown
    shown = server.cli("tenant", "quota", said[0], "--messages", "7", "--tokens", "none").stdout
    assert "0 of 7" in shown and "no limit" in shown
    assert "0 of 100" in server.cli("tenant", "quota", slug, "--messages", "plan").stdout
    key = server.client(server.cli("tenant", "key", slug, "--scopes", "sylion:read").stdout.split("\t")[1].strip())
    assert good(key.get(f"{TENANTS}/{said[0]}"))["slug"] == slug
    server.cli("tenant", "deactivate", slug)
    assert good(key.get(f"{TENANTS}/{said[0]}"))["isActive"] is False
    server.cli("tenant", "activate", slug)
    assert good(key.get(f"{TENANTS}/{said[0]}"))["isActive"] is True


@pytest.mark.parametrize("words,code,said", [
    (("show", "nobody"), 1, "no tenant `nobody`"), (("show",), 2, "takes"), (("dance", "x"), 2, "takes"),
    (("create", "Name"), 2, "--slug and --owner"), (("list", "x"), 2, "takes"),
    (("create", "N", "--slug", "Bad Slug", "--owner", "x@example.org"), 1, "slug"),
    (("create", "Name", "--slug", "a-slug", "--owner", "nobody@example.org"), 1, "introuvable"),
])
def test_the_command_refuses(server, words, code, said):
    assert said in server.cli("tenant", *words, code=code).stderr


def test_the_command_refuses_bad_quotas(server, lasting):
    before = usage(lasting)
    for text in ("-1", "many", "1.5", "10000000000000"):
        server.cli("tenant", "quota", lasting.id, "--messages", text, code=2)
    assert usage(lasting) == before
