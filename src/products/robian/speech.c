/* SPDX-License-Identifier: Apache-2.0
 * Speeches as rows, and as the lines that are aligned. */
#include "products/robian/speech.h"

#include "products/robian/alignment.h"
#include "products/robian/speakers.h"
#include "search/text.h"

static const Field fields[] = {
    FIELD(Speech, n),
    FIELD(Speech, debate_n),
    FIELD(Speech, position),
    FIELD(Speech, paragraph, .flags = F_NULLABLE),
    FIELD(Speech, kind),
    FIELD(Speech, code, .flags = F_NULLABLE),
    FIELD(Speech, point, .flags = F_NULLABLE),
    FIELD(Speech, speaker_id, .flags = F_NULLABLE),
    FIELD(Speech, speaker, .flags = F_NULLABLE),
    FIELD(Speech, role, .flags = F_NULLABLE),
    FIELD(Speech, presiding),
    FIELD(Speech, text),
    FIELD(Speech, given_ms),
    FIELD(Speech, start_ms),
    FIELD(Speech, end_ms),
    FIELD(Speech, time_source, .flags = F_NULLABLE),
};
const Record speech_row_record = RECORD_AS("SpeechRow", Speech, fields, .table = "speeches");

bool speech_pauses(const Speech *s) {
    return str_eq(s->kind, S("note")) && str_starts(s->text, S("(La séance")) &&
           str_find(s->text, S("est reprise")) > 0;
}

Str speech_who(Arena *arena, Str speaker_id, Str speaker) {
    if (speaker_id.data) return speaker_id;
    Str key = speaker.len ? speaker_key(arena, speaker) : (Str){0};
    return key.len ? str_concat(arena, S("n:"), key) : (Str){0};
}

Str speech_title_key(Arena *arena, Str title) {
    return title.len ? str_concat(arena, S("t:"), text_fold(arena, title)) : (Str){0};
}

static Line line_of(Arena *arena, const Speech *s) {
    Line line = {.given_ms = s->given_ms.set ? s->given_ms.value : -1,
                 .length = str_utf8_count(s->text)};
    if (str_eq(s->kind, S("title"))) {
        line.kind = LINE_TITLE;
        line.who = speech_title_key(arena, s->text);
    } else if (str_eq(s->kind, S("note"))) {
        line.kind = speech_pauses(s) ? LINE_PAUSE : LINE_NOTE;
    } else if (str_eq(s->kind, S("speech"))) {
        line.who = speech_who(arena, s->speaker_id, s->speaker);
    }
    return line;
}

Line *speech_lines(Arena *arena, const Speech *speeches, ptrdiff_t count) {
    Line *lines = arena_array(arena, Line, count + 1);
    for (ptrdiff_t i = 0; i < count; i++) lines[i] = line_of(arena, &speeches[i]);
    return lines;
}
