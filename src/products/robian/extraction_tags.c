/* SPDX-License-Identifier: Apache-2.0
 * A debate's name, day and chapters, as its audio carries them. Where there are more chapters than a
 * file may name, the deepest levels are left out. */
#include "products/robian/extraction_tags.h"

#include "data/db.h"
#include "products/robian/extraction_sql.h"
#include "products/robian/paris.h"

enum { CHAPTERS_MAX = 255 /* of an MP4 file */ };

typedef struct ChapterRow {
    Str title;
    int64_t start_ms, level;
} ChapterRow;
static const Field chapter_fields[] = {
    FIELD(ChapterRow, title),
    FIELD(ChapterRow, start_ms),
    FIELD(ChapterRow, level),
};
static const Record chapter_record = RECORD(ChapterRow, chapter_fields);

/* Those up to a level, one a moment; how many there would be. */
static ptrdiff_t chapters_pick(Rows rows, int64_t level, int64_t duration_ms, MediaChapter *out) {
    const ChapterRow *row = rows.items;
    ptrdiff_t count = 0;
    int64_t last = -1;
    for (ptrdiff_t i = 0; i < rows.count; i++) {
        bool inside = row[i].start_ms > last && (duration_ms == 0 || row[i].start_ms < duration_ms);
        if (!inside || row[i].level > level) continue;
        last = row[i].start_ms;
        if (count < CHAPTERS_MAX) out[count] = (MediaChapter){row[i].title, row[i].start_ms};
        count++;
    }
    return count;
}

static Err *chapters_read(Ctx *c, int64_t debate_n, int64_t duration_ms, MediaTags *tags) {
    Rows rows;
    int64_t level = 0;
    TRY(db_query(c, SQL(SQL_EXTRACTION_CHAPTERS), ARGS(V(debate_n)), &chapter_record, &rows));
    for (ptrdiff_t i = 0; i < rows.count; i++)
        level = max_i64(level, ((const ChapterRow *)rows.items)[i].level);
    MediaChapter *picked = arena_array(c->arena, MediaChapter, CHAPTERS_MAX);
    ptrdiff_t count = chapters_pick(rows, level, duration_ms, picked);
    while (count > CHAPTERS_MAX && level-- > 0)
        count = chapters_pick(rows, level, duration_ms, picked);
    tags->chapters = picked;
    tags->chapter_count = min_size(count, CHAPTERS_MAX);
    return NULL;
}

Err *extraction_tags(Ctx *c, const Debate *d, int64_t duration_ms, MediaTags *tags) {
    assert(d && tags);
    *tags = (MediaTags){.title = d->title,
                        .artist = S("Assemblée nationale"),
                        .album = str_is_empty(d->commission) ? S("Séance publique") : d->commission,
                        .genre = S("Speech"),
                        .date = paris_day_text(c->arena, d->date),
                        .comment = d->source_url};
    return chapters_read(c, d->n, duration_ms, tags);
}
