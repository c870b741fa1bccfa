"""Chapters with several pictures: made of parts of their text, told one by one, kept, fewer again, in the book and
through a share; pictures that a chapter has no more; what counts as a call of a model; notes that get pictures later."""

import io
import pathlib
import sys
import zipfile

import pytest
from harness import PATIENCE, Server, database
from tales import good, jpeg, make_note, make_space, person, refused, wait
from tales_story import STREAM, Events, Space, data

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

GEMINI = "/v1beta/models/gemini-3.1-flash-image:generateContent"
MANY = {"LIFETALES_STORIES_PER_HOUR": 1000}
TOLD = ("Le bateau est parti du port au lever du soleil. Les mouettes criaient au-dessus des voiles. "
        "À midi nous avons mangé du pain et des olives sur la plage de l'île. Un âne nous regardait sous un pin. "
        "Le soir il a neigé sur la montagne, et le village dormait déjà. La lune éclairait l'église.")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("data"), **MANY)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        yield fake


def illustrated(space):
    """The chapters, their pictures' bytes each."""
    return [[space.client.get(p["url"], headers={"Authorization": ""}).content for p in c["illustrations"]]
            for c in space.chapters()]


def media_ids(space):
    return [[p["mediaId"] for p in c["illustrations"]] for c in space.chapters()]


def count(server, table):
    return int(database(server, f"SELECT count(*) FROM {table}"))


def there(client, ids):
    return [client.get(f"/api/media/{id}").status_code for id in ids]


def test_a_chapter_has_as_many_pictures_as_wished_each_of_another_part(server):
    space = Space(person(server), [("En mer", TOLD), ("Bref", "Un chat dormait.")])
    events = space.follow(storyMode="chapter", imagesPerChapter=3).rest()
    drawn = [(e["chapterId"], e["position"]) for _, kind, e in events if kind == "illustration" and e["status"] == "done"]
    chapters = space.chapters()
    assert sorted(drawn) == sorted((c["id"], i) for c in chapters for i in range(3))
    for chapter, pictures in zip(chapters, illustrated(space)):
        shown = chapter["illustrations"]
        assert [p["position"] for p in shown] == [0, 1, 2] and {p["style"] for p in shown} == {"illustration"}
        assert shown[0]["url"] == chapter["illustrationUrl"] == chapter["generatedImageUrl"]
        assert shown[0]["prompt"] == chapter["illustrationPrompt"]
        assert len({p["prompt"] for p in shown}) == len({p["mediaId"] for p in shown}) == len(set(pictures)) == 3
        assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    said = [p["prompt"] for p in chapters[0]["illustrations"]]
    assert "plage" in said[1] and "neigé" in said[2] and "neigé" not in said[1]


def test_what_is_there_is_kept_more_are_added_and_fewer_go(server):
    me = person(server)
    space = Space(me, [("En mer", TOLD)])
    space.story(storyMode="chapter", imagesPerChapter=2)
    before = media_ids(space)[0]
    assert len(before) == 2
    space.story(storyMode="chapter", imagesPerChapter=2)
    assert media_ids(space)[0] == before
    space.story(storyMode="chapter", imagesPerChapter=0)
    assert media_ids(space)[0] == before
    space.story(storyMode="chapter", imagesPerChapter=4)
    four = media_ids(space)[0]
    assert len(four) == 4 and four[0] == before[0]
    space.story(storyMode="chapter", imagesPerChapter=1)
    assert media_ids(space)[0] == four[:1]
    assert there(me, four) == [200, 404, 404, 404]
    refused(space.generate(imagesPerChapter=5), 422)


def test_other_words_and_another_style_make_other_pictures_and_the_former_ones_go(server):
    me = person(server)
    space = Space(me, [("En mer", TOLD), ("Bref", "Un chat dormait.")])
    space.story(storyMode="chapter", imagesPerChapter=2)
    first, other = media_ids(space)
    space.edit(0, "Une forêt sous la pluie. Un renard traversait le pont. Au loin, la ville brillait dans la nuit.")
    space.story(storyMode="chapter", imagesPerChapter=2)
    second = media_ids(space)[0]
    assert not set(first) & set(second) and media_ids(space)[1] == other
    assert there(me, first + second + other) == [404, 404, 200, 200, 200, 200]
    space.story(storyMode="chapter", imagesPerChapter=2, imageStyle="pastel")
    assert there(me, second + other) == [404] * 4
    assert [len(ids) for ids in media_ids(space)] == [2, 2]
    data(me.delete(f"/api/spaces/{space.id}/notes/{space.notes[0]['id']}"))
    gone = media_ids(space)[0]
    space.story(storyMode="chapter", imagesPerChapter=2, imageStyle="pastel")
    assert len(space.chapters()) == 1 and there(me, gone) == [404, 404]


