"""robian: alerts on new transcripts, told by WebSocket, webhook and feed, once each."""

import pathlib
import random
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest
from harness import DATABASE, PATIENCE, database, make_key, make_user, postgres_drop, postgres_make, problem, redis_make, \
    register_user, token
from robian import analyst, make_debate, make_device
from robian_said import give_audio, say
from test_events import Socket

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from webhook import FakeWebhook  # noqa: E402

ALERTS = "/api/alerts"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from harness import Server
    server = Server(tmp_path_factory.mktemp("alerts"), ROBIAN_ALLOW_PRIVATE_SOURCES="on", ROBIAN_WEBHOOK_TRIES="3")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def maker(server):
    return analyst(server)


def new_word():
    return "w" + "".join(random.choice("bcdfghjklm") for _ in range(14)) + "z"


@pytest.fixture
def word():
    """A word that no other test says, nor one like it."""
    return new_word()


@pytest.fixture
def person(server):
    """A client signed in as somebody new; `.account` is whose."""
    account = register_user(server)
    client = server.client(account["access_token"])
    client.account = account
    return client


@pytest.fixture
def receiver():
    with FakeWebhook() as receiver:
        yield receiver


def make_alert(client, q, status=201, **members):
    answer = client.post(ALERTS, json={"q": q} | members)
    assert answer.status_code == status, answer.text
    return answer.json()


def matches(client, alert, count=1):
    """The alert's matches, once there are so many."""
    until = time.monotonic() + 20 * PATIENCE
    while True:
        found = client.get(f"{ALERTS}/{alert['id']}/matches").json()
        if len(found) >= count:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.02)


def transcript(server, maker, *said, **members):
    debate = make_debate(maker, **members)["id"]
    say(server, debate, *said)
    return debate


def passed_by(server, maker, client):
    """Every transcript before this call has been looked at: one that comes after them is found."""
    word = new_word()
    probe = make_alert(client, word)
    transcript(server, maker, ("X", word, 0))
    matches(client, probe)
    assert client.delete(f"{ALERTS}/{probe['id']}").status_code == 200


# -- what fires -------------------------------------------------------------------------------------


def test_a_new_transcript_fires_with_its_passage_and_second(server, maker, person, word):
    alert = make_alert(person, word, deliver="rss")
    debate = transcript(server, maker, ("Mme A", "Rien.", 0), ("M. Éric Ciotti", f"Voici {word} & <b>.", 61500, "PA1"),
                        ("Mme A", f"Encore {word}.", 70000), title="Séance du jour", commission="Commission des lois")
    match, = matches(person, alert)
    news = match["payload"]
    assert match["debate_id"] == news["debate_id"] == debate and news["alert_id"] == alert["id"]
    assert news["q"] == word and news["title"] == "Séance du jour" and news["commission"] == "Commission des lois"
    passage = news["passage"]
    assert passage["second"] == 61 and passage["speaker"] == "M. Éric Ciotti" and passage["speaker_id"] == "PA1"
    assert passage["text"] == f"Voici <em>{word}</em> &amp; &lt;b&gt;." and passage["url"] == f"/listen/{debate}#t=61"
    assert match["delivery"] == "none" and match["error"] is None
    shown = person.get(f"{ALERTS}/{alert['id']}").json()
    assert shown["match_count"] == 1 and shown["last_match_at"]


QUESTIONS = [  # alert's q, what is said, fires?
    ("écologie", "l’ecologie", True), ("ecolgie", "écologie", True), ("retraites", "la retraite", True),
    ("budget retraites", "le budget des retraites", True), ("budget retraites", "le budget", False),
    ("\"projet de loi\"", "le projet de loi", True), ("\"projet de loi\"", "la loi du projet", False),
    ("loi -finances", "la loi", True), ("loi -finances", "la loi de finances", False),
    ("hydra OR centaure", "un centaure", True), ("centre", "central", False),
]


