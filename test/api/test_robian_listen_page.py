"""The pages at /listen in a real browser: hearing a debate and reading along, finding one."""

import html
import json
import re
import sys
import time

import pytest
from harness import DATABASE, ROOT, VARIANT, Server
from robian import analyst, count, make_debate

pytest.importorskip("selenium.webdriver", reason="no python3-selenium")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from test_search_page import CHROMIUM, DRIVER, HOSTILE, Page, start_browser  # noqa: E402

sys.path.insert(0, str(ROOT / "test/fake"))
from videos import PORTAL_SECONDS, Portal, make_media  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with chromedriver"),
    pytest.mark.skipif(VARIANT != "plain" or DATABASE != "sqlite", reason="the page is the same; once is enough"),
]

# (second, speaker, id, role, text); every one is a paragraph of a point, number 5 interrupts.
SAID = [
    (0.5, "Mme la présidente", 1, "", "La séance est ouverte."),
    (2, "M. Élie Cœur", 2, "", "Le budget de l’État doit être sincère. Il ne l’est pas."),
    (6, "M. Élie Cœur", 2, "", "Nous demandons une hausse des crédits de l’hôpital. (Applaudissements sur divers bancs.)"),
    (8.5, "M. Luc Bref", 5, "", "Très bien !"),
    (10, "Mme Zoé Martin", 3, "ministre de la santé", "L’hôpital aura ses crédits, et bien plus encore."),
    (15, "Mme la présidente", 1, "", "Voici le résultat du scrutin : Nombre de votants 103 Nombre de suffrages exprimés 98 "
                                     "Pour l’adoption 86 Contre 12"),
    (20, "M. Jean Hostile", 4, "", HOSTILE),
]
XML = """<?xml version='1.0' encoding='UTF-8'?>
<compteRendu xmlns='http://schemas.assemblee-nationale.fr/referentiel'><uid>CRSANR5L17S2026O1N001</uid>
<seanceRef>RUANR5L17S2026IDS1</seanceRef><sessionRef>SCR5A2026O1</sessionRef><metadonnees>
<dateSeance>20261118150000000</dateSeance><dateSeanceJour>mercredi 18 novembre 2026</dateSeanceJour>
<legislature>17</legislature><session>Session ordinaire 2026-2027</session><etat>complet</etat><version>avant_JO</version>
</metadonnees><contenu>{}</contenu></compteRendu>"""


def transcript():
    """As the Assembly publishes it: two points of the agenda."""
    def escaped(text):
        return text.replace("&", "&amp;").replace("<", "&lt;")

    def point(title, said, number):
        paragraphs = "".join(
            f"<paragraphe valeur_ptsodj='{number}' ordre_absolu_seance='{i}' id_acteur='PA{person}' code_grammaire='{'INTERRUPTION_1_10' if person == 5 else 'PAROLE_GENERIQUE'}' "
            f"code_style='NORMAL' id_syceron='{number}{i}' roledebat='{'president' if person == 1 else ''}'><orateurs><orateur><nom>{name}</nom>"
            f"<id>{person}</id><qualite>{role}</qualite></orateur></orateurs><texte stime='{at}'>{escaped(text)}</texte></paragraphe>"
            for i, (at, name, person, role, text) in enumerate(said))
        return f"<point nivpoint='1' valeur_ptsodj='{number}' code_grammaire='TITRE_TEXTE_DISCUSSION' code_style='Titre' " \
               f"id_syceron='{number}00'><orateurs/><texte>{title}</texte>{paragraphs}</point>"
    return XML.format(point("Projet de loi de finances", SAID[:4], 1) + point("Réponse du Gouvernement", SAID[4:], 2))


