"""robian: podcasts. Every feed is read by an XML parser and looked at element by element."""

import email.utils
import re
import struct
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as ElementTree
import zlib

import pytest
from harness import PATIENCE, problem, register_user
from robian import analyst, make_debate
from robian_said import give_audio, run, say

PODCAST = "{https://podcastindex.org/namespace/1.0}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
ATOM = "{http://www.w3.org/2005/Atom}"
PODCAST_SPACE = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")


@pytest.fixture(scope="module")
def maker(server):
    return analyst(server)


def fetch(client, path, **options):
    answer = client.get(path, **options)
    assert answer.status_code == 200, answer.text
    return answer


def channel(client, path, **options):
    """The feed's channel, after looking at all that every feed must have."""
    answer = fetch(client, path, **options)
    assert answer.headers["Content-Type"] == "application/rss+xml; charset=utf-8"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "rss" and root.get("version") == "2.0" and len(root) == 1
    ch = root[0]
    for name in ("title", "link", "description", "language", "lastBuildDate", "generator", "copyright",
                 ITUNES + "author", ITUNES + "explicit", ITUNES + "type", PODCAST + "guid", PODCAST + "medium"):
        assert len(ch.findall(name)) == 1 and ch.findtext(name).strip(), name
    assert ch.findtext("language") == "fr" and ch.findtext(ITUNES + "explicit") == "false"
    assert ch.find(ITUNES + "category").get("text") == "Government"
    assert absolute(ch.find(ITUNES + "image").get("href")) == absolute(ch.findtext("image/url"))
    assert ch.findtext("image/title") == ch.findtext("title") and ch.findtext("image/link") == ch.findtext("link")
    itself = link(ch, "self")
    assert ch.findtext(PODCAST + "guid") == str(uuid.uuid5(PODCAST_SPACE, itself.split("://", 1)[1].rstrip("/")))
    assert email.utils.parsedate_to_datetime(ch.findtext("lastBuildDate"))
    for item in ch.findall("item"):
        item_is_whole(item)
    guids = [i.findtext("guid") for i in ch.findall("item")]
    assert len(set(guids)) == len(guids)
    return ch


def absolute(url):
    parts = urllib.parse.urlsplit(url)
    assert parts.scheme in ("http", "https") and parts.netloc, url
    return url


def item_is_whole(item):
    for name in ("title", "link", "description", "guid", "pubDate", ITUNES + "title", ITUNES + "explicit",
                 ITUNES + "episodeType"):
        assert len(item.findall(name)) == 1 and item.findtext(name).strip(), name
    absolute(item.findtext("link"))
    assert item.find("guid").get("isPermaLink") == "false"
    assert email.utils.parsedate_to_datetime(item.findtext("pubDate"))
    for enclosure in item.findall("enclosure"):
        absolute(enclosure.get("url"))
        assert int(enclosure.get("length")) > 0 and enclosure.get("type").startswith("audio/")
    for transcript in item.findall(PODCAST + "transcript"):
        assert absolute(transcript.get("url")) and transcript.get("type")
    for chapters in item.findall(PODCAST + "chapters"):
        assert absolute(chapters.get("url")) and chapters.get("type") == "application/json+chapters"
    for bite in item.findall(PODCAST + "soundbite"):
        assert float(bite.get("startTime")) >= 0 and 0 < float(bite.get("duration")) <= 120
        assert len(bite.text.encode()) <= 128
    for person in item.findall(PODCAST + "person"):
        assert person.text.strip() and person.get("role") in ("guest", "host")


def link(ch, rel):
    found = [e.get("href") for e in ch.findall(ATOM + "link") if e.get("rel") == rel]
    return absolute(found[0]) if found else None


def titles(client, path, **options):
    return [i.findtext("title") for i in channel(client, path, **options).findall("item")]


def path_of(kind, name):
    return f"/feeds/{kind}/{urllib.parse.quote(name, safe='')}.xml"


def heard(server, maker, audio=True, said=(), **members):
    """A debate with audio, and what was said in it."""
    debate = make_debate(maker, **members)
    if said:
        say(server, debate["id"], *said)
    if audio:
        give_audio(server, debate["id"])
    return debate["id"]


