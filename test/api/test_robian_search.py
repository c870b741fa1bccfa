"""robian: searching debates and what was said in them, suggestions, and the list's q."""

import collections
import random
import shutil
import time

import pytest
from harness import PATIENCE, problem
from robian import analyst, make_debate
from robian_said import give_audio, say

SEARCH = "/api/search/debates"


@pytest.fixture(scope="module")
def maker(server):
    return analyst(server)


@pytest.fixture
def word():
    """A word that no other test says. Letters 3 and 4 differ: exchanging them is an error."""
    letters = [random.choice("bcdfghjklm") for _ in range(9)]
    letters[3] = random.choice([c for c in "bcdfghjklm" if c != letters[2]])
    return "w" + "".join(letters) + "z"


def found(client, q, **members):
    answer = client.post(SEARCH, json={"q": q} | members)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(client, q, **members):
    return [hit["debate"]["id"] for hit in found(client, q, **members)["hits"]]


def eventually(ask):
    """The answer, once the index is built."""
    until = time.monotonic() + 20 * PATIENCE
    while True:
        try:
            return ask()
        except AssertionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


# -- what is found ----------------------------------------------------------------------------------

SAID = [  # query, what was said, found?
    ("écologie", "La question de l'écologie nous occupe.", True),
    ("l'écologie", "La question de l’écologie nous occupe.", True),
    ("l’ecologie", "La question de l'Écologie nous occupe.", True),
    ("ecolgie", "La question de l'écologie nous occupe.", True),
    ("aujourd’hui", "Nous sommes aujourd'hui réunis.", True),
    ("retraites", "La réforme de la retraite par répartition.", True),
    ("oeuvre", "Il faut se mettre à l'œuvre.", True),
    ("\"réforme juste\"", "une réforme juste et équitable", True),
    ("\"réforme juste\"", "une juste réforme", False),
    ("réforme -juste", "une juste réforme", False),
    ("outre mer", "les territoires d'outre-mer", True),
    ("chevaux", "le cheval de bataille", True),
    ("hydravion", "la question du budget", False),
]


@pytest.mark.parametrize("q,text,hit", SAID, ids=[f"{q} {t[:20]}" for q, t, _ in SAID])
def test_what_was_said_is_found(server, maker, client, word, q, text, hit):
    debate = make_debate(maker, title=f"Séance {word}", tags=[word])["id"]
    say(server, debate, ("M. Jean Dupont", f"{text} {word}", 61500))
    answer = found(client, f"+{word} {q}"[1:] if hit else f"{q} {word}")
    mine = [h for h in answer["hits"] if h["debate"]["id"] == debate and any("<em>" in p["text"] for p in h["passages"])]
    if hit:
        assert mine and answer["hits"][0]["debate"]["id"] == debate
        assert mine[0]["passages"][0]["second"] == 61
    else:
        only = found(client, q)
        assert debate not in [h["debate"]["id"] for h in only["hits"]]