@pytest.mark.parametrize("q,text,fires", QUESTIONS, ids=[f"{q} {t}" for q, t, _ in QUESTIONS])
def test_an_alert_finds_what_a_search_finds(server, maker, person, word, q, text, fires):
    alert = make_alert(person, f"({q}) {word}" if " OR " in q else f"{q} {word}", deliver="rss")
    transcript(server, maker, ("M. Jean Dupont", f"{text} {word}", 0))
    if fires:
        assert matches(person, alert)
    else:
        passed_by(server, maker, person)
        assert matches(person, alert, 0) == []


FILTERS = [({"type": "audition"}, True), ({"type": "commission"}, False), ({"speaker": "ciotti"}, True),
           ({"speaker": "PA9"}, True), ({"speaker": "Mélenchon"}, False), ({"commission": "finances"}, True),
           ({"commission": "\"lois\\"}, False), ({"has_audio": False}, True), ({"has_audio": True}, False),
           ({"type": "audition", "speaker": "ciotti", "commission": "Commission des finances"}, True), ({"type": None}, True)]


@pytest.mark.parametrize("filters,fires", FILTERS, ids=[str(f) for f, _ in FILTERS])
def test_filters_hold(server, maker, person, word, filters, fires):
    alert = make_alert(person, word, deliver="rss", filters=filters)
    assert alert["filters"] == {k: v for k, v in filters.items() if v is not None}
    transcript(server, maker, ("M. Éric Ciotti", f"Voici {word}", 0, "PA9"), type="audition", commission="Commission des finances")
    if fires:
        assert matches(person, alert)
    else:
        passed_by(server, maker, person)
        assert matches(person, alert, 0) == []


def test_only_what_comes_later_is_news_and_each_debate_once(server, maker, person, word):
    old = transcript(server, maker, ("M. A", f"Ancien {word}", 0))
    alert = make_alert(person, word, deliver="rss")
    new = transcript(server, maker, ("M. A", f"Nouveau {word}", 0))
    assert [m["debate_id"] for m in matches(person, alert)] == [new]
    say(server, new, ("M. A", f"Corrigé {word}", 0), ("M. A", f"Deux fois {word}", 1))
    passed_by(server, maker, person)
    assert len(matches(person, alert)) == 1
    say(server, old, ("M. A", f"Corrigé {word}", 0))  # changed since: it is news now
    assert {m["debate_id"] for m in matches(person, alert, 2)} == {old, new}
    silent = make_debate(maker, title=f"Sans compte rendu {word}")["id"]
    say(server, silent, ("M. A", f"Pas officiel {word}", 0), transcript=False)
    passed_by(server, maker, person)
    assert len(matches(person, alert)) == 2


def test_a_sleeping_alert_hears_nothing_and_wakes_to_what_comes(server, maker, person, word):
    alert = make_alert(person, word, deliver="rss")
    path = f"{ALERTS}/{alert['id']}"
    slept = person.patch(path, json={"enabled": False})
    assert slept.status_code == 200 and slept.json()["enabled"] is False
    transcript(server, maker, ("M. A", f"Pendant {word}", 0))
    passed_by(server, maker, person)
    assert person.patch(path, json={"enabled": True}).json()["enabled"] is True
    after = transcript(server, maker, ("M. A", f"Après {word}", 0))
    assert [m["debate_id"] for m in matches(person, alert)] == [after]
    asleep = make_alert(person, word, deliver="rss", enabled=False)
    transcript(server, maker, ("M. A", f"Enfin {word}", 0))
    matches(person, alert, 2)
    assert matches(person, asleep, 0) == []


def test_a_long_transcript_is_looked_at_whole(server, maker, person, word):
    alert = make_alert(person, word, deliver="rss")
    transcript(server, maker, *[(f"Orateur {i % 9}", f"Phrase {i}" + (f" {word}" if i == 4321 else ""), 1000 * i) for i in range(5000)])
    match, = matches(person, alert)
    assert match["payload"]["passage"]["second"] == 4321


def test_a_removed_debates_matches_go_with_it(server, maker, person, word):
    alert = make_alert(person, word, deliver="rss")
    debate = transcript(server, maker, ("M. A", f"Un {word}", 0))
    matches(person, alert)
    assert maker.delete(f"/api/debates/{debate}").status_code == 200
    assert matches(person, alert, 0) == []


# -- how it is told ---------------------------------------------------------------------------------


