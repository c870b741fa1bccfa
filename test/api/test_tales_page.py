"""The page at /tales in a real browser with a microphone that beeps: notebooks, notes, recordings, pictures; what is
not sent yet and what goes wrong. The story is test_tales_page_story.py's."""

import json
import pathlib
import re
import subprocess
import sys

import pytest
from harness import DATABASE, VARIANT, Server, register_user
from tales import b64, good, jpeg, make_note, make_space, png, tone, webm

pytest.importorskip("selenium.webdriver", reason="no python3-selenium")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from test_search_page import CHROMIUM, DRIVER, HOSTILE, Page, start_browser  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with chromedriver"),
    pytest.mark.skipif(VARIANT != "plain" or DATABASE != "sqlite", reason="the page is the same; once is enough"),
]
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required")
HEARD = "Bonjour à tous."


class Tales(Page):
    """The page, and beside it what the server has: client, space."""

    def enter(self, room=""):
        self.open(room, "/tales")
        return self.ready()

    def go(self, room):
        self.js("location.hash = arguments[0]", room)
        return self.ready()

    def ready(self):
        self.until(lambda: self.js("const r = document.querySelector('#room'); return r && !r.hidden && r.ariaBusy === 'false'"),
                   lambda: f"no room: {self.text('#trouble')}")
        return self

    def notebook(self, **members):
        """A new one, and its notes shown."""
        self.space = make_space(self.client, **members)
        return self.enter(f"#/space/{self.space['id']}")

    def click(self, selector):
        self.until(lambda: self.visible(selector), f"no {selector}")
        self.js("const e = document.querySelector(arguments[0]); e.focus(); e.click()", selector)
        return self

    def press(self, words):
        """The button of these words."""
        found = """[...document.querySelectorAll('button')].filter((b) => b.checkVisibility() && [b.innerText.trim(), b.ariaLabel].includes(arguments[0]))"""
        self.until(lambda: self.js(f"return {found}.length", words), f"no button {words}")
        self.js(f"const e = {found}.at(-1); e.focus(); e.click()", words)
        return self

    def keys(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()
        return self

    def tab_to(self, selector, back=False):
        for _ in range(60):
            ActionChains(self.browser).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform() if back else self.keys(Keys.TAB)
            if self.js("return document.activeElement.matches(arguments[0])", selector):
                return self
        raise AssertionError(f"Tab does not reach {selector}")

    def focused(self):
        return self.js("const e = document.activeElement; return e.id || e.dataset.act || e.className || e.tagName")

    def stored(self, count):
        """The space's notes at the server, once there are so many."""
        return self.until(lambda: (notes := self.notes()) and len(notes) == count and notes or (count == 0 and not notes),
                          lambda: f"not {count} notes: {self.text('#outbox')}")

    def notes(self):
        return good(self.client.get(f"/api/spaces/{self.space['id']}/notes"))

    def until(self, check, what=""):
        try:
            return super().until(check, "")
        except Exception as e:
            raise AssertionError(what() if callable(what) else what) from e

    def record(self):
        """A recording of more than a part of a second each."""
        self.click("#record")
        self.until(lambda: self.one(".running"), lambda: self.text("#sound"))
        self.until(lambda: self.text(".running .time") >= "0:01", "the clock stands")
        return self

    def stop(self):
        self.click("#stop")
        self.until(lambda: self.one(".review audio"), "nothing to listen to")
        return self

    def picks(self, *files):
        self.one("#pick-pictures").send_keys("\n".join(str(f) for f in files))
        return self


@pytest.fixture(scope="module")
def models():
    with FakeModels() as models:
        models.listen(lambda audio: HEARD)
        yield models


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    server = Server(tmp_path_factory.mktemp("data"), **models.env(), AI_TRANSCRIBE_PROVIDER="gemini", LIFETALES_MEDIA_MAX_BYTES=300_000)
    try:
        server.start()
        server.env["LISTEN"] = server.url.removeprefix("http://")  # for a restart at the same address
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_browser(tmp_path_factory.mktemp("browser"), "en-US", *MICROPHONE)
    yield browser
    browser.quit()


def signed_in(browser, server):
    """The page for somebody new; tales.client is the same person without a browser."""
    tales = Tales(browser, server)
    tales.user = login = register_user(server)
    tales.client = server.client(login["access_token"])
    tales.open("", "/tales/api.js")
    tales.js("""localStorage.clear(); sessionStorage.clear();
        Object.assign(sessionStorage, { access: arguments[0], refresh: arguments[1], name: 'Ada' })""",
             login["access_token"], login["refresh_token"])
    browser.get_log("browser")
    return tales


@pytest.fixture
def tales(browser, server):
    tales = signed_in(browser, server)
    yield tales
    assert tales.complaints() == []


def seconds_of(data):
    """How long a recording is, by a judge of its own."""
    done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "json", "-"], input=data, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return max(float(p["pts_time"]) for p in json.loads(done.stdout)["packets"])


