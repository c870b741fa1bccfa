/* SPDX-License-Identifier: Apache-2.0
 * From a model's JSON to a draft: texts without control characters, sentences one by one with their
 * notes, and in transcription mode nothing that no note says. What a model gets wrong is told to it;
 * at its last try a sentence without a note of the chapter gets those whose words it shares, and a note
 * about which something was invented is told in its own words (chapter_write_local). */
#include "core/json.h"
#include "core/map.h"
#include "products/lifetales/facts.h"
#include "products/lifetales/writer_prompt.h"
#include "products/lifetales/writer_room.h"

enum { WRONG_NAMED = 12 };

typedef struct Line {
    Str text;
    StrList note_ids;
    bool paragraph;
    bool strange; /* its notes are none of the chapter's */
} Line;

typedef struct Draft {
    Ctx *c;
    Arena *arena; /* c's */
    const ChapterTask *task;
    Line *lines;
    ptrdiff_t count, cap;
    int64_t repaired;
    Facts *facts; /* of the chapter's notes, gathered when first asked for */
} Draft;

/* -- texts ------------------------------------------------------------------------------------- */

/* One line of text: control characters and runs of white space are one space. */
static Str tidy(Arena *arena, Str text, ptrdiff_t max) {
    Buf b = buf_new(arena, text.len + 1);
    bool space = false;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte <= ' ' || byte == 0x7F) {
            space = b.len > 0;
            continue;
        }
        if (space) buf_byte(&b, ' ');
        space = false;
        buf_byte(&b, (char)byte);
    }
    Str whole = buf_str(&b);
    ptrdiff_t at = 0;
    for (ptrdiff_t n = 0; n < max && at < whole.len; n++) str_utf8_next(whole, &at);
    return str_slice(whole, 0, at);
}

/* -- sentences --------------------------------------------------------------------------------- */

static const StoryNote *note_named(const PlannedChapter *chapter, Str label) {
    int64_t number;
    label = str_trim(label);
    if (label.len < 2 || label.data[0] != 'n') return NULL;
    if (!str_to_i64(str_slice(label, 1, label.len), &number)) return NULL;
    return number >= 1 && number <= chapter->count ? chapter->notes[number - 1] : NULL;
}

static bool has(const StrList *list, Str id) {
    for (ptrdiff_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], id)) return true;
    return false;
}

static StrList notes_of(Draft *d, const json_t *ids, bool *strange) {
    size_t count = json_array_size(ids);
    StrList list = {arena_array(d->arena, Str, d->task->chapter->count), 0};
    *strange = false;
    for (size_t i = 0; i < count; i++) {
        const StoryNote *note = note_named(d->task->chapter, json_str(json_array_get(ids, i)));
        if (!note)
            *strange = true;
        else if (!has(&list, note->id))
            list.items[list.count++] = note->id;
    }
    *strange = *strange || list.count == 0;
    return list;
}

static void line_add(Draft *d, Line line) {
    if (d->count == DRAFT_SENTENCES_MAX) return;
    if (d->count == d->cap) {
        ptrdiff_t cap = d->cap ? d->cap * 2 : 32;
        d->lines = arena_grow(d->arena, d->lines, d->cap * (ptrdiff_t)sizeof(Line),
                              cap * (ptrdiff_t)sizeof(Line));
        d->cap = cap;
    }
    d->lines[d->count++] = line;
}

/* A model's "sentence" may be several. */
static void lines_of(Draft *d, Line line) {
    ptrdiff_t count = 0;
    Range *ranges = story_sentences(d->arena, line.text, &count);
    if (count < 2) {
        line_add(d, line);
        return;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        Line one = line;
        one.text = str_slice(line.text, ranges[i].start, ranges[i].end);
        one.paragraph = line.paragraph && i == 0;
        if (one.text.len > 0) line_add(d, one);
    }
}

static void sentences_read(Draft *d, const json_t *all) {
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        Line line = {.paragraph = json_is_true(json_at(one, "paragraph"))};
        line.text = tidy(d->arena, json_str(json_at(one, "text")), DRAFT_CONTENT_MAX);
        line.note_ids = notes_of(d, json_at(one, "noteIds"), &line.strange);
        if (line.text.len > 0) lines_of(d, line);
    }
}

