"""Transcripts, timelines and votes from files to clients: what is imported is what the files say (read here
again by Python's own parser), importing again changes nothing, corrections keep links, whatever order things
come in."""

import http.server
import json
import re
import threading
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest
from harness import Server, database, shared_data, token
from robian import analyst, make_debate, run_job
from robian_said import give_audio

NS = "{http://schemas.assemblee-nationale.fr/referentiel}"
ORATOR = "<orateur><nom>{name}</nom><id>{id}</id><qualite>{role}</qualite></orateur>"


def said(number, name, text, stime=None, id="0", role="", code="PAROLE_GENERIQUE", style="NORMAL"):
    orator = ORATOR.format(name=name, id=id, role=role) if name else ""
    time = f' stime="{stime}"' if stime is not None else ""
    return (f'<paragraphe id_syceron="{number}" code_grammaire="{code}" code_style="{style}">'
            f"<orateurs>{orator}</orateurs><texte{time}>{text}</texte></paragraphe>")


def transcript(uid, *parts, session="RU1", date="20250318150000000", made="2025-03-19T10:00:00+01:00"):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<compteRendu xmlns="http://schemas.assemblee-nationale.fr/referentiel">'
            f"<uid>{uid}</uid><seanceRef>{session}</seanceRef><metadonnees><dateSeance>{date}</dateSeance>"
            f"<dateSeanceJour>mardi 18 mars 2025</dateSeanceJour><numSeanceJour>1</numSeanceJour>"
            f"<session>Session ordinaire 2024-2025</session><legislature>17</legislature><numSeance>7</numSeance>"
            f"<etat>complet</etat><heureGeneration>{made}</heureGeneration></metadonnees><contenu>"
            + "".join(parts) + "</contenu></compteRendu>")


def point(title, *parts, level=1):
    return f'<point nivpoint="{level}" code_grammaire="TITRE"><orateurs/><texte>{title}</texte>{"".join(parts)}</point>'


SITTING = point(
    "Questions au Gouvernement",
    said(1, "Mme la présidente", "La parole est à Mme Ana Belle.", 10, id="5"),
    said(2, "Mme Ana Belle", "La pêche à pied et ses marées. " * 20, 14.5, id="12"),
    said(3, "M. Paul Durand", "Jamais de la vie !", None, code="INTERRUPTION_1_10"),
    said(4, "", "<italique>(Applaudissements.)</italique>", None, style="Info Italiques"),
    said(5, "M. Paul Durand", "Je réponds &amp; &lt;vite&gt;.", 60, id="-7", role="ministre de la mer"))


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path).start()
    yield server
    server.close()


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def bring(server, kind, *paths, code=0):
    done = server.cli("import", "robian", kind, *map(str, paths), "--json", code=code, timeout=300)
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    figures = next(e for e in events if e.get("event") == "imported")
    return figures, [e for e in events if e.get("event") == "rejected"]


def put(server, name, text):
    path = server.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def debates(client):
    return client.get("/api/debates", params={"per_page": 100}).json()["debates"]


def only(client):
    found = debates(client)
    assert len(found) == 1, found
    return found[0]


def said_in(client, debate, **query):
    answer = client.get(f"/api/debates/{debate}/transcript", params=query)
    assert answer.status_code == 200, answer.text
    return answer


# -- from a file to clients ---------------------------------------------------------------------------------


def test_a_transcript_makes_its_debate(server, client):
    figures, _ = bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)))
    assert (figures["added"], figures["refused"]) == (1, 0)
    debate = only(client)
    assert debate["title"] == "Questions au Gouvernement"
    assert debate["type"] == "question_gouvernement"
    assert debate["date"] == "2025-03-18T14:00:00Z"
    assert debate["status"] == "termine" and not debate["has_audio"]
    assert debate["source_url"].endswith("/dyn/17/comptes-rendus/seance/CR1")
    assert debate["description"] == "1re séance du mardi 18 mars 2025, Session ordinaire 2024-2025"
    assert debate["speakers"] == ["Ana Belle"]
    answer = said_in(client, debate["id"]).json()
    assert answer["uid"] == "CR1" and answer["aligned"]["transcript"] == 3
    speeches = answer["speeches"]
    assert [s["kind"] for s in speeches] == ["title", "speech", "speech", "interruption", "note", "speech"]
    assert [s["position"] for s in speeches] == list(range(6))
    assert speeches[2]["start"] == 14.5 and speeches[2]["time_source"] == "transcript"
    assert speeches[2]["speaker_id"] == "PA12" and speeches[2]["point"] == "Questions au Gouvernement"
    assert 14.5 < speeches[3]["start"] < 60 and speeches[3]["time_source"] == "interpolated"
    assert speeches[5]["text"] == "Je réponds & <vite>." and speeches[5]["role"] == "ministre de la mer"
    assert speeches[5]["speaker_id"] == "nom-paul-durand" == speeches[3]["speaker_id"]
    starts = [s["start"] for s in speeches]
    assert starts == sorted(starts)
    assert all(s["end"] >= s["start"] for s in speeches)


