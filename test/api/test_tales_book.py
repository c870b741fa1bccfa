"""A story as a book: PDF for print, EPUB, a page that stands alone; the codes in it and where they lead; kept, and
nothing half stored when the disk is full."""

import concurrent.futures
import io
import json
import os
import re
import shutil
import subprocess
import time
import uuid
import zipfile

import pytest
from harness import PATIENCE, database
from tales import b64, ffmpeg, good, jpeg, make_note, make_space, nobody, person, png, refused, same_as_absent, tone

TEXT = ("Nous sommes partis à l'aube, avec les valises et le chien. La route longeait la mer pendant des heures, et "
        "maman chantait; personne ne parlait. Arrivés là-bas, nous avons couru vers l'eau.\n\n- Tu viens?\n\nIl "
        "était 18:04.")


@pytest.fixture(scope="module")
def ada(server):
    return person(server)


def chapter(server, space, title, content, notes=(), picture=None, own=(), position=0):
    """A chapter as a story's run leaves it, by the operator's hand: how it is written is tested elsewhere."""
    at = "now()" if server.database else str(int(time.time() * 1e6))
    made = str(uuid.uuid4())
    picture = f"(SELECT n FROM media WHERE id = '{picture}')" if picture else "NULL"
    quoted = [text.replace("'", "''") for text in (title, content)]
    database(server, "INSERT INTO chapters (id, space_n, user_id, position, title, content, key, illustration_n, "
                     f"user_image_ids, created_at, updated_at) SELECT '{made}', s.n, s.user_id, {position}, "
                     f"'{quoted[0]}', '{quoted[1]}', 'k', {picture}, '{json.dumps(list(own))}', {at}, {at} "
                     f"FROM spaces s WHERE s.id = '{space['id']}'",
             *[f"INSERT INTO chapter_notes (chapter_n, note_n, position) SELECT h.n, x.n, {i} FROM chapters h, notes x "
               f"WHERE h.id = '{made}' AND x.id = '{note['id']}'" for i, note in enumerate(notes)])
    return made


@pytest.fixture(scope="module")
def told(server, ada):
    drawn = good(ada.post("/api/media", data=png(64, 48, (9, 80, 120))), 201)["id"]
    own = good(ada.post("/api/media", data=jpeg(width=64, height=40)), 201)["id"]
    space = make_space(ada, title='Un été à "Nice" !', description="Carnet de bord", language="fr",
                       timeZone="Europe/Paris")
    note = make_note(ada, space, type="AUDIO", audioData=b64(tone(0.4, pitch=333)), timestamp=1700000000000)
    chapter(server, space, "Le départ", TEXT, [note], drawn, [own])
    chapter(server, space, "La fin", "Une seule ligne.", position=1)
    return {"space": space, "note": note, "media": note["audioFileIds"][0], "own": own}


def book(client, space, format="pdf", **headers):
    answer = client.get(f"/api/spaces/{space['id']}/book", params={"format": format}, headers=headers,
                        timeout=60 * PATIENCE)
    assert answer.status_code in (200, 206), f"{answer.status_code}: {answer.text[:500]}"
    return answer


def tool(name, *args, data=b""):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    return subprocess.run([name, *args], input=data, capture_output=True, timeout=120 * PATIENCE)


def saved(tmp_path, answer, name):
    path = tmp_path / name
    path.write_bytes(answer.content)
    return str(path)


@pytest.mark.smoke
def test_a_pdf_is_ready_for_print(ada, told, tmp_path):
    answer = book(ada, told["space"])
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "filename*=UTF-8''Un-%C3%A9t%C3%A9-%C3%A0-Nice.pdf" in answer.headers["Content-Disposition"]
    path = saved(tmp_path, answer, "book.pdf")
    info = tool("pdfinfo", "-box", path).stdout.decode()
    assert re.search(r"Page size: +449\.\d+ x 665\.\d+ pts", info), info
    assert re.search(r"TrimBox: +8\.50 +8\.50 +440\.50 +656\.50", info), info
    assert re.search(r"BleedBox: +0\.00 +0\.00 +449\.01 +665\.01", info), info
    assert "Title:           Un été à «\xa0Nice\xa0»\u202f!" in info, info
    fonts = tool("pdffonts", path).stdout.decode().splitlines()[2:]
    assert fonts and all(line.split()[-5:-3] == ["yes", "yes"] for line in fonts), fonts
    pictures = tool("pdfimages", "-list", path).stdout.decode()
    assert " jpeg " in pictures, pictures
    text = tool("pdftotext", "-layout", path, "-").stdout.decode()
    assert re.search(r"Le départ[ .]+7\n", text) and re.search(r"La fin[ .]+\d+\n", text), text
    assert "Table des matières" in text and "mardi 14 novembre 2023" in text.lower() and "18:04" in text, text
    assert re.search(r"— +Tu viens\s\?", text) and re.search(r"23\sh\s13", text), text