def test_hits_are_debates_each_with_its_best_passages_and_their_seconds(server, maker, client, word):
    one = make_debate(maker, title="Questions au Gouvernement")["id"]
    two = make_debate(maker, title="Projet de loi")["id"]
    say(server, one,
        ("Mme la présidente", "La séance est ouverte.", 0),
        ("M. Éric Ciotti", f"Je parlerai du {word}, longuement.", 61999, "PA1"),
        ("Mme Sandrine Rousseau", f"Le {word} ! Encore le {word} !", 120000, "PA2"),
        ("M. Éric Ciotti", f"Et toujours {word}.", None, "PA1"),
        ("M. Éric Ciotti", f"Enfin, {word} & <b>fin</b>.", 240000, "PA1"))
    say(server, two, ("M. Éric Ciotti", f"Rien que {word}.", 5000, "PA1"))
    give_audio(server, one)
    answer = found(client, word)
    assert answer["total"] == 2 and {h["debate"]["id"] for h in answer["hits"]} == {one, two}
    hit = next(h for h in answer["hits"] if h["debate"]["id"] == one)
    assert hit["passage_count"] == 4 and len(hit["passages"]) == 3
    assert all(f"<em>{word}</em>" in p["text"] for p in hit["passages"])
    by_second = {p["second"]: p for p in hit["passages"]}
    assert by_second[61]["speaker"] == "M. Éric Ciotti" and by_second[61]["speaker_id"] == "PA1"
    assert by_second[61]["start_ms"] == 61999 and by_second[61]["time_source"] == "transcript"
    assert by_second[61]["url"] == f"/listen/{one}#t=61"
    assert by_second[61]["audio_url"] == f"/api/streaming/{one}/stream#t=61"
    assert by_second[61]["id"] == f"{one}_1"
    silent = next(h for h in answer["hits"] if h["debate"]["id"] == two)["passages"][0]
    assert silent["audio_url"] is None and silent["url"] == f"/listen/{two}#t=5"
    last = found(client, f'{word} fin')["hits"][0]["passages"][0]["text"]
    assert "&amp; &lt;b&gt;" in last and "<b>" not in last


def test_a_question_may_be_answered_by_title_and_speech_together(server, maker, client, word):
    debate = make_debate(maker, title=f"Débat sur le {word}")["id"]
    other = make_debate(maker, title="Autre débat")["id"]
    say(server, debate, ("M. Jean Dupont", "Les retraites agricoles.", 7000), ("M. Jean Dupont", "Autre chose.", 9000))
    say(server, other, ("M. Jean Dupont", "Les retraites agricoles.", 7000))
    hit = found(client, f"{word} agricoles")["hits"][0]
    assert hit["debate"]["id"] == debate and f"<em>{word}</em>" in hit["title"]
    assert [p["second"] for p in hit["passages"]] == [7]
    assert found(client, word)["hits"][0]["passages"] == []


def test_a_debate_without_a_transcript_is_found_by_what_is_known_of_it(maker, client, word):
    for members in ({"title": f"Le {word}"}, {"description": f"On y parle de {word}."}, {"speakers": [f"Mme {word}"]},
                    {"ministers": [f"M. {word}"]}, {"tags": [word]}, {"keywords": [word]}, {"commission": f"Commission {word}"}):
        debate = make_debate(maker, **members)["id"]
        assert debate in ids(client, word), members
    assert found(client, word)["total"] == 7


def test_get_answers_the_same(server, maker, client, word):
    debate = make_debate(maker, title=f"Le {word}", type="commission", commission="Commission des lois")["id"]
    say(server, debate, ("M. Jean Dupont", f"Le {word}.", 1000))
    asked = {"q": word, "type": "commission", "has_audio": "false", "facets": "type,month"}
    got = client.get(SEARCH, params=asked).json()
    posted = found(client, word, type="commission", has_audio=False, facets=["type", "month"])
    assert {**got, "took_ms": 0} == {**posted, "took_ms": 0} and got["total"] == 1
    assert client.get(SEARCH + "/", params=asked).json()["total"] == 1


# -- filters, pages, facets -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(server, maker):
    """Debates of which each says the same word, and what is known of them."""
    chance, made = random.Random(7), []
    for i in range(40):
        members = {"type": chance.choice(["seance_publique", "commission", "audition"]),
                   "commission": chance.choice([None, "Commission des finances", "Commission des lois"]),
                   "date": f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 28):02}"}
        debate = make_debate(maker, title=f"Foule {i}", **members)
        said = [chance.choice(["M. Éric Ciotti", "Mme Aïda Hadizadeh", "M. Jean Dupont"]) for _ in range(chance.randrange(4))]
        say(server, debate["id"], *[(who, f"wbarnabé numéro {k}", 1000 * k) for k, who in enumerate(said)])
        audio = chance.random() < 0.5
        if audio:
            give_audio(server, debate["id"])
        if said:
            made.append(members | {"id": debate["id"], "said": said, "audio": audio})
    return made