def test_a_user_is_told_on_the_own_channel(server, maker, person, word):
    alert = make_alert(person, word)
    assert alert["deliver"] == "websocket" and alert["channel"].startswith("user:")
    with Socket(server, token=person.account["access_token"]) as ws:
        ws.ask("subscribe", "subscribed", channel=alert["channel"])
        debate = transcript(server, maker, ("M. A", f"Voici {word}", 2500))
        told = ws.read("alert_match")
        assert told["data"]["debate_id"] == debate and told["data"]["alert_id"] == alert["id"]
        assert told["data"]["passage"]["second"] == 2
        assert ws.silent()


def test_a_device_is_told_on_the_alerts_own_channel(server, maker, word):
    device = make_device(server)
    alert = make_alert(device, word)
    assert alert["channel"].startswith("alert:") and alert["user_id"] == device.params["user_id"]
    with Socket(server) as ws:
        ws.ask("subscribe", "subscribed", channel=alert["channel"])
        debate = transcript(server, maker, ("M. A", f"Voici {word}", 2500))
        assert ws.read("alert_match")["data"]["debate_id"] == debate
        ws.ask("subscribe", "error", channel="alert:" + "x" * 32)


def test_a_webhook_is_signed(server, maker, person, receiver, word):
    alert = make_alert(person, word, deliver="webhook", webhook_url=receiver.url)
    receiver.secret = alert["webhook_secret"]
    assert receiver.secret.startswith("whsec_") and len(receiver.secret) > 40
    debate = transcript(server, maker, ("M. A", f"Voici {word}", 2500))
    told = receiver.delivery()
    assert told["data"]["debate_id"] == debate and told["data"]["passage"]["second"] == 2
    match = state(person, alert, "sent")
    assert match["attempts"] == 1 and match["delivered_at"] and match["error"] is None
    assert receiver.faults == [] and len(receiver.requests) == 1
    for answer in (person.get(f"{ALERTS}/{alert['id']}"), person.get(ALERTS)):
        assert receiver.secret not in answer.text and "webhook_secret" not in answer.text
    kept = database(server, f"SELECT webhook_secret FROM alerts WHERE id = '{alert['id']}'")
    assert kept and receiver.secret not in kept


def state(client, alert, delivery):
    until = time.monotonic() + 40 * PATIENCE
    while True:
        match, = matches(client, alert)
        if match["delivery"] == delivery:
            return match
        assert time.monotonic() < until, match
        time.sleep(0.05)


def test_a_webhook_that_fails_is_tried_again_with_the_same_delivery(server, maker, person, receiver, word):
    receiver.answers = [500, 302]
    alert = make_alert(person, word, deliver="webhook", webhook_url=receiver.url)
    receiver.secret = alert["webhook_secret"]
    transcript(server, maker, ("M. A", f"Voici {word}", 0))
    told = receiver.delivery(40)
    assert [status for _, status, _ in receiver.requests] == [500, 302, 204]
    assert {name for name, _, _ in receiver.requests} == {told["id"]} and receiver.faults == []
    stamps = [at for _, _, at in receiver.requests]
    assert stamps == sorted(stamps) and len(set(stamps)) == 3  # signed anew each time
    assert state(person, alert, "sent")["attempts"] == 3