# -- speaking ----------------------------------------------------------------------------------------------


def test_what_is_spoken_is_kept_written_down_and_corrected(tales):
    tales.notebook().record()
    lit = """const c = document.querySelector('.levels'), copy = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true });
        copy.drawImage(c, 0, 0);
        const d = copy.getImageData(0, 0, c.width, c.height).data;
        let tall = new Set(); for (let i = 3; i < d.length; i += 4) if (d[i]) tall.add(Math.floor(i / 4 / c.width)); return tall.size"""
    tales.until(lambda: tales.js(lit) > 8, "the level shows no beep")
    tales.click("#hold").until(lambda: tales.text(".running strong") == "Paused", "not paused")
    stood = tales.text(".running .time")
    assert tales.text("#hold") == "Resume" and tales.js("return document.querySelector('#record').disabled")
    tales.click("#hold").until(lambda: tales.text(".running .time") > stood, "it does not go on")
    tales.stop()
    tales.until(lambda: re.fullmatch(r"Recording finished: \d+ seconds?\..*", tales.text("#status")), "not announced")
    assert tales.js("return document.activeElement.tagName") == "AUDIO" and tales.notes() == []
    tales.js("document.querySelector('.review audio').play()")
    tales.until(lambda: tales.js("return document.querySelector('.review audio').currentTime > 0.2"), "it is silent")
    tales.one("#words").send_keys("Le bip du matin")
    tales.click("#keep")
    note = tales.stored(1)[0]
    assert note["content"] == "Le bip du matin" and note["type"] == "AUDIO" and len(note["audioFileIds"]) == 1
    assert 0.8 < seconds_of(tales.client.get(note["audioUrl"]).content) < 60
    tales.until(lambda: tales.text(".note .said") == HEARD, "what was heard does not come")
    assert tales.text(".note .words") == "Le bip du matin" and not tales.visible("#outbox") and not tales.one(".review")
    tales.click("[data-act=change]").until(lambda: tales.one("form.change [name=transcription]"), "no form")
    tales.js("document.querySelector('[name=transcription]').value = 'Bonjour à toutes et à tous.'")
    tales.press("Save").until(lambda: tales.text(".note .said") == "Bonjour à toutes et à tous.", "not corrected")
    assert tales.focused() == "change" and tales.notes()[0]["transcription"] == "Bonjour à toutes et à tous."
    tales.click("[data-act=change]").press("Back to what was heard").press("Save")
    tales.until(lambda: tales.text(".note .said") == HEARD, "not as it was heard")


def test_a_recording_that_is_thrown_away_is_gone_and_one_that_was_cut_off_is_found(tales):
    tales.notebook().record().stop().press("Throw the recording away")
    tales.until(lambda: not tales.one(".review") and tales.focused() == "record", "still there")
    tales.record()
    parts = "return new Promise((done) => { const r = indexedDB.open('lifetales'); r.onsuccess = () => { r.result.transaction('parts').objectStore('parts').count().onsuccess = (e) => { r.result.close(); done(e.target.result); }; }; })"
    tales.until(lambda: tales.js(parts) > 0, "nothing is stored while it runs")
    tales.browser.refresh()
    tales.ready().until(lambda: "cut off" in tales.text(".review"), "what was cut off is lost")
    assert tales.notes() == [] and len(tales.texts(".review")) == 1
    tales.click("#keep").stored(1)
    tales.until(lambda: tales.js(parts) == 0, "parts are left")
    tales.browser.get_log("browser")  # that the page would have asked before it went