def test_formats_by_parameter_and_by_accept(server, client):
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)))
    debate = only(client)["id"]
    vtt = said_in(client, debate, format="vtt")
    vtt.encoding = "utf-8"
    assert vtt.headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert vtt.text.startswith("WEBVTT\n\n00:00:10.000 --> 00:00:")
    assert "<v Mme Ana Belle>La pêche" in vtt.text and "Je réponds &amp; &lt;vite&gt;." in vtt.text
    cues = vtt.text.strip().split("\n\n")[1:]
    assert all(len(cue.split("\n")) == 2 for cue in cues)
    for cue in cues:
        start, end = cue.split("\n")[0].split(" --> ")
        assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", start) and start < end
        assert len(re.sub("<v [^>]*>", "", cue.split("\n")[1]).encode()) <= 200
    words = " ".join(re.sub("<v [^>]*>", "", cue.split("\n")[1]) for cue in cues)
    assert words.count("La pêche à pied et ses marées.") == 20
    srt = said_in(client, debate, format="srt")
    assert srt.headers["Content-Type"].startswith("application/x-subrip")
    assert srt.content.decode().startswith("1\n00:00:10,000 --> ") and "Je réponds & <vite>." in srt.content.decode()
    text = said_in(client, debate, format="txt").content.decode()
    assert "[0:01:00] M. Paul Durand, ministre de la mer : Je réponds & <vite>." in text
    podcast = said_in(client, debate, format="podcast").json()
    assert podcast["version"] == "1.0.0"
    assert podcast["segments"][0] == {"speaker": "Mme la présidente", "startTime": 10, "endTime": podcast["segments"][0]["endTime"],
                                      "body": "La parole est à Mme Ana Belle."}
    for accept, wanted in (("text/vtt", "text/vtt"), ("application/x-subrip", "application/x-subrip"), ("text/plain", "text/plain"),
                           ("application/json", "application/json"), ("*/*", "application/json")):
        answer = client.get(f"/api/debates/{debate}/transcript", headers={"Accept": accept})
        assert answer.headers["Content-Type"].startswith(wanted) and "Accept" in answer.headers["Vary"]
    assert client.get(f"/api/debates/{debate}/transcript", headers={"Accept": "image/png"}).status_code == 406
    assert client.get(f"/api/debates/{debate}/transcript", params={"format": "doc"}).status_code == 422
    again = client.get(f"/api/debates/{debate}/transcript", headers={"If-None-Match": said_in(client, debate).headers["ETag"]})
    assert again.status_code == 304


def test_what_is_not_there(server, client):
    for path in ("transcript", "chapters", "votes"):
        answer = client.get(f"/api/debates/nobody/{path}")
        assert answer.status_code == 404 and answer.json()["detail"] == "Débat nobody non trouvé"
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)))
    debate = only(client)["id"]
    database(server, "DELETE FROM transcripts")
    answer = client.get(f"/api/debates/{debate}/transcript")
    assert answer.status_code == 404 and answer.json()["detail"] == "Aucune transcription trouvée pour ce débat"
    assert client.get("/api/speakers/PA404").json()["detail"] == "Intervenant PA404 non trouvé"
    assert client.get("/api/speakers/PA404/speeches").status_code == 404


# -- again, corrected, in any order -----------------------------------------------------------------------------


def test_the_same_again_changes_nothing(server, client):
    path = put(server, "a.xml", transcript("CR1", SITTING))
    bring(server, "transcripts", path)
    before = (only(client), said_in(client, only(client)["id"]).json())
    figures, _ = bring(server, "transcripts", path)
    assert (figures["same"], figures["added"], figures["changed"]) == (1, 0, 0)
    assert (only(client), said_in(client, only(client)["id"]).json()) == before