# -- what is in them --------------------------------------------------------------------------------


def test_an_item_has_all_that_listeners_apps_want(server, maker, client):
    debate = heard(server, maker, title="Budget & <impôts> : l'écologie", description="Un débat & <b>rien</b> d'autre.",
                   commission="Commission des finances", type="commission", date="2024-11-06T14:00:00Z",
                   speakers=["M. Éric Ciotti", "Mme Rousseau"], ministers=["M. le ministre"],
                   said=[("M. Éric Ciotti", "Bonjour", 0)])
    run(server, ["INSERT INTO debate_chapters (debate_n, source, position, parent, level, title, start_ms) "
                 f"SELECT n, 'nvs', 0, -1, 1, 'Début', 0 FROM debates WHERE id = '{debate}'"])
    ch = channel(client, "/feeds/all.xml")
    item = next(i for i in ch.findall("item") if i.findtext("guid") == debate)
    assert item.findtext("title") == "Budget & <impôts> : l'écologie"
    assert item.findtext("link") == f"{server.url}/listen/{debate}"
    assert item.findtext("pubDate") == "Wed, 06 Nov 2024 14:00:00 GMT"
    assert "<p>Un débat &amp; &lt;b&gt;rien&lt;/b&gt; d&#39;autre.</p>" in item.findtext("description").replace("&#x27;", "&#39;")
    enclosure = item.find("enclosure")
    assert enclosure.get("url") == f"{server.url}/api/streaming/{debate}/stream?format=mp3"
    assert (enclosure.get("length"), enclosure.get("type")) == ("1234567", "audio/mpeg")
    assert item.findtext(ITUNES + "duration") == "3600"
    assert {(t.get("type"), t.get("url")) for t in item.findall(PODCAST + "transcript")} == {
        (kind, f"{server.url}/api/debates/{debate}/transcript?format={name}")
        for kind, name in (("text/vtt", "vtt"), ("application/x-subrip", "srt"), ("text/plain", "txt"))}
    assert item.find(PODCAST + "chapters").get("url") == f"{server.url}/api/debates/{debate}/chapters"
    assert [p.text for p in item.findall(PODCAST + "person")] == ["M. Éric Ciotti", "Mme Rousseau", "M. le ministre"]
    assert item.findtext("category") == "Commission"


def test_what_a_feed_names_is_there(server, maker, client):
    debate = heard(server, maker, title="Tout y est", said=[("M. Éric Ciotti", "Bonjour", 0)])
    run(server, ["INSERT INTO debate_chapters (debate_n, source, position, parent, level, title, start_ms) "
                 f"SELECT n, 'nvs', 0, -1, 1, 'Début', 0 FROM debates WHERE id = '{debate}'"])
    item = next(i for i in channel(client, "/feeds/all.xml").findall("item") if i.findtext("guid") == debate)
    for element in item.findall(PODCAST + "transcript") + item.findall(PODCAST + "chapters"):
        answer = client.get(element.get("url")[len(server.url):])
        assert answer.status_code == 200, (element.get("url"), answer.text)
        assert answer.headers["Content-Type"].split(";")[0] == element.get("type")


def test_the_cover_is_a_square_picture(client):
    cover = fetch(client, "/feeds/cover.png")
    assert cover.headers["Content-Type"] == "image/png" and cover.content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(cover.content):
        length, name = struct.unpack(">I4s", cover.content[at:at + 8])
        data = cover.content[at + 8:at + 8 + length]
        assert struct.unpack(">I", cover.content[at + 8 + length:at + 12 + length])[0] == zlib.crc32(name + data)
        chunks[name] = data
        at += 12 + length
    assert struct.unpack(">IIBB", chunks[b"IHDR"][:10]) == (1400, 1400, 8, 3)
    assert len(zlib.decompress(chunks[b"IDAT"])) == 1401 * 1400