def test_one_of_them_is_drawn_anew_it_is_told_and_stays(server):
    me, stranger = person(server), person(server)
    space = Space(me, [("En mer", TOLD)])
    story = space.story(storyMode="chapter", imagesPerChapter=2)
    chapter, before = space.chapters()[0], media_ids(space)[0]
    path = f"/api/chapters/{chapter['id']}/illustrate"
    made = good(me.post(path, json={"position": 1, "prompt": "Une licorne au marché"}, timeout=60 * PATIENCE))
    after = space.chapters()[0]["illustrations"]
    assert [p["mediaId"] for p in after] == [before[0], made["mediaId"]] and after[1]["prompt"] == "Une licorne au marché"
    assert there(me, before) == [200, 404]
    assert good(me.post(path, json={"style": "pastel"}, timeout=60 * PATIENCE))["mediaId"] != before[0]
    told = f"FROM events WHERE type = 'illustration' AND channel = 'story:{story['storyId']}'"
    assert int(database(server, f"SELECT count(*) {told}")) == 4
    third = str(database(server, f"SELECT data {told} ORDER BY id LIMIT 1 OFFSET 2")).replace(" ", "").replace("'", "\"")
    assert made["mediaId"] in third and '"position":1' in third
    kept = media_ids(space)
    space.story(storyMode="chapter", imagesPerChapter=2)
    assert media_ids(space) == kept  # what the person asked for stays
    refused(me.post(path, json={"position": 4}), 422)
    refused(stranger.post(path, json={"position": 1}), 404)
    assert media_ids(space) == kept


def test_all_are_in_the_book_and_behind_a_share_and_go_with_the_space(server):
    me = person(server)
    before = count(server, "chapter_pictures")
    space = Space(me, [("En mer", TOLD)])
    space.story(storyMode="chapter", imagesPerChapter=3)
    pictures = illustrated(space)[0]
    epub = me.get(f"/api/spaces/{space.id}/book?format=epub", timeout=120 * PATIENCE)
    with zipfile.ZipFile(io.BytesIO(epub.content)) as zip:
        inside = [zip.read(name) for name in zip.namelist() if name.endswith(".png")]
    assert set(pictures) <= set(inside)
    token = good(me.post(f"/api/spaces/{space.id}/share", json={}), 201)["token"]
    shared = data(me.get(f"/api/shared/{token}", headers={"Authorization": ""}))["chapters"][0]
    assert [p["position"] for p in shared["illustrations"]] == [0, 1, 2]
    assert shared["illustrations"][0]["url"] == shared["illustrationUrl"]
    assert [me.get(p["url"], headers={"Authorization": ""}).content for p in shared["illustrations"]] == pictures
    ids = media_ids(space)[0]
    data(me.delete(f"/api/spaces/{space.id}"))
    assert there(me, ids) == [404] * 3 and count(server, "chapter_pictures") == before


def test_pictures_added_to_a_note_or_taken_away_are_the_chapters_too(server):
    me = person(server)
    space = Space(me, [("En mer", TOLD), ("Bref", "Un chat dormait.")])
    space.story(storyMode="chapter")
    own = [good(me.post("/api/media", data=jpeg(width=w, height=20)), 201)["id"] for w in (20, 24, 28)]
    path = f"/api/spaces/{space.id}/notes/{space.notes[0]['id']}"
    good(me.put(path, json={"imageFileIds": own[:2]}))
    assert [c["userImageIds"] for c in space.chapters()] == [own[:2], []]
    first = space.chapters()[0]
    good(me.put(f"/api/spaces/{space.id}/chapters/{first['id']}", json={"userImageIds": own[1:2]}))
    good(me.put(path, json={"imageFileIds": [own[0], own[1], own[2]]}))
    assert space.chapters()[0]["userImageIds"] == own[1:]  # what the person took out stays out
    good(me.put(path, json={"imageFileIds": own[2:]}))
    assert space.chapters()[0]["userImageIds"] == own[2:]
    good(me.post(f"/api/spaces/{space.id}/notes", json={"type": "TEXT", "textContent": "La pluie.", "timestamp": 1}), 201)
    good(me.put(path, json={"title": "Sur mer"}))
    assert space.chapters()[0]["userImageIds"] == own[2:]
    good(me.delete(path))
    assert there(me, own[2:]) == [200]  # its chapter still shows it
    space.story(storyMode="chapter")
    assert there(me, own[2:]) == [404]


def test_only_what_a_model_is_asked_for_counts_as_a_call(tmp_path, models):
    models.reset()
    server = Server(tmp_path, AI_IMAGE_PROVIDER="gemini", AI_TRIES=1, LIFETALES_AI_CALLS_PER_HOUR=3, **MANY, **models.env())
    try:
        server.start()
        me, text = person(server), [("En mer", TOLD)]
        first = Space(me, text)
        assert first.story(storyMode="chapter", imagesPerChapter=3)["state"] == "done"
        assert models.count("gemini", GEMINI) == 3
        again = Space(me, text)  # the same words: pictures that are there
        assert again.story(storyMode="chapter", imagesPerChapter=3)["state"] == "done"
        assert [len(ids) for ids in media_ids(again)] == [3] and models.count("gemini", GEMINI) == 3
    finally:
        server.close()
    # A provider is named, and lacks its key: pictures are drawn, and none is a call.
    other = Server(tmp_path / "other", AI_IMAGE_PROVIDER="gemini", LIFETALES_AI_CALLS_PER_HOUR=1, **MANY)
    try:
        other.start()
        space = Space(person(other), [("En mer", TOLD), ("Bref", "Un chat dormait.")])
        assert space.story(storyMode="chapter", imagesPerChapter=2)["state"] == "done"
        assert [len(ids) for ids in media_ids(space)] == [2, 2]
    finally:
        other.close()