/* -- what is wrong, and how it is mended ------------------------------------------------------- */

static Str strange_named(const Draft *d) {
    for (ptrdiff_t i = 0; i < d->count; i++)
        if (d->lines[i].strange)
            return S("every sentence needs noteIds, and only ids of the notes above");
    return (Str){0};
}

static void sources_find(Draft *d) {
    const PlannedChapter *chapter = d->task->chapter;
    for (ptrdiff_t i = 0; i < d->count; i++) {
        Line *line = &d->lines[i];
        if (!line->strange) continue;
        d->repaired++;
        line->strange = false;
        if (line->note_ids.count > 0) continue;
        ptrdiff_t found = 0;
        const StoryNote **notes =
            facts_sources(d->arena, line->text, chapter->notes, chapter->count, &found);
        assert(found > 0);
        line->note_ids.items[line->note_ids.count++] = notes[0]->id;
    }
}

static Invention *inventions_in(Draft *d, Str text, ptrdiff_t *found) {
    const PlannedChapter *chapter = d->task->chapter;
    if (!d->facts) d->facts = facts_gather(d->arena, chapter->notes, chapter->count, d->task->zone);
    return facts_against(d->arena, d->facts, text, found);
}

static Str inventions_named(Draft *d) {
    Buf b = buf_new(d->arena, 256);
    int named = 0;
    for (ptrdiff_t i = 0; i < d->count && named < WRONG_NAMED; i++) {
        ptrdiff_t found = 0;
        Invention *all = inventions_in(d, d->lines[i].text, &found);
        for (ptrdiff_t k = 0; k < found && named < WRONG_NAMED; k++, named++) {
            buf_add(&b, named ? S(", ") : S("no note says this, take it out: "));
            buf_json(&b, all[k].what);
        }
    }
    return named ? buf_str(&b) : (Str){0};
}

/* Its lines from the note's own words. */
static void note_retell(Draft *d, const StoryNote *note, Draft *into) {
    const StoryNote **one = arena_array(d->arena, const StoryNote *, 1);
    PlannedChapter alone = {.notes = one, .count = 1};
    ChapterTask task = *d->task;
    ChapterDraft own = {0};
    one[0] = note;
    task.chapter = &alone;
    task.on_text = NULL;
    chapter_write_local(d->c, &task, &own);
    StrList ids = {arena_array(d->arena, Str, 1), 1};
    ids.items[0] = note->id;
    ptrdiff_t at = 0;
    int64_t point = 0;
    for (ptrdiff_t i = 0; i < own.sentence_count; i++) {
        while (point < own.sentences[i].start) str_utf8_next(own.content, &at), point++;
        ptrdiff_t from = at;
        while (point < own.sentences[i].end) str_utf8_next(own.content, &at), point++;
        line_add(into, (Line){str_slice(own.content, from, at), ids, i == 0, false});
    }
}

static const StoryNote *note_of_id(const PlannedChapter *chapter, Str id) {
    for (ptrdiff_t i = 0; i < chapter->count; i++)
        if (str_eq(chapter->notes[i]->id, id)) return chapter->notes[i];
    return NULL;
}

/* Each note about which something was invented is told in its own words instead, where it first came. */
static void inventions_mend(Draft *d) {
    const PlannedChapter *chapter = d->task->chapter;
    Draft mended = {
        .c = d->c, .arena = d->arena, .task = d->task, .repaired = d->repaired, .facts = d->facts};
    StrList bad = {arena_array(d->arena, Str, chapter->count), 0};
    StrList retold = {arena_array(d->arena, Str, chapter->count), 0};
    for (ptrdiff_t i = 0; i < d->count; i++) {
        ptrdiff_t found = 0;
        Str id = d->lines[i].note_ids.items[0];
        inventions_in(d, d->lines[i].text, &found);
        if (found > 0 && !has(&bad, id)) bad.items[bad.count++] = id;
    }
    for (ptrdiff_t i = 0; i < d->count; i++) {
        Str id = d->lines[i].note_ids.items[0];
        if (!has(&bad, id)) {
            line_add(&mended, d->lines[i]);
            continue;
        }
        mended.repaired++;
        if (has(&retold, id)) continue;
        retold.items[retold.count++] = id;
        note_retell(d, note_of_id(chapter, id), &mended);
    }
    *d = mended;
}