def test_without_a_microphone_there_are_clear_words(tales):
    tales.notebook()
    for name, words in (("NotAllowedError", "may not use the microphone"), ("NotFoundError", "No microphone was found"),
                        ("NotReadableError", "another program or tab uses it")):
        tales.js("navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', arguments[0]))", name)
        tales.click("#record").until(lambda: words in tales.text("#sound [role=alert]"), lambda: tales.text("#sound"))
    tales.js("""delete navigator.mediaDevices.getUserMedia;
        const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wish) => window.taken = await real(wish)""")
    tales.record()
    assert tales.text("#sound [role=alert]") == ""
    tales.js("window.taken.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    tales.until(lambda: "The microphone has gone" in tales.text(".review"), lambda: tales.text("#sound"))
    assert tales.js("return window.taken.getAudioTracks()[0].readyState") == "ended"  # its lamp is out
    tales.press("Throw the recording away")


# -- nothing is lost, nothing comes twice --------------------------------------------------------------------


def test_what_cannot_be_sent_waits_and_is_sent_once(tales, server):
    tales.notebook().record().stop()
    server.stop()
    tales.click("#keep")
    tales.until(lambda: "does not answer" in tales.text("#outbox"), lambda: tales.text("#outbox"))
    tales.js("document.querySelector('#words').value = 'Sans réseau'")
    tales.click("#keep").until(lambda: len(tales.texts("#outbox li")) == 2, "the second is not there")
    server.start()
    tales.js("document.querySelector('#outbox .send')?.click()")  # unless it has noticed by itself
    notes = tales.stored(2)
    assert sorted(n["content"] or "" for n in notes) == ["", "Sans réseau"]
    tales.until(lambda: not tales.visible("#outbox"), lambda: tales.text("#outbox"))
    # An answer that is lost on its way: the note was made, and is not made again.
    tales.js("""const real = fetch;
        window.fetch = async (path, options) => {
            const answer = await real(path, options);
            if (options?.method === 'POST' && /notes$/.test(path) && !window.lost++) throw new TypeError('lost');
            return answer;
        };
        window.lost = 0""")
    tales.js("document.querySelector('#words').value = 'Une seule fois'")
    tales.click("#keep").until(lambda: tales.js("return window.lost"), "it was not lost")
    tales.js("document.querySelector('#outbox .send')?.click()")
    tales.until(lambda: len(tales.texts(".note")) == 3 and not tales.visible("#outbox"), "not sent")
    assert tales.js("return window.lost") == 2
    assert [n["content"] for n in tales.notes()].count("Une seule fois") == 1
    tales.browser.get_log("browser")  # that the server was away is said there


def test_what_is_not_sent_outlives_the_page_and_is_another_persons_secret(tales, server, browser):
    tales.notebook()
    tales.js("window.fetch = () => Promise.reject(new TypeError('away'))")
    tales.one("#words").send_keys("Pas encore parti")
    tales.click("#keep").until(lambda: tales.one("#outbox .send"), "it went")
    other = signed_in(browser, server)
    other.notebook()
    assert not other.visible("#outbox") and other.notes() == []
    back = server.client().post("/api/v1/auth/login", json={"email": tales.user["email"], "password": tales.user["password"]}).json()
    tales.js("Object.assign(sessionStorage, { access: arguments[0], refresh: arguments[1] })", back["access_token"], back["refresh_token"])
    tales.enter(f"#/space/{tales.space['id']}")
    browser.refresh()
    assert tales.stored(1)[0]["content"] == "Pas encore parti" and other.notes() == []


def test_what_is_refused_says_why_and_waits_for_a_decision(tales, server):
    tales.notebook().record().stop()
    tales.client.delete(f"/api/spaces/{tales.space['id']}")
    tales.click("#keep").until(lambda: "There is no such space" in tales.text("#outbox"), lambda: tales.text("#outbox"))
    assert "Save the file" in tales.text("#outbox")
    tales.press("Throw away").until(lambda: tales.one("dialog"), "not asked")
    tales.keys(Keys.ESCAPE).until(lambda: not tales.one("dialog"), "Escape does not close")
    assert tales.visible("#outbox")
    tales.press("Throw away").until(lambda: tales.one("dialog"), "not asked")
    tales.js("document.querySelector('dialog .main').click()")
    tales.until(lambda: not tales.visible("#outbox"), "still there")


# -- writing and pictures --------------------------------------------------------------------------------------


def test_a_note_with_pictures_is_written_changed_and_taken_away(tales, tmp_path):
    files = {"mer.png": png(60, 40), "port.jpg": jpeg(width=64, height=48), "faux.png": b"\x89PNG\r\n\x1a\nnothing", "grand.png": png() + b"\0" * 300_000,
             "iphone.heic": b"\0\0\0\x18ftypheic" + b"\0" * 100}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    tales.notebook(timeZone="Europe/Paris")
    tales.one("#words").send_keys("Au port")
    tales.click("#compose summary")
    tales.one("#note-title").send_keys("Mercredi")
    tales.js("const w = document.querySelector('#note-when'); w.value = '2026-07-01T09:30'; w.dispatchEvent(new Event('input', { bubbles: true }))")
    tales.picks(*(tmp_path / name for name in files)).until(lambda: len(tales.texts(".files li")) == 5, "not all are shown")
    refusals = tales.texts(".files .refused")
    assert len(refusals) == 3 and "broken" in refusals[0] and "300 kB" in refusals[1] and "HEIC" in refusals[2], refusals
    tales.js("""const p = document.querySelector('#words'), d = new DataTransfer();
        d.items.add(new File([Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0))], 'collée.png', { type: 'image/png' }));
        p.dispatchEvent(new ClipboardEvent('paste', { clipboardData: d, bubbles: true, cancelable: true }))""",
             b64(png(30, 30, (10, 200, 90))))
    tales.until(lambda: len(tales.texts(".files li")) == 6, "what is pasted is not taken")
    tales.js("""const d = new DataTransfer(), over = (name) => document.querySelector('#notes').dispatchEvent(new DragEvent(name, { dataTransfer: d, bubbles: true, cancelable: true }));
        d.items.add(new File(['%PDF-1.4'], 'livre.pdf', { type: 'application/pdf' }));
        over('dragenter'); over('dragover'); over('drop')""")
    tales.until(lambda: "neither a picture" in tales.text(".files li:last-child"), "what is dropped is not taken")
    tales.click("#keep")
    note = tales.stored(1)[0]
    assert note["title"] == "Mercredi" and note["content"] == "Au port" and note["type"] == "MOMENT" and len(note["imageFileIds"]) == 3
    assert note["timestamp"] == 1_782_891_000_000  # half past nine in Paris
    tales.until(lambda: tales.js("return [...document.querySelectorAll('.photo img')].filter((i) => i.complete && i.naturalWidth).length") == 3, "no pictures")
    assert tales.text(".day h3") == "Wednesday, July 1, 2026" and tales.text(".note time") == "9:30 AM"
    tales.click(".photo").until(lambda: tales.one("dialog.look img"), "it is not shown large")
    tales.keys(Keys.ESCAPE).until(lambda: not tales.one("dialog") and tales.focused() == "photo", tales.focused)
    tales.click("[data-act=change]").until(lambda: tales.one("form.change"), "no form")
    tales.js("document.querySelector('form.change [aria-label=\"Remove port.jpg\"]').click(); const w = document.querySelector('form.change textarea'); w.value = 'Au port, avant la criée'")
    tales.press("Save").until(lambda: tales.text(".note .words") == "Au port, avant la criée", "not changed")
    note = tales.notes()[0]
    assert len(note["imageFileIds"]) == 2 and note["content"] == "Au port, avant la criée" and note["title"] == "Mercredi"
    tales.click("[data-act=change]").until(lambda: tales.one("form.change"), "no form")
    tales.one("form.change input[type=file]").send_keys(str(tmp_path / "port.jpg"))
    tales.until(lambda: tales.text("form.change .files li:last-child .name") == "port.jpg", "not taken")
    tales.press("Save").until(lambda: len(tales.texts(".photo")) == 3, "not added")
    assert [n["imageFileIds"][:2] for n in tales.notes()] == [note["imageFileIds"]]
    tales.click("[data-act=remove]").until(lambda: tales.one("dialog.sure"), "not asked")
    tales.keys(Keys.ESCAPE).until(lambda: not tales.one("dialog") and tales.focused() == "remove", tales.focused)
    tales.click("[data-act=remove]").press("Delete").stored(0)
    tales.until(lambda: "waits for you" in tales.text("#notes") and tales.focused() == "words", tales.focused)


def test_what_only_the_server_refuses_does_not_keep_the_rest_back(tales, tmp_path):
    (tmp_path / "voix.mp3").write_bytes(b"no sound at all, whatever its name says")
    (tmp_path / "vraie.wav").write_bytes(tone(0.5))
    tales.notebook().one("#pick-sounds").send_keys(f"{tmp_path / 'voix.mp3'}\n{tmp_path / 'vraie.wav'}")
    tales.until(lambda: len(tales.texts(".files li")) == 2 and not tales.one(".files .refused"), "not taken")
    tales.click("#keep")
    note = tales.stored(1)[0]
    assert [m["name"] for m in note["media"]] == ["vraie.wav"]
    tales.until(lambda: "voix.mp3\nwas not taken: It is neither" in tales.text("#outbox"), lambda: tales.text("#outbox"))
    tales.click("#outbox .small").until(lambda: not tales.visible("#outbox"), "it stays")


def test_hundreds_of_notes_are_shown_as_they_are_read_and_hostile_words_are_words(tales):
    tales.space = make_space(tales.client, title=HOSTILE)
    for i in range(95):
        make_note(tales.client, tales.space, content=f"note {i}" if i else HOSTILE, timestamp=1_700_000_000_000 + i * 3_600_000)
    tales.enter(f"#/space/{tales.space['id']}")
    assert len(tales.texts(".note")) == 40 and tales.texts(".note .words")[0] == "note 94" and "95 notes" in tales.text("#count")
    tales.click("#more").until(lambda: len(tales.texts(".note")) == 80, "no more")
    tales.click("#order").until(lambda: tales.texts(".note .words")[1] == "note 1", "not the first first")
    assert tales.texts(".note .words")[0] == HOSTILE.replace("  ", " ") and tales.browser.title.startswith("<img src=x")
    assert not tales.one("#room em, #room script") and not tales.one("#room img") and tales.browser.title != "pwned"
    tales.one("#seek").send_keys("NOTE 77")
    tales.until(lambda: tales.texts(".note .words") == ["note 77"], "not found")
    note = tales.notes()[77]
    tales.enter(f"#/space/{tales.space['id']}/note/{note['id']}")
    tales.browser.refresh()
    tales.ready().until(lambda: tales.js("return document.activeElement.dataset.id") == note["id"], "the address does not lead to it")


# -- notebooks, settings, links ----------------------------------------------------------------------------------


def test_a_notebook_is_made_changed_covered_and_taken_away(tales, tmp_path):
    (tmp_path / "cover.png").write_bytes(png(30, 40))
    tales.enter().until(lambda: "still empty" in tales.text("#room"), "not empty")
    tales.click("#new-space").until(lambda: tales.focused().startswith("field"), tales.focused)
    tales.keys("Hiver en Savoie").press("Open this notebook")
    tales.until(lambda: tales.text(".room h2") == "Hiver en Savoie", "not opened")
    assert tales.browser.title == "Hiver en Savoie · lifetales"
    tales.go("#/").press("Change “Hiver en Savoie”")
    tales.one("#pick-cover").send_keys(str(tmp_path / "cover.png"))
    tales.until(lambda: tales.one("dialog .thumb img"), "no preview")
    tales.js("document.querySelector('dialog [name=title]').value = 'Hiver'; document.querySelector('dialog [name=language]').value = 'fr'; document.querySelector('dialog [name=start]').value = '2026-01-15'")
    tales.press("Save").until(lambda: tales.texts(".nameplate") == ["Hiver\nJan 15, 2026"], lambda: str(tales.texts(".nameplate")))
    space = good(tales.client.get("/api/spaces"))[0]
    assert space["coverImage"].startswith("/api/media/") and space["language"] == "fr" and space["timeZone"]
    tales.until(lambda: tales.js("return document.querySelector('.front img').naturalWidth") == 30, "no cover")
    tales.press("Change “Hiver”").press("Delete this notebook").until(lambda: tales.one("dialog.sure"), "not asked")
    tales.press("Delete").until(lambda: not tales.one("#spaces li"), "still there")
    assert good(tales.client.get("/api/spaces")) == [] and tales.focused() == "new-space"


def test_settings_are_stored_as_they_are_chosen_and_the_server_says_what_it_cannot(tales, make_server, browser):
    tales.enter("#/settings")
    for name, value in (("narrativeTone", "poetic"), ("imageStyle", "pastel"), ("imagesPerChapter", "3"), ("voiceStyle", "calm"), ("creativity", "0.3")):
        tales.js("const e = document.querySelector(`[name=${arguments[0]}]`); e.value = arguments[1]; e.dispatchEvent(new Event('change'))", name, value)
        tales.until(lambda: str(good(tales.client.get("/api/settings"))[name]) == value, f"{name} is not stored")
    tales.js("document.querySelector('[value=transcription]').click(); document.querySelector('[name=backgroundMusic]').click()")
    tales.until(lambda: (s := good(tales.client.get("/api/settings")))["storyMode"] == "transcription" and s["backgroundMusic"] is False, "not stored")
    assert tales.text("#transcribes") == "Recordings are written down."
    lacks = signed_in(browser, make_server(LIFETALES_AUDIO_MAX_SECONDS=3))
    lacks.space = make_space(lacks.client)
    media = good(lacks.client.post("/api/media", files={"file": ("a.webm", webm(0.5), "audio/webm")}), 201)
    make_note(lacks.client, lacks.space, type="AUDIO", audioFileIds=[media["id"]])
    words = good(lacks.client.get("/api/limits"))["transcriptionLacks"]
    assert lacks.enter("#/settings").text("#transcribes") == words and "AI_TRANSCRIBE_PROVIDER" in words
    lacks.go(f"#/space/{lacks.space['id']}").until(lambda: words in lacks.text(".note .is-waiting"), "nobody says why it waits")
    lacks.click("#record").until(lambda: "the length that is allowed" in lacks.text(".review"), lambda: lacks.text("#sound"))
    lacks.click("#keep").stored(2)


def test_links_of_voices_are_made_and_taken_back(tales, server):
    tales.space = make_space(tales.client)
    media = good(tales.client.post("/api/media", files={"file": ("a.webm", webm(0.5), "audio/webm")}), 201)
    make_note(tales.client, tales.space, type="AUDIO", title="La voix", audioFileIds=[media["id"]], transcription="dit")
    tales.enter(f"#/space/{tales.space['id']}").click("#to-voices").press("Make a link : La voix")
    tales.until(lambda: tales.one("#voices a") and tales.focused() == "copy", "no link")
    address = tales.one("#voices a").get_attribute("href").removeprefix(server.url)
    assert server.client().get(address).status_code == 200
    tales.press("Take back : La voix").until(lambda: tales.one("dialog.sure"), "not asked")
    tales.press("Take back").until(lambda: "Taken back" in tales.text("#voices"), lambda: tales.text("#voices"))
    assert server.client().get(address).status_code == 410


# -- the frame -----------------------------------------------------------------------------------------------------


def test_by_keyboard_alone(tales):
    tales.enter().tab_to("#new-space").keys(Keys.ENTER).until(lambda: tales.one("dialog"), "no dialog")
    tales.keys(Keys.ESCAPE).until(lambda: not tales.one("dialog") and tales.focused() == "new-space", tales.focused)
    tales.keys(Keys.ENTER).until(lambda: tales.one("dialog"), "no dialog")
    tales.keys("Au clavier", Keys.ENTER).until(lambda: tales.text(".room h2") == "Au clavier", "not made")
    tales.space = good(tales.client.get("/api/spaces"))[0]
    tales.until(lambda: tales.js("return document.activeElement.tagName") == "H2", tales.focused)
    tales.tab_to("#words").keys("Écrit au clavier")
    ActionChains(tales.browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    tales.stored(1)
    tales.until(lambda: tales.one(".note") and tales.focused() == "words", tales.focused)
    tales.tab_to("#record").keys(Keys.ENTER).until(lambda: tales.one(".running") and tales.focused() == "stop", tales.focused)
    tales.until(lambda: tales.text(".running .time") >= "0:01", "the clock stands")
    tales.keys(Keys.ENTER).until(lambda: tales.js("return document.activeElement.tagName") == "AUDIO", tales.focused)
    tales.tab_to("#keep").keys(Keys.ENTER)
    tales.stored(2)
    tales.until(lambda: len(tales.texts(".note")) == 2, "not shown")
    tales.tab_to("[data-act=change]").keys(Keys.ENTER).until(lambda: tales.focused() != "change" and tales.one("form.change"), "no form")
    tales.keys(Keys.ESCAPE).until(lambda: not tales.one("form.change") and tales.focused() == "change", tales.focused)
    seen = tales.js("""const o = getComputedStyle(document.activeElement); return o.outlineStyle !== 'none' && parseFloat(o.outlineWidth) >= 2""")
    assert seen, "the focus is not seen"
    nameless = tales.js("""return [...document.querySelectorAll('button, a, input:not([hidden]), select, textarea, audio, dialog')]
        .filter((e) => !(e.ariaLabel || e.innerText?.trim() || e.labels?.length || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML)""")
    assert nameless == [] and not tales.one("#room div[onclick], #room [role=button]")
    tales.tab_to("#leave", back=True).keys(Keys.ENTER).until(lambda: tales.one("#login form"), "no form")
    assert "clavier" not in tales.js("return document.body.innerText")


def test_on_a_telephone_nothing_is_wider_than_the_screen(tales, browser):
    tales.notebook(title="Un titre long, anticonstitutionnellement", description="x" * 300)
    good(tales.client.post(f"/api/spaces/{tales.space['id']}/notes", json={"type": "TEXT", "title": "t" * 200, "content": "mot " * 80 + "y" * 400}), 201)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True})
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        for room in ("#/", "#/settings", f"#/space/{tales.space['id']}"):
            tales.enter(room)
            assert tales.js("return document.documentElement.scrollWidth") <= 360, room
        assert tales.js("return document.querySelector('.camera').checkVisibility()") and tales.one("input[capture=environment]")
        tales.record()
        assert tales.js("return document.documentElement.scrollWidth") <= 360
        for selector in ("#hold", "#stop", "#record", "#keep"):
            box = tales.js("const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.left, b.right, b.height]", selector)
            assert box[0] >= 0 and box[1] <= 360 and box[2] >= 36, (selector, box)
        tales.stop().click("[data-act=change]").until(lambda: tales.one("form.change"), "no form")
        assert tales.js("return document.documentElement.scrollWidth") <= 360
    finally:
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    tales.press("Throw the recording away")


