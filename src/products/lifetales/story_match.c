/* SPDX-License-Identifier: Apache-2.0
 * What a story is to be, beside what is there: chapters whose key is the same are kept as they are,
 * one whose notes are about the same is written anew in its place (same id), what the person has
 * edited stands with its notes. Pure. */
#include <openssl/evp.h>

#include "core/json.h"
#include "products/lifetales/story_room.h"

/* -- notes ------------------------------------------------------------------------------------- */

bool story_note_tells(const StoryNote *note) {
    return note->text.len > 0 || note->title.len > 0 || note->image_ids.count > 0;
}

static Str place_of(Arena *arena, JsonText location) {
    json_error_t error;
    if (location.text.len < 2 || json_too_deep_at(location.text) >= 0) return (Str){0};
    json_t *json =
        json_loadb(location.text.data, (size_t)location.text.len, JSON_DECODE_ANY, &error);
    static const char *const names[] = {"name", "label", "address", "city", NULL};
    Str found = str_copy(arena, json_str(json));
    for (int i = 0; names[i] && str_is_empty(found); i++)
        found = str_copy(arena, json_str(json_at(json, names[i])));
    json_decref(json);
    return str_is_empty(found) ? (Str){0} : str_utf8_cut(found, 200);
}

StoryNote *story_notes(Arena *arena, const Note *notes, ptrdiff_t count) {
    StoryNote *out = arena_array(arena, StoryNote, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        out[i] = (StoryNote){
            .id = notes[i].id,
            .title = str_is_null(notes[i].title) ? S("") : str_trim(notes[i].title),
            .text = note_text(arena, &notes[i]),
            .place = place_of(arena, notes[i].location),
            .at = notes[i].timestamp,
            .image_ids = notes[i].image_file_ids,
        };
    }
    return out;
}

static void digest_add(Buf *b, Str part) {
    buf_f(b, "%td:", part.len);
    buf_add(b, part);
}

Str story_notes_key(Arena *arena, const StoryNote *const *notes, ptrdiff_t count) {
    Buf b = buf_new(arena, 4096);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        digest_add(&b, notes[i]->id);
        digest_add(&b, notes[i]->title);
        digest_add(&b, notes[i]->text);
        buf_f(&b, "%lld;", (long long)notes[i]->at.us);
    }
    if (EVP_Digest(b.data, (size_t)b.len, digest, &length, EVP_sha256(), NULL) != 1) abort();
    return str_hex(arena, digest, (ptrdiff_t)length);
}

/* -- what stands ------------------------------------------------------------------------------- */

static bool has(const StrList *list, Str id) {
    for (ptrdiff_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], id)) return true;
    return false;
}

static bool notes_changed(Arena *arena, const MatchInput *in, const ChapterRow *row) {
    const StoryNote **notes = arena_array(arena, const StoryNote *, row->note_ids.count);
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < row->note_ids.count; i++)
        for (ptrdiff_t k = 0; k < in->plan.count; k++)
            if (str_eq(in->plan.notes[k].id, row->note_ids.items[i]))
                notes[count++] = &in->plan.notes[k];
    return !str_eq(story_notes_key(arena, notes, count), row->notes_key);
}

/* Edited by the person: it stays, and its notes are told. */
static bool stands(Arena *arena, const MatchInput *in, const ChapterRow *row) {
    if (!row->edited) return false;
    return !in->overwrite_edited || !notes_changed(arena, in, row);
}

static bool told_already(const MatchInput *in, const bool *standing, const StoryNote *note) {
    for (ptrdiff_t i = 0; i < in->row_count; i++)
        if (standing[i] && has(&in->rows[i].note_ids, note->id)) return true;
    return false;
}

static void plan_make(Arena *arena, const MatchInput *in, const bool *standing, StoryMatch *match) {
    PlanInput input = in->plan;
    StoryNote *notes = arena_array(arena, StoryNote, input.count);
    input.notes = notes;
    input.count = 0;
    for (ptrdiff_t i = 0; i < in->plan.count; i++) {
        const StoryNote *note = &in->plan.notes[i];
        if (story_note_tells(note) && !told_already(in, standing, note))
            notes[input.count++] = *note;
    }
    if (input.count > 0) match->plan = story_plan(arena, &input);
}

/* -- which is which ---------------------------------------------------------------------------- */

static bool same_notes(const ChapterRow *row, const PlannedChapter *planned) {
    if (row->note_ids.count != planned->count) return false;
    for (ptrdiff_t i = 0; i < planned->count; i++)
        if (!has(&row->note_ids, planned->notes[i]->id)) return false;
    return true;
}

static bool shares_a_note(const ChapterRow *row, const PlannedChapter *planned) {
    for (ptrdiff_t i = 0; i < planned->count; i++)
        if (has(&row->note_ids, planned->notes[i]->id)) return true;
    return false;
}

static bool same_key(const ChapterRow *row, const PlannedChapter *planned) {
    return str_eq(row->key, planned->key);
}

typedef bool (*Alike)(const ChapterRow *row, const PlannedChapter *planned);

/* The exact likeness of all of them first, so that none loses its own to another's near one. */
static void rows_give(const MatchInput *in, StoryMatch *match, bool *taken, Alike alike) {
    for (ptrdiff_t i = 0; i < match->plan.count; i++) {
        StoryPiece *piece = &match->pieces[i];
        for (ptrdiff_t k = 0; k < in->row_count && !piece->old; k++) {
            if (taken[k] || !alike(&in->rows[k], piece->planned)) continue;
            taken[k] = true;
            piece->old = &in->rows[k];
        }
    }
}