def test_a_correction_keeps_the_numbers_of_what_is_still_said(server, client):
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)))
    debate = only(client)["id"]
    before = said_in(client, debate).json()["speeches"]
    corrected = SITTING.replace(said(4, "", "<italique>(Applaudissements.)</italique>", None, style="Info Italiques"),
                                said(99, "Mme Ana Belle", "Un ajout.", 50, id="12")).replace("Jamais de la vie !", "Jamais !")
    figures, _ = bring(server, "transcripts", put(server, "b.xml", transcript("CR1", corrected, made="2025-03-20T10:00:00+01:00")))
    assert figures["changed"] == 1
    after = said_in(client, debate).json()["speeches"]
    assert [s["n"] for s in after if s["text"] != "Un ajout."] == [s["n"] for s in before if s["kind"] != "note"]
    assert next(s for s in after if s["kind"] == "interruption")["text"] == "Jamais !"
    added = next(s for s in after if s["text"] == "Un ajout.")
    assert added["n"] not in [s["n"] for s in before]
    gone = next(s for s in before if s["kind"] == "note")["n"]
    assert database(server, f"SELECT count(*) FROM debates_deleted WHERE n = {gone}") in (1, "1")
    assert database(server, "SELECT count(*) FROM debates_deleted") in (1, "1")


def test_an_older_file_does_not_replace_a_newer_one(server, client):
    newer = put(server, "b.xml", transcript("CR1", SITTING.replace("Jamais de la vie", "Jamais"), made="2025-03-20T10:00:00+01:00"))
    older, unknown = put(server, "a.xml", transcript("CR1", SITTING)), put(server, "c.xml", transcript("CR1", SITTING, made=""))
    bring(server, "transcripts", newer)
    figures, _ = bring(server, "transcripts", older, unknown)
    assert figures["same"] == 2
    assert "Jamais !" in said_in(client, only(client)["id"], format="txt").content.decode()


def test_a_transcript_finds_the_debate_that_is_there(server, client):
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)))
    debate = only(client)
    database(server, "UPDATE debates SET transcript_uid = NULL, status = 'programme', title = 'Un titre'")
    database(server, "DELETE FROM transcripts")
    database(server, "DELETE FROM speeches")
    figures, _ = bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)))
    assert figures["changed"] == 1  # by its réunion
    found = only(client)
    assert found["id"] == debate["id"] and found["title"] == "Un titre" and found["status"] == "termine"
    assert len(said_in(client, debate["id"]).json()["speeches"]) == 6


DATA = """<?xml version="1.0"?><data interfaceuid="77_ab" status="vod"><chapters>
<chapter id="1" label="Questions&lt;br&gt;au Gouvernement"><type key="36" value="QAG"/>
<chapter id="2" label="Mme Ana Belle"><speaker id="s"/></chapter>
<chapter id="3" label="M. Paul Durand"><speaker id="t"/></chapter></chapter></chapters>
<metadatas><metadata name="meeting_id" value="RU1"/></metadatas>
<speakers><speaker id="s"><name>Mme Ana Belle</name><url>12</url></speaker>
<speaker id="t"><name>M. Paul Durand</name><url/></speaker></speakers></data>"""
PLAYER = """<player starttime="1"><synchro id="M0" timecode="0"/><synchro id="1" timecode="9000"/>
<synchro id="2" timecode="15000"/><synchro id="3" timecode="61000"/><synchro id="M60" timecode="60000"/></player>"""
UNTIMED = re.sub(r' stime="[^"]*"', "", SITTING)


@pytest.mark.parametrize("order", ["tdp", "dpt", "ptd", "pdt"])
def test_timeline_and_transcript_in_any_order(server, client, order):
    files = {"t": ("transcripts", "a.xml", transcript("CR1", UNTIMED)), "d": ("nvs", "77_ab/content/data.nvs", DATA),
             "p": ("nvs", "77_ab/content/finalplayer.nvs", PLAYER)}
    for one in order:
        kind, name, text = files[one]
        figures, _ = bring(server, kind, put(server, name, text))
        assert figures["added"] == 1, (one, figures)
    debate = only(client)["id"]
    speeches = {s["position"]: s for s in said_in(client, debate).json()["speeches"]}
    assert (speeches[0]["start"], speeches[0]["time_source"]) == (9, "nvs")
    assert (speeches[2]["start"], speeches[2]["time_source"]) == (15, "nvs")
    assert (speeches[5]["start"], speeches[5]["time_source"]) == (61, "nvs")
    assert speeches[3]["time_source"] == "interpolated" and 15 < speeches[3]["start"] < 61
    chapters = client.get(f"/api/debates/{debate}/chapters")
    assert chapters.headers["Content-Type"] == "application/json+chapters"
    assert chapters.json()["chapters"] == [
        {"startTime": 9, "title": "Questions au Gouvernement", "level": 1},
        {"startTime": 15, "endTime": 61, "title": "Mme Ana Belle", "level": 2},
        {"startTime": 61, "title": "M. Paul Durand", "level": 2}]
    same = bring(server, "nvs", server.folder / "77_ab")[0]
    assert same["same"] == 2 and same["changed"] == 0