def test_the_page_is_strict_and_needs_nothing_from_elsewhere(tales, server):
    answer = server.client().get("/tales")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "script-src 'self'" in policy and "unsafe" not in policy, policy
    assert "microphone=(self)" in answer.headers["Permissions-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|https?://(?!www\.w3\.org/2000/svg)", answer.text)
    assert server.client().get("/").json()["links"]["tales"] == "/tales"
    assert server.client().get("/tales/nothing.js").status_code == 404
    tales.notebook()
    tales.go("#/settings")
    loaded = tales.js("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert len(loaded) > 8 and all(name.startswith(server.url) for name in loaded), loaded
    for part in ("texts", "texts.story"):
        french, english = (tales.browser.execute_async_script(
            f"import(`/tales/{part}.${{arguments[0]}}.js`).then((m) => arguments[1](m.default))", one) for one in ("fr", "en"))
        assert set(french) == set(english), set(french) ^ set(english)
    tales.click("#language").until(lambda: tales.text("#to-settings") == "Réglages", "not French")
    tales.ready()
    assert tales.js("return document.documentElement.lang") == "fr" and "Le récit" in tales.text("#settings")
    named = set(re.findall(r"\bt\('(\w+)'\)", "".join(server.client().get(f"/tales/{file}").text for file in (
        "app.js", "spaces.js", "notes.js", "note.js", "composer.js", "recorder.js", "sound.js", "files.js", "outbox_view.js", "settings.js", "voices.js", "ui.js"))))
    known = set(tales.browser.execute_async_script("import('/tales/texts.fr.js').then((m) => arguments[0](Object.keys(m.default)))"))
    assert len(named) > 60 and named <= known, named - known