class World:
    """A server, the portal it may fetch from, and a debate with audio, transcript and a vote."""

    def __init__(self, server, portal, folder):
        self.server, self.portal, self.client = server, portal, analyst(server)
        self.vote()
        file = folder / "cr.xml"
        file.write_text(transcript(), encoding="utf-8")
        assert "INTERRUPTION_1_10" in file.read_text(encoding="utf-8")
        server.cli("import", "robian", "transcripts", file)
        (self.debate,) = self.client.get("/api/debates/").json()["debates"]
        self.id = self.debate["id"]
        changed = self.client.put(f"/api/debates/{self.id}", json={"source_url": portal.page()})
        assert changed.status_code == 200, changed.text
        self.extract(self.id)

    def extract(self, debate):
        assert self.client.post(f"/api/streaming/{debate}/extract", json={}).status_code == 200
        until = time.monotonic() + 60
        while self.client.get(f"/api/streaming/{debate}/status").json()["status"] != "completed":
            assert time.monotonic() < until, self.client.get(f"/api/streaming/{debate}/status").text
            time.sleep(0.05)

    def vote(self):
        file = self.server.folder / "vote.json"
        file.write_text(json.dumps({"scrutin": {
            "uid": "VTANR5L17V1", "numero": "1", "legislature": "17", "seanceRef": "RUANR5L17S2026IDS1", "dateScrutin": "2026-11-18",
            "typeVote": {"codeTypeVote": "SPO", "libelleTypeVote": "scrutin public ordinaire"},
            "sort": {"code": "adopté", "libelle": "L'Assemblée nationale a adopté"}, "titre": "l'amendement n° 12 de M. Cœur",
            "demandeur": {"texte": None}, "objet": {"libelle": "l'amendement n° 12"},
            "syntheseVote": {"nombreVotants": "103", "suffragesExprimes": "98", "nbrSuffragesRequis": "50", "annonce": "L'Assemblée nationale a adopté",
                             "decompte": {"nonVotants": "1", "pour": "86", "contre": "12", "abstentions": "5", "nonVotantsVolontaires": "0"}}}}))
        self.server.cli("import", "robian", "votes", file)


class Listening(Page):
    def debate(self, more="", debate=None):
        self.open(more, f"/listen/{debate or self.world.id}")
        self.until(lambda: self.js("return document.body.dataset.ready"), "the page did not get ready")
        self.js("""const a = document.querySelector('audio'); window.sought = [a.currentTime];
                   a.addEventListener('seeking', () => window.sought.push(a.currentTime));""")
        return self

    def audio(self, what):
        return self.js(f"return document.querySelector('audio').{what}")

    def at(self):
        return self.audio("currentTime")

    def is_near(self, second):
        """It was set there since this was asked last; that it plays on meanwhile does not matter."""
        self.until(lambda: self.audio("readyState") >= 1 and any(abs(at - second) < 0.4 for at in self.js("return window.sought")),
                   f"not {second}")
        self.js("window.sought = []")

    def current(self):
        return self.text("#transcript [aria-current] .said")

    def key(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def click(self, what):
        """As a hand would: first it is brought to where nothing lies over it."""
        element = self.browser.find_element("css selector", what) if isinstance(what, str) else what
        if not self.js("return Boolean(arguments[0].closest('#dock, .bar, #follow'))", element):
            self.js("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", element)
        element.click()

    def paragraph(self, words):
        return self.js("return [...document.querySelectorAll('.row')].find((e) => e.innerText.includes(arguments[0]))", words)

    def stored(self, name):
        return json.loads(self.js("return localStorage.getItem(arguments[0])", name) or "null")


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    portal = Portal(make_media(tmp_path_factory.mktemp("media")))
    yield portal
    portal.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, portal):
    server = Server(tmp_path_factory.mktemp("data"), ROBIAN_VIDEOS_URL=portal.url, ROBIAN_ALLOW_PRIVATE_SOURCES="on")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def world(server, portal, tmp_path_factory):
    return World(server, portal, tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, world):
    page = Listening(browser, world.server)
    page.world = world
    page.open("", "/listen/parts/live.js")
    page.js("localStorage.clear(); sessionStorage.clear()")
    browser.get_log("browser")
    yield page
    assert page.complaints() == []


# -- what is there ------------------------------------------------------------------------------------