def test_without_a_timeline_chapters_are_the_transcripts_points(server, client):
    sitting = SITTING + point("Loi", level=1) + point("Article 1er", said(20, "M. A", "Oui.", 90, id="3"), level=2)
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", sitting)))
    chapters = client.get(f"/api/debates/{only(client)['id']}/chapters").json()
    assert chapters["version"] == "1.2.0"
    assert [(c["title"], c["level"]) for c in chapters["chapters"]] == [("Questions au Gouvernement", 1), ("Loi", 1), ("Article 1er", 2)]
    assert chapters["chapters"][2]["startTime"] == 90
    assert client.get(f"/api/debates/{only(client)['id']}/chapters", params={"source": "nvs"}).json()["chapters"] == []


def test_audio_that_is_shorter_clamps_times(server, client):
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)))
    debate = only(client)["id"]
    give_audio(server, debate, seconds=30)
    corrected = SITTING + said(50, "M. A", "Encore.", 70, id="3")
    bring(server, "transcripts", put(server, "b.xml", transcript("CR1", corrected, made="2025-03-21T10:00:00+01:00")))
    answer = said_in(client, debate).json()
    assert answer["aligned"]["clamped"] >= 1 and answer["aligned"]["audio_ms"] == 30000
    assert max(s["end"] for s in answer["speeches"]) <= 30