def test_facets_are_what_counting_by_hand_gives(client, crowd):
    answer = found(client, "wbarnabé", per_page=5)
    assert answer["total"] == len(crowd)
    assert answer["facets"] == {
        "type": collections.Counter(d["type"] for d in crowd),
        "commission": collections.Counter(d["commission"] for d in crowd if d["commission"]),
        "speaker": collections.Counter(who for d in crowd for who in d["said"]),
        "month": collections.Counter(d["date"][:7] for d in crowd)}
    assert list(answer["facets"]["month"]) == sorted(answer["facets"]["month"])
    assert found(client, "wbarnabé", facets=[])["facets"] == {}
    assert set(found(client, "wbarnabé", facets=["month"])["facets"]) == {"month"}


FILTERS = [
    ({"type": "commission"}, lambda d: d["type"] == "commission"),
    ({"commission": "Commission des lois"}, lambda d: d["commission"] == "Commission des lois"),
    ({"commission": "FINANCES"}, lambda d: d["commission"] == "Commission des finances"),
    ({"speaker": "Mme Aïda Hadizadeh"}, lambda d: "Mme Aïda Hadizadeh" in d["said"]),
    ({"speaker": "ciotti"}, lambda d: "M. Éric Ciotti" in d["said"]),
    ({"speaker": "eric ciotti"}, lambda d: "M. Éric Ciotti" in d["said"]),
    ({"speaker": "ciot"}, lambda d: False),
    ({"has_audio": True}, lambda d: d["audio"]),
    ({"has_audio": False}, lambda d: not d["audio"]),
    ({"date_start": "2024-05-10"}, lambda d: d["date"] >= "2024-05-10"),
    ({"date_end": "2024-05-10"}, lambda d: d["date"] <= "2024-05-10"),
    ({"date_start": "2024-03-01", "date_end": "2024-09-30", "type": "audition"},
     lambda d: "2024-03-01" <= d["date"] <= "2024-09-30" and d["type"] == "audition"),
    ({"type": "autre"}, lambda d: False),
    ({"type": None, "commission": None, "speaker": None, "has_audio": None, "date_end": None}, lambda d: True),
]


@pytest.mark.parametrize("members,right", FILTERS, ids=[str(f[0]) for f in FILTERS])
def test_filters_let_through_what_they_say(client, crowd, members, right):
    want = {d["id"] for d in crowd if right(d)}
    answer = found(client, "wbarnabé", per_page=100, **members)
    assert {h["debate"]["id"] for h in answer["hits"]} == want and answer["total"] == len(want)
    if members.get("speaker"):
        assert all(members["speaker"].split()[-1].lower() in p["speaker"].lower()
                   for h in answer["hits"] for p in h["passages"])


def test_pages_neither_repeat_nor_skip(client, crowd):
    whole = ids(client, "wbarnabé", per_page=100)
    pages, page = [], 1
    while True:
        answer = found(client, "wbarnabé", per_page=7, page=page, facets=[])
        pages += [h["debate"]["id"] for h in answer["hits"]]
        assert answer["has_prev"] == (page > 1) and answer["page"] == page and answer["per_page"] == 7
        if not answer["has_next"]:
            break
        page += 1
    assert pages == whole and len(set(pages)) == len(crowd)
    assert found(client, "wbarnabé", page=1000)["hits"] == []


def test_without_words_all_debates_come_newest_first(client, crowd):
    answer = found(client, "", per_page=100, date_start="2024-01-01", date_end="2024-12-31")
    dates = [h["debate"]["date"] for h in answer["hits"]]
    assert dates == sorted(dates, reverse=True) and answer["total"] == 40
    assert all(h["passages"] == [] for h in answer["hits"])
    spoken = found(client, "", speaker="Dupont", per_page=100, date_start="2024-01-01", date_end="2024-12-31")
    assert spoken["total"] == sum("M. Jean Dupont" in d["said"] for d in crowd)
    assert all(p["speaker"] == "M. Jean Dupont" for h in spoken["hits"] for p in h["passages"])