def test_a_debate_is_shown_with_all_that_is_known_of_it(page):
    page.debate()
    assert page.text("h1").replace("\xa0", " ") == page.world.debate["title"] and page.world.debate["title"] in page.browser.title
    assert "Wednesday, November 18, 2026" in page.text("#when")
    assert page.texts(".row .said") == [text for *_, text in SAID]  # hostile text is text
    assert page.browser.title != "pwned" and not page.one("#transcript img")
    assert page.texts(".turn h3") == ["Mme la présidente", "M. Élie Cœur", "Mme Zoé Martin", "Mme la présidente", "M. Jean Hostile"]
    assert page.texts(".who p") == ["ministre de la santé"]
    assert page.texts(".interruption .by") == ["M. Luc Bref"]  # beside the speech, which goes on
    assert page.texts(".said i") == ["(Applaudissements sur divers bancs.)"]
    assert page.texts("#transcript > h2") == ["Projet de loi de finances", "Réponse du Gouvernement"]
    assert page.texts(".row .at") == ["0:00", "0:02", "0:06", "0:08", "0:10", "0:15", "0:20"]
    assert page.texts("#chapters li button") and page.text("#clock").endswith("/ 0:24")
    links = page.js("return [...document.querySelectorAll('#links a')].map((a) => [a.innerText, a.getAttribute('href')])")
    assert any("mp3" in text and "/download" in href for text, href in links)
    for _, href in links:
        if href.startswith("/"):
            assert page.server.client().get(href).status_code == 200, href


def test_a_vote_stands_where_it_was_held(page):
    page.debate()
    assert page.text("#transcript .vote h3").lower().startswith("l'amendement n° 12")
    assert page.texts("#transcript .figures span") == ["86 for", "12 against", "5 abstentions"]
    seats = page.js("""return ['for', 'against', 'abstained'].map((c) => document.querySelectorAll('#transcript .vote circle.' + c).length)""")
    assert 0.75 < seats[0] / sum(seats) < 0.92 and seats[1] > 0 and seats[2] > 0
    order = page.js("return [...document.querySelectorAll('#transcript .vote, .row')].map((e) => e.className)")
    assert order.index("vote") in (5, 6)
    page.js("document.querySelector('#votes').open = true")
    page.click("#votes button")
    page.is_near(15)


def test_a_debate_that_does_not_exist_is_told(page):
    page.open("", "/listen/00000000-0000-4000-8000-000000000000")
    page.until(lambda: page.text("h1") == "There is no such debate")
    assert page.one("#links a[href='/listen']") and not page.visible("#dock")


# -- playing ------------------------------------------------------------------------------------------


def test_it_plays_and_the_transcript_follows(page):
    page.debate("?t=1.8")
    page.js("document.querySelector('audio').playbackRate = 0.25")  # each paragraph lasts long enough to be seen
    page.click("#play")
    page.until(lambda: page.at() > 2 and page.current().startswith("Le budget"))
    assert page.text("#now b") == "M. Élie Cœur" and page.one("#play").get_attribute("aria-label") == "Pause"
    assert page.js("return CSS.highlights.get('now')?.size") == 1
    page.js("document.querySelector('audio').currentTime = 10.2")
    page.until(lambda: page.current().startswith("L’hôpital"))
    assert page.text("#now span:last-child") == "ministre de la santé"
    assert page.js("return document.querySelectorAll('#transcript [aria-current]').length") == 1
    page.until(lambda: page.js("return document.querySelector('#chapters [aria-current]')?.innerText ?? ''").endswith("Réponse du Gouvernement"))
    page.click("#play")
    page.until(lambda: page.audio("paused"))


def test_a_click_on_a_paragraph_plays_from_it(page):
    page.debate()
    page.click(page.paragraph("hausse des crédits"))
    page.is_near(6)
    page.until(lambda: not page.audio("paused"))


