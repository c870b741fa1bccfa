"""What test_sylion_nodes.py and bench/sylion_storm share: lines whose assistant answers whatever it is
told, a storm of messages over one or more nodes, and the sums that must hold when it is over.

    with World(folder) as world:                # nodes on one database, a WhatsApp, a model, a shop
        storm = Storm(world.nodes, [world.shop, world.make_shop()], world.wa, messages=1500, contacts=60)
        storm.run(kills=5)                      # until everything that was sent was taken
        figures = storm.check()                 # fails unless all sums agree

What a provider does is done here: a delivery counts as taken when it was answered 200 and is given
again until it is, each message comes one to three times, in batches of several tenants, and statuses
of what we sent come in any order, some before the sender knows the message's id."""

import asyncio
import collections
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

from harness import DATABASE, PATIENCE, Server, postgres_drop, postgres_make, redis_make, token
from sylion import good, make_tenant

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402
from whatsapp import FakeWhatsapp, sign, status, text, value, wrap  # noqa: E402

SECRET = "the app's secret, which signs"
DOOR = "/api/v1/whatsapp/webhook"
people = itertools.count(33_620_000_001)
lines = itertools.count(33_150_000_001)
number_ids = itertools.count(700_100_001)


def settings(wa, models=None, **more):
    """Of a node; without `models` the provider that needs none."""
    asked = {"AI_CHAT_PROVIDER": "openai"} | models.env() if models else {}
    return {"META_APP_SECRET": SECRET, "WHATSAPP_CLOUD_URL": wa.cloud_url, "WHATSAPP_API_URL": wa.url,
            "SYLION_ALLOW_PRIVATE_SOURCES": "true", "JOB_LEASE_SECONDS": 2 * PATIENCE} | asked | more


def wait(found, what, timeout=30):
    """Until found() gives something true; that. For what the database alone can tell."""
    until = time.monotonic() + timeout * PATIENCE
    while True:
        seen = found()
        if seen:
            return seen
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)


