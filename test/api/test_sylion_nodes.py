"""Sylion's promise, however its servers end: any number of deliveries of a message, on several nodes, is
one message, one turn, one charge and one reply; whatever step a turn was killed at, it ends in a state
that a person can see; nothing is sent twice by itself; a quota gives what it has and not one more."""

import concurrent.futures
import subprocess
import sys
import threading

import pytest
from harness import DATABASE, PATIENCE, ROOT, hasten, psql
from sylion import good, refused
from sylion_storm import DOOR, Storm, World, ask_many, check_quota, people, rows, text, wait, wrap

sys.path.insert(0, str(ROOT / "test/fake"))
sys.path.insert(0, str(ROOT / "tools"))
import peers  # noqa: E402
from whatsapp import status  # noqa: E402

postgres_only = pytest.mark.skipif(DATABASE != "postgres", reason="about several nodes on PostgreSQL")
ONCE = {"messages": 1, "ai_requests": 1, "tokens": 1}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
def person():
    return str(next(people))


@pytest.fixture(autouse=True)
def well(request):
    yield
    if "world" in request.fixturenames:
        world = request.getfixturevalue("world")
        world.models.heal()
        world.models.scripted.clear()
        world.wa.latency = world.wa.lose_answers = 0


class Gate:
    """The model's next answer, which is held until it is let go."""

    def __init__(self, models):
        self.asked, self.open = threading.Event(), threading.Event()
        models.script(self.answer)

    def answer(self, asked):
        self.asked.set()
        self.open.wait(30 * PATIENCE)
        return {"text": f"You said at last: {asked.text}"}


# -- one message ----------------------------------------------------------------------------------------


def test_a_thousand_deliveries_while_a_node_dies_are_one_message_one_call_one_reply(world, person):
    gate, (one, two) = Gate(world.models), (world.one, world.two)
    made = wrap(world.shop.value([text(person, "Once?")]))
    took, half, back = [], threading.Event(), threading.Event()

    def attempt(number):
        for node in (one, two)[number % 2:] + (one, two)[:number % 2]:
            try:
                return world.wa.deliver(node.url + DOOR, made).status_code
            except OSError:
                continue  # the provider comes to the other one
        return None

    def deliver(number):
        status = attempt(number)
        if status is None:  # and comes back
            assert back.wait(60 * PATIENCE)
            status = attempt(number)
        took.append(status)
        if len(took) >= 500:
            half.set()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        every = [pool.submit(deliver, number) for number in range(1000)]
        assert half.wait(60 * PATIENCE) and gate.asked.wait(30 * PATIENCE)
        two.kill()
        two.start()
        back.set()
        gate.open.set()
        for one_of in every:
            one_of.result()
    assert took == [200] * 1000
    turn, = world.shop.ended(one, person)
    assert turn["state"] == "answered", turn
    assert len(world.shop.messages(one, person, direction="inbound")) == 1
    assert len(world.shop.messages(one, person, direction="outbound")) == 1
    assert world.shop.charged(one, person) == ONCE
    assert len(world.wa.to(person)) == 1
    world.shop.give(two, *made["entry"][0]["changes"][0]["value"]["messages"])  # once more, after all
    assert len(world.shop.turns(one, person)) == 1


# -- killed at every step ---------------------------------------------------------------------------------

STOPS = [  # the transaction that does this never commits: (table, condition, tenant of its own)
    ("taken", "messages", "NEW.direction = 'inbound'", False),
    ("gather", "turns", "NEW.step = 'media'", False),
    ("reserve", "turns", "NEW.step = 'retrieve'", True),
    ("retrieve", "turns", "NEW.step = 'think'", False),
    ("store", "usage_records", "NEW.kind = 'ai_requests'", True),
    ("claim", "messages", "NEW.status = 'sending'", True),
    ("settle", "messages", "NEW.status = 'sent'", False),
]
FINISH = "NEW.state = 'done' AND NEW.kind = 'sylion.conversation'"