def test_only_debates_with_audio_are_items_and_the_newest_come_first(server, maker, client):
    one = heard(server, maker, title="A1", type="audition", date="2024-01-02")
    two = heard(server, maker, title="A2", type="audition", date="2024-01-03")
    heard(server, maker, audio=False, title="A3", type="audition", date="2024-01-04")
    heard(server, maker, title="A4", type="autre", date="2024-01-05")
    assert titles(client, "/feeds/type/audition.xml") == ["A2", "A1"]
    assert [i.findtext("guid") for i in channel(client, "/feeds/type/audition.xml").findall("item")] == [two, one]
    problem(client.get("/feeds/type/nonsense.xml"), 404)
    assert titles(client, "/feeds/type/question_gouvernement.xml") == []


def test_texts_that_xml_cannot_hold_come_out_clean(server, maker, client):
    title = "Tab\there \x01\x02\x0b\x1f\x7f ]]> <!-- & \" ' \ufffe \U0001F3A7 é"
    debate = heard(server, maker, title="propre", type="autre",
                   said=[("M. <Bobby> \"Tables\"]]>", "wpropre & <script>\x07 ]]>", 1000)])
    run(server, ["UPDATE debates SET title = '" + title.replace("'", "''") + f"' WHERE id = '{debate}'",
                 "UPDATE change_sequence SET value = value + 1",
                 f"UPDATE debates SET change_seq = (SELECT value FROM change_sequence) WHERE id = '{debate}'"])
    item = next(i for i in channel(client, "/feeds/type/autre.xml").findall("item") if i.findtext("guid") == debate)
    assert item.findtext("title") == "Tab\there  ]]> <!-- & \" '  \U0001F3A7 é"
    item = channel(client, "/feeds/search.xml", params={"q": "wpropre"}).find("item")
    assert "<em>wpropre</em> &amp; &lt;script&gt; ]]&gt;" in item.findtext("description")


# -- whose they are ---------------------------------------------------------------------------------


def test_a_committees_feed(server, maker, client):
    name = "Commission des affaires étrangères / Défense & armées"
    heard(server, maker, title="C1", commission=name)
    heard(server, maker, title="C2", commission="Commission des lois")
    assert titles(client, path_of("commission", name)) == ["C1"]
    assert titles(client, f"/feeds/commission/{urllib.parse.quote(name)}.xml") == ["C1"]
    assert channel(client, path_of("commission", name)).findtext("title").endswith(name)
    problem(client.get(path_of("commission", "Commission inconnue")), 404, "Commission Commission inconnue non trouvée")


def test_a_speakers_feed_opens_at_the_second(server, maker, client):
    said = [("M. Xavier Wespérance", "D'abord ceci.", 61999, "PA777"), ("Mme Autre", "Non.", 70000, "PA778"),
            ("M. Xavier Wespérance", "Puis cela.", 100000, "PA777")]
    debate = heard(server, maker, title="S1", said=said)
    heard(server, maker, title="S2", said=[("Mme Autre", "Rien.", 0, "PA778")])
    heard(server, maker, audio=False, title="S3", said=said)
    for address in ("PA777", "Xavier Wespérance", "m. xavier wesperance"):
        ch = channel(client, path_of("speaker", address))
        assert [i.findtext("title") for i in ch.findall("item")] == ["S1"], address
    item = channel(client, path_of("speaker", "PA777")).find("item")
    assert "M. Xavier Wespérance" in channel(client, path_of("speaker", "PA777")).findtext("title")
    assert item.findtext("link") == f"{server.url}/listen/{debate}#t=61"
    bites = item.findall(PODCAST + "soundbite")
    assert [b.get("startTime") for b in bites] == ["61.999", "100.000"] and bites[0].get("duration") == "15.000"
    assert "0:01:01" in item.findtext("description") and "abord ceci" in item.findtext("description")
    problem(client.get(path_of("speaker", "PA000")), 404, "Orateur PA000 non trouvé")