class Portal(http.server.ThreadingHTTPServer):
    """The portal's timelines, and nothing else of it: strict about addresses."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), PortalAnswer)
        self.files, self.asked = files, []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class PortalAnswer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len((body or "").encode())))
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *_):
        pass


def test_a_videos_timeline_is_fetched_and_tells_its_sitting(tmp_path):
    portal = Portal({"/Datas/an/77_ab/content/data.nvs": DATA, "/Datas/an/77_ab/content/finalplayer.nvs": PLAYER})
    server = Server(tmp_path, ROBIAN_VIDEOS_URL=f"http://127.0.0.1:{portal.server_address[1]}",
                    ROBIAN_ALLOW_PRIVATE_SOURCES="on").start()
    try:
        with analyst(server) as writer, server.client(token(server, "admin")) as admin:
            debate = make_debate(writer)["id"]
            number = database(server, f"SELECT n FROM debates WHERE id = '{debate}'")
            run_job(server, admin, "robian.timeline", json.dumps({"debate": int(number), "video": "77_ab"}))
            assert portal.asked == list(portal.files)
            chapters = writer.get(f"/api/debates/{debate}/chapters").json()["chapters"]
            assert [c["startTime"] for c in chapters] == [9, 15, 61]
            bring(server, "transcripts", put(server, "a.xml", transcript("CR1", UNTIMED)))  # finds it by its réunion
            speeches = said_in(writer, debate).json()["speeches"]
            assert (speeches[2]["start"], speeches[2]["time_source"]) == (15, "nvs")
            assert only(writer)["id"] == debate
    finally:
        server.close()
        portal.shutdown()


# -- votes -------------------------------------------------------------------------------------------------------


def result(voters, cast, in_favour, against, stime=None, number=30):
    return said(number, "Mme la présidente", f"Voici le résultat du scrutin&#160;:<br/>Nombre de votants&#160;&#160;{voters}<br/>"
                f"Nombre de suffrages exprimés&#160;{cast}<br/>Majorité absolue&#160;{cast // 2 + 1}<br/>Pour l’adoption&#160;{in_favour}"
                f"<br/>Contre&#160;{against}", stime, id="5", code="SCRUT_PUB_ADT_1_4")


def scrutin(number, voters, cast, in_favour, against, session="RU1"):
    return json.dumps({"scrutin": {
        "uid": f"VT{number}", "numero": str(number), "legislature": "17", "seanceRef": session, "dateScrutin": "2025-03-18",
        "typeVote": {"libelleTypeVote": "scrutin public ordinaire"}, "sort": {"code": "adopté"}, "titre": f"l'amendement n° {number}",
        "syntheseVote": {"nombreVotants": str(voters), "suffragesExprimes": str(cast), "nbrSuffragesRequis": str(cast // 2 + 1),
                         "decompte": {"nonVotants": "0", "pour": str(in_favour), "contre": str(against), "abstentions": str(voters - cast),
                                      "nonVotantsVolontaires": "0"}}}})


@pytest.mark.parametrize("votes_first", [True, False])
def test_votes_stand_on_their_second(server, client, votes_first):
    held = point("Votes", result(304, 300, 200, 100, 120, 31), result(151, 132, 132, 0, 150, 32), result(304, 300, 200, 100, 180, 33))
    steps = [("transcripts", put(server, "a.xml", transcript("CR1", SITTING, held))),
             ("votes", put(server, "votes/1.json", scrutin(1, 304, 300, 200, 100)), put(server, "votes/2.json", scrutin(2, 151, 132, 132, 0)),
              put(server, "votes/3.json", scrutin(3, 304, 300, 200, 100)), put(server, "votes/4.json", scrutin(4, 99, 99, 99, 0)),
              put(server, "votes/5.json", scrutin(5, 304, 300, 200, 100, session="RU2")))]
    for kind, *paths in reversed(steps) if votes_first else steps:
        bring(server, kind, *paths)
    debate = only(client)["id"]
    answer = client.get(f"/api/debates/{debate}/votes").json()
    assert answer["total"] == 4
    assert [(v["number"], v["start"], v["time_source"]) for v in answer["votes"]] == [
        (1, 120, "transcript"), (2, 150, "transcript"), (3, 180, "transcript"), (4, None, None)]
    texts = {s["n"]: s["text"] for s in said_in(client, debate).json()["speeches"]}
    assert "Nombre de votants" in texts[answer["votes"][1]["speech_n"]]


# -- who ----------------------------------------------------------------------------------------------------------


def test_speakers_and_what_they_said(server, client):
    other = point("Mer", said(1, "Mme Ana Belle (SOC)", "Encore moi.", 5, id="12"), said(2, "M. Zoé Été", "Et moi.", 9, id="13"))
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", SITTING)),
          put(server, "b.xml", transcript("CR2", other, session="RU2", date="20250401150000000")))
    found = client.get("/api/speakers", params={"q": "belle"}).json()
    assert [(s["id"], s["name"], s["civility"]) for s in found["speakers"]] == [("PA12", "Ana Belle", "Mme")]
    assert found["total"] == 1 and not found["has_next"]
    assert client.get("/api/speakers", params={"q": "ÉTÉ"}).json()["speakers"][0]["id"] == "PA13"
    assert client.get("/api/speakers", params={"q": "100%"}).json()["total"] == 0
    everybody = client.get("/api/speakers", params={"per_page": 2}).json()
    assert everybody["total"] == 4 and everybody["has_next"] and len(everybody["speakers"]) == 2
    one = client.get("/api/speakers/PA12").json()
    assert (one["speeches"], one["debates"]) == (2, 2) and one["spoken_seconds"] > 0
    said_by = client.get("/api/speakers/PA12/speeches").json()
    assert said_by["total"] == 2
    assert [s["text"] for s in said_by["speeches"]][0] == "Encore moi."
    first = said_by["speeches"][0]
    assert first["debate_title"] == "Mer" and first["debate_date"] == "2025-04-01T13:00:00Z" and first["start"] == 5
    page = client.get("/api/speakers/PA12/speeches", params={"page": 2, "per_page": 1}).json()
    assert page["speeches"][0]["start"] == 14.5 and page["has_prev"] and not page["has_next"]
    assert client.get("/api/speakers/nom-paul-durand/speeches", params={"kind": "interruption"}).json()["total"] == 1
    assert client.get("/api/speakers", params={"per_page": 101}).status_code == 422


def test_speakers_are_found_in_spite_of_typing_errors(server, client):
    bring(server, "transcripts", put(server, "a.xml", transcript("CR1", point(
        "Mer", said(1, "Mme Yaël Braun-Pivet", "Bonjour.", 5, id="12"), said(2, "M. Bruno Pinot", "Oui.", 6, id="13")))))
    for q, wanted in (("bruan-pivet", ["PA12"]), ("Yael Brun", ["PA12"]), ("brunno", ["PA13"]), ("xyzzy", []), ("yae", ["PA12"])):
        found = client.get("/api/speakers", params={"q": q}).json()
        assert [s["id"] for s in found["speakers"]] == wanted and found["total"] == len(wanted), q


# -- what is refused ------------------------------------------------------------------------------------------------


BOMB = "<!DOCTYPE compteRendu [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><compteRendu><uid>&b;</uid></compteRendu>"
BAD = {
    "bomb.xml": (BOMB.encode(), "document type"),
    "outside.xml": (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><compteRendu/>", "document type"),
    "latin.xml": (transcript("CR3", SITTING).encode("latin-1"), "UTF-8"),
    "utf16.xml": (transcript("CR3", SITTING).encode("utf-16"), "UTF-8"),
    "cut.xml": (transcript("CR3", SITTING).encode()[:900], "line"),
    "empty.xml": (b"", "empty"),
    "page.xml": (b"<html><body>404</body></html>", "<html>"),
    "deep.xml": (b"<compteRendu>" + b"<point>" * 100000, "depth"),
}


def test_bad_files_are_told_and_skipped(server, client):
    paths = []
    for name, (content, _) in BAD.items():
        path = server.folder / "bad" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        paths.append(path)
    good = put(server, "good.xml", transcript("CR1", SITTING))
    figures, refused = bring(server, "transcripts", *paths, good, code=1)
    assert (figures["added"], figures["refused"]) == (1, len(BAD))
    told = " ".join(json.dumps(r) for r in refused)
    for name, (_, why) in BAD.items():
        assert name in told and why in told, (name, why, told)
    figures, refused = bring(server, "nvs", put(server, "x_data.nvs", BOMB), put(server, "y_data.nvs", "<html/>"),
                             put(server, "z_data.nvs", DATA[:200]), code=1)
    assert figures["refused"] == 3 and figures["added"] == 0
    assert len(debates(client)) == 1


def test_a_cut_archive_gives_what_is_before_the_cut(server, client):
    path = server.folder / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(20):
            archive.writestr(f"xml/compteRendu/CR{i}.xml", transcript(f"CR{i}", SITTING, session=f"RU{i}"))
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    figures, _ = bring(server, "transcripts", path, code=1)
    assert 3 < figures["added"] < 20 and figures["refused"] >= 1
    assert len(debates(client)) == figures["added"]


# -- real files -----------------------------------------------------------------------------------------------------


def read_real(path):
    root = ElementTree.parse(path).getroot()
    paragraphs = [p for p in root.iter(NS + "paragraphe") if "".join((p.find(NS + "texte") if p.find(NS + "texte") is not None else p).itertext()).strip()]
    paragraphs = [p for p in paragraphs if p.find(NS + "texte") is not None]
    timed = [p for p in paragraphs if p.find(NS + "texte").get("stime")]
    return root.findtext(NS + "uid"), len(paragraphs), len(timed)


def test_real_transcripts_are_there_to_the_last_paragraph(server, client):
    folder = shared_data() / "an/syceron"
    if not folder.is_dir():
        pytest.skip("no transcripts in the shared data")
    figures, _ = bring(server, "transcripts", folder)
    assert figures["refused"] == 0 and figures["files"] == len(list(folder.glob("*.xml")))
    wanted = {uid: (count, timed) for uid, count, timed in map(read_real, sorted(folder.glob("CRS*.xml")))}
    titles = {d["id"]: d for d in debates(client)}
    for debate in titles:
        answer = said_in(client, debate).json()
        if answer["uid"] not in wanted:
            continue
        count, timed = wanted.pop(answer["uid"])
        speeches = [s for s in answer["speeches"] if s["kind"] != "title"]
        assert len(speeches) == count, answer["uid"]
        aligned = answer["aligned"]
        assert aligned["transcript"] + aligned["backward"] + aligned["impossible"] == timed, answer["uid"]
        assert timed == 0 or aligned["unknown"] == 0
        starts = [s["start"] for s in answer["speeches"] if s["start"] is not None]
        assert starts == sorted(starts)
    assert not wanted
    figures, _ = bring(server, "transcripts", folder)
    assert figures["same"] == figures["files"]