def stops_make(world, who):
    """Who comes to his stop waits there for a lock that we hold; the session that holds it."""
    of = {"jobs": "v.n::text = NEW.unique_key"}
    psql("CREATE TABLE test_stops (who text, at text)", world.database)
    for name, table, when, _ in STOPS + [("finish", "jobs", FINISH, False)]:
        psql(f"""CREATE FUNCTION stop_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   IF {when} AND EXISTS (SELECT 1 FROM test_stops s JOIN conversations v ON v.user_identifier = s.who
                      WHERE s.at = '{name}' AND {of.get(table, 'v.n = NEW.conversation_n')}) THEN
                     PERFORM pg_advisory_xact_lock_shared(4711);
                   END IF; RETURN NEW; END $$;
                 CREATE TRIGGER stop_{name} BEFORE INSERT OR UPDATE ON {table}
                   FOR EACH ROW EXECUTE FUNCTION stop_{name}()""", world.database)
    for name, person in who.items():
        psql(f"INSERT INTO test_stops VALUES ('+{person}', '{name}')", world.database)
    held = subprocess.Popen(["psql", "-XqAt", world.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    held.stdin.write("SELECT pg_advisory_lock(4711);\n\\echo held\n")
    held.stdin.flush()
    assert "held" in held.stdout.readline() + held.stdout.readline()
    return held


def stopped(world):
    return rows(world.two, "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted")


@postgres_only
def test_whatever_transaction_is_cut_off_another_node_ends_the_turn_and_sends_once(tmp_path):
    with World(tmp_path, DB_CONNECTIONS=24) as world:
        one, two, wa = world.one, world.two, world.wa
        two.stop()
        own = {name: world.make_shop() for name, _, _, alone in STOPS if alone}
        who = {name: str(next(people)) for name in [stop[0] for stop in STOPS] + ["finish"]}
        shop_of = {name: own.get(name, world.shop) for name in who}
        held = stops_make(world, who)
        with concurrent.futures.ThreadPoolExecutor(len(who)) as pool:
            made = {name: text(person, f"Stopped at {name}?") for name, person in who.items()}
            given = {name: pool.submit(shop_of[name].give, one, made[name]) for name in who}
            wait(lambda: len(stopped(world)) == len(who), "everybody at his stop")
            wait(lambda: all(given[name].done() for name in who if name != "taken"), "the others' answers")
            one.kill()
        assert [name for name, answer in given.items() if answer.exception()] == ["taken"]
        for pid, in stopped(world):
            psql(f"SELECT pg_terminate_backend({pid})", world.database)
        psql("DELETE FROM test_stops", world.database)
        held.communicate("\\q\n")
        two.start()
        for name in who:  # the provider gives it again to who did not answer; to the others by mistake
            shop_of[name].give(two, made[name])
        for name, person in who.items():
            shop, (turn,) = shop_of[name], shop_of[name].ended(two, person)
            reply, = shop.messages(two, person, direction="outbound")
            expected = "unknown" if name == "settle" else "answered"
            assert turn["state"] == expected, (name, turn)
            assert len(wa.to(person)) == 1 and len(shop.messages(two, person, direction="inbound")) == 1, name
            assert shop.charged(two, person) == ONCE, name
        shop, person = shop_of["settle"], who["settle"]  # a person looks at the phone and sends it again
        lost, = shop.messages(two, person, status="unknown")
        assert lost["reason"].startswith("interrupted: "), lost
        good(shop.on(two).post(f"/api/v1/messages/{lost['id']}/resend"))
        refused(shop.on(two).post(f"/api/v1/messages/{lost['id']}/resend"), 409, "MESSAGE_NOT_RESENDABLE")
        wa.wait_sent(2, to=person)
        assert shop.ended(two, person)[0]["state"] == "answered" and len(wa.to(person)) == 2
        assert shop.charged(two, person) == ONCE
        assert rows(two, "SELECT sum(reserved) FROM ledger_balances") == [("0",)]
        one.start()


def test_an_answer_lost_on_the_way_back_is_unknown_on_every_node_and_sent_again_by_a_person_only(world, person):
    shop, wa = world.shop, world.wa
    wa.lose_answers = 1
    shop.says(world.one, person, "Lost?")
    turn, = shop.ended(world.two, person)
    assert turn["state"] == "unknown"
    shop.says(world.two, person, "And this?")
    shop.ended(world.one, person, 2)
    assert [one["text"] for one in wa.to(person)] == ["You said: Lost?", "You said: And this?"]
    again = good(shop.on(world.two).post(f"/api/v1/turns/{turn['id']}/replay"))
    assert again["state"] == "open"
    wa.wait_sent(3, to=person)
    assert [t["state"] for t in shop.ended(world.one, person, 2)] == ["answered", "answered"]
    assert wa.to(person)[2]["text"] == "You said: Lost?"
    assert shop.charged(world.one, person) == {kind: 2 for kind in ONCE}


# -- order, bursts, people ---------------------------------------------------------------------------------


def test_a_burst_over_all_nodes_is_one_question(world, person):
    shop = world.make_shop(debounceMs=60000)  # however slow this machine is: the pause begins when all have come
    parts = [f"part {i}" for i in range(6)]
    for i, part in enumerate(parts):
        shop.says(world.nodes[i % len(world.nodes)], person, part)
    assert not shop.turns(world.one, person)
    good(shop.on(world.one).put(f"/api/v1/channels/{shop.channel['id']}", json={"config": {"debounceMs": 500}}))
    hasten(world.one, "sylion.conversation")
    turn, = shop.ended(world.two, person)
    assert turn["question"].split("\n") == parts
    assert len(world.wa.to(person)) == 1 and shop.charged(world.one, person) == ONCE


def test_a_contact_is_answered_in_order_whatever_node_took_the_message(world):
    those = [str(next(people)) for _ in range(3)]

    def write(person):
        for i in range(15):
            world.shop.says(world.nodes[i % len(world.nodes)], person, f"{i}")

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(write, those))
    for person in those:
        wait(lambda who=person: all(m["status"] == "processed" for m in world.shop.messages(
            world.one, who, direction="inbound")), "all of them")
        turns = world.shop.ended(world.one, person)
        assert "\n".join(t["question"] for t in turns).split("\n") == [str(i) for i in range(15)]
        assert [one["text"] for one in world.wa.to(person)] == [f"You said: {t['question']}" for t in turns]


def test_who_takes_over_on_one_node_while_the_model_thinks_on_the_other_is_alone(world, person):
    shop, gate = world.shop, Gate(world.models)
    shop.says(world.one, person, "Anybody there?")
    assert gate.asked.wait(20 * PATIENCE)
    conversation = shop.conversation(world.two, person)["id"]
    good(shop.on(world.two).post(f"/api/v1/conversations/{conversation}/handoff", json={"reason": "mine"}))
    gate.open.set()
    turn, = shop.ended(world.one, person)
    assert turn["state"] == "handed_over" and turn["reason"].startswith("person: "), turn
    good(shop.on(world.two).post(f"/api/v1/conversations/{conversation}/reply", json={"content": "I am."}), 201)
    assert [one["text"] for one in world.wa.wait_sent(1, to=person)] == ["I am."]
    assert shop.charged(world.one, person) == {"ai_requests": 1, "tokens": 1}  # the model was asked


def test_statuses_that_come_before_the_id_are_not_lost(world, person):
    shop, wa, said = world.shop, world.wa, []

    def tell(wamid, to, _):
        if to == person:
            for word in ("read", "sent", "delivered"):
                shop.give(world.two, statuses=[status(wamid, word, to)])
            said.append(wamid)

    wa.on_taken = tell
    try:
        shop.says(world.one, person, "Read before it was sent?")
        shop.ended(world.one, person)
    finally:
        wa.on_taken = None
    sent, = shop.messages(world.one, person, direction="outbound")
    assert sent["externalId"] == said[0] and sent["status"] == "read"


@postgres_only
def test_without_redis_the_nodes_go_on(tmp_path, person):
    url = peers.start_redis(tmp_path)
    redis = peers.children[-1]
    with World(tmp_path / "data", redis=url) as world:
        world.shop.says(world.one, person, "Before?")
        world.shop.ended(world.two, person)
        redis.kill()
        redis.wait()
        for i, node in enumerate(world.nodes * 3):
            world.shop.says(node, person, f"{i}")
        turns = world.shop.ended(world.two, person, 2)
        wait(lambda: len(world.shop.messages(world.one, person, status="processed")) == 7, "all of them")
        turns = world.shop.ended(world.two, person)
        assert "\n".join(t["question"] for t in turns[1:]).split("\n") == [str(i) for i in range(6)]
        assert len(world.wa.to(person)) == len(turns)


# -- many --------------------------------------------------------------------------------------------------


def test_after_a_storm_with_nodes_that_die_all_sums_agree(world):
    shops = [world.make_shop(debounceMs=(0, 100)[i % 2]) for i in range(4)]
    size, kills = (1500, 4) if PATIENCE == 1 else (300, 2)
    storm = Storm(world.nodes, shops, world.wa, messages=size, contacts=size // 8, told=0.2)
    storm.run(kills=kills, timeout=300)  # two minutes on a busy machine
    figures = storm.check()
    assert figures["kills"] == kills and figures["messages"] == size and figures["answered"] > 0, figures


def test_of_more_calls_than_the_quota_has_exactly_as_many_go_through(world):
    calls, quota = (1000, 500) if PATIENCE == 1 else (200, 100)
    shop = world.make_shop()
    shop.tenant.quotas(quotaAiRequests=quota)
    asked = world.models.count("openai")
    statuses, late = ask_many(world.nodes, shop, calls)
    assert statuses == {200: quota, 429: calls - quota} and not late, (statuses, late)
    assert world.models.count("openai") == asked + quota
    check_quota(world.one, shop, quota)
    shop.tenant.quotas(quotaAiRequests=quota + 1)
    assert ask_many(world.nodes, shop, 20) == ({200: 1, 429: 19}, 0)
    check_quota(world.one, shop, quota + 1)


@postgres_only
def test_who_waits_long_for_the_ledger_still_settles(world):
    """What was asked and paid for is written down, however many stand before one."""
    shop, gate = world.make_shop(), Gate(world.models)
    shop.tenant.quotas(quotaAiRequests=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask_many, world.nodes, shop, 1)
        assert gate.asked.wait(20 * PATIENCE)
        held = subprocess.Popen(["psql", "-XqAt", world.database], stdin=subprocess.PIPE, text=True)
        held.stdin.write(f"BEGIN; SELECT 1 FROM ledger_accounts WHERE owner = 'tenant:{shop.n}' FOR UPDATE;\n")
        held.stdin.flush()
        wait(lambda: rows(world.one, "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query "
                                     "LIKE 'SELECT 1 FROM ledger_accounts%'"), "the lock")
        gate.open.set()
        held.communicate("SELECT pg_sleep(6); COMMIT;\n")
        assert answer.result() == ({200: 1}, 0)
    check_quota(world.one, shop, 1)
