"""The story's room at /tales in a real browser: watched while it is written, read with its sources, edited, put in
another order, downloaded, shared. No provider: chapters are made of the notes' own sentences."""

import re
import socket
import threading
import urllib.parse
import zipfile

import pytest
from harness import DATABASE, VARIANT, Server, token
from tales import b64, good, jpeg, make_note, make_space, tone

pytest.importorskip("selenium.webdriver", reason="no python3-selenium")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from test_search_page import CHROMIUM, DRIVER, HOSTILE, Page, start_browser  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with chromedriver"),
    pytest.mark.skipif(VARIANT != "plain" or DATABASE != "sqlite", reason="the page is the same; once is enough"),
]
DAY_MS, FIRST = 24 * 3600 * 1000, 1_753_000_000_000
SPOKEN = "Grand-père racontait la guerre en épluchant des pommes. Il riait de tout, sauf des chevaux."
NOTES = [
    {"type": "TEXT", "title": "Le départ", "textContent": "Nous sommes partis de Nantes à l’aube avec six valises. "
     "Marie dormait contre la vitre du train. Paul comptait les gares à voix haute."},
    {"type": "AUDIO", "title": "La voix", "transcription": SPOKEN},
    {"type": "TEXT", "title": "La plage", "textContent": "La mer était froide et personne ne voulait sortir de l’eau. "
     "Lucie a trouvé une étoile rouge sous le ponton."},
    {"type": "TEXT", "title": "Le retour", "textContent": "Le soir, la soupe attendait sur la table de la cuisine. "
     "Nous avons parlé jusqu’à minuit."},
]


def make_story_space(client, title="Un été à Nantes", notes=NOTES):
    space = make_space(client, title=title, language="fr", timeZone="Europe/Paris", description="Carnet de Lucie")
    for i, note in enumerate(notes):
        extra = {"audioData": b64(tone(3, pitch=220 + 40 * i))} if note["type"] == "AUDIO" else {}
        make_note(client, space, timestamp=FIRST + i * DAY_MS, **note, **extra)
    return space


class Reader:
    """A person with an access token, and what the server holds of his."""

    def __init__(self, server):
        self.token = token(server)
        self.client = server.client(self.token)

    def write(self, space, **settings):
        body = {"spaceId": space["id"], "settings": {"storyMode": "chapter", "imagesPerChapter": 0} | settings}
        return good(self.client.post("/api/stories/generate", json=body))["chapters"]

    def chapters(self, space):
        return good(self.client.get(f"/api/spaces/{space['id']}/story"))