def test_the_code_leads_to_the_voice(server, ada, told, tmp_path):
    path = saved(tmp_path, book(ada, told["space"]), "book.pdf")
    assert tool("pdftoppm", "-r", "200", "-png", path, str(tmp_path / "page")).returncode == 0
    read = tool("zbarimg", "-q", "--raw", *map(str, sorted(tmp_path.glob("page*.png")))).stdout.decode().split()
    [link] = good(ada.get(f"/api/spaces/{told['space']['id']}/voices"))
    assert read == [link["url"]] and link["mediaId"] == told["media"]
    reader, path = server.client(), "/v/" + link["url"].rsplit("/", 1)[1]
    page = reader.get(path)
    assert page.status_code == 200 and '<audio controls' in page.text and "<script" not in page.text
    assert 'lang="fr"' in page.text and "script-src" not in page.headers["Content-Security-Policy"]
    voice = reader.get(path + "/voice")
    assert voice.status_code == 200 and voice.headers["Content-Type"].startswith("audio/")
    part = reader.get(path + "/voice", headers={"Range": "bytes=0-3"})
    assert part.status_code == 206 and part.content == voice.content[:4]
    assert reader.get("/v/nothing").status_code == 404


def test_a_voice_is_taken_back_and_given_again(server, ada):
    space = make_space(ada, language="en")
    note = make_note(ada, space, type="AUDIO", audioData=b64(tone(0.4, pitch=271)))
    media = note["audioFileIds"][0]
    chapter(server, space, "One", "A line.", [note])
    assert b"/v/" in book(ada, space, "html").content
    [link] = good(ada.get(f"/api/spaces/{space['id']}/voices"))
    path, reader = "/v/" + link["url"].rsplit("/", 1)[1], server.client()
    assert reader.get(path).status_code == 200
    assert good(ada.delete(f"/api/media/{media}/voice")) == {"success": True}
    page = reader.get(path)
    assert page.status_code == 410 and "taken" in page.text and "<audio" not in page.text
    assert reader.get(path + "/voice").status_code == 410
    assert b"/v/" not in book(ada, space, "html").content
    again = good(ada.post(f"/api/media/{media}/voice"))
    assert again == good(ada.post(f"/api/media/{media}/voice")) and again["url"] != link["url"]
    assert again["url"].encode() in book(ada, space, "html").content
    assert reader.get(path).status_code == 410
    eve = person(server)
    same_as_absent(eve, "POST", "/api/media/{id}/voice", media)
    same_as_absent(eve, "DELETE", "/api/media/{id}/voice", media)
    same_as_absent(eve, "GET", "/api/spaces/{id}/voices", space["id"])
    picture = good(ada.post("/api/media", data=png(5, 5, (1, 1, 9))), 201)["id"]
    refused(ada.post(f"/api/media/{picture}/voice"), 409)


def test_an_epub_is_valid(ada, told, tmp_path):
    answer = book(ada, told["space"], "epub")
    assert answer.headers["Content-Type"] == "application/epub+zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as epub:
        first = epub.infolist()[0]
        assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
        assert epub.testzip() is None
        assert "L’" in epub.read("OEBPS/chapter-1.xhtml").decode() or "l’eau" in epub.read(
            "OEBPS/chapter-1.xhtml").decode()
    checker = shutil.which("epubcheck")
    if not checker:
        pytest.skip("epubcheck is not installed")
    jar = open(checker, "rb").read(2) == b"PK"
    path = saved(tmp_path, answer, "book.epub")
    done = subprocess.run((["java", "-jar", checker] if jar else [checker]) + [path], capture_output=True,
                          timeout=120 * PATIENCE)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_a_page_stands_alone(ada, told):
    answer = book(ada, told["space"], "html")
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy
    page = answer.text
    assert '<html lang="fr" dir="ltr">' in page and "<script" not in page
    assert not re.search(r'(src|href)="(?!data:|#|http://[^"]*/v/)', page)
    assert page.count("data:image/png;base64,") == 2 and "data:image/jpeg;base64," in page


