/* SPDX-License-Identifier: Apache-2.0
 * The columns of speeches. */
#include "products/robian/speech.h"

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