def rows(server, sql):
    """What the database's operator would see: a list of tuples of texts (None: null)."""
    if server.database:
        done = subprocess.run(["psql", "-XqAt", "-F", "\t", "-P", "null=\\N", "-v", "ON_ERROR_STOP=1", "-c", sql,
                               server.database], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [tuple(None if cell == "\\N" else cell for cell in line.split("\t"))
                for line in done.stdout.splitlines()]
    with sqlite3.connect(server.folder / "socle.db", timeout=20) as db:
        found = db.execute(sql).fetchall()
    db.close()
    return [tuple(None if cell is None else str(cell) for cell in row) for row in found]


def number(server, sql):
    return int(rows(server, sql)[0][0] or 0)


class Shop:
    """A tenant with a line at WhatsApp and an assistant who says what the model says."""

    def __init__(self, server, admin, wa, config=None, **assistant):
        self.server, self.wa = server, wa
        self.tenant = make_tenant(server, admin)
        self.owner = self.tenant.owner
        self.line, self.number_id = str(next(lines)), str(next(number_ids))
        wa.number_ids.add(self.number_id)
        self.channel = good(self.owner.post("/api/v1/channels", json={
            "name": "Line", "type": "whatsapp", "provider": "cloud", "whatsappPhoneNumber": f"+{self.line}",
            "phoneNumberId": self.number_id, "whatsappApiKey": wa.key,
            "config": {"debounceMs": 0} | (config or {})}), 201)
        self.assistant = good(self.owner.post("/api/v1/assistants", json={
            "name": "Ada", "isDefault": True, "enableRag": False} | assistant), 201)
        self.n = number(server, f"SELECT n FROM tenants WHERE id = '{self.tenant.id}'")

    def on(self, server):
        """The owner's client at that node, also after its restart."""
        self.owner.url = server.url
        return self.owner

    def value(self, messages=(), statuses=()):
        return value(messages, statuses, number_id=self.number_id, phone=self.line)

    def says(self, server, person, words):
        """One message, which the node has taken."""
        made = text(person, words)
        self.give(server, made)
        return made

    def give(self, server, *messages, statuses=()):
        answer = self.wa.deliver(server.url + DOOR, wrap(self.value(messages, statuses)))
        assert answer.status_code == 200, answer.text
        return answer

    def conversation(self, server, person):
        found = wait(lambda: good(self.on(server).get(f"/api/v1/conversations?search={person}")), "the conversation")
        return found[0]

    def turns(self, server, person):
        """Oldest first."""
        conversation = self.conversation(server, person)
        return good(self.on(server).get(f"/api/v1/conversations/{conversation['id']}/turns?limit=100"))[::-1]

    def ended(self, server, person, count=1):
        """All turns, when so many have ended and none is open; oldest first."""
        def found():
            turns = self.turns(server, person)
            return turns if len(turns) >= count and all(t["finishedAt"] for t in turns) else None
        return wait(found, f"{count} turns of {person}")

    def messages(self, server, person, **members):
        conversation = self.conversation(server, person)["id"]
        found = good(self.on(server).get(f"/api/v1/messages/conversation/{conversation}?limit=100"))
        return [m for m in found if all(m[k] == v for k, v in members.items())]

    def charged(self, server, person):
        """{kind: lines} of usage of a contact's turns; the ledger has the same lines, or this fails."""
        wanted = f"conversation_n IN (SELECT n FROM conversations WHERE user_identifier = '+{person}')"
        counts = {}
        for kind, key, amount in rows(server, f"SELECT kind, key, amount FROM usage_records WHERE {wanted}"):
            counts[kind] = counts.get(kind, 0) + 1
            owed = rows(server, f"SELECT amount FROM ledger_lines WHERE owner = 'tenant:{self.n}' "
                                f"AND unit = '{kind}' AND key = '{key}'")
            assert owed in ([(amount,)], []) and (owed or amount == "0"), (kind, key, amount, owed)
        return counts


class StormWhatsapp(FakeWhatsapp):
    """One that says at once, in any order, what became of what it took."""

    def __init__(self, **members):
        super().__init__(**members)
        self.on_taken = None

    def take(self, request, body, cloud):
        answer = super().take(request, body, cloud)
        if self.on_taken and b'"messages"' in answer[2]:
            told = json.loads(body)
            self.on_taken(json.loads(answer[2])["messages"][0]["id"], told["to"], request.path)
        return answer


class World:
    """Nodes on one database (one alone on SQLite), a WhatsApp, a model, a shop."""

    def __init__(self, folder, nodes=2, redis=None, **more):
        self.stack = contextlib.ExitStack()
        self.wa = self.stack.enter_context(StormWhatsapp())
        self.wa.app_secret = SECRET
        self.models = self.stack.enter_context(FakeModels())
        self.database = None
        shared = {}
        if DATABASE == "postgres":
            self.database = postgres_make()
            redis = redis if redis is not None else redis_make() if "SOCLE_TEST_REDIS" in os.environ else ""
            shared = {"database": self.database, "redis": redis}
        count = nodes if DATABASE == "postgres" else 1
        self.nodes = [Server(folder, **shared, **settings(self.wa, self.models, AI_TRIES=1, **more))
                      for _ in range(count)]
        self.one, self.two = self.nodes[0], self.nodes[-1]
        for node in self.nodes:
            node.errors = folder / f"node{self.nodes.index(node)}.log"

    def __enter__(self):
        for node in self.nodes:
            node.start()
        self.admin = self.one.client(token(self.one, "admin"))
        self.shop = self.make_shop()
        return self

    def make_shop(self, **config):
        self.admin.url = self.one.url
        return Shop(self.one, self.admin, self.wa, config=config)

    def __exit__(self, *_):
        try:
            for node in self.nodes:
                node.close()
        finally:
            self.stack.close()
            if self.database:
                postgres_drop(self.database)


class Storm:
    def __init__(self, nodes, shops, wa, messages, contacts, seed=20261121, senders=8, batch=8, told=1.0,
                 copies=(1, 1, 2, 3), words=lambda i: f"Question {i}?"):
        """told: share of what we send of which statuses come. copies: of which each message comes one number."""
        self.nodes, self.shops, self.wa = nodes, shops, wa
        self.random = random.Random(seed)
        self.senders, self.told = senders, told
        self.tenants = f"({', '.join(str(shop.n) for shop in shops)})"
        self.asked = {}  # wamid → contact
        self.shop_of = {}  # contact → shop
        self.read = set()  # wamids of ours of which statuses came
        self.queue = collections.deque(self.plan(messages, contacts, batch, copies, words))
        self.planned = len(self.queue)
        self.changed = threading.Condition()
        self.busy = self.taken = self.again = self.kills = self.statuses = 0
        self.over = threading.Event()
        self.broken = []

    def __str__(self):
        return (f"{self.left()} messages without a final state, {self.open_turns()} open turns, "
                f"{len(self.queue)} of {self.planned} deliveries")

    # -- what is to come ----------------------------------------------------------------------------

    def plan(self, messages, contacts, batch, copies, words):
        """Deliveries as bodies: each message once to three times, copies somewhere behind the first."""
        for i in range(contacts):
            self.shop_of[str(next(people))] = self.shops[i % len(self.shops)]
        those, places = list(self.shop_of), []
        for i in range(messages):
            made = text(self.random.choice(those), words(i))
            self.asked[made["id"]] = made["from"]
            for copy in range(self.random.choice(copies)):
                places.append((i + copy * self.random.random() * 60 * batch, made))
        places.sort(key=lambda place: place[0])
        at = 0
        while at < len(places):
            size = self.random.randint(1, batch)
            yield self.body([made for _, made in places[at:at + size]])
            at += size

    def body(self, messages):
        by_shop = {}
        for made in messages:
            by_shop.setdefault(self.shop_of[made["from"]].number_id, []).append(made)
        values = [value(those, number_id=n, phone=next(s.line for s in self.shops if s.number_id == n))
                  for n, those in by_shop.items()]
        return json.dumps(wrap(*values)).encode()

    def on_taken(self, wamid, to, path):
        if self.random.random() >= self.told or to not in self.shop_of:
            return
        shop = self.shop_of[to]
        said = [status(wamid, word, to) for word in ("sent", "delivered", "read")]
        self.random.shuffle(said)
        with self.changed:
            self.read.add(wamid)
            for one in said + said[:1]:
                self.queue.appendleft(json.dumps(wrap(shop.value(statuses=[one]))).encode())
                self.statuses += 1
            self.changed.notify_all()

    # -- giving it ----------------------------------------------------------------------------------

    def next_body(self):
        with self.changed:
            while not self.queue and not self.over.is_set():
                self.changed.wait(1)
            if not self.queue:
                return None
            self.busy += 1
            return self.queue.popleft()

    def done(self, body, taken):
        with self.changed:
            self.busy -= 1
            self.taken += taken
            self.again += not taken
            if not taken:
                self.queue.append(body)
            self.changed.notify_all()

    def give(self, seed):
        """Of one sender: bodies to any node, over a connection that is kept."""
        choice, kept = random.Random(seed), {}
        while (body := self.next_body()) is not None:
            node = choice.choice(self.nodes)
            try:
                answer = self.post(kept, node, body)
            except (OSError, http.client.HTTPException):
                kept.pop(node, None)
                answer = None
            self.done(body, answer == 200)
            if answer is None:
                self.over.wait(0.02)  # nobody is there: do not spin
            elif answer not in (200, 503):
                self.broken.append(f"{answer}: {body[:300]}")

    def post(self, kept, node, body):
        address = urllib.parse.urlsplit(node.url).netloc
        if node not in kept or kept[node][0] != address:
            kept[node] = (address, http.client.HTTPConnection(address, timeout=30 * PATIENCE))
        line = kept[node][1]
        line.request("POST", DOOR, body, {"Content-Type": "application/json", "X-Hub-Signature-256": sign(SECRET, body)})
        answer = line.getresponse()
        answer.read()
        return answer.status

    def kill(self, kills, share):
        """Kill nodes, evenly over the deliveries of the storm."""
        for i in range(kills):
            due = self.planned * share * (i + self.random.random()) / kills
            with self.changed:
                while self.taken < due and not self.over.is_set():
                    self.changed.wait(1)
            node = self.random.choice(self.nodes)
            node.kill()
            self.kills += 1
            node.start()

    def run(self, kills=0, share=1.0, timeout=60):
        """Until all was taken and nothing is left to do. The time that it took, in seconds."""
        began = time.monotonic()
        self.wa.on_taken = self.on_taken
        threads = [threading.Thread(target=self.give, args=(i,), daemon=True) for i in range(self.senders)]
        killer = threading.Thread(target=self.kill, args=(kills, share), daemon=True)
        for thread in threads + [killer]:
            thread.start()
        killer.join(timeout * PATIENCE)
        assert not killer.is_alive(), self
        wait(self.is_quiet, self, timeout)
        took = time.monotonic() - began
        self.over.set()
        with self.changed:
            self.changed.notify_all()
        for thread in threads:
            thread.join(60)
        self.wa.on_taken = None
        assert not self.broken, self.broken[:3]
        return took

    def left(self):
        """Messages without a final state."""
        return number(self.nodes[0], "SELECT count(*) FROM messages WHERE status IN ('pending', 'sending') "
                                     f"AND tenant_n IN {self.tenants}")

    def is_quiet(self):
        def idle():
            with self.changed:
                return not self.queue and not self.busy
        return idle() and not self.left() and not self.open_turns() and idle()

    def open_turns(self):
        return number(self.nodes[0], "SELECT count(*) FROM turns WHERE finished_at IS NULL "
                                     f"AND tenant_n IN {self.tenants}")

    # -- the sums -----------------------------------------------------------------------------------

    def check(self):
        """Every message in a final visible state, and all sums equal; figures of it."""
        node = self.nodes[0]
        turns = self.check_messages(node)
        states = collections.Counter(state for _, state, _ in turns.values())
        self.check_replies(node, turns)
        self.check_usage(node, turns)
        return {"messages": len(self.asked), "deliveries": self.taken, "given again": self.again, "kills": self.kills,
                "statuses": self.statuses, "turns": len(turns),
                "sent": sum(one["to"] in self.shop_of for one in self.wa.sent)} | dict(states)

    def check_messages(self, node):
        """{turn: (contact, state, tenant)}."""
        stored = rows(node, "SELECT external_id, status, turn_n, reason FROM messages "
                            f"WHERE direction = 'inbound' AND tenant_n IN {self.tenants}")
        assert len(stored) == len(self.asked) and {one[0] for one in stored} == set(self.asked)
        turns = {n: (who.lstrip("+"), state, tenant) for n, who, state, tenant in rows(
            node, "SELECT t.n, v.user_identifier, t.state, t.tenant_n FROM turns t "
                  f"JOIN conversations v ON v.n = t.conversation_n WHERE t.tenant_n IN {self.tenants}")}
        for name, state, turn, reason in stored:
            assert turn in turns and turns[turn][0] == self.asked[name], (name, turn)
            assert state == "processed" or state == "failed" and reason, (name, state, reason)
        assert {one[2] for one in stored} == set(turns)  # no turn about nothing
        assert {state for _, state, _ in turns.values()} <= {"answered", "unknown"}, collections.Counter(
            state for _, state, _ in turns.values())
        return turns

    def check_replies(self, node, turns):
        """One reply for each turn. What WhatsApp took is known by its id, or is one of those of which we
        say that we do not know."""
        replies = rows(node, "SELECT turn_n, external_id, status FROM messages "
                             f"WHERE direction = 'outbound' AND tenant_n IN {self.tenants}")
        assert len(replies) == len(turns) and {one[0] for one in replies} == set(turns)
        known = {name: turns[turn][0] for turn, name, _ in replies if name}
        unknown = collections.Counter(turns[turn][0] for turn, name, _ in replies if not name)
        assert len(known) + sum(unknown.values()) == len(turns)
        for turn, name, state in replies:
            assert (state == "unknown") == (name is None) == (turns[turn][1] == "unknown"), (turn, name, state)
        taken = {one["wamid"]: one["to"] for one in self.wa.sent if one["to"] in self.shop_of}
        assert set(known) <= set(taken)
        assert all(taken[name] == who for name, who in known.items())
        strange = collections.Counter(who for name, who in taken.items() if name not in known)
        assert not strange - unknown, f"sent twice: {strange - unknown}"
        late = [name for _, name, state in replies if name in self.read and state != "read"]
        assert not late, late

    def check_usage(self, node, turns):
        for kind in ("messages", "ai_requests", "tokens"):
            used = rows(node, f"SELECT turn_n, tenant_n, amount FROM usage_records "
                              f"WHERE kind = '{kind}' AND tenant_n IN {self.tenants}")
            assert sorted(turn for turn, _, _ in used) == sorted(turns), kind
            for shop in self.shops:
                amount = sum(int(a) for _, tenant, a in used if tenant == str(shop.n))
                owed = rows(node, f"SELECT count(*), sum(amount) FROM ledger_lines WHERE owner = 'tenant:{shop.n}' "
                                  f"AND unit = '{kind}'")[0]
                mine = sum(1 for _, tenant, _ in used if tenant == str(shop.n))
                assert (int(owed[0]), int(owed[1] or 0)) == (mine, amount), (kind, owed)
                balance = rows(node, f"SELECT used, reserved FROM ledger_balances WHERE owner = 'tenant:{shop.n}' "
                                     f"AND unit = '{kind}'")
                assert balance == [(str(amount), "0")], (kind, balance, amount)


# -- a quota ----------------------------------------------------------------------------------------------


async def ask(shop, node, number, gate):
    """One question over a connection of its own, written when all are open; its status. Who is told that it
    took too long asks again, as the answer says."""
    address = urllib.parse.urlsplit(node.url)
    for again in range(100):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            if not again:
                gate.count -= 1
                if gate.count == 0:
                    gate.open.set()
                await gate.open.wait()
            body = json.dumps({"question": f"Question {number}?"})
            writer.write((f"POST /api/v1/assistants/{shop.assistant['id']}/ask HTTP/1.1\r\nHost: x\r\n"
                          f"Authorization: {shop.owner.headers['Authorization']}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}").encode())
            answer = await asyncio.wait_for(reader.read(), 150 * PATIENCE)
        finally:
            writer.close()
        code = int(answer.split(b" ", 2)[1])
        if code not in (503, 504):
            break
        gate.late += 1
        await asyncio.sleep(1 + number % 100 / 50)  # of the caller's back-off
    assert code == 200 or b"QUOTA_EXCEEDED" in answer, answer[:2000]
    return code


class Gate:
    """Opens when `count` have come to it."""

    def __init__(self, count):
        self.count, self.open, self.late = count, asyncio.Event(), 0


def ask_many(nodes, shop, calls):
    """So many questions at once, over all nodes: {status: answers}, and how many were put off as "late"."""
    async def all_of_them():
        gate = Gate(calls)
        codes = await asyncio.gather(*(ask(shop, nodes[i % len(nodes)], i, gate) for i in range(calls)))
        return collections.Counter(codes), gate.late
    return asyncio.run(all_of_them())


def check_quota(node, shop, quota):
    """Every place that counts AI requests says the same."""
    assert number(node, f"SELECT count(*) FROM usage_records WHERE tenant_n = {shop.n} AND kind = 'ai_requests'") == quota
    mine = f"owner = 'tenant:{shop.n}' AND unit = 'ai_requests'"
    assert number(node, f"SELECT count(*) FROM ledger_lines WHERE {mine}") == quota
    assert rows(node, f"SELECT used, reserved FROM ledger_balances WHERE {mine}") == [(str(quota), "0")]
    assert number(node, f"SELECT sum(reserved) FROM ledger_balances WHERE owner = 'tenant:{shop.n}'") == 0