def test_the_keyboard_does_it_all(page):
    page.debate()
    page.click("h1")
    page.key(" ")
    page.until(lambda: not page.audio("paused"))
    page.key("k")
    page.until(lambda: page.audio("paused"))
    page.js("document.querySelector('audio').currentTime = 1")
    page.key("l")
    page.is_near(16)
    page.key("j")
    page.is_near(1)
    page.key(">", ">")
    assert page.audio("playbackRate") == 1.5 and page.js("return document.querySelector('#speed').value") == "1.5"
    # Tab comes to one paragraph; arrows go on, Enter plays.
    assert page.js("return document.querySelectorAll('#transcript [tabindex=\"0\"]').length") == 1
    page.js("document.querySelector('.at').focus()")
    page.key(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.js("return document.activeElement.innerText") == "0:06"
    page.key(Keys.ENTER)
    page.is_near(6)
    page.until(lambda: not page.audio("paused"))
    page.key(Keys.END)
    assert page.js("return document.activeElement.innerText") == "0:20"
    # The line is a slider that says where one is.
    page.js("document.querySelector('audio').pause(); document.querySelector('#seek').focus()")
    page.key(Keys.HOME)
    page.key(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.until(lambda: 2 <= page.at() <= 5)
    assert "M. Élie Cœur" in page.one("#seek").get_attribute("aria-valuetext")
    assert page.one("#seek").get_attribute("aria-valuetext").split(",")[0].endswith(("second", "seconds"))


def test_a_link_opens_at_its_second(page):
    for link, second in (("?t=12", 12), ("#t=8", 8), ("?t=0m15s", 15)):
        page.debate(link)
        page.is_near(second)
        assert page.audio("paused")
    page.until(lambda: page.current().startswith("Voici le résultat"))
    page.js("location.hash = 't=3'")
    page.is_near(3)
    page.debate("?t=nonsense")
    assert page.at() == 0


def test_who_scrolls_is_left_alone_until_he_comes_back(page):
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 700, "height": 420, "deviceScaleFactor": 1, "mobile": False})
    try:
        page.debate()
        page.click("#play")
        page.until(lambda: page.at() > 0.2)
        assert not page.visible("#follow")
        page.js("dispatchEvent(new WheelEvent('wheel', { deltaY: -100 })); scrollTo(0, 0)")
        page.until(lambda: page.visible("#follow"))
        page.js("document.querySelector('audio').currentTime = 20.5")
        page.until(lambda: page.current().startswith("<img"))
        assert page.js("return scrollY") < 100  # a smooth step that was under way may still end
        page.click("#follow")
        page.until(lambda: page.js("return scrollY") > 100 and not page.visible("#follow"))
        inside = "const b = document.querySelector('#transcript [aria-current]').getBoundingClientRect(); " \
                 "return b.bottom > 60 && b.top < document.querySelector('#dock').getBoundingClientRect().top"
        page.until(lambda: page.js(inside))
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_speakers_are_gone_to_one_speech_after_the_other(page):
    page.debate()
    page.js("document.querySelector('#speakers').open = true")
    seconds = {}
    for s in page.server.client().get(f"/api/debates/{page.world.id}/transcript").json()["speeches"]:
        if s["kind"] == "speech":
            seconds[s["speaker"]] = seconds.get(s["speaker"], 0) + s["end"] - s["start"]
    names = page.texts("#speakers b")
    assert names == sorted(seconds, key=lambda name: -seconds[name]) and set(names) == {name for _, name, person, *_ in SAID if person != 5}
    chosen = "#speakers li:nth-child({}) button".format(names.index("Mme la présidente") + 1)
    page.click(chosen)
    page.is_near(0.5)
    assert page.one(chosen).get_attribute("aria-pressed") == "true"
    page.click(chosen)
    page.is_near(15)


# -- searching in it ----------------------------------------------------------------------------------


