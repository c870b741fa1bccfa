"""The Assembly's open data: agenda, people, votes, from files, folders, archives and the Assembly's server; what is
in the tables afterwards is compared with the files, read here by Python."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import time
import zipfile
import zoneinfo
from datetime import datetime

import pytest
from harness import BINARY, PATIENCE, ROOT, Server, database, psql, shared_data, token

sys.path.insert(0, str(ROOT / "test/fake"))
from assemblee import FakeAssembly, zip_of  # noqa: E402

AGENDA, DEPUTIES, VOTES = ("/vp/reunions/Agenda.json.zip", "/amo/deputes_senateurs_ministres_legislature/"
                           "AMO20_dep_sen_min_tous_mandats_et_organes.json.zip", "/loi/scrutins/Scrutins.json.zip")
TRANSCRIPTS = "/vp/syceronbrut/syseron.xml.zip"
NIL = {"@xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "@xsi:nil": "true"}


@pytest.fixture
def store(tmp_path):
    """A database without a server, for the command line."""
    store = Server(tmp_path / "data")
    store.cli("migrate", "up")
    yield store
    store.close()


class Pairs(list):
    """An object whose names may come twice, as columns do."""


def rows(server, select):
    """Lists of texts; null is an empty one, true 1."""
    if server.database:
        lines = psql(f"SELECT row_to_json(t) FROM ({select}) t", server.database).splitlines()
        found = [[value for _, value in json.loads(line, object_pairs_hook=Pairs)] for line in lines]
    else:
        with sqlite3.connect(server.folder / "socle.db") as db:
            found = db.execute(select).fetchall()
    return [[text_of(v) for v in row] for row in found]


def text_of(value):
    if isinstance(value, Pairs):
        value = dict(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    return "" if value is None else str(int(value) if isinstance(value, bool) else value)


def counts_of(event):
    return tuple(event[k] for k in ("files", "added", "changed", "same", "refused"))


def figures(done):
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    counts = counts_of(next(e for e in events if e.get("event") == "imported"))
    return counts, [e["why"] for e in events if e.get("event") == "rejected"], events


def imported(store, kind, *paths, code=0, **options):
    """(files, added, changed, same, refused), and why."""
    done = store.cli("import", "robian", kind, *paths, "--json", code=code, timeout=120, **options)
    return figures(done)[:2]


def reunion(uid, start="2026-06-03T21:30:00.000+02:00", kind="seance_type", **members):
    value = {"@xsi:type": kind, "uid": uid, "timeStampDebut": start, "cycleDeVie": {"etat": "Confirmé"},
             "ODJ": {"convocationODJ": None, "resumeODJ": None, "pointsODJ": None}}
    return {"reunion": value | members}


def point(subject, state="Confirmé", kind="Discussion"):
    return {"objet": subject, "cycleDeVie": {"etat": state}, "typePointODJ": kind}


def points(*items):
    return {"convocationODJ": None, "resumeODJ": NIL, "pointsODJ": {"pointODJ": items[0] if len(items) == 1 else list(items)}}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return path


# -- agenda -------------------------------------------------------------------------------------------


def test_the_agenda_of_the_samples_is_as_in_the_files(store):
    folder = shared_data() / "an/agenda"
    counts, why = imported(store, "agenda", folder, code=1)
    partial = len((folder / "l16_partial.ndjson").read_text().splitlines())
    files = sorted(folder.glob("*.json"))
    assert counts == (len(files) + partial, len(files), 0, 0, partial)
    assert all("has no timeStampDebut" in w for w in why)
    for path in files:
        want = json.loads(path.read_text())["reunion"]
        live = [p["objet"] for p in want["ODJ"]["pointsODJ"]["pointODJ"] if p["cycleDeVie"]["etat"] == "Confirmé"]
        paris = datetime.fromisoformat(want["timeStampDebut"]).astimezone(zoneinfo.ZoneInfo("Europe/Paris"))
        got = rows(store, "SELECT type, day, time, state, body_id, salle, session, transcript_uid, title, points "
                          f"FROM scheduled_sessions WHERE uid = '{want['uid']}'")[0]
        assert got[:8] == ["seance_publique", str(paris.date()), f"{paris:%H:%M}", "Confirmé", want["organeReuniRef"],
                           want["lieu"]["libelleLong"], want["sessionRef"], want["compteRenduRef"]]
        assert got[8] == " ; ".join(live) and json.loads(got[9]) == live


def test_a_reunion_that_is_one_thing_or_many_or_nothing(store, tmp_path):
    long = "Discussion du projet de loi relatif à " + "la très longue énumération " * 40
    items = {
        "one": reunion("one", ODJ=points(point("le budget"))),
        "many": reunion("many", ODJ=points(point("A"), point("B", "Supprimé"), point("C", "Annulé"), point("A"), point("D", "Eventuel"))),
        "none": reunion("none", ODJ=NIL, timeStampFin=None),
        "long": reunion("long", ODJ=points(point(long))),
        "questions": reunion("questions", ODJ=points(point("QAG", kind="Questions au Gouvernement"), point("Suite"))),
        "struck": reunion("struck", ODJ=points(point("QAG", "Supprimé", "Questions au Gouvernement"))),
        "commission": reunion("commission", kind="reunionCommission_type", organeReuniRef="PO1",
                              ODJ={"convocationODJ": {"item": ["- À 9 heures 30 :", "- examen du rapport ;", "Suite"]},
                                   "resumeODJ": None, "pointsODJ": None}),
        "resume": reunion("resume", kind="reunionCommission_type", formatReunion="AuditionExterne", lieu={"libelleLong": "Salle 6350"},
                          ODJ={"convocationODJ": {"item": "x"}, "resumeODJ": {"item": "échange de vues"}, "pointsODJ": NIL},
                          captationVideo="true", ouverturePresse="false"),
        "group": reunion("group", kind="reunionInitParlementaire_type", cycleDeVie={"etat": "Annulé", "chrono": NIL}),
        "hearing": reunion("hearing", kind="reunionCommission_type", formatReunion="Ordinaire", compteRenduRef=NIL),
    }
    for name, item in items.items():
        write(tmp_path / f"in/{name}.json", item)
    assert imported(store, "agenda", tmp_path / "in")[0] == (10, 10, 0, 0, 0)
    got = {r[0]: r[1:] for r in rows(store, "SELECT uid, type, title, state, coalesce(salle, ''), filmed, press FROM scheduled_sessions")}
    assert got["one"][:2] == ["seance_publique", "Le budget"]
    assert got["many"][1] == "A ; D"
    assert got["none"][1] == "Séance publique"
    assert got["long"][1].startswith("Discussion du projet") and got["long"][1].endswith("…") and len(got["long"][1].encode()) <= 500
    assert got["questions"][:2] == ["question_gouvernement", "QAG ; Suite"]
    assert got["struck"][:2] == ["seance_publique", "Séance publique"]
    assert got["commission"][:2] == ["commission", "À 9 heures 30 : examen du rapport ; Suite"]
    assert got["resume"][:4] == ["audition", "Échange de vues", "Confirmé", "Salle 6350"]
    assert got["resume"][4:] == ["1", "0"]
    assert got["group"][:3] == ["autre", "Réunion", "Annulé"]
    assert got["hearing"][:2] == ["commission", "Réunion de commission"]


def test_day_and_time_are_those_of_the_clocks_in_paris(store, tmp_path):
    moments = {"2026-01-15T23:30:00Z": ("2026-01-16", "00:30"), "2026-07-15T22:30:00.000+00:00": ("2026-07-16", "00:30"),
               "2026-03-29T00:59:00Z": ("2026-03-29", "01:59"), "2026-03-29T01:00:00Z": ("2026-03-29", "03:00"),
               "2026-10-25T00:30:00Z": ("2026-10-25", "02:30"), "2026-10-25T01:30:00Z": ("2026-10-25", "02:30"),
               "2026-06-03T15:00:00.000+02:00": ("2026-06-03", "15:00"), "2026-06-03T15:00:00.000-04:00": ("2026-06-03", "21:00")}
    for i, moment in enumerate(moments):
        write(tmp_path / f"in/{i}.json", reunion(f"R{i}", moment))
    assert imported(store, "agenda", tmp_path / "in")[0][1] == len(moments)
    assert rows(store, "SELECT day, time FROM scheduled_sessions ORDER BY uid") == [list(v) for v in moments.values()]


def test_importing_again_changes_only_what_is_other(store, tmp_path):
    for i in range(5):
        write(tmp_path / f"in/{i}.json", reunion(f"R{i}"))
    assert imported(store, "agenda", tmp_path / "in")[0] == (5, 5, 0, 0, 0)
    before = rows(store, "SELECT uid, updated_at FROM scheduled_sessions ORDER BY uid")
    assert imported(store, "agenda", tmp_path / "in")[0] == (5, 0, 0, 5, 0)
    assert rows(store, "SELECT uid, updated_at FROM scheduled_sessions ORDER BY uid") == before
    write(tmp_path / "in/3.json", reunion("R3", cycleDeVie={"etat": "Annulé"}))
    write(tmp_path / "in/6.json", reunion("R6"))
    assert imported(store, "agenda", tmp_path / "in")[0] == (6, 1, 1, 4, 0)
    after = dict(rows(store, "SELECT uid, updated_at FROM scheduled_sessions ORDER BY uid"))
    assert [uid for uid, at in before if after[uid] != at] == ["R3"]
    assert rows(store, "SELECT state FROM scheduled_sessions WHERE uid = 'R3'") == [["Annulé"]]
    # The same réunion twice in one go: the later one stays.
    write(tmp_path / "two/a.json", reunion("R9", cycleDeVie={"etat": "Eventuel"}))
    write(tmp_path / "two/b.json", reunion("R9", cycleDeVie={"etat": "Supprimé"}))
    assert imported(store, "agenda", tmp_path / "two")[0] == (2, 1, 1, 0, 0)
    assert rows(store, "SELECT state FROM scheduled_sessions WHERE uid = 'R9'") == [["Supprimé"]]


@pytest.mark.parametrize("moment", ["", "demain", "2026-06-03", "2026-13-45T10:00:00Z", 17, ["2026-06-03T21:30:00Z"], None])
def test_a_reunion_without_a_moment_is_refused(store, tmp_path, moment):
    path = write(tmp_path / "r.json", reunion("R1", moment))
    counts, why = imported(store, "agenda", path, code=1)
    assert counts == (1, 0, 0, 0, 1) and "timeStampDebut" in why[0]


# -- files as they come -------------------------------------------------------------------------------

HOSTILE = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\t ", "is empty"),
    "utf16": ('\ufeff{"reunion":{}}'.encode("utf-16-le"), "UTF-16"),
    "utf16be": ('{"reunion":{}}'.encode("utf-16-be"), "UTF-16"),
    "latin1": (json.dumps(reunion("é"), ensure_ascii=False).encode("latin-1"), "is not UTF-8"),
    "cut": (json.dumps(reunion("R1")).encode()[:-9], "JSON"),
    "deep": (b"[" * 100000 + b"]" * 100000, "deeper"),
    "deep_object": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "deeper"),
    "many": (b'{"a":[' + b"[]," * 600000 + b"1]}", "values"),
    "number": (b'{"reunion":{"uid":"R1","timeStampDebut":"2026-06-03T21:30:00Z","x":1e999999}}', "JSON"),
    "digits": (b'{"reunion":{"uid":"R1","x":' + b"9" * 100000 + b"}}", "JSON"),
    "twice": (b'{"reunion":{"uid":"R1","uid":"R2"}}', "JSON"),
    "list": (b"[1,2]", "not a JSON object"),
    "html": (b"<html>404</html>", "JSON"),
    "other": (b'{"scrutin":{"uid":"V1"}}', "is not a r"),
    "nobody": (json.dumps(reunion(None)).encode(), "without a uid"),
    "object_uid": (json.dumps(reunion({"a": 1})).encode(), "without a uid"),
    "long_uid": (json.dumps(reunion("R" * 5000)).encode(), "without a uid"),
    "nul": (b'{"reunion":{"uid":"R\\u0000"}}', "JSON"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_file_is_told_and_skipped(store, tmp_path, name):
    content, reason = HOSTILE[name]
    good = write(tmp_path / "in/z.json", reunion("GOOD"))
    (good.parent / "a.json").write_bytes(content)
    counts, why = imported(store, "agenda", good.parent, code=1)
    assert counts == (2, 1, 0, 0, 1)
    assert "a.json" in why[0] and reason in why[0], why
    assert rows(store, "SELECT uid FROM scheduled_sessions") == [["GOOD"]]


def test_a_byte_order_mark_is_skipped(store, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(reunion("R1")).encode())
    assert imported(store, "agenda", path)[0] == (1, 1, 0, 0, 0)


def members(count, prefix="R"):
    return {f"json/reunion/{prefix}{i}.json": reunion(f"{prefix}{i}") for i in range(count)}


def test_folders_archives_lines_and_standard_input(store, tmp_path):
    folder = tmp_path / "in"
    write(folder / "deep/er/a.json", reunion("FOLDER"))
    write(folder / "b.txt", "not looked at")
    (folder / "c.zip").write_bytes(zip_of(members(2, "ZIP") | {"readme.txt": "x", "json/": ""}))
    (folder / "stored.zip").write_bytes(zip_of(members(1, "STORED"), zipfile.ZIP_STORED))
    with tarfile.open(folder / "d.tar.gz", "w:gz") as tar:
        for name, value in members(2, "TAR").items():
            data = json.dumps(value).encode()
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))
    write(folder / "e.ndjson", "\n".join(json.dumps(reunion(f"LINE{i}")) for i in range(3)) + "\n\n")
    counts, _ = imported(store, "agenda", folder, write(tmp_path / "no ending", reunion("NAMED")))
    assert counts == (10, 10, 0, 0, 0)
    uids = {uid for uid, in rows(store, "SELECT uid FROM scheduled_sessions")}
    assert uids == {"FOLDER", "ZIP0", "ZIP1", "STORED0", "TAR0", "TAR1", "LINE0", "LINE1", "LINE2", "NAMED"}
    assert imported(store, "agenda", "-", input=json.dumps(reunion("INPUT")))[0] == (1, 1, 0, 0, 0)


def test_what_is_not_there_or_no_file_is_told(store, tmp_path):
    good = write(tmp_path / "good.json", reunion("GOOD"))
    counts, why = imported(store, "agenda", tmp_path / "missing.json", "/dev/zero", good, code=1)
    assert counts == (3, 1, 0, 0, 2)
    assert "missing.json" in why[0] and "No such file" in why[0] and "neither a file nor a folder" in why[1]


def test_links_and_pipes_in_folders_are_not_followed(store, tmp_path):
    folder = tmp_path / "in"
    write(folder / "a.json", reunion("A"))
    write(tmp_path / "secret.json", reunion("SECRET"))
    (folder / "loop").symlink_to(folder)
    (folder / "linked.json").symlink_to(tmp_path / "secret.json")
    os.mkfifo(folder / "pipe.json")
    assert imported(store, "agenda", folder)[0] == (1, 1, 0, 0, 0)
    # Named itself, a link is what it leads to.
    assert imported(store, "agenda", folder / "linked.json")[0] == (1, 1, 0, 0, 0)


def test_a_cut_archive_gives_what_is_before_the_cut(store, tmp_path):
    whole = zip_of(members(40))
    path = tmp_path / "cut.zip"
    path.write_bytes(whole[:len(whole) // 3])
    counts, why = imported(store, "agenda", path, code=1)
    assert counts[0] == counts[1] + 1 and 5 < counts[1] < 20 and counts[4] == 1
    assert "cut.zip" in why[0] or "json/reunion" in why[0]
    path.write_bytes(whole)
    assert imported(store, "agenda", path)[0] == (40, 40 - counts[1], 0, counts[1], 0)


def test_hostile_archives(store, tmp_path):
    bomb = zip_of({"a.json": json.dumps(reunion("FIRST")), "bomb.json": b" " * (80 << 20), "c.json": reunion("LAST")})
    (tmp_path / "bomb.zip").write_bytes(bomb)
    counts, why = imported(store, "agenda", tmp_path / "bomb.zip", code=1)
    assert counts[1] == 1 and counts[4] == 1 and "far more than its size" in why[0]
    names = {"../../../etc/passwd.json": reunion("UP"), "/etc/shadow.json": reunion("ROOT"), "C:\\x.json": reunion("DRIVE"),
             "a\x1b[31m\n.json": reunion("TERMINAL"), "inner.zip": zip_of(members(1, "INNER"))}
    (tmp_path / "names.zip").write_bytes(zip_of(names))
    counts, why = imported(store, "agenda", tmp_path / "names.zip", code=1)
    assert counts == (5, 4, 0, 0, 1) and "archive within an archive" in why[0]
    assert not (tmp_path / "etc").exists() and not (tmp_path.parent / "etc").exists()
    broken = bytearray(zip_of(members(3, "CRC"), zipfile.ZIP_STORED))
    at = broken.find(b"CRC1", broken.find(b'"uid"', broken.find(b"CRC1.json")))
    broken[at:at + 4] = b"XXXX"
    (tmp_path / "crc.zip").write_bytes(broken)
    counts, why = imported(store, "agenda", tmp_path / "crc.zip", code=1)
    assert counts == (3, 2, 0, 0, 1) and "CRC" in why[0]
    encrypted = bytearray(zip_of(members(2, "SEALED")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.find(mark) + offset] |= 1
    (tmp_path / "sealed.zip").write_bytes(encrypted)
    counts, why = imported(store, "agenda", tmp_path / "sealed.zip", code=1)
    assert counts == (2, 1, 0, 0, 1) and "encrypted" in why[0]
    (tmp_path / "noise.zip").write_bytes(b"PK\x03\x04" + os.urandom(5000))
    assert imported(store, "agenda", tmp_path / "noise.zip", code=1)[0][1] == 0
    (tmp_path / "none.zip").write_bytes(zip_of({}))
    assert imported(store, "agenda", tmp_path / "none.zip")[0] == (0, 0, 0, 0, 0)
    uids = {uid for uid, in rows(store, "SELECT uid FROM scheduled_sessions")}
    assert uids == {"FIRST", "UP", "ROOT", "DRIVE", "TERMINAL", "CRC0", "CRC2", "SEALED1"}


def test_progress_is_told_by_bytes(store, tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zip_of(members(300)))
    done = store.cli("import", "robian", "agenda", path, "--json")
    counts, _, events = figures(done)
    assert counts == (300, 300, 0, 0, 0)
    end = events[-1]
    assert end["event"] == "end" and end["bytes"] == end["total_bytes"] == path.stat().st_size
    assert any(e["event"] == "progress" for e in events)
    said = store.cli("import", "robian", "agenda", path, "--quiet").stderr.splitlines()
    assert said == []
    assert "300 files: 0 added, 0 changed, 300 same, 0 refused" in store.cli("import", "robian", "agenda", path).stderr


def test_an_import_that_was_killed_is_simply_run_again(store, tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zip_of(members(3000)))
    process = subprocess.Popen([BINARY, "import", "robian", "agenda", str(path), "--json"], env=store.env, cwd=store.folder,
                               stderr=subprocess.PIPE, text=True)
    said = next(line for line in process.stderr if line.startswith("{"))  # not the log's
    assert json.loads(said)["event"] == "progress"
    process.kill()
    process.communicate()
    kept = int(rows(store, "SELECT count(*) FROM scheduled_sessions")[0][0])
    assert 0 < kept <= 3000
    assert imported(store, "agenda", path)[0] == (3000, 3000 - kept, 0, kept, 0)


def test_two_imports_of_the_same_at_once(store, tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zip_of(members(300)))
    both = [subprocess.Popen([BINARY, "import", "robian", "agenda", str(path), "--json"], env=store.env, cwd=store.folder,
                             stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60 * PATIENCE)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert rows(store, "SELECT count(*), count(DISTINCT uid) FROM scheduled_sessions") == [["300", "300"]]


# -- people and bodies --------------------------------------------------------------------------------


def listed(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def plain(value):
    return None if value is None or isinstance(value, dict) else value


def best(mandates, kind):
    found = [m for m in mandates if m["typeOrgane"] == kind]
    return max(found, key=lambda m: (m["dateFin"] is None, m["dateDebut"]), default=None)


def test_people_and_bodies_of_the_samples_are_as_in_the_files(store):
    folder = shared_data() / "an"
    assert imported(store, "deputies", folder / "acteurs", folder / "organes")[0] == (60, 60, 0, 0, 0)
    assert imported(store, "deputies", folder / "organes", folder / "acteurs")[0] == (60, 0, 0, 60, 0)
    bodies = {r[0]: r[1:] for r in rows(store, "SELECT id, name, abbreviation, type, coalesce(ends_on, '') FROM bodies")}
    files = [json.loads(p.read_text())["organe"] for p in (folder / "organes").glob("*.json")]
    assert bodies == {o["uid"]: [o["libelle"], o["libelleAbrev"], o["codeType"], o["viMoDe"]["dateFin"] or ""] for o in files}
    names = {o["uid"]: o["libelle"] for o in files}
    people = {r[0]: r[1:] for r in rows(store, "SELECT id, name, civility, coalesce(birth_date, ''), coalesce(profession, ''), "
                                               "coalesce(group_id, ''), coalesce(group_name, ''), coalesce(department, ''), "
                                               "coalesce(constituency, '') FROM speakers")}
    want = {}
    for path in (folder / "acteurs").glob("*.json"):
        a = json.loads(path.read_text())["acteur"]
        mandates = listed(a["mandats"]["mandat"])
        ident = a["etatCivil"]["ident"]
        seat = best(mandates, "ASSEMBLEE") or best(mandates, "SENAT")
        group = best(mandates, "GP")
        if not group or group["dateFin"]:
            senate = best(mandates, "GROUPESENAT")
            group = senate if senate and (not group or not senate["dateFin"]) else group
        place = seat["election"]["lieu"] if seat else {}
        group_id = group["organes"]["organeRef"] if group else ""
        want[a["uid"]["#text"]] = [
            f"{ident['prenom']} {ident['nom']}", ident["civ"], plain(a["etatCivil"]["infoNaissance"]["dateNais"]) or "",
            plain(a["profession"]["libelleCourant"]) or "", group_id, names.get(group_id, ""),
            place.get("departement") or place.get("numDepartement") or "", place.get("numCirco") or ""]
    assert people == want
    assert people["PA718860"][0] == "Bénédicte Taurine" and people["PA718860"][6:] == ["Ariège", "1"]
    assert rows(store, "SELECT name_key, role FROM speakers WHERE id = 'PA795920'") == [["prisca thevenot", "Ministre déléguée"]]


def body(uid, name):
    return {"organe": {"uid": uid, "codeType": "COMPER", "libelle": name, "libelleAbrev": "C", "viMoDe": {"dateDebut": None, "dateFin": None}}}


def person(uid, first, last, *mandates, civility="M."):
    return {"acteur": {"uid": {"#text": uid}, "etatCivil": {"ident": {"civ": civility, "prenom": first, "nom": last}, "infoNaissance": NIL},
                       "profession": NIL, "mandats": {"mandat": mandates[0] if len(mandates) == 1 else list(mandates)} if mandates else NIL}}


def mandate(kind, body_uid, since, until=None, **more):
    return {"typeOrgane": kind, "dateDebut": since, "dateFin": until, "organes": {"organeRef": body_uid}} | more


def test_the_open_mandate_counts_and_a_name_is_a_text(store, tmp_path):
    place = {"election": {"lieu": {"departement": "Ain", "numDepartement": "01", "numCirco": "2"}}}
    write(tmp_path / "in/1.json", person("PA1", "Zoé", "Œuvrard", mandate("GP", "PO2", "2024-07-19"), mandate("GP", "PO1", "2024-09-01", "2025-01-01"),
                                         mandate("ASSEMBLEE", ["PO9", "PO8"], "2024-07-18", **place), civility="Mme"))
    write(tmp_path / "in/2.json", person("PA2", "Jean", "Dupont", mandate("GP", "PO1", "2012-01-01", "2017-01-01")))
    write(tmp_path / "in/3.json", person("PA3", "Seule", "Personne"))
    write(tmp_path / "in/4.json", person("PA4", "", " "))
    write(tmp_path / "in/5.json", {"acteur": {"uid": NIL}})
    write(tmp_path / "in/6.json", body("PO7", " "))
    counts, why = imported(store, "deputies", tmp_path / "in", code=1)
    assert counts == (6, 3, 0, 0, 3) and ["name" in why[0], "uid" in why[1], "name" in why[2]] == [True] * 3
    got = rows(store, "SELECT id, name_key, coalesce(role, ''), coalesce(group_id, ''), coalesce(department, ''), coalesce(constituency, ''), "
                      "coalesce(url, '') FROM speakers ORDER BY id")
    assert got == [["PA1", "zoe oeuvrard", "Députée", "PO2", "Ain", "2", "https://www.assemblee-nationale.fr/dyn/deputes/PA1"],
                   ["PA2", "jean dupont", "", "PO1", "", "", ""], ["PA3", "seule personne", "", "", "", "", ""]]


def test_names_of_bodies_are_filled_in_when_they_come_later(store, tmp_path):
    write(tmp_path / "a/1.json", reunion("R1", kind="reunionCommission_type", organeReuniRef="PO1"))
    write(tmp_path / "a/2.json", reunion("R2", organeReuniRef="PO1"))
    write(tmp_path / "a/3.json", reunion("R3", kind="reunionCommission_type", organeReuniRef=None))
    write(tmp_path / "p/1.json", person("PA1", "Ada", "Lovelace", mandate("GP", "PO2", "2024-07-19")))
    imported(store, "agenda", tmp_path / "a")
    imported(store, "deputies", tmp_path / "p")
    look = "SELECT uid, coalesce(commission, '') FROM scheduled_sessions ORDER BY uid"
    assert rows(store, look) == [["R1", ""], ["R2", ""], ["R3", ""]]
    for uid, name in (("PO1", "Commission des lois"), ("PO2", "Groupe Analytique")):
        write(tmp_path / f"b/{uid}.json", body(uid, name))
    imported(store, "deputies", tmp_path / "b")
    assert rows(store, look) == [["R1", "Commission des lois"], ["R2", ""], ["R3", ""]]
    assert rows(store, "SELECT group_name FROM speakers") == [["Groupe Analytique"]]
    before = rows(store, "SELECT updated_at FROM scheduled_sessions ORDER BY uid")
    imported(store, "deputies", tmp_path / "b")
    assert rows(store, "SELECT updated_at FROM scheduled_sessions ORDER BY uid") == before
    write(tmp_path / "b/PO1.json", body("PO1", "Commission des lois et du reste"))
    imported(store, "deputies", tmp_path / "b")
    imported(store, "agenda", write(tmp_path / "a/4.json", reunion("R4", kind="reunionCommission_type", organeReuniRef="PO1")))
    assert [name for _, name in rows(store, look)] == ["Commission des lois et du reste", "", "", "Commission des lois et du reste"]


# -- votes --------------------------------------------------------------------------------------------

VOTE_COLUMNS = ("uid, session_uid, number, legislature, date, title, type, result, asked_by, voters, votes_cast, required, "
                "votes_for, votes_against, abstentions, not_voting")


def test_the_votes_of_the_samples_are_as_in_the_files(store):
    folder = shared_data() / "an/scrutins"
    assert imported(store, "votes", folder)[0] == (30, 30, 0, 0, 0)
    assert imported(store, "votes", folder)[0] == (30, 0, 0, 30, 0)
    want = []
    for path in folder.glob("*.json"):
        s = json.loads(path.read_text())["scrutin"]
        summary, counts = s["syntheseVote"], s["syntheseVote"]["decompte"]
        want.append([s["uid"], s["seanceRef"], s["numero"], s["legislature"], s["dateScrutin"], s["titre"].strip(), s["typeVote"]["libelleTypeVote"],
                     s["sort"]["code"], s["demandeur"]["texte"], summary["nombreVotants"], summary["suffragesExprimes"],
                     summary["nbrSuffragesRequis"], counts["pour"], counts["contre"], counts["abstentions"], counts["nonVotants"]])
    assert sorted(rows(store, f"SELECT {VOTE_COLUMNS} FROM votes")) == sorted(want)


def vote(of="V1", **members):
    value = {"uid": of, "numero": "7", "legislature": "17", "seanceRef": "RU1", "dateScrutin": "2026-06-03", "titre": "l'amendement",
             "typeVote": {"libelleTypeVote": "scrutin public ordinaire"}, "sort": {"code": "adopté"}, "demandeur": {"texte": NIL},
             "syntheseVote": {"nombreVotants": "10", "suffragesExprimes": "9", "nbrSuffragesRequis": "5",
                              "decompte": {"nonVotants": "1", "pour": "6", "contre": "3", "abstentions": "1"}}}
    return {"scrutin": value | members}


def test_votes_of_other_shapes(store, tmp_path):
    older = {"nombreVotants": 3, "suffragesExprimes": "3", "nbrSuffragesRequis": None,
             "decompte": {"nonVotant": "0", "pour": "1", "contre": "2", "abstention": "0"}}
    write(tmp_path / "in/a.json", vote("A", syntheseVote=older, titre=None, objet={"libelle": "la motion"}, seanceRef=None))
    for i, bad in enumerate([{"numero": "sept"}, {"numero": "-1"}, {"numero": "9" * 30}, {"syntheseVote": None}, {"dateScrutin": "hier"},
                             {"dateScrutin": "2026-02-30"}, {"titre": " ", "objet": None}, {"legislature": NIL}, {"uid": ""}]):
        write(tmp_path / f"in/b{i}.json", vote("B", **bad))
    counts, why = imported(store, "votes", tmp_path / "in", code=1)
    assert counts == (10, 1, 0, 0, 9), why
    assert rows(store, "SELECT uid, title, coalesce(required, -1), abstentions FROM votes") == [["A", "la motion", "-1", "0"]]


# -- with debates -------------------------------------------------------------------------------------


def test_debates_of_a_reunion_hear_of_agenda_and_votes(server, tmp_path):
    from robian import analyst, make_debate
    by_analyst = analyst(server)
    debate = make_debate(by_analyst, metadata={"kept": 1})
    database(server, f"UPDATE debates SET session_uid = 'RU1' WHERE id = '{debate['id']}'")
    write(tmp_path / "b.json", body("PO1", "Commission des lois"))
    imported(server, "deputies", tmp_path / "b.json")
    path = write(tmp_path / "r.json", reunion("RU1", kind="reunionCommission_type", organeReuniRef="PO1", lieu={"libelleLong": "Salle 6242"}))
    imported(server, "agenda", path)
    change = "SELECT change_seq FROM debates WHERE session_uid = 'RU1'"
    got, at = by_analyst.get(f"/api/debates/{debate['id']}").json(), database(server, change)
    assert (got["salle"], got["commission"], got["metadata"]) == ("Salle 6242", "Commission des lois", {"kept": 1, "etat": "Confirmé"})
    imported(server, "agenda", path)
    assert database(server, change) == at
    write(path, reunion("RU1", kind="reunionCommission_type", organeReuniRef="PO1", cycleDeVie={"etat": "Annulé"}))
    imported(server, "agenda", path)
    got = by_analyst.get(f"/api/debates/{debate['id']}").json()
    assert (got["salle"], got["metadata"]["etat"]) == ("Salle 6242", "Annulé") and database(server, change) != at
    imported(server, "votes", write(tmp_path / "v.json", vote("V1")))
    assert rows(server, "SELECT d.id FROM votes v JOIN debates d ON d.n = v.debate_n") == [[debate["id"]]]


def test_a_debate_that_comes_after_its_reunion_learns_of_it(store, tmp_path):
    from test_robian_transcripts import SITTING, transcript
    imported(store, "agenda", write(tmp_path / "r.json", reunion("RU7", lieu={"libelleLong": "Hémicycle"}, compteRenduRef="CR7")))
    imported(store, "votes", write(tmp_path / "v.json", vote("V7", seanceRef="RU7")))
    imported(store, "transcripts", write(tmp_path / "cr.xml", transcript("CR7", SITTING, session="RU7")))
    (salle, metadata, votes), = rows(store, "SELECT salle, metadata, (SELECT count(*) FROM votes v WHERE v.debate_n = d.n) FROM debates d")
    assert (salle, json.loads(metadata)["etat"], votes) == ("Hémicycle", "Confirmé", "1")


# -- fetching -----------------------------------------------------------------------------------------


@pytest.fixture
def assembly():
    with FakeAssembly() as assembly:
        assembly.put(AGENDA, zip_of(members(3)))
        assembly.put(DEPUTIES, zip_of({"json/organe/PO1.json": body("PO1", "Commission des lois"), "json/acteur/PA1.json": person("PA1", "Ada", "L")}))
        assembly.put(VOTES, zip_of({"json/V1.json": vote("V1")}))
        assembly.put(TRANSCRIPTS, zip_of({"readme.txt": "no transcript yet"}))
        yield assembly


def fetched(store, assembly, *args, code=0, private="on", **env):
    store.env |= {"ROBIAN_OPEN_DATA_URL": assembly.url, "ROBIAN_ALLOW_PRIVATE_SOURCES": private} | env
    assembly.requests.clear()
    done = store.cli("import", "robian", "fetch", *args, "--json", code=code, timeout=120)
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    counts = [counts_of(e) for e in events if e.get("event") == "imported"]
    return counts, [status for _, status, _ in assembly.requests], done.stderr


def sources(store):
    return {r[0]: r[1] for r in rows(store, "SELECT name, coalesce(error, '') FROM open_data_sources")}


def test_what_has_not_changed_is_not_fetched_again(store, assembly):
    assert fetched(store, assembly, "agenda")[:2] == ([(3, 3, 0, 0, 0)], [200])
    assert fetched(store, assembly, "agenda")[:2] == ([], [304])
    assembly.put(AGENDA, zip_of(members(4)))
    assert fetched(store, assembly, "agenda")[:2] == ([(4, 1, 0, 3, 0)], [200])
    assembly.etags = False
    assembly.put(AGENDA, assembly.files[AGENDA][0], time.time() + 100)
    assert fetched(store, assembly, "agenda")[:2] == ([], [200])  # another time, the same bytes
    assert fetched(store, assembly, "agenda")[:2] == ([], [304])  # by its time
    assert "If-None-Match" not in assembly.requests[0][2]
    assembly.conditional = False
    assert fetched(store, assembly, "agenda")[:2] == ([], [200])
    assert fetched(store, assembly, "agenda", "--anew", "yes")[:2] == ([(4, 0, 0, 4, 0)], [200])
    assert sources(store) == {"agenda": ""}
    assert not list(store.folder.glob("tmp/open-data*"))


def test_the_server_wants_a_browser(store, assembly):
    counts, statuses, said = fetched(store, assembly, "agenda", code=1, ROBIAN_OPEN_DATA_USER_AGENT="curl/8.0")
    assert statuses == [404] and counts == [] and "404" in said
    assert "404" in sources(store)["agenda"]
    assert fetched(store, assembly, "agenda", ROBIAN_OPEN_DATA_USER_AGENT="Mozilla/5.0 (compatible)")[1] == [200]
    assert sources(store) == {"agenda": ""}


@pytest.mark.parametrize("fault, said", [("cut", ""), (403, "403"), (500, "500"), ("endless", "larger than"), ("redirect:ftp://x/", "")])
def test_a_fetch_that_fails_changes_nothing_and_is_told(store, assembly, fault, said):
    assembly.faults[AGENDA] = fault
    store.env["ROBIAN_OPEN_DATA_MAX_BYTES"] = "1000000"
    fetched(store, assembly, "agenda", code=1)
    assert said in sources(store)["agenda"] and sources(store)["agenda"]
    assert rows(store, "SELECT count(*) FROM scheduled_sessions") == [["0"]]
    assembly.faults.clear()
    assert fetched(store, assembly, "agenda")[:2] == ([(3, 3, 0, 0, 0)], [200])


def test_an_archive_of_untold_length_and_one_that_moved_are_fetched(store, assembly):
    assembly.faults[AGENDA] = "untold"
    assert fetched(store, assembly, "agenda")[:2] == ([(3, 3, 0, 0, 0)], [200])
    assembly.faults[VOTES] = "redirect:/elsewhere.zip"
    assembly.put("/elsewhere.zip", assembly.files[VOTES][0])
    assert fetched(store, assembly, "votes")[:2] == ([(1, 1, 0, 0, 0)], [302, 200])


def test_nothing_is_left_of_a_fetch_that_was_killed(store, assembly):
    assembly.faults[AGENDA] = "endless"
    store.env |= {"ROBIAN_OPEN_DATA_URL": assembly.url, "ROBIAN_ALLOW_PRIVATE_SOURCES": "on"}
    process = subprocess.Popen([BINARY, "import", "robian", "fetch", "agenda"], env=store.env, cwd=store.folder, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20 * PATIENCE
    while assembly.poured < 1 << 20:
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert [p for p in store.folder.glob("tmp/**/*") if p.is_file()] == []


def test_private_addresses_are_not_fetched_from(store, assembly):
    assert fetched(store, assembly, "agenda", code=1, private="off")[1] == []
    assert sources(store)["agenda"]


def test_an_archive_with_a_bad_file_is_imported_but_for_that(store, assembly):
    assembly.put(AGENDA, zip_of(members(2) | {"bad.json": "{"}))
    assert fetched(store, assembly, "agenda", code=1)[0] == [(3, 2, 0, 0, 1)]
    assert sources(store)["agenda"].startswith("1 of 3 files refused; bad.json")
    whole = zip_of(members(9))
    assembly.put(AGENDA, whole[:whole.rfind(b"PK\x03\x04") + 10])
    counts, _, said = fetched(store, assembly, "agenda", code=1)
    assert counts == [(9, 6, 0, 2, 1)] and AGENDA in sources(store)["agenda"] and "/proc" not in said


def test_only_known_sources_are_fetched(store, assembly):
    said = fetched(store, assembly, "amendements", code=1)[2]
    assert "amendements" in said and assembly.requests == []


def job_ended(admin, job, seconds=30):
    until = time.monotonic() + seconds * PATIENCE
    while True:
        now = admin.get(f"/api/jobs/{job}").json()
        if now["state"] in ("done", "dead", "cancelled"):
            return now
        assert time.monotonic() < until, now
        time.sleep(0.05)


def test_an_administrator_has_it_fetched_and_the_night_does_when_asked_to(tmp_path, assembly):
    server = Server(tmp_path, ROBIAN_OPEN_DATA_URL=assembly.url, ROBIAN_ALLOW_PRIVATE_SOURCES="on").start()
    try:
        admin = server.client(token(server, "admin"))
        assert server.client().post("/api/open-data/fetch", json={}).status_code == 401
        assert server.client(token(server, "analyst")).post("/api/open-data/fetch", json={}).status_code == 403
        assert admin.post("/api/open-data/fetch", json={"source": "x"}).status_code == 422
        answer = admin.post("/api/open-data/fetch", json={})
        assert answer.status_code == 202, answer.text
        job = job_ended(admin, answer.json()["id"])
        assert job["state"] == "done", job
        assert {name: s["added"] for name, s in job["result"].items()} == {"deputies": 2, "agenda": 3, "votes": 1, "transcripts": 0}
        again = job_ended(admin, admin.post("/api/open-data/fetch", json={"source": "votes"}).json()["id"])
        assert again["result"] == {"votes": dict.fromkeys(("bytes", "files", "added", "changed", "same", "refused"), 0) | {"unchanged": True}}
        assert [r[1] for r in assembly.requests] == [200] * 4 + [304]
        listed_sources = admin.get("/api/open-data/sources").json()
        assert [s["name"] for s in listed_sources] == ["agenda", "deputies", "transcripts", "votes"] and not any(s["error"] for s in listed_sources)
        schedule = next(s for s in admin.get("/api/schedules").json() if s["job"] == "robian.fetch_nightly")
        assert schedule["zone"] == "Europe/Paris"
        from robian import run_job
        run_job(server, admin, "robian.fetch_nightly")
        assert len(assembly.requests) == 5
        server.stop()
        server.env["ROBIAN_OPEN_DATA_FETCH"] = "on"
        server.start()
        admin.url = server.url
        run_job(server, admin, "robian.fetch_nightly")
        assert [r[1] for r in assembly.requests] == [200] * 4 + [304] * 5
    finally:
        server.close()


def test_one_source_that_fails_keeps_none_of_the_others(tmp_path, assembly):
    assembly.faults[DEPUTIES] = 403
    server = Server(tmp_path, ROBIAN_OPEN_DATA_URL=assembly.url, ROBIAN_ALLOW_PRIVATE_SOURCES="on").start()
    try:
        admin = server.client(token(server, "admin"))
        job = admin.post("/api/open-data/fetch", json={}).json()["id"]
        until = time.monotonic() + 30 * PATIENCE
        while not (now := admin.get(f"/api/jobs/{job}").json())["error"]:
            assert time.monotonic() < until, now
            time.sleep(0.05)
        assert "403" in now["error"] and now["state"] == "waiting"  # to be tried again
        assert sources(server) == {"agenda": "", "deputies": sources(server)["deputies"], "votes": "", "transcripts": ""}
        assert "403" in sources(server)["deputies"]
    finally:
        server.close()