/* A style that is not told is of a picture that the person asked for: it stays. */
static bool in_style(const MatchInput *in, Str style) {
    return str_is_null(style) || str_eq(style, in->image_style);
}

static bool shown_already(const MatchInput *in, const StoryPiece *piece, ptrdiff_t position) {
    const ChapterRow *old = piece->old;
    if (position == 0)
        return str_eq(old->illustration_status, S("done")) && !id_is_none(old->illustration_n) &&
               in_style(in, old->illustration_style);
    for (ptrdiff_t i = 0; i < old->picture_count; i++) {
        const PictureRow *had = &old->pictures[i];
        if (had->position != position) continue;
        return str_is_null(had->style) ||
               (in_style(in, had->style) && str_eq(had->prompt, piece->prompts[position]));
    }
    return false;
}

/* Of a chapter that is kept: those that are not there yet. */
static void pictures_want(Arena *arena, const MatchInput *in, StoryPiece *piece) {
    if (!piece->planned || in->images_per_chapter == 0) return;
    if (str_is_empty(piece->old->illustration_prompt)) return;
    story_prompts(arena, piece->old->content, piece->old->illustration_prompt,
                  in->images_per_chapter, piece->prompts);
    for (ptrdiff_t i = 0; i < in->images_per_chapter; i++)
        piece->wants[i] = !shown_already(in, piece, i);
}

static void piece_fill(Arena *arena, const MatchInput *in, StoryPiece *piece) {
    const ChapterRow *old = piece->old;
    piece->id = old ? old->id : uuid_v7(arena);
    if (piece->planned)
        piece->notes_key = story_notes_key(arena, piece->planned->notes, piece->planned->count);
    piece->done = old && (!piece->planned || same_key(old, piece->planned));
    if (!piece->done) return;
    piece->n = old->n;
    piece->title = old->title;
    pictures_want(arena, in, piece);
}

StoryMatch story_match(Arena *arena, const MatchInput *in) {
    StoryMatch match = {0};
    bool *taken = arena_array(arena, bool, in->row_count + 1);
    ptrdiff_t standing = 0;
    for (ptrdiff_t i = 0; i < in->row_count; i++) {
        taken[i] = stands(arena, in, &in->rows[i]);
        standing += taken[i];
    }
    plan_make(arena, in, taken, &match);
    match.count = match.plan.count + standing;
    match.pieces = arena_array(arena, StoryPiece, match.count + 1);
    for (ptrdiff_t i = 0; i < match.plan.count; i++) match.pieces[i].planned = &match.plan.items[i];
    ptrdiff_t at = match.plan.count;
    for (ptrdiff_t i = 0; i < in->row_count; i++)
        if (taken[i]) match.pieces[at++].old = &in->rows[i];
    rows_give(in, &match, taken, same_key);
    rows_give(in, &match, taken, same_notes);
    rows_give(in, &match, taken, shares_a_note);
    match.left = arena_array(arena, ChapterRow *, in->row_count + 1);
    for (ptrdiff_t i = 0; i < in->row_count; i++)
        if (!taken[i]) match.left[match.left_count++] = &in->rows[i];
    for (ptrdiff_t i = 0; i < match.count; i++) {
        piece_fill(arena, in, &match.pieces[i]);
        match.kept += match.pieces[i].done;
    }
    return match;
}

/* -- order ------------------------------------------------------------------------------------- */

/* Those that keep their place are where the plan would put them. */
static bool in_plan_order(const StoryMatch *match) {
    int64_t before = INT64_MIN;
    for (ptrdiff_t i = 0; i < match->plan.count; i++) {
        const StoryPiece *piece = &match->pieces[i];
        if (!piece->old || !same_key(piece->old, piece->planned)) continue;
        if (piece->old->position < before) return false;
        before = piece->old->position;
    }
    return true;
}

static void insert_behind(StoryPiece **order, ptrdiff_t *count, StoryPiece *piece,
                          const StoryPiece *before) {
    ptrdiff_t at = 0;
    for (ptrdiff_t i = 0; i < *count && before; i++)
        if (order[i] == before) at = i + 1;
    memmove(order + at + 1, order + at, (size_t)(*count - at) * sizeof(StoryPiece *));
    order[at] = piece;
    (*count)++;
}

static void insert_by_position(StoryPiece **order, ptrdiff_t *count, StoryPiece *piece) {
    ptrdiff_t at = 0;
    for (ptrdiff_t i = 0; i < *count; i++)
        if (order[i]->old && order[i]->old->position <= piece->old->position) at = i + 1;
    memmove(order + at + 1, order + at, (size_t)(*count - at) * sizeof(StoryPiece *));
    order[at] = piece;
    (*count)++;
}

StoryPiece **story_order(Arena *arena, const StoryMatch *match) {
    StoryPiece **order = arena_array(arena, StoryPiece *, match->count + 1);
    ptrdiff_t count = 0, planned = match->plan.count;
    bool as_planned = in_plan_order(match);
    for (ptrdiff_t i = 0; i < planned; i++) {
        StoryPiece *piece = &match->pieces[i];
        if (as_planned)
            order[count++] = piece;
        else if (piece->old)
            insert_by_position(order, &count, piece);
    }
    for (ptrdiff_t i = 0; i < planned && !as_planned; i++)
        if (!match->pieces[i].old)
            insert_behind(order, &count, &match->pieces[i], i ? &match->pieces[i - 1] : NULL);
    for (ptrdiff_t i = planned; i < match->count; i++)
        insert_by_position(order, &count, &match->pieces[i]);
    assert(count == match->count);
    return order;
}
