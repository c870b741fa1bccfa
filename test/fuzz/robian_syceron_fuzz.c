/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a transcript: read or refused, never both, with what alignment and captions rely on; what
 * was read is aligned and written in every form. */
#include "products/robian/alignment.h"
#include "products/robian/captions.h"
#include "products/robian/speech.h"
#include "products/robian/syceron.h"

static void points_check(const Transcript *t) {
    for (ptrdiff_t i = 0; i < t->point_count; i++) {
        const Point *p = &t->points[i];
        assert(p->title.len > 0 && p->parent >= -1 && p->parent < i);
        assert(p->level == (p->parent < 0 ? 1 : t->points[p->parent].level + 1));
        assert(p->speech >= 0 && p->speech < t->count);
        assert(str_eq(t->speeches[p->speech].kind, S("title")));
    }
}

static void speeches_check(const Transcript *t) {
    ptrdiff_t spoken = 0;
    for (ptrdiff_t i = 0; i < t->count; i++) {
        const Speech *s = &t->speeches[i];
        spoken += !str_eq(s->kind, S("title"));
        assert(s->position == i && s->text.len > 0 && str_utf8_valid(s->text));
        assert(!s->given_ms.set || s->given_ms.value >= 0);
        assert(!s->speaker_id.data || str_starts(s->speaker_id, S("PA")));
        assert(str_utf8_valid(s->speaker) && str_utf8_valid(s->role));
    }
    assert(spoken == t->paragraphs - t->empty);
}

static void forms_write(Ctx *c, Transcript *t) {
    Line *lines = speech_lines(c->arena, t->speeches, t->count);
    AlignFigures f = align(c->arena, lines, t->count, NULL, 0, -1);
    assert(f.lines == t->count);
    for (ptrdiff_t i = 0; i < t->count; i++) {
        bool known = lines[i].source != TIME_UNKNOWN;
        t->speeches[i].start_ms = (OptInt){lines[i].start_ms, known};
        t->speeches[i].end_ms = (OptInt){lines[i].end_ms, known};
    }
    Buf b = buf_new(c->arena, 1024);
    captions_vtt(&b, t->speeches, t->count);
    captions_srt(&b, t->speeches, t->count);
    captions_podcast(&b, t->speeches, t->count);
    captions_text(&b, t->uid, t->speeches, t->count);
    assert(str_utf8_valid(buf_str(&b)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 100000) return 0;
    Ctx c = {.arena = arena_new(512 * MIB)};
    Transcript t;
    Err *err = transcript_read(&c, str_of((const char *)data, (ptrdiff_t)size), &t);
    if (err) {
        assert(err->kind == ERR_INVALID && err->detail.len > 0);
    } else {
        assert(t.uid.len > 0 && !time_is_null(t.date));
        points_check(&t);
        speeches_check(&t);
        forms_write(&c, &t);
    }
    ctx_undo(&c, NULL);
    arena_free(c.arena);
    return 0;
}