def test_words_are_found_marked_and_heard(page):
    page.debate()
    page.click("h1")
    page.key("/")
    page.key("hopital cred")
    page.until(lambda: page.text("#found-count") == "2 passages")
    assert page.texts("#found-list b") == ["M. Élie Cœur", "Mme Zoé Martin"] and page.texts("#found-list .time") == ["0:06", "0:10"]
    assert page.texts("#transcript mark") == ["créd", "hôpital", "hôpital", "créd"]
    page.key(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    page.is_near(10)
    assert not page.visible("#found")
    page.js("document.querySelector('audio').pause()")
    page.key("/")
    page.key(Keys.ENTER)
    page.is_near(6)  # from the last on to the first
    page.key("/")
    page.key(Keys.BACKSPACE, Keys.ESCAPE)
    assert page.texts("#transcript mark") == []
    page.key("/")
    page.key("<img")
    page.until(lambda: page.text("#found-count") == "1 passage")
    assert not page.one("#found img")


def test_a_word_with_a_typing_error_is_found_by_the_server(page):
    page.debate()
    page.click("#q")
    page.key("seancce ouvertte")
    page.until(lambda: page.text("#found-count").startswith("Nothing exact"))
    assert page.texts("#found-list .time")[0] == "0:00"
    page.key(Keys.ENTER)
    page.is_near(0.5)


# -- audio on its way ---------------------------------------------------------------------------------


def test_an_extraction_is_followed_live(page):
    world = page.world
    debate = make_debate(world.client, source_url=f"{world.portal.url}/vod/an.mp4", title="À venir")
    page.debate(debate=debate["id"])
    page.until(lambda: page.visible("#extraction"))
    assert page.text("#extraction-title") == "The audio is not here yet" and not page.visible("#dock")
    assert not page.visible("#extract")  # not signed in
    assert "not published" in page.text("#transcript")
    world.portal.hold()
    try:
        assert world.client.post(f"/api/streaming/{debate['id']}/extract", json={}).status_code == 200
        page.until(lambda: page.visible("#extraction-progress"), "no word of the extraction came")
        assert page.text("#extraction-title") == "Extracting the audio…"
        page.until(lambda: 0 < page.js("return document.querySelector('#extraction-progress').value") < 100)
    finally:
        world.portal.release()
    page.until(lambda: page.visible("#dock"), "the audio did not come")
    assert not page.visible("#extraction")
    page.until(lambda: page.audio("duration") and abs(page.audio("duration") - PORTAL_SECONDS) < 1)
    page.click("#play")
    page.until(lambda: page.at() > 0.2)


def test_an_extraction_that_fails_says_why(page):
    debate = make_debate(page.world.client, source_url=f"{page.world.portal.url}/vod/mute.mp4")
    page.debate(debate=debate["id"])
    assert page.world.client.post(f"/api/streaming/{debate['id']}/extract", json={}).status_code == 200
    page.until(lambda: page.text("#extraction-title") == "The extraction failed")
    assert page.text("#extraction-message")


# -- what is kept -------------------------------------------------------------------------------------


def test_one_goes_on_where_one_stopped(page):
    page.debate("?t=10")
    page.is_near(10)
    page.click("#play")
    page.until(lambda: page.at() > 10.3)
    page.click("#play")
    page.until(lambda: page.stored("heard"))
    page.debate()
    at = page.stored("heard")[0]["at"]
    page.is_near(at)
    assert at >= 10
    page.open("", "/listen")
    page.until(lambda: page.visible("#recent"))
    assert page.text("#recent b") == page.world.debate["title"] and f"0:{at:02}" in page.text("#recent")


def test_a_favourite_is_a_devices_and_keeps_the_position(page):
    page.debate("?t=6")
    page.is_near(6)
    assert page.stored("device") is None  # nobody is known before he wants it
    page.click("#heart")
    page.until(lambda: page.one("#heart").get_attribute("aria-pressed") == "true")
    device = page.stored("device")
    client = page.server.client()
    client.params, client.headers["X-Device-Secret"] = {"user_id": device["user_id"]}, device["secret"]
    (favorite,) = client.get("/api/favorites").json()
    assert favorite["debate_id"] == page.world.id and favorite["last_position_seconds"] == 6 and favorite["progress_percentage"] == 25
    page.click("#play")
    page.until(lambda: page.at() > 8)
    page.click("#play")
    page.until(lambda: client.get("/api/favorites").json()[0]["last_position_seconds"] >= 8)
    page.until(lambda: [a["kind"] for a in client.get("/api/activities").json()] == ["play", "favorite_add"])
    page.js("localStorage.removeItem('heard')")  # as on another day, without what this browser noted
    page.debate()
    page.is_near(client.get("/api/favorites").json()[0]["last_position_seconds"])
    assert page.one("#heart").get_attribute("aria-pressed") == "true"
    page.click("#heart")
    page.until(lambda: client.get("/api/favorites").json() == [])
    assert count(page.server, "devices") == 1


# -- finding a debate ---------------------------------------------------------------------------------


def test_debates_are_listed_and_searched_to_the_second(page):
    page.open("", "/listen")
    page.until(lambda: page.world.debate["title"] in page.texts("#debates h3"))
    assert "Listen" in page.text("#debates")
    page.click("#q")
    page.key("sincère", Keys.ENTER)
    page.until(lambda: page.text("#list-title") == "1 debate")
    assert page.texts(".passages mark") == ["sincère"] and page.texts(".passages .time") == ["0:02"]
    assert page.state() == {"q": ["sincère"]}
    page.click(".passages a")
    page.until(lambda: page.js("return document.body.dataset.ready"))
    page.until(lambda: abs(page.at() - 2) < 0.4)
    assert page.texts("#transcript mark") == ["sincère"]


def test_suggestions_are_chosen_with_arrows(page):
    page.open("", "/listen")
    page.until(lambda: page.texts("#debates h3"))
    page.click("#q")
    page.js("document.execCommand('insertText', false, 'Zoe Mar')")  # at once: there is one list, and none replaces it
    page.until(lambda: any("Mme Zoé Martin" in s or "Zoé Martin" in s for s in page.texts("#suggestions li")))
    which = next(i for i, s in enumerate(page.texts("#suggestions li")) if "Zoé Martin" in s)
    page.key(*[Keys.ARROW_DOWN] * (which + 1))
    assert page.one("#q").get_attribute("aria-activedescendant") == f"s{which}"
    page.key(Keys.ENTER)
    page.until(lambda: "Zoé Martin" in page.js("return document.querySelector('#q').value"))
    page.until(lambda: page.text("#list-title") == "1 debate", page.text("#list-title") + str(page.texts("#debates h3")) + page.text("#trouble"))
    assert not page.visible("#suggestions")


def test_an_answer_that_comes_late_leaves_the_list_in_which_one_chooses(page):
    page.open("", "/listen")
    page.until(lambda: page.texts("#debates h3"))
    page.click("#q")
    page.js("document.execCommand('insertText', false, 'Zoe Mar')")
    page.until(lambda: page.texts("#suggestions li"))
    page.js("""
        const real = window.fetch, go = new Promise((done) => { window.release = done; });
        window.fetch = async (address, options) => {
          if (!String(address).includes('/suggestions')) return real(address, options);
          window.asked = true;
          await go;
          const answer = await real(address, options);
          setTimeout(() => { window.answered = true; }, 200);  // it has been shown by then, if it is
          return answer;
        };""")
    page.js("document.execCommand('insertText', false, 't')")
    page.until(lambda: page.js("return window.asked"))
    page.key(Keys.ARROW_DOWN)
    page.js("window.release()")
    page.until(lambda: page.js("return window.answered"))
    assert page.js("return document.querySelector('#suggestions [aria-selected=true]')?.id") == "s0"
    assert page.one("#q").get_attribute("aria-activedescendant") == "s0"


def test_kinds_of_debates_are_chosen(page):
    make_debate(page.world.client, type="audition", title="Audition de M. X")
    page.open("", "/listen")
    page.until(lambda: "Audition de M. X" in page.texts("#debates h3"))
    [button] = [b for b in page.browser.find_elements("css selector", "#types button") if b.text == "Hearing"]
    button.click()
    page.until(lambda: page.texts("#debates h3") == ["Audition de M. X"])
    assert page.state() == {"type": ["audition"]}


# -- for everybody ------------------------------------------------------------------------------------


def test_french_and_english(page, tmp_path):
    page.debate()
    page.click("#language")
    page.until(lambda: page.js("return document.documentElement.lang") == "fr" and page.js("return document.body.dataset.ready"))
    assert "mercredi 18 novembre 2026" in page.text("#when") and page.one("#play").get_attribute("aria-label") == "Lecture"
    assert page.js("return document.querySelector('#chapters summary').textContent") == "Chapitres"
    french = start_browser(tmp_path / "profile", "fr-FR")
    try:
        other = Listening(french, page.server)
        other.open("", "/listen")
        other.until(lambda: other.text("h1") == "Le mot prononcé, à la seconde près.")
        assert other.complaints() == []
    finally:
        french.quit()


@pytest.mark.parametrize("where", ["debate", "home"])
def test_everything_one_can_use_has_a_name(page, where):
    page.debate() if where == "debate" else page.open("", "/listen")
    page.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.until(lambda: page.texts("#chapters button" if where == "debate" else "#debates h3"))
    nodes = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    usable = [n for n in nodes if not n.get("ignored") and n["role"]["value"] in
              ("button", "link", "combobox", "searchbox", "textbox", "slider", "img", "progressbar", "group", "region")]
    assert len(usable) > 8
    nameless = [n["role"]["value"] for n in usable if n["role"]["value"] != "group" and not n.get("name", {}).get("value")]
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["debate", "home"])
def test_words_stand_out_from_their_ground(page, scheme, where):
    """Contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3), whatever way a colour is written."""
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    try:
        page.debate("?q=crédits&t=10") if where == "debate" else page.open("?q=crédits", "/listen")
        page.js("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        page.until(lambda: page.texts("mark"))
        poor = page.js("""
            const c = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
            const over = (text, under) => { c.fillStyle = `rgb(${under})`; c.fillRect(0, 0, 1, 1); c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3); };
            const light = (rgb) => rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
              .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const ground = (e) => { const all = []; for (; e; e = e.parentElement) all.unshift(getComputedStyle(e).backgroundColor); return all.reduce((under, text) => over(text, under), [255, 255, 255]); };
            const poor = [];
            for (const e of document.querySelectorAll('body *')) {
              if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.matches('option, :disabled, .unseen, text, #status')) continue;
              const under = ground(e), [a, b] = [light(over(getComputedStyle(e).color, under)), light(under)].sort((x, y) => y - x);
              if ((a + 0.05) / (b + 0.05) < 4.5) poor.push([e.outerHTML.slice(0, 80), (a + 0.05) / (b + 0.05)]);
            }
            return poor;""")
    finally:
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert poor == []


def test_who_wants_calm_gets_it(page):
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]})
    try:
        page.open("", "/listen")
        page.until(lambda: page.one("#seats circle"))
        assert page.js("return getComputedStyle(document.querySelector('#seats circle')).animationName") == "none"
        page.debate("?t=20")
        assert page.js("return getComputedStyle(document.querySelector('.row')).transitionDuration") == "0s"
    finally:
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("where", ["debate", "home"])
def test_a_phone_shows_it_without_scrolling_sideways(page, where):
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True})
    try:
        page.debate("?t=10") if where == "debate" else page.open("?q=crédits", "/listen")
        page.until(lambda: page.texts(".row" if where == "debate" else ".passages"))
        assert page.js("return document.documentElement.scrollWidth") <= 360
        if where == "debate":
            boxes = page.js("""return [...document.querySelectorAll('#controls button')].map((e) => { const b = e.getBoundingClientRect(); return [b.left, b.right, b.height]; })""")
            assert all(left >= 0 and right <= 360 and height >= 40 for left, right, height in boxes)
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_pages_are_small_and_strict(page):
    page.browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    size = 0
    for where in ("/listen", f"/listen/{page.world.id}"):
        page.open("", where)
        page.until(lambda: page.texts("#debates h3, .row"))
        loaded = page.js("""return performance.getEntries().filter((e) => e.encodedBodySize && !e.name.includes('/api/'))
            .map((e) => [new URL(e.name).pathname, e.encodedBodySize])""")
        size += sum(s for _, s in loaded)
        assert len(loaded) >= 5
        answer = page.server.client().get(where)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"] and "'unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.text.count("<script") == 1 and "style=" not in answer.text
    assert size < 40_000, size