def test_the_lists_q_finds_the_same(client, crowd):
    listed = client.get("/api/debates/", params={"q": "wbarnabe", "per_page": 100, "type": "commission"}).json()
    want = sorted(d["id"] for d in crowd if d["type"] == "commission")
    assert sorted(d["id"] for d in listed["debates"]) == want and listed["total"] == len(want)
    dates = [d["date"] for d in listed["debates"]]
    assert dates == sorted(dates, reverse=True)


# -- fresh at once ----------------------------------------------------------------------------------


def test_a_write_is_seen_by_the_next_search(server, maker, client, word):
    debate = make_debate(maker, title=f"Avant {word}")["id"]
    assert ids(client, word) == [debate]
    assert maker.put(f"/api/debates/{debate}", json={"title": "Après"}).status_code == 200
    assert ids(client, word) == []
    say(server, debate, ("M. Jean Dupont", f"Nous disons {word}.", 3000), ("M. Jean Dupont", f"Encore {word}.", 4000))
    assert found(client, word)["hits"][0]["passage_count"] == 2
    say(server, debate, ("M. Jean Dupont", f"Corrigé : {word}.", 8000))
    corrected = found(client, word)["hits"][0]
    assert [p["second"] for p in corrected["passages"]] == [8] and corrected["passage_count"] == 1
    assert maker.delete(f"/api/debates/{debate}").status_code == 200
    assert found(client, word)["total"] == 0 and found(client, "Après " + word)["total"] == 0


def test_a_long_sitting_is_found_whole_and_vanishes_whole(server, maker, client, word):
    debate = make_debate(maker)["id"]
    say(server, debate, *[(f"Orateur {i % 50}", f"Phrase {word} numéro {i}", 1000 * i) for i in range(5000)])
    answer = found(client, word)
    assert answer["total"] == 1 and answer["hits"][0]["passage_count"] == 5000
    assert sum(answer["facets"]["speaker"].values()) == 5000
    assert maker.delete(f"/api/debates/{debate}").status_code == 200
    assert found(client, word)["total"] == 0


def test_the_index_is_built_again_from_the_rows(make_server, word):
    server = make_server()
    maker = analyst(server)
    debate, gone = make_debate(maker)["id"], make_debate(maker, title=word)["id"]
    say(server, debate, ("M. Jean Dupont", f"Le {word}.", 3000))
    assert maker.delete(f"/api/debates/{gone}").status_code == 200
    assert ids(maker, word) == [debate]
    server.stop()
    shutil.rmtree(server.folder / "search")
    server.start()
    assert eventually(lambda: ids(server.client(), word)) == [debate]
    server.stop()
    server.cli("reindex")
    server.start()
    assert eventually(lambda: ids(server.client(), word)) == [debate]


def test_meilisearchs_clients_find_the_same(server, maker, admin_client, word):
    debate = make_debate(maker, title=word)["id"]
    say(server, debate, ("M. Jean Dupont", f"Le {word}.", 3000))
    answer = admin_client.post("/indexes/debates/search", json={"q": word, "filter": "kind = speech"})
    assert answer.status_code == 200, answer.text
    assert [h["id"] for h in answer.json()["hits"]] == [f"{debate}_0"]
    assert admin_client.get(f"/indexes/debates/documents/{debate}_0").json()["start_ms"] == 3000
    assert admin_client.get(f"/indexes/debates/documents/{debate}").json()["title"] == word
    for nobody in (f"{debate}_1", f"{debate}_x", "nobody"):
        assert admin_client.get(f"/indexes/debates/documents/{nobody}").status_code == 404


# -- wrong and hostile ------------------------------------------------------------------------------