/* -- the rest of an answer --------------------------------------------------------------------- */

static Str title_of(Draft *d, Str said) {
    Str title = tidy(d->arena, said, DRAFT_TITLE_MAX);
    ptrdiff_t found = 0;
    if (writer_only_said(d->task->settings)) inventions_in(d, title, &found);
    if (title.len > 0 && found == 0) return title;
    ChapterDraft own = {0};
    ChapterTask task = *d->task;
    task.on_text = NULL;
    chapter_write_local(d->c, &task, &own);
    return own.title;
}

static JsonText people_of(Arena *arena, const json_t *all) {
    Buf b = buf_new(arena, 256);
    JsonOut o = json_out(&b);
    ptrdiff_t put = 0;
    Map seen = {.arena = arena};
    json_begin(&o, '{');
    for (size_t i = 0; i < json_array_size(all) && put < DRAFT_CHARACTERS_MAX; i++) {
        Str name = tidy(arena, json_str(json_at(json_array_get(all, i), "name")), 80);
        Str looks = tidy(arena, json_str(json_at(json_array_get(all, i), "looks")), 300);
        if (name.len == 0 || looks.len == 0 || map_get(&seen, name)) continue;
        map_set(&seen, name, &seen);
        json_key(&o, name);
        json_put_str(&o, looks);
        put++;
    }
    json_end(&o, '}');
    return put ? (JsonText){buf_str(&b)} : (JsonText){{0}};
}

static bool content_put(Draft *d, ChapterDraft *out) {
    Buf b = buf_new(d->arena, 4096);
    StorySentence *all = arena_array(d->arena, StorySentence, d->count);
    int64_t point = 0;
    for (ptrdiff_t i = 0; i < d->count; i++) {
        bool apart = d->lines[i].paragraph ||
                     (i > 0 && sentences_run_on(d->arena, d->lines[i - 1].text, d->lines[i].text));
        Str between = i == 0 ? S("") : apart ? S("\n\n") : S(" ");
        buf_add(&b, between);
        point += between.len;
        all[i].start = point;
        point += str_utf8_count(d->lines[i].text);
        all[i].end = point;
        all[i].note_ids = d->lines[i].note_ids;
        buf_add(&b, d->lines[i].text);
    }
    out->content = buf_str(&b);
    out->sentences = all;
    out->sentence_count = d->count;
    return d->count > 0 && point <= DRAFT_CONTENT_MAX;
}

/* Null: all is well, or (last) has been made so. */
static Str mended(Draft *d, bool last) {
    Str wrong = strange_named(d);
    if (wrong.data && !last) return wrong;
    if (wrong.data) sources_find(d);
    if (!writer_only_said(d->task->settings)) return (Str){0};
    wrong = inventions_named(d);
    if (wrong.data && !last) return wrong;
    if (wrong.data) inventions_mend(d);
    return wrong.data ? inventions_named(d) : wrong;
}

bool draft_take(Ctx *c, const ChapterTask *task, const json_t *json, bool last, ChapterDraft *out,
                Str *wrong) {
    Draft *d = arena_new_of(c->arena, Draft);
    *d = (Draft){.c = c, .arena = c->arena, .task = task};
    sentences_read(d, json_at(json, "sentences"));
    *wrong = d->count == 0 ? S("it has no sentence") : mended(d, last);
    if (wrong->data) return false;
    if (!content_put(d, out)) {
        *wrong = S("it is too long");
        return false;
    }
    out->title = title_of(d, json_str(json_at(json, "title")));
    out->illustration_prompt =
        tidy(c->arena, json_str(json_at(json, "illustrationPrompt")), DRAFT_PROMPT_MAX);
    if (out->illustration_prompt.len == 0) out->illustration_prompt = out->title;
    out->characters = people_of(c->arena, json_at(json, "characters"));
    out->repaired += d->repaired;
    return true;
}