def test_the_parts_are_the_embedded_ones_only(server):
    client = server.client()
    assert client.get("/listen/parts/common.js").status_code == 200
    for path in ("/listen/parts/nothing.js", "/listen/parts/..%2Fconsole%2Fconsole.js"):
        assert client.get(path).status_code in (400, 404), path


def test_who_is_sent_the_address_sees_what_it_is(server, world):
    """Programs that show a preview run no scripts."""
    writer = world.client
    title = "L’« avenir » <b>& \"la suite\""
    debate = make_debate(writer, title=title, date="2026-03-28T23:30:00Z", commission="Commission des lois")
    answer = server.client().get(f"/listen/{debate['id']}?t=12")
    told = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', answer.text))
    assert html.unescape(told["title"]) == title and f"<title>{html.escape(title).replace('&#x27;', '&#39;')} · robian</title>" in answer.text
    assert told["description"] == "Séance publique · 29/03/2026 · Commission des lois"
    assert told["url"] == f"{server.url}/listen/{debate['id']}" and told["image"].startswith(server.url)
    assert server.client().get(told["image"].removeprefix(server.url)).headers["Content-Type"] == "image/png"
    assert "audio" not in told and 'og:audio" content="' + server.url in server.client().get(f"/listen/{world.id}").text
    missing = server.client().get("/listen/00000000-0000-4000-8000-000000000000")
    assert missing.status_code == 404 and "<title>robian</title>" in missing.text
