"""The programme of robian, and the paths of its first generation."""

import datetime
import json
import zoneinfo

import pytest
from harness import database, problem
from robian import analyst, make_debate

PROGRAMME = "/api/programme"
PARIS = zoneinfo.ZoneInfo("Europe/Paris")


@pytest.fixture(scope="module")
def writer(server):
    with analyst(server) as client:
        yield client


# -- the programme ----------------------------------------------------------------------------------


def reunion(uid, starts, kind="seance_type", **members):
    """A réunion as the open data has it."""
    point = {"typePointODJ": "Discussion", "objet": "- Suite du budget ;", "cycleDeVie": {"etat": "Confirmé"}}
    return {"reunion": {
        "@xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "@xsi:type": kind, "uid": uid,
        "timeStampDebut": starts, "timeStampFin": {"@xsi:nil": "true"},
        "lieu": {"libelleLong": "Hémicycle"}, "cycleDeVie": {"etat": "Confirmé"},
        "ODJ": {"pointsODJ": {"pointODJ": point}}} | members}


def imported(server, *reunions):
    for one in reunions:
        path = server.folder / f"{one['reunion']['uid']}.json"
        path.write_text(json.dumps(one))
        server.cli("import", "robian", "agenda", path)


def programme(client, **params):
    answer = client.get(PROGRAMME, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_programme_shows_a_day_as_the_clocks_of_paris_do(server, client):
    imported(server,
             reunion("R1", "2026-03-29T00:30:00.000+01:00"),  # 30 minutes into the day of the change
             reunion("R2", "2026-03-29T23:45:00.000+02:00"),
             reunion("R3", "2026-03-28T23:59:00.000+01:00"),
             reunion("R4", "2026-03-30T00:00:00.000+02:00"),
             reunion("R5", "2026-03-29T07:00:00Z", cycleDeVie={"etat": "Annulé"}))
    assert programme(client, date="2026-03-29") == [
        {"date": "2026-03-29", "heure": heure, "titre": "Suite du budget", "type": "seance_publique",
         "commission": None, "salle": "Hémicycle", "url": None, "etat": etat}
        for heure, etat in (("00:30", "Confirmé"), ("09:00", "Annulé"), ("23:45", "Confirmé"))]
    assert programme(client, date_param="2026-03-29") == programme(client, date="2026-03-29")
    assert programme(client, date="2026-03-28T23:30:00Z") == programme(client, date="2026-03-29")
    assert programme(client, date="2026-03-29", date_param="2026-01-01") == programme(client, date="2026-03-29")
    days = [(m["date"], m["heure"]) for m in programme(client, date="2026-03-28", days=3)]
    assert days == [("2026-03-28", "23:59"), ("2026-03-29", "00:30"), ("2026-03-29", "09:00"),
                    ("2026-03-29", "23:45"), ("2026-03-30", "00:00")]
    assert programme(client, date="2026-03-31") == []


def test_days_go_over_the_end_of_months_and_years(server, client):
    imported(server, reunion("R6", "2027-12-31T10:00:00+01:00"), reunion("R7", "2028-01-01T10:00:00+01:00"),
             reunion("R8", "2028-02-29T10:00:00+01:00"))
    assert len(programme(client, date="2027-12-31", days=2)) == 2
    assert [m["date"] for m in programme(client, date="2028-02-28", days=2)] == ["2028-02-29"]


def test_without_a_date_it_is_today_in_paris(server, client):
    now = datetime.datetime.now(PARIS)
    imported(server, reunion("R9", now.replace(hour=12, minute=0, second=0).isoformat(timespec="seconds")))
    today = programme(client)
    if datetime.datetime.now(PARIS).date() == now.date():  # else midnight has passed meanwhile
        assert [m["date"] for m in today] == [now.date().isoformat()]


def test_an_import_is_seen_at_once_though_answers_are_cached(server, client):
    imported(server, reunion("R10", "2029-05-05T10:00:00+02:00"))
    first = programme(client, date="2029-05-05")
    database(server, "UPDATE scheduled_sessions SET title = 'par derrière' WHERE uid = 'R10'", "SELECT 1")
    assert programme(client, date="2029-05-05") == first  # from the cache
    imported(server, reunion("R10", "2029-05-05T11:00:00+02:00"))
    assert [m["heure"] for m in programme(client, date="2029-05-05")] == ["11:00"]
    imported(server, reunion("R11", "2029-05-05T09:00:00+02:00"))
    assert [m["heure"] for m in programme(client, date="2029-05-05")] == ["09:00", "11:00"]


def test_a_meeting_leads_to_its_debate(server, client, writer):
    imported(server, reunion("R12", "2029-06-05T10:00:00+02:00"))
    assert programme(client, date="2029-06-05")[0]["url"] is None
    debate = make_debate(writer)
    database(server, f"UPDATE debates SET session_uid = 'R12' WHERE id = '{debate['id']}'", "SELECT 1")
    assert programme(client, date="2029-06-05")[0]["url"] == debate["source_url"]


@pytest.mark.parametrize("params, field", [
    ({"date": "hier"}, "date"), ({"date": "2026-02-30"}, "date"), ({"date_param": "x"}, "date_param"),
    ({"date": "2026-3-1"}, "date"), ({"days": 0}, "days"), ({"days": 32}, "days"), ({"days": "x"}, "days"),
    ({"days": -1}, "days"), ({"date": "9" * 50}, "date"),
])
def test_a_bad_parameter_of_the_programme_is_named(client, params, field):
    assert [e["field"] for e in problem(client.get(PROGRAMME, params=params), 422)["errors"]] == [field]


def test_the_programme_has_an_etag(client):
    first = client.get(PROGRAMME + "/", params={"date": "2026-03-29"})
    again = client.get(PROGRAMME, params={"date": "2026-03-29"}, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


# -- the first generation ---------------------------------------------------------------------------


def give_audio(server, debate, status="completed"):
    """A row of audio, as an extraction leaves it."""
    now = "now()" if server.database else "1700000000000000"
    n = database(server, f"SELECT n FROM debates WHERE id = '{debate}'")
    database(server, "INSERT INTO audio_files (id, debate_n, filename, format, quality, file_size, duration_ms, blob, "
             "extraction_status, extraction_completed_at, created_at, updated_at) VALUES "
             f"('{debate}', {n}, 'f.mp3', 'mp3', '192k', 3145728, 3723400, 'x', '{status}', {now}, {now}, {now})",
             "SELECT 1")


def test_a_debate_of_the_first_generation(server, client, writer):
    made = make_debate(writer, duration_minutes=90, commission="Finances", speakers=["Mme A"],
                       description="texte", thumbnail_url="https://example.org/v.jpg")
    want = {"id": made["id"], "title": made["title"], "date": made["date"], "duration": 5400,
            "type": "seance_publique", "commission": "Finances", "url_source": made["source_url"],
            "url_stream": None, "thumbnail": "https://example.org/v.jpg", "description": "texte",
            "intervenants": ["Mme A"], "status": "programme"}
    assert client.get(f"/api/debats/{made['id']}").json() == want
    assert client.get(f"/api/debates/{made['id']}").json()["view_count"] == 2
    give_audio(server, made["id"])
    heard = client.get(f"/api/debats/{made['id']}").json()
    assert heard == want | {"duration": 3723, "url_stream": f"/api/debats/{made['id']}/file"}
    problem(client.get("/api/debats/nobody"), 404, "Débat nobody non trouvé")


def test_the_list_of_the_first_generation_is_bare(client, writer):
    made = [make_debate(writer, date=f"2030-01-0{i}", type="audition" if i % 2 else "autre",
                        commission="Défense" if i > 3 else None) for i in range(1, 8)]
    ids = [d["id"] for d in reversed(made)]

    def listed(**params):
        answer = client.get("/api/debats", params={"date_debut": "2030-01-01"} | params)
        assert answer.status_code == 200, answer.text
        return [d["id"] for d in answer.json()]

    assert listed() == ids and listed(limit=3) == ids[:3]
    assert listed(date_debut="2030-01-02", date_fin="2030-01-03") == [made[2]["id"], made[1]["id"]]
    assert listed(type_debat="autre") == [d["id"] for d in reversed(made) if d["type"] == "autre"]
    assert listed(commission="defense") == ids[:4]
    another = make_debate(writer, date="2030-02-01")
    assert listed() == [another["id"]] + ids
    assert client.get("/api/debats/").json()[0]["id"] == another["id"]
    for params in ({"limit": 0}, {"limit": 501}, {"type_debat": "x"}, {"date_debut": "x"}, {"date_fin": "x"}):
        body = problem(client.get("/api/debats", params=params), 422)
        assert [e["field"] for e in body["errors"]] == list(params)


def test_where_the_audio_is_is_told_to_the_first_generation(server, client, writer):
    debate = make_debate(writer)["id"]
    path = f"/api/debats/{debate}/stream"
    assert client.get(path).json() == {
        "stream_url": None, "status": "unavailable", "file_size": None,
        "message": "Audio non disponible, extraction nécessaire"}
    give_audio(server, debate, "extracting")
    said = client.get(path).json()
    assert said["stream_url"] is None and said["status"] == "extracting" and said["message"]
    database(server, "UPDATE audio_files SET extraction_status = 'completed'", "SELECT 1")
    assert client.get(path).json() == {
        "stream_url": f"/api/debats/{debate}/file", "status": "ready", "file_size": 3145728}
    problem(client.get("/api/debats/nobody/stream"), 404, "Débat nobody non trouvé")


def test_a_debate_shows_its_audio(server, client, writer):
    debate = make_debate(writer)["id"]
    give_audio(server, debate)
    for shown in (client.get(f"/api/debates/{debate}").json(),
                  client.get("/api/debates", params={"per_page": 1, "sort_by": "created_at"}).json()["debates"][0]):
        audio, = shown["audio_files"]
        assert set(audio) == {
            "id", "debate_id", "filename", "file_size", "file_size_mb", "format", "quality", "duration_seconds",
            "duration_formatted", "extraction_status", "extraction_started_at", "extraction_completed_at",
            "extraction_error", "stream_url", "download_url", "download_count", "stream_count", "is_ready",
            "is_extracting", "has_error", "metadata", "created_at", "updated_at"}
        assert audio["debate_id"] == debate and audio["file_size_mb"] == 3.0
        assert audio["duration_seconds"] == 3723 and audio["duration_formatted"] == "1:02:03"
        assert (audio["is_ready"], audio["is_extracting"], audio["has_error"]) == (True, False, False)
        assert audio["stream_url"].startswith(f"/api/streaming/{debate}/stream")