def test_a_searchs_feed_is_of_what_is_said(server, maker, client):
    debate = heard(server, maker, title="R1", date="2024-05-01", said=[("M. Jean Dupont", "La wgare de Lyon.", 3599000)])
    heard(server, maker, title="R2", date="2024-06-01", type="audition", said=[("Mme Marie Durand", "Une wgare.", None)])
    ch = channel(client, "/feeds/search.xml", params={"q": "wgare"})
    assert [i.findtext("title") for i in ch.findall("item")] == ["R2", "R1"]
    first = ch.findall("item")[1]
    assert first.findtext("link") == f"{server.url}/listen/{debate}#t=3599"
    assert [(b.get("startTime"), b.get("duration")) for b in first.findall(PODCAST + "soundbite")] == [("3599.000", "1.000")]
    assert ch.findall("item")[0].findall(PODCAST + "soundbite") == []
    assert titles(client, "/feeds/search.xml", params={"q": "wgare", "speaker": "Dupont"}) == ["R1"]
    assert titles(client, "/feeds/search.xml", params={"q": "wgare", "type": "audition"}) == ["R2"]
    assert titles(client, "/feeds/search.xml", params={"q": "wrien"}) == []
    problem(client.get("/feeds/search.xml"), 422)
    problem(client.get("/feeds/search.xml", params={"q": "x" * 501}), 422)
    assert link(ch, "self") == f"{server.url}/feeds/search.xml?q=wgare"


def test_a_public_collections_feed(server, maker, client):
    mine = server.client(register_user(server)["access_token"])
    debate, other = heard(server, maker, title="K1"), heard(server, maker, title="K2")
    body = {"name": "À écouter & réécouter", "description": "Mes débats", "is_public": True}
    made = mine.post("/api/collections/", json=body).json()
    assert titles(client, f"/feeds/collection/{made['id']}.xml") == []
    assert mine.post(f"/api/collections/{made['id']}/debates/{debate}").status_code == 200
    ch = channel(client, f"/feeds/collection/{made['id']}.xml")
    assert ch.findtext("title") == body["name"] and ch.findtext("description") == "Mes débats"
    assert [i.findtext("title") for i in ch.findall("item")] == ["K1"]
    mine.post(f"/api/collections/{made['id']}/debates/{other}")
    mine.delete(f"/api/collections/{made['id']}/debates/{debate}")
    assert titles(client, f"/feeds/collection/{made['id']}.xml") == ["K2"]
    hidden = mine.post("/api/collections/", json={"name": "Privée", "is_public": False}).json()
    problem(client.get(f"/feeds/collection/{hidden['id']}.xml"), 404)
    problem(client.get("/feeds/collection/nobody.xml"), 404)


# -- how they are asked -----------------------------------------------------------------------------


def settled(client, path):
    """The answer once its date is a second old: then it has a Last-Modified."""
    until = time.monotonic() + 10 * PATIENCE
    while True:
        answer = fetch(client, path)
        if "Last-Modified" in answer.headers:
            return answer
        assert time.monotonic() < until
        time.sleep(0.05)


def test_feeds_are_asked_conditionally_and_are_fresh_at_once(server, maker, client):
    debate = heard(server, maker, title="Frais")
    answer = settled(client, "/feeds/all.xml")
    tag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
    for condition in ({"If-None-Match": tag}, {"If-Modified-Since": date}):
        unchanged = client.get("/feeds/all.xml", headers=condition)
        assert unchanged.status_code == 304 and unchanged.content == b"", condition
    head = client.head("/feeds/all.xml")
    for name in ("ETag", "Last-Modified", "Content-Type"):
        assert head.headers[name] == answer.headers[name]
    assert head.status_code == 200 and head.content == b""
    for change in (lambda: maker.put(f"/api/debates/{debate}", json={"title": "Plus frais"}),
                   lambda: maker.delete(f"/api/debates/{debate}")):
        assert change().status_code == 200
        changed = client.get("/feeds/all.xml", headers={"If-None-Match": tag})
        assert changed.status_code == 200 and changed.headers["ETag"] != tag
        assert client.get("/feeds/all.xml", headers={"If-Modified-Since": date}).status_code == 200
        tag = changed.headers["ETag"]
    assert "Plus frais" not in titles(client, "/feeds/all.xml")