def test_a_webhook_that_never_answers_is_given_up(server, maker, person, admin_client, receiver, word):
    receiver.answers = [503] * 3
    alert = make_alert(person, word, deliver="webhook", webhook_url=receiver.url)
    receiver.secret = alert["webhook_secret"]
    transcript(server, maker, ("M. A", f"Voici {word}", 0))
    match = state(person, alert, "failed")
    assert match["attempts"] == 3 and "503" in match["error"] and match["delivered_at"] is None
    until = time.monotonic() + 20 * PATIENCE  # the job's end is written after the match's
    while not (dead := admin_client.get("/api/jobs", params={"kind": "robian.alert_webhook", "state": "dead"}).json()["items"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert len(dead) == 1
    assert admin_client.post(f"/api/jobs/{dead[0]['id']}/retry").status_code in (200, 202)
    assert receiver.delivery()["data"]["alert_id"] == alert["id"]
    assert state(person, alert, "sent")["error"] is None


def test_private_addresses_are_not_called(make_server, receiver, word):
    server = make_server()
    maker, person = analyst(server), server.client(register_user(server)["access_token"])
    alert = make_alert(person, word, deliver="webhook", webhook_url=receiver.url)
    transcript(server, maker, ("M. A", f"Voici {word}", 0))
    match = state(person, alert, "failed")
    assert match["attempts"] == 1 and receiver.requests == [] and receiver.faults == []


def test_a_feed_has_the_news(server, maker, client, person, word):
    alert = make_alert(person, word, deliver="rss")
    assert alert["feed_url"].startswith("/feeds/alert/") and alert["webhook_secret"] is None and alert["channel"] is None
    tag = client.get(alert["feed_url"]).headers["ETag"]
    one = transcript(server, maker, ("M. A", f"Voici {word}", 4000), title="N1")
    two = transcript(server, maker, ("M. A", f"Voici {word}", 5000), title="N2")
    give_audio(server, two)
    matches(person, alert, 2)
    answer = client.get(alert["feed_url"], headers={"If-None-Match": tag})
    assert answer.status_code == 200
    ch = ElementTree.fromstring(answer.content)[0]
    items = ch.findall("item")
    assert [i.findtext("title") for i in items] == ["N2", "N1"]
    assert [i.findtext("link") for i in items] == [f"{server.url}/listen/{two}#t=5", f"{server.url}/listen/{one}#t=4"]
    assert items[0].find("enclosure") is not None and items[1].find("enclosure") is None
    assert f"<em>{word}</em>" in items[0].findtext("description") and word in ch.findtext("title")
    assert person.delete(f"{ALERTS}/{alert['id']}").status_code == 200
    assert client.get(alert["feed_url"]).status_code == 404


# -- crashes and neighbours -------------------------------------------------------------------------


def test_what_came_while_the_server_was_down_fires_once(make_server, word):
    server = make_server()
    maker, account = analyst(server), register_user(server)
    person = server.client(account["access_token"])
    alert = make_alert(person, word, deliver="rss")
    debates = [make_debate(maker)["id"] for _ in range(3)]
    say(server, debates[0], ("M. A", f"Un {word}", 0))
    matches(person, alert)
    server.kill()
    for debate in debates:
        say(server, debate, ("M. A", f"Un {word}", 0))
    server.start()
    person = server.client(token(server, user=account))
    assert {m["debate_id"] for m in matches(person, alert, 3)} == set(debates)
    server.kill()
    server.start()
    person, maker = server.client(token(server, user=account)), analyst(server)
    passed_by(server, maker, person)
    assert len(matches(person, alert, 3)) == 3


@pytest.mark.skipif(DATABASE != "postgres", reason="several nodes need PostgreSQL")
def test_two_nodes_fire_once(make_server, receiver, word):
    shared, redis = postgres_make(), redis_make()
    nodes = [make_server(database=shared, redis=redis, ROBIAN_ALLOW_PRIVATE_SOURCES="on") for _ in range(2)]
    account = register_user(nodes[0])
    person, maker = nodes[0].client(account["access_token"]), analyst(nodes[0])
    by_hook = make_alert(person, word, deliver="webhook", webhook_url=receiver.url)
    by_event = make_alert(person, word)
    receiver.secret = by_hook["webhook_secret"]
    with Socket(nodes[1], token=account["access_token"]) as ws:
        ws.ask("subscribe", "subscribed", channel=by_event["channel"])
        debates = [transcript(nodes[i % 2], maker, ("M. A", f"Voici {word}", 0)) for i in range(10)]
        assert {receiver.delivery()["data"]["debate_id"] for _ in debates} == set(debates)
        assert {ws.read("alert_match")["data"]["debate_id"] for _ in debates} == set(debates)
        assert ws.silent()
    assert len(receiver.requests) == 10 and len(matches(person, by_hook, 10)) == 10
    for node in nodes:
        node.stop()
    postgres_drop(shared)


# -- whose they are ---------------------------------------------------------------------------------


def test_alerts_are_their_owners(server, person, word):
    other, device = server.client(register_user(server)["access_token"]), make_device(server)
    alert = make_alert(person, word)
    assert [a["id"] for a in person.get(ALERTS).json()] == [alert["id"]]
    assert person.get(f"{ALERTS}/{alert['id']}").json()["q"] == word
    for stranger in (other, device):
        assert stranger.get(ALERTS).json() == []
        for answer in (stranger.get(f"{ALERTS}/{alert['id']}"), stranger.delete(f"{ALERTS}/{alert['id']}"),
                       stranger.patch(f"{ALERTS}/{alert['id']}", json={"enabled": False}),
                       stranger.get(f"{ALERTS}/{alert['id']}/matches")):
            problem(answer, 404, f"Alerte {alert['id']} non trouvée")
    for answer in (server.client().get(ALERTS), server.client().post(ALERTS, json={"q": "x"})):
        problem(answer, 401)
    assert person.delete(f"{ALERTS}/{alert['id']}").json() == {"message": "Alerte supprimée"}
    problem(person.get(f"{ALERTS}/{alert['id']}"), 404)
    problem(person.delete(f"{ALERTS}/{alert['id']}"), 404)


def test_a_key_needs_its_scope(server, word):
    user = make_user(server)
    for scopes, status in (("listening:write", 201), ("listening:read", 403), ("*", 201)):
        client = server.client(make_key(server, user["email"], scopes))
        assert client.post(ALERTS, json={"q": word}).status_code == status


def test_there_is_a_limit(server, person):
    for i in range(50):
        make_alert(person, f"alerte {i}")
    problem(person.post(ALERTS, json={"q": "une de trop"}), 409, "Au plus 50 alertes")
    assert len(person.get(ALERTS).json()) == 50 and person.get(ALERTS).headers["X-Total-Count"] == "50"


def test_matches_have_pages(server, maker, person, word):
    alert = make_alert(person, word, deliver="rss")
    debates = [transcript(server, maker, ("M. A", f"Voici {word}", 0)) for _ in range(5)]
    matches(person, alert, 5)
    seen, url = [], f"{ALERTS}/{alert['id']}/matches?limit=2"
    while url:
        page = person.get(url)
        seen += [m["debate_id"] for m in page.json()]
        url = page.links["next"]["url"].replace(server.url, "") if "next" in page.links else None
    assert sorted(seen) == sorted(debates)


BAD = [({}, "q"), ({"q": ""}, "q"), ({"q": "  "}, "q"), ({"q": 7}, "q"), ({"q": "x" * 501}, "q"),
       ({"q": "x", "deliver": "pigeon"}, "deliver"), ({"q": "x", "deliver": "webhook"}, "webhook_url"),
       ({"q": "x", "webhook_url": "https://example.org/"}, "webhook_url"),
       ({"q": "x", "filters": {"type": "nonsense"}}, "filters.type"), ({"q": "x", "filters": {"nonsense": 1}}, "filters.nonsense"),
       ({"q": "x", "filters": []}, "filters"), ({"q": "x", "nonsense": 1}, "nonsense"), ({"q": "x", "enabled": "yes"}, "enabled")]
BAD += [({"q": "x", "deliver": "webhook", "webhook_url": url}, "webhook_url") for url in (
    "ftp://example.org/", "example.org", "javascript:alert(1)", "http://", "https://user:secret@example.org/", "file:///etc/passwd",
    "http://example.org:99999/", "https://example.org/" + "x" * 2000)]


@pytest.mark.parametrize("body,field", BAD, ids=[str(b)[:50] for b, _ in BAD])
def test_what_is_wrong_is_named(person, body, field):
    refused = problem(person.post(ALERTS, json=body), 422)
    assert field in [e["field"] for e in refused["errors"]], refused
    assert person.get(ALERTS).json() == []


@pytest.mark.parametrize("q", ["(", "a AND", "nonsense:x", "\u0000", "(" * 300 + "a" + ")" * 300, "*", "-a"])
def test_hostile_questions_are_refused_or_harmless(server, maker, person, word, q):
    answer = person.post(ALERTS, json={"q": q, "deliver": "rss"})
    assert answer.status_code in (201, 400, 422), answer.text
    passed_by(server, maker, person)