@pytest.mark.parametrize("body,field", [
    ({"q": "x", "type": "nonsense"}, "type"), ({"q": "x" * 1001}, "q"), ({"q": 7}, "q"),
    ({"q": "x", "page": 0}, "page"), ({"q": "x", "per_page": 101}, "per_page"), ({"q": "x", "per_page": "many"}, "per_page"),
    ({"q": "x", "date_start": "yesterday"}, "date_start"), ({"q": "x", "date_end": "2024-13-45"}, "date_end"),
    ({"q": "x", "facets": ["title"]}, "facets"), ({"q": "x", "facets": "type"}, "facets"),
    ({"q": "x", "has_audio": "perhaps"}, "has_audio"), ({"q": "x", "nonsense": 1}, "nonsense")])
def test_what_is_wrong_is_named(client, body, field):
    refused = problem(client.post(SEARCH, json=body), 422)
    assert field in [e["field"].split("[")[0].split(".")[0] for e in refused["errors"]], refused


HOSTILE = ["(", ")", "((((((", "\"", "\"\"", "AND", "OR OR OR", "-", "*", "?*?*?*", "NEAR/", "a NEAR/999999999999 b",
           "text:", "nonsense:x", "' OR 1=1 --", "\\", "%", "%00", "\u0000", "\u202e\u200d", "<script>alert(1)</script>",
           "x " * 400, "(" * 300 + "a" + ")" * 300, "é" * 900, "a" * 1000, "*" * 200, "a*b*c*d*e*f*g*h*", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧‍👦"]


@pytest.mark.parametrize("q", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_questions_get_an_answer_or_a_plain_refusal(client, q):
    for answer in (client.post(SEARCH, json={"q": q}), client.get(SEARCH, params={"q": q}),
                   client.get("/api/search/suggestions", params={"q": q})):
        assert answer.status_code in (200, 400, 422), answer.text
    assert client.post(SEARCH, json={"q": "séance"}).status_code == 200


# -- suggestions ------------------------------------------------------------------------------------


def suggestions(client, q, **query):
    answer = client.get("/api/search/suggestions", params={"q": q} | query)
    assert answer.status_code == 200, answer.text
    return [(s["kind"], s["text"]) for s in answer.json()["suggestions"]]


def test_suggestions_are_titles_speakers_and_commissions(server, maker, client, word):
    debate = make_debate(maker, title=f"Débat sur le {word} et la suite", commission=f"Commission du {word}", type="commission")
    say(server, debate["id"], (f"Mme Ada {word}", "Bonjour.", 0), (f"Mme Ada {word}", "Encore.", 1000))
    want = {("speaker", f"Mme Ada {word}"), ("commission", f"Commission du {word}"), ("title", debate["title"])}
    for typed in (word[:6], word, word.upper(), word[:3] + word[4] + word[3] + word[5:]):
        assert set(suggestions(client, typed)) == want, typed
    answer = client.get("/api/search/suggestions", params={"q": word}).json()["suggestions"]
    assert {s["kind"]: (s["count"], s["debate_id"]) for s in answer} == {
        "speaker": (2, None), "commission": (1, None), "title": (1, debate["id"])}
    maker.delete(f"/api/debates/{debate['id']}")
    assert suggestions(client, word) == []


def test_suggestions_end_where_they_should(client, crowd):
    assert len(suggestions(client, "foule", limit=3)) == 3
    assert suggestions(client, "hadizade") == [("speaker", "Mme Aïda Hadizadeh")]
    problem(client.get("/api/search/suggestions"), 422)
    problem(client.get("/api/search/suggestions", params={"q": " "}), 422)
    problem(client.get("/api/search/suggestions", params={"q": "x", "limit": 21}), 422)


def test_suggestions_come_while_one_types(server, client, crowd):
    """Measured for real in bench; here only that nothing is far off."""
    client.get("/api/search/suggestions", params={"q": "ciotti"})
    began = time.monotonic()
    for typed in ["c", "ci", "cio", "ciot", "ciott", "ciotti"] * 10:
        assert client.get("/api/search/suggestions", params={"q": typed}).status_code == 200
    assert time.monotonic() - began < 60 * PATIENCE