class Tales(Page):
    reader = space = None
    base = None

    def open(self, query="", path="/tales"):
        self.browser.get(f"{self.base or self.server.url}{path}{query}")
        return self

    def enter(self, reader, space):
        """Signed in, in the space's story."""
        self.reader, self.space = reader, space
        self.open("", "/tales/words.js")
        self.js("localStorage.language = 'en'; sessionStorage.access = arguments[0]; sessionStorage.name = 'Ada'", reader.token)
        return self.visit()

    def visit(self):
        self.open(f"#/space/{self.space['id']}/story")
        self.browser.refresh()  # the same page with another hash is not loaded again
        self.until(lambda: self.js("return document.querySelector('#room')?.ariaBusy") == "false" and self.one(".title-page"), "no story room")
        self.js("""window.said = []; new MutationObserver(() => { const text = document.querySelector('#status').textContent; if (text) said.push(text); })
                   .observe(document.querySelector('#status'), { childList: true, characterData: true, subtree: true })""")
        return self

    def said(self):
        return self.js("return window.said")

    def until_said(self, words):
        self.until(lambda: any(words in text for text in self.said()), f"not announced: {words}")

    def click(self, what):
        """As a hand would: it is what lets sound begin."""
        self.until(lambda: self.visible(what), f"no {what}")
        element = self.one(what)
        self.js("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", element)
        element.click()

    def keys(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def tool(self, name):
        self.click(f"[data-tool={name}]")
        self.until(lambda: self.js("return document.querySelector('#story-panel').childElementCount > 1"), f"no {name}")

    def titles(self):
        return self.texts(".chapter h3")

    def act(self, number, words, what):
        """A button under a chapter, counted from 1, until there is what it shows."""
        self.js("""const b = [...document.querySelectorAll(`.chapter:nth-child(${arguments[0]}) .acts button`)].find((e) => e.innerText === arguments[1]);
                   b.scrollIntoView({ block: 'center', behavior: 'instant' }); b.click()""", number, words)
        self.until(lambda: self.visible(what), f"no {what}")

    def sentence(self, words):
        return self.js("return [...document.querySelectorAll('.sentence')].find((e) => e.textContent.includes(arguments[0]))", words)

    def choose(self, words):
        sentence = self.sentence(words)
        assert sentence, words
        self.js("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", sentence)
        self.js("arguments[0].id = 'chosen'", sentence)
        sentence.click()
        self.until(lambda: self.visible("#source"), "nothing beside the sentence")

    def focused(self):
        return self.js("return document.activeElement.textContent")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"))
    try:
        server.start()
        server.env["LISTEN"] = server.url.removeprefix("http://")  # for a restart at the same address
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def reader(server):
    return Reader(server)


@pytest.fixture
def page(browser, server):
    page = Tales(browser, server)
    page.open("", "/tales/words.js")
    page.js("localStorage.clear(); sessionStorage.clear()")
    browser.get_log("browser")
    yield page
    browser.set_window_size(1280, 900)
    assert page.complaints() == []


# -- written and read ---------------------------------------------------------------------------------


def test_a_story_is_watched_then_each_sentence_shows_and_plays_its_note(page, server):
    reader = Reader(server)
    space = make_story_space(reader.client)
    page.enter(reader, space)
    assert page.text(".title-page h2") == space["title"] and not page.visible("[data-tool=book]")
    page.until(lambda: page.visible(".write"), "the form is not open")
    page.click("input[value=chapter]")
    page.click(".write button.main")
    page.until_said("The story is finished")
    assert [f"Chapter {i} of 4 is written" in text for i, text in enumerate(page.said()[:4], 1)] == [True] * 4
    page.until(lambda: not page.visible("#run"), "still being written")
    stored = reader.chapters(space)
    assert page.titles() == [chapter["title"] for chapter in stored] and len(stored) == 4
    page.until(lambda: page.js("return [...document.querySelectorAll('.plate img')].filter((e) => e.naturalWidth && !e.matches('.coming')).length") == 4,
               "no pictures")
    assert all(page.js("return [...document.querySelectorAll('.plate img')].map((e) => e.alt)"))
    assert page.js("return document.querySelector('.prose').lang") == "fr"

    # One stop of Tab a chapter; arrows go through the sentences; Enter shows the note, Escape gives the focus back.
    assert page.js("return [...document.querySelectorAll('.prose')].map((e) => e.querySelectorAll('.sentence[tabindex=\"0\"]').length)") == [1] * 4
    page.js("arguments[0].focus()", page.sentence("Nous sommes partis"))
    page.keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert "Paul comptait les gares" in page.focused()
    page.keys(Keys.ENTER)
    page.until(lambda: page.visible("#source"), "Enter shows nothing")
    assert page.text("#source mark") == "Paul comptait les gares à voix haute." and page.text("#source h4") == "Le départ"
    assert "July 20, 2025" in page.text("#source .when") and "Dimanche 20 juillet 2025" in page.text(".dateline") and not page.one("#source audio")
    page.keys(Keys.ESCAPE)
    assert not page.one("#source") and "Paul comptait les gares" in page.focused()
    page.keys(Keys.ARROW_RIGHT)  # into the next chapter
    assert page.js("return document.activeElement.closest('.chapter').id") == f"chapter-{stored[1]['id']}"

    # By hand: the recording it came from is heard.
    page.choose("Il riait de tout")
    assert SPOKEN in page.text("#source blockquote") and page.text("#source mark") == "Il riait de tout, sauf des chevaux."
    assert page.js("return document.querySelector('#chosen').getAttribute('aria-expanded')") == "true"
    page.until(lambda: page.js("return document.querySelector('#source audio').currentTime > 0"), "nothing is heard")
    src = page.js("return document.querySelector('#source audio').src")
    note = next(n for n in good(reader.client.get(f"/api/spaces/{space['id']}/notes")) if n["type"] == "AUDIO")
    assert note["audioFileIds"][0] in src
    page.choose("Lucie a trouvé")
    assert page.text("#source h4") == "La plage"
    page.click("#source .close")
    assert not page.one("#source") and "Lucie a trouvé" in page.focused()
    good(reader.client.delete(f"/api/spaces/{space['id']}/notes/{note['id']}"))
    page.visit()
    page.choose("Il riait de tout")
    assert page.text("#source h3") == "Without a note" and "rests on no note" in page.text("#source")


def test_what_goes_wrong_is_told_with_what_to_do(page, server):
    reader = Reader(server)
    empty = make_space(reader.client, title="Vide")
    make_note(reader.client, empty, type="MOMENT")
    page.enter(reader, empty)
    page.click(".write button.main")
    page.until(lambda: "No note of this space" in page.text("#run [role=alert]"), "not told")
    assert "Say, write or photograph" in page.text("#run")
    space = make_story_space(reader.client, title=HOSTILE, notes=NOTES[:2])
    for tone_ in ("neutral", "poetic", "funny"):
        reader.write(space, narrativeTone=tone_)
    page.enter(reader, space)
    assert page.text(".title-page h2") == HOSTILE.strip() or "<script>" in page.text(".title-page h2")
    page.tool("write")
    page.click(".write button.main")
    page.until(lambda: "At most 3 stories an hour" in page.text("#run [role=alert]"), "the limit is not told")
    assert re.search(r"written again at \d+:\d\d", page.text("#run")) and len(page.titles()) == 2
    assert page.browser.title != "pwned"


class Proxy:
    """Hands connections on to the server; the first answer with `mark` in it ends behind the event that has it, once
    that is `seen`: a browser forgets what it has not read yet when its connection breaks."""

    def __init__(self, server, mark):
        self.to = urllib.parse.urlsplit(server.url)
        self.mark, self.cuts, self.resumed, self.lock = mark, 0, [], threading.Lock()
        self.seen = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection((self.to.hostname, self.to.port))
            for args in ((near, far, self.asked), (far, near, self.answered)):
                threading.Thread(target=self.pump, args=args, daemon=True).start()

    def asked(self, data, _):
        self.resumed += [int(n) for n in re.findall(rb"(?i)last-event-id: *(\d+)", data)]
        return data, False

    def answered(self, data, before):
        """What is to be handed on of it, and whether it ends there."""
        with self.lock:
            at = (before + data).find(self.mark) if not self.cuts else -1
            end = (before + data).find(b"\n\n", at) if at >= 0 else -1
            if end < 0:
                return data, False
            self.cuts += 1
            return data[:max(0, end + 2 - len(before))], True

    def pump(self, source, target, look):
        before = b""
        try:
            while data := source.recv(65536):
                part, over = look(data, before)
                target.sendall(part)
                before = (before + data)[-200_000:]
                if over:
                    self.seen.wait(60)
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def test_a_stream_that_is_cut_goes_on_behind_its_last_event(page, server):
    reader = Reader(server)
    space = make_story_space(reader.client, notes=NOTES * 2)
    proxy = Proxy(server, b"event: chapter")
    page.base = proxy.url
    try:
        page.enter(reader, space)
        page.click("input[value=chapter]")
        page.click("input[name=pictures]")
        page.click(".write button.main")
        page.until(lambda: page.titles(), "no chapter comes")
        proxy.seen.set()
        page.until_said("The story is finished")
        assert proxy.cuts == 1 and len(proxy.resumed) == 1
    finally:
        page.open("", "/tales/words.js")
        proxy.seen.set()
        proxy.close()
        page.base = None
    stored = reader.chapters(space)
    page.enter(reader, space)
    assert len(stored) == 8 and page.titles() == [chapter["title"] for chapter in stored]
    ids = page.js("return [...document.querySelectorAll('.chapter')].map((e) => e.id)")
    assert ids == [f"chapter-{chapter['id']}" for chapter in stored]


def test_a_reload_joins_the_story_that_is_being_written_and_a_restart_finishes_it(page, server):
    reader = Reader(server)
    space = make_story_space(reader.client)
    server.stop()
    server.args = ["--workers", "off"]  # nobody writes: it is under way as long as we like
    server.start()
    try:
        page.enter(reader, space)
        page.click(".write button.main")
        page.until(lambda: page.visible("#run .words + progress") and page.visible("#run button"), "it does not begin")
        page.visit()
        page.until(lambda: page.visible("#run button"), "the reload knows nothing of it")
        page.click("#run button")
        page.until(lambda: "cancelled" in page.text("#run [role=alert]"), "not cancelled")
        assert "What is written stays" in page.text("#run")
        page.js("[...document.querySelectorAll('#run button')].find((e) => e.innerText === 'Close').click()")
        page.tool("write")
        page.click("input[value=transcription]")
        page.click(".write button.main")
        page.until(lambda: page.visible("#run button"), "it does not begin again")
    finally:
        server.stop()
        server.args = []
        server.start()
    page.until_said("The story is finished")
    assert page.titles() == [chapter["title"] for chapter in reader.chapters(space)]


# -- changed ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(reader):
    """A space with a written story."""
    space = make_story_space(reader.client)
    picture = good(reader.client.post("/api/media", data=jpeg(width=64, height=48)), 201)["id"]
    make_note(reader.client, space, type="IMAGE", title="Le ponton", imageFileIds=[picture], textContent="Le ponton où Lucie pêchait.",
              timestamp=FIRST + 9 * DAY_MS)
    reader.write(space)
    return space


def test_a_chapter_is_edited_kept_over_an_accident_and_not_written_over_unseen(page, reader, told):
    page.enter(reader, told)
    page.until(lambda: page.js("return document.querySelector('.album img').naturalWidth") == 64, "no photograph")
    first = reader.chapters(told)[0]
    page.act(1, "Edit", ".edit [name=title]")
    page.one(".edit [name=title]").clear()
    page.one(".edit [name=title]").send_keys("Six valises")
    content = page.one(".edit [name=content]")
    content.send_keys(Keys.CONTROL, Keys.END)
    content.send_keys(" J’avais sept ans.")
    page.visit()  # as if the window had been closed
    page.until(lambda: page.visible(".offer"), "what was typed is not offered")
    page.click(".offer button")
    page.until(lambda: page.visible(".edit [name=title]"), "the form is not there")
    assert page.one(".edit [name=title]").get_property("value") == "Six valises"
    assert page.one(".edit [name=content]").get_property("value").endswith("J’avais sept ans.")

    # Somebody has changed it in the meantime: nothing is lost on either side.
    path = f"/api/spaces/{told['id']}/chapters/{first['id']}"
    good(reader.client.put(path, json={"content": first["content"] + " Autrement."}))
    page.click(".edit button.main")
    page.until(lambda: "Autrement." in page.text(".conflict blockquote"), "the conflict is not told")
    assert reader.chapters(told)[0]["content"].endswith("Autrement.")
    page.click(".conflict button.main")
    page.until_said("Saved: Six valises")
    now = reader.chapters(told)[0]
    assert now["title"] == "Six valises" and now["content"].endswith("J’avais sept ans.") and now["edited"]
    assert page.titles()[0] == "Six valises" and page.js("return localStorage.getItem(`lifetales:draft:${arguments[0]}`)", first["id"]) is None


def test_chapters_are_put_in_another_order_by_buttons_keys_and_hand(page, reader, told):
    page.enter(reader, told)
    before = page.titles()
    page.tool("arrange")

    def stored(*order):
        page.until(lambda: [c["title"] for c in reader.chapters(told)] == [before[i] for i in order], f"not stored: {order}")
        page.until(lambda: page.titles() == [before[i] for i in order], "not shown")
    page.click(".order li:nth-child(1) .down")
    page.until_said("is now 2 of 5")
    assert page.js("return document.activeElement.matches('.order li:nth-child(2) .down')")
    stored(1, 0, 2, 3, 4)
    page.js("document.querySelector('.order li:nth-child(5) .handle').focus()")
    page.keys(Keys.ARROW_UP)
    page.until_said("is now 4 of 5")
    stored(1, 0, 2, 4, 3)
    drag = ActionChains(page.browser).click_and_hold(page.one(".order li:nth-child(1) .handle"))
    for row in (2, 3):
        drag.move_to_element_with_offset(page.one(f".order li:nth-child({row})"), 0, 12)
    drag.release().perform()
    page.until_said("is now 3 of 5")
    stored(0, 2, 1, 4, 3)


def test_a_chapter_gets_another_picture_and_is_read_aloud_or_says_why_not(page, reader, told):
    page.enter(reader, told)
    page.act(2, "New picture", ".redraw textarea")
    page.one(".redraw textarea").clear()
    page.one(".redraw textarea").send_keys("Un phare sous la neige")
    page.click(".redraw button.main")
    page.until_said("The new picture is there")
    page.until(lambda: page.js("return document.querySelector('.chapter:nth-child(2) .plate img')?.naturalWidth * 3 / 4") == 900, "no picture")
    assert page.one(".chapter:nth-child(2) .plate img").get_attribute("alt") == "Un phare sous la neige"
    assert reader.chapters(told)[1]["illustrationPrompt"] == "Un phare sous la neige"
    page.js("""window.played = []; const play = HTMLMediaElement.prototype.play;
               HTMLMediaElement.prototype.play = function () { played.push(this.src); return play.call(this); }""")
    page.click(".chapter:nth-child(2) .listen")
    answer = reader.client.post("/api/tts", json={"text": "Bonjour."})
    if answer.status_code == 200:
        page.until(lambda: page.js("return played.length > 0 && document.querySelectorAll('.spoken').length > 0"), "nothing is said")
        page.click(".chapter:nth-child(2) .listen")
        assert not page.one(".spoken")
    else:
        page.until(lambda: answer.json()["message"] in page.text(".chapter:nth-child(2) .acts"), "the reason is not told")


# -- given away ---------------------------------------------------------------------------------------


def test_the_book_is_downloaded_and_says_why_not(page, reader, told, tmp_path):
    page.enter(reader, told)
    page.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.tool("book")
    for format_ in ("pdf", "epub"):
        page.click(f"[data-format={format_}]")
        page.until(lambda: page.one(f"[data-done={format_}]"), f"no {format_}: {page.text('.formats')}")
        page.until(lambda: list(tmp_path.glob(f"*.{format_}")), "not stored")
    assert next(tmp_path.glob("*.pdf")).name == "Un-été-à-Nantes.pdf"
    page.until(lambda: next(tmp_path.glob("*.pdf")).read_bytes()[-1024:].rstrip().endswith(b"%%EOF"), "it is cut")
    assert next(tmp_path.glob("*.pdf")).read_bytes().startswith(b"%PDF-")
    with zipfile.ZipFile(next(tmp_path.glob("*.epub"))) as epub:
        assert epub.infolist()[0].filename == "mimetype" and epub.read("mimetype") == b"application/epub+zip"
    page.js("sessionStorage.access = 'x'; sessionStorage.refresh = ''")
    page.js("window.fetch = async () => new Response(JSON.stringify({ detail: 'The disk is full.' }), { status: 507 })")
    page.click("[data-format=html]")
    page.until(lambda: "The disk is full." in page.text(".formats .error"), "the reason is not told")


def test_whoever_has_the_link_reads_and_hears_it_until_it_is_taken_back(page, reader, told, tmp_path_factory):
    page.enter(reader, told)
    page.tool("share")
    page.click("#story-panel form button.main")
    page.until(lambda: page.one(".made .link"), "no link")
    link = page.one(".made .link").get_property("value")
    assert re.fullmatch(re.escape(page.server.url) + r"/tales/s/[\w-]{20,}", link)
    other = start_browser(tmp_path_factory.mktemp("stranger"))
    try:
        stranger = Tales(other, page.server)
        other.get(link)
        stranger.until(lambda: len(stranger.titles()) == 5, "no story")
        assert stranger.titles() == page.titles() and stranger.text("h1") == told["title"]
        assert not stranger.one(".tools, .chapter button:not(.close)") and stranger.one(".voices audio")
        stranger.until(lambda: stranger.js("return document.querySelector('.album img').naturalWidth") == 64, "no photograph")
        stranger.choose("Il riait de tout")
        stranger.until(lambda: stranger.js("return document.querySelector('#source audio').currentTime > 0"), "nothing is heard")
        assert "/api/shared/" in stranger.js("return document.querySelector('#source audio').src") and not stranger.one("#source blockquote")
        page.click(".links li button")
        page.until_said("The link is taken back")
        assert page.texts(".links .over") and not page.one(".made .link")
        other.refresh()
        stranger.until(lambda: "taken back" in stranger.text("#room [role=alert]"), "it can still be read")
        assert not stranger.one(".chapter") and stranger.complaints() == []
    finally:
        other.quit()
    assert page.server.client().get(urllib.parse.urlsplit(link).path).status_code == 410


# -- on a telephone -------------------------------------------------------------------------------------


def test_it_fits_a_telephone_in_both_languages_and_every_text_is_there(page, reader, told):
    page.enter(reader, told)
    texts = page.js("""const [fr, en, own] = await Promise.all(['story.fr', 'story.en', 'en'].map((name) => import(`/tales/texts.${name}.js`)));
        const shape = (value) => JSON.stringify(value, (_, v) => (typeof v === 'string' ? [...v.matchAll(/\\{(\\w+)\\}/g)].map((m) => m[1]).sort().join() : v));
        return { different: Object.keys({ ...fr.default, ...en.default }).filter((key) => shape(fr.default[key]) !== shape(en.default[key])),
                 repeated: Object.keys(en.default).filter((key) => key in own.default) }""")
    assert texts == {"different": [], "repeated": []}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True})
    try:
        page.js("localStorage.language = 'fr'")
        page.visit()
        assert "Écouter" in page.texts(".chapter .acts button")
        for name in ("write", "arrange", "book", "share"):
            page.tool(name)
            assert page.js("return document.documentElement.scrollWidth") <= 360, name
            assert "undefined" not in page.text("#room")
        page.choose("Il riait de tout")
        page.until(lambda: page.js("""const [panel, sentence] = ['#source', '#chosen'].map((s) => document.querySelector(s).getBoundingClientRect());
            return panel.left >= 0 && panel.right <= 360 && panel.bottom <= innerHeight && sentence.bottom <= panel.top + 1"""),
                   "the panel does not fit, or hides its sentence")
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
