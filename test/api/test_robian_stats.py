"""robian: figures of the whole, what is listened to these days, figures by day."""

import datetime

import pytest
from harness import database, problem
from robian import analyst, count, make_debate, make_device, run_job

GLOBAL = "/api/stats/global"
TRENDING = "/api/stats/trending"


def today():
    return (datetime.datetime.now(datetime.timezone.utc).date() - datetime.date(1970, 1, 1)).days


@pytest.fixture(scope="module")
def maker(server):
    return analyst(server)


def day_figures(server, debate, day, views=0, streams=0, downloads=0):
    """As the counting of another day would have left them."""
    database(server, "INSERT INTO debate_days (day, debate_n, views, streams, downloads) "
                     f"SELECT {day}, n, {views}, {streams}, {downloads} FROM debates WHERE id = '{debate}'")


def test_the_whole_in_figures(server, maker, client):
    empty = client.get(GLOBAL).json()
    assert empty["debates"] == 0 and empty["by_type"] == []
    make_debate(maker, type="commission", commission="Finances", duration_minutes=90)
    make_debate(maker, type="commission", commission="Lois", duration_minutes=30)
    make_debate(maker, type="audition", commission="Finances")
    figures = client.get(GLOBAL).json()  # fresh at once after a write
    assert figures["debates"] == 3 and figures["with_audio"] == 0 and figures["duration_minutes"] == 120
    assert figures["by_type"] == [{"name": "commission", "count": 2}, {"name": "audition", "count": 1}]
    assert figures["by_commission"] == [{"name": "Finances", "count": 2}, {"name": "Lois", "count": 1}]
    assert sum(s["count"] for s in figures["by_status"]) == 3
    assert figures["generated_at"].endswith("Z")
    for name in ("speeches", "speakers", "votes", "audio_bytes", "extractions_running"):
        assert figures[name] == 0, name
    device = make_device(server)
    one = make_debate(maker)["id"]
    device.post(f"/api/favorites/{one}")
    device.post("/api/collections", json={"name": "c"})
    make_debate(maker)  # what is only counted shows with the next write
    figures = client.get(GLOBAL).json()
    assert (figures["debates"], figures["favorites"], figures["collections"], figures["devices"]) == (5, 1, 1, 1)


def test_what_is_listened_to_these_days(server, maker, client):
    ids = [make_debate(maker)["id"] for _ in range(4)]
    day_figures(server, ids[0], today() - 1, views=10)
    day_figures(server, ids[1], today() - 1, views=1, streams=4)
    day_figures(server, ids[2], today() - 20, streams=100)
    day_figures(server, ids[2], today() - 2, downloads=1)
    trends = client.get(TRENDING, params={"days": 7}).json()
    assert trends["days"] == 7
    assert [(t["debate"]["id"], t["views"], t["streams"], t["downloads"], t["score"]) for t in trends["debates"]] == \
        [(ids[1], 1, 4, 0, 13), (ids[0], 10, 0, 0, 10), (ids[2], 0, 0, 1, 2)]
    assert trends["debates"][0]["debate"]["display_duration"]
    month = client.get(TRENDING, params={"days": 30, "limit": 1}).json()["debates"]
    assert [(t["debate"]["id"], t["score"]) for t in month] == [(ids[2], 302)]
    for _ in range(3):
        assert client.get(f"/api/debates/{ids[3]}").status_code == 200
    assert client.get(TRENDING, params={"days": 1, "limit": 50}).json()["debates"][0]["views"] == 3
    assert maker.delete(f"/api/debates/{ids[1]}").status_code == 200
    assert ids[1] not in [t["debate"]["id"] for t in client.get(TRENDING, params={"days": 7}).json()["debates"]]


@pytest.mark.parametrize("query", [{"days": 0}, {"days": 366}, {"days": "week"}, {"limit": 0}, {"limit": 101}])
def test_questions_out_of_bounds_are_refused(client, query):
    problem(client.get(TRENDING, params=query), 422)


def test_figures_are_noted_by_the_day(server, maker, admin_client, client):
    make_debate(maker)
    database(server, f"INSERT INTO system_stats (day, name, value) VALUES ({today() - 1}, 'debates', 7), ({today() - 900}, 'debates', 1)")
    run_job(server, admin_client, "robian.stats")
    run_job(server, admin_client, "robian.stats")
    noted = client.get("/api/stats/history", params={"name": "debates"}).json()
    there = count(server, "debates")
    days = [str(datetime.date(1970, 1, 1) + datetime.timedelta(days=today() - i)) for i in (1, 0)]
    assert [(n["date"], n["value"]) for n in noted[-2:]] == list(zip(days, (7, there), strict=True))
    assert count(server, f"system_stats WHERE day = {today() - 900}") == 0
    names = {n["name"] for n in client.get("/api/stats/history", params={"days": 1}).json()}
    assert {"debates", "views", "favorites", "audio_bytes"} <= names and "by_type" not in names
