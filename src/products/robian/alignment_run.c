/* SPDX-License-Identifier: Apache-2.0
 * Alignment fed from the database and written back: which marks there are, how long the audio is, what
 * has moved. */
#include "core/json.h"
#include "products/robian/alignment.h"
#include "products/robian/debate.h"
#include "products/robian/nvs.h"
#include "products/robian/transcripts.h"
#include "products/robian/transcripts_sql.h"

/* -- marks ------------------------------------------------------------------------------------------- */

/* Whom the transcript has by that name, for timelines that do not know the number. */
static Str who_by_name(Arena *arena, Str name, const Speech *speeches, ptrdiff_t count) {
    Str key = speech_who(arena, (Str){0}, name);
    for (ptrdiff_t i = 0; key.data && i < count; i++) {
        const Speech *s = &speeches[i];
        if (!s->speaker_id.data || !s->speaker.data) continue;
        if (str_eq(s->speaker, name)) return s->speaker_id;
        if (str_eq(speech_who(arena, (Str){0}, s->speaker), key)) return s->speaker_id;
    }
    return key;
}

static Err *marks_load(Ctx *c, int64_t debate_n, const Speech *speeches, ptrdiff_t count,
                       Mark **out, ptrdiff_t *mark_count) {
    Rows rows;
    TRY(db_query(c, SQL(SQL_CHAPTERS_OF_DEBATE), ARGS(V(debate_n), V(S("nvs"))),
                 &chapter_row_record, &rows));
    const Chapter *all = rows.items;
    *out = arena_array(c->arena, Mark, rows.count + 1);
    *mark_count = 0;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        if (!all[i].start_ms.set) continue;
        Mark mark = {.start_ms = all[i].start_ms.value, .who = all[i].speaker_id};
        if (!mark.who.data && all[i].speaker.data)
            mark.who = who_by_name(c->arena, all[i].speaker, speeches, count);
        if (!mark.who.data) mark.who = speech_title_key(c->arena, all[i].title);
        if (mark.who.data) (*out)[(*mark_count)++] = mark;
    }
    return NULL;
}

/* -- speeches ---------------------------------------------------------------------------------------- */

static Str figures_json(Ctx *c, const AlignFigures *f, int64_t duration_ms) {
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    const struct {
        const char *name;
        int64_t value;
    } all[] = {{"speeches", f->lines},
               {"transcript", f->transcript},
               {"nvs", f->nvs},
               {"interpolated", f->interpolated},
               {"unknown", f->unknown},
               {"backward", f->backward},
               {"impossible", f->impossible},
               {"clamped", f->clamped},
               {"marks", f->marks},
               {"joined", f->joined},
               {"compared", f->compared},
               {"apart_ms", f->apart_ms},
               {"audio_ms", duration_ms}};
    json_begin(&o, '{');
    for (ptrdiff_t i = 0; i < COUNT(all); i++) {
        json_key(&o, str_c(all[i].name));
        json_put_i64(&o, all[i].value);
    }
    json_key(&o, S("characters_per_second"));
    json_put_f64(&o, (double)f->speed / 10);
    json_end(&o, '}');
    return buf_str(&b);
}

Err *alignment_make(Ctx *c, int64_t debate_n, Speech *speeches, ptrdiff_t count, Str *figures) {
    Mark *marks;
    ptrdiff_t mark_count;
    int64_t audio_ms;
    TRY(marks_load(c, debate_n, speeches, count, &marks, &mark_count));
    TRY(db_int(c, SQL(SQL_AUDIO_LENGTH), ARGS(V(debate_n)), &audio_ms));
    Line *lines = speech_lines(c->arena, speeches, count);
    AlignFigures f = align(c->arena, lines, count, marks, mark_count, audio_ms > 0 ? audio_ms : -1);
    for (ptrdiff_t i = 0; i < count; i++) {
        bool known = lines[i].source != TIME_UNKNOWN;
        speeches[i].start_ms = (OptInt){known ? lines[i].start_ms : 0, known};
        speeches[i].end_ms = (OptInt){known ? lines[i].end_ms : 0, known};
        speeches[i].time_source = str_c(time_source_name(lines[i].source));
    }
    *figures = figures_json(c, &f, audio_ms);
    return NULL;
}