def test_it_is_kept_and_given_in_parts(server, ada, told):
    first = book(ada, told["space"])
    row = "SELECT created_at, sha256 FROM books WHERE format = 'pdf' AND space_n = (SELECT n FROM spaces WHERE id = " \
          f"'{told['space']['id']}')"
    made = database(server, row)
    again = book(ada, told["space"])
    assert again.content == first.content and again.headers["ETag"] == first.headers["ETag"]
    assert database(server, row) == made
    part = book(ada, told["space"], Range="bytes=0-7")
    assert part.status_code == 206 and part.content == first.content[:8] == b"%PDF-1.4"
    same = ada.get(f"/api/spaces/{told['space']['id']}/book", headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code == 304


def test_what_changes_the_story_makes_another_book(server, ada):
    space = make_space(ada, title="Première", language="fr")
    chapter(server, space, "Un", "Rien.")
    first = book(ada, space, "html")
    good(ada.put(f"/api/spaces/{space['id']}", json={"title": "Seconde"}))
    second = book(ada, space, "html")
    assert "<h1>Première</h1>" in first.text and "<h1>Seconde</h1>" in second.text


def test_all_who_ask_at_once_get_the_same(server, ada):
    space = make_space(ada, language="fr")
    chapter(server, space, "Un", TEXT * 40)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: book(ada, space).content, range(8)))
    assert len(set(answers)) == 1


def test_a_space_without_a_story_says_so(ada):
    space = make_space(ada)
    assert "no story yet" in refused(ada.get(f"/api/spaces/{space['id']}/book"), 409)
    refused(ada.get(f"/api/spaces/{space['id']}/book", params={"format": "docx"}), 422)


def test_anothers_space_is_none(server, told):
    eve = person(server)
    same_as_absent(eve, "GET", "/api/spaces/{id}/book", told["space"]["id"])
    assert server.client().get(f"/api/spaces/{told['space']['id']}/book").status_code == 401
    refused(eve.get(f"/api/spaces/{nobody()}/book"), 404)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_507_and_nothing_is_half_stored(make_server, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", small], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        server = make_server(folder=small)
        ada = person(server)
        space = make_space(ada, title="Plein", language="fr")
        noise = good(ada.post("/api/media", data=ffmpeg(
            png(8, 8), "-vf", "scale=700:500,noise=alls=100:allf=t", "-frames:v", "1", "-f", "image2pipe",
            "-c:v", "mjpeg", "-q:v", "1")), 201)["id"]
        chapter(server, space, "Un", "Rien.", own=[noise])
        assert len(book(ada, space, "epub").content) > 100_000
        ballast = small / "ballast"
        free = os.statvfs(small)
        ballast.write_bytes(b"x" * max(0, free.f_bavail * free.f_bsize - 64 * 1024))
        refused(ada.get(f"/api/spaces/{space['id']}/book", params={"format": "html"}), 507)
        blobs = small / "blobs" / "tmp"
        assert not blobs.exists() or not list(blobs.iterdir())
        ballast.unlink()
        assert "<h1>Plein</h1>" in book(ada, space, "html").text
        server.stop()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


@pytest.mark.parametrize("language, text, words", [
    ("ar", "في صباح يوم جميل خرجتُ مع أمي إلى السوق القديم.", 'dir="rtl"'),
    ("zh", "那年夏天，我们全家去了海边。", 'lang="zh"'),
])
def test_other_scripts_are_set(server, ada, language, text, words):
    space = make_space(ada, title=text[:12], language=language)
    chapter(server, space, text[:10], text)
    assert words in book(ada, space, "html").text
    assert book(ada, space).content.startswith(b"%PDF")


def test_a_picture_no_paper_takes_is_made_one(server, ada):
    webp = ffmpeg(png(32, 24, (200, 10, 10)), "-c:v", "libwebp", "-f", "webp")
    own = good(ada.post("/api/media", data=webp), 201)["id"]
    space = make_space(ada, language="fr")
    chapter(server, space, "Un", "Rien.", own=[own])
    assert "data:image/png;base64," in book(ada, space, "html").text
    assert b"/Width 32" in book(ada, space).content