def test_looking_at_a_debate_does_not_change_its_feed(server, maker, client):
    debate = heard(server, maker, title="Vu")
    tag = fetch(client, "/feeds/all.xml").headers["ETag"]
    assert client.get(f"/api/debates/{debate}").status_code == 200
    assert client.get("/feeds/all.xml", headers={"If-None-Match": tag}).status_code == 304


def test_readers_of_plain_xml_get_it_too(client):
    for accept, kind in (("application/xml", "application/xml"), ("text/html,application/xml;q=0.9", "application/xml"),
                         ("*/*", "application/rss+xml"), ("application/rss+xml", "application/rss+xml")):
        answer = fetch(client, "/feeds/all.xml", headers={"Accept": accept})
        assert answer.headers["Content-Type"].split(";")[0] == kind, accept


def test_links_begin_with_the_public_address(make_server):
    server = make_server(ROBIAN_PUBLIC_URL="https://robian.example.org/")
    maker = analyst(server)
    heard(server, maker, title="Public")
    text = fetch(server.client(), "/feeds/all.xml").text
    assert server.url not in text and "https://robian.example.org/feeds/all.xml" in text
    ch = channel(server.client(), "/feeds/all.xml")
    assert ch.find("item/enclosure").get("url").startswith("https://robian.example.org/api/streaming/")
    plain = make_server()
    heard(plain, analyst(plain), title="Hôte")
    answer = fetch(plain.client(), "/feeds/all.xml", headers={"Host": "écoute.example".encode("idna").decode()})
    assert "http://xn--coute-9ra.example/feeds/all.xml" in answer.text


def test_long_feeds_have_pages(make_server):
    server = make_server()
    maker, client = analyst(server), server.client()
    for i in range(205):
        make_debate(maker, title=f"P{i:03}", date=f"2024-{1 + i // 28:02}-{1 + i % 28:02}")
    yes = "true" if server.database else "1"
    now = "now()" if server.database else str(time.time_ns() // 1000)
    run(server, ["INSERT INTO audio_files (id, debate_n, filename, format, quality, file_size, blob, extraction_status, "
                 "extraction_completed_at, created_at, updated_at) SELECT 'audio-' || n, n, 'a.opus', 'opus', '64k', 77, 'none', "
                 f"'completed', {now}, {now}, {now} FROM debates",
                 f"UPDATE debates SET has_audio = {yes}",
                 "UPDATE change_sequence SET value = value + 1",
                 "UPDATE debates SET change_seq = (SELECT value FROM change_sequence) WHERE title = 'P000'"])
    seen, path, sizes = [], "/feeds/all.xml", []
    while path:
        ch = channel(client, path)
        items = [i.findtext("title") for i in ch.findall("item")]
        assert link(ch, "self") == f"{server.url}/feeds/all.xml"
        seen, sizes = seen + items, sizes + [len(items)]
        following = link(ch, "next")
        assert (link(ch, "prev") is None) == (len(sizes) == 1)
        path = following and following[len(server.url):]
    assert sizes == [100, 100, 5] and seen == [f"P{i:03}" for i in reversed(range(205))]
    assert ElementTree.fromstring(fetch(client, "/feeds/all.xml").content).find(".//enclosure").get("type") == "audio/ogg"
    assert titles(client, "/feeds/all.xml?page=4") == []
    problem(client.get("/feeds/all.xml?page=0"), 422)


@pytest.mark.parametrize("path", ["/feeds/all", "/feeds/type/seance_publique", "/feeds/type/.xml", "/feeds/speaker/.xml",
                                  "/feeds/alert/x.xml", "/feeds/nothing.xml", "/feeds/collection/%00.xml",
                                  "/feeds/commission/' OR 1=1.xml"])
def test_other_addresses_are_not_there(client, path):
    assert client.get(path).status_code in (400, 404)


def test_guids_are_those_of_the_podcast_namespace():
    """The namespace's own examples: what this test's way of making them gives."""
    assert str(uuid.uuid5(PODCAST_SPACE, "podnews.net/rss")) == "9b024349-ccf0-5f69-a609-6b82873eab3c"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        str(uuid.uuid5(PODCAST_SPACE, "x")))