static bool same_moment(OptInt a, OptInt b) {
    return a.set == b.set && (!a.set || a.value == b.value);
}

static bool speech_moved(const Speech *a, const Speech *b) {
    return !same_moment(a->start_ms, b->start_ms) || !same_moment(a->end_ms, b->end_ms) ||
           !str_eq(a->time_source, b->time_source);
}

enum { TIME_ARGS = 4 };

static Err *speeches_write(Ctx *c, const Speech *before, const Speech *now, ptrdiff_t count,
                           bool *moved) {
    Args *rows = arena_array(c->arena, Args, count + 1);
    ptrdiff_t changed = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!speech_moved(&before[i], &now[i])) continue;
        Value *v = arena_array(c->arena, Value, TIME_ARGS);
        v[0] = V(now[i].n);
        v[1] = V(now[i].start_ms);
        v[2] = V(now[i].end_ms);
        v[3] = V(now[i].time_source);
        rows[changed++] = (Args){v, TIME_ARGS};
    }
    if (changed == 0) return NULL;
    *moved = true;
    return db_exec_many(c, SQL(SQL_SPEECH_TIME), rows, changed);
}

/* -- chapters of the transcript -------------------------------------------------------------------------- */

static const Speech *speech_at(const Speech *speeches, ptrdiff_t count, int64_t position) {
    ptrdiff_t low = 0, high = count;
    while (low < high) {
        ptrdiff_t mid = low + (high - low) / 2;
        if (speeches[mid].position < position)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && speeches[low].position == position ? &speeches[low] : NULL;
}

Err *chapters_align(Ctx *c, int64_t debate_n, const Speech *speeches, ptrdiff_t count,
                    bool *moved) {
    Rows rows;
    OptInt end = {0};
    Str source = S("transcript");
    TRY(db_query(c, SQL(SQL_CHAPTERS_OF_DEBATE), ARGS(V(debate_n), V(source)), &chapter_row_record,
                 &rows));
    Chapter *all = rows.items;
    if (count > 0) end = speeches[count - 1].end_ms;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        const Speech *title = speech_at(speeches, count, all[i].position), *next = NULL;
        for (ptrdiff_t k = i + 1; k < rows.count && !next; k++)
            if (all[k].level <= all[i].level) next = speech_at(speeches, count, all[k].position);
        OptInt from = title ? title->start_ms : (OptInt){0};
        OptInt to = !from.set ? (OptInt){0} : next ? next->start_ms : end;
        if (same_moment(from, all[i].start_ms) && same_moment(to, all[i].end_ms)) continue;
        *moved = true;
        TRY(db_exec(c, SQL(SQL_CHAPTER_TIME),
                    ARGS(V(debate_n), V(source), V(all[i].position), V(from), V(to)), NULL));
    }
    return NULL;
}

/* -- the whole --------------------------------------------------------------------------------------------- */

Err *alignment_run(Ctx *c, int64_t debate_n) {
    assert(c->tx);
    Rows rows;
    Str figures;
    bool moved = false;
    TRY(db_query(c, SQL(SQL_SPEECHES_OF_DEBATE), ARGS(V(debate_n)), &speech_row_record, &rows));
    if (rows.count == 0) return NULL;
    Speech *now = arena_array(c->arena, Speech, rows.count);
    memcpy(now, rows.items, (size_t)rows.count * sizeof *now);
    TRY(alignment_make(c, debate_n, now, rows.count, &figures));
    TRY(speeches_write(c, rows.items, now, rows.count, &moved));
    TRY(chapters_align(c, debate_n, now, rows.count, &moved));
    TRY(votes_place(c, debate_n, now, rows.count, &moved));
    JsonText json = {figures};
    TRY(db_exec(c, SQL(SQL_TRANSCRIPT_ALIGNED), ARGS(V(debate_n), V(json)), NULL));
    return moved ? debate_touch(c, debate_n) : NULL;
}
