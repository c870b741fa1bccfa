/* SPDX-License-Identifier: Apache-2.0
 * Every statement of robian is one that both engines take. */
#include "products/robian/alerts_sql.h"
#include "products/robian/audio_sql.h"
#include "products/robian/debates_sql.h"
#include "products/robian/demo_sql.h"
#include "products/robian/extraction_sql.h"
#include "products/robian/feeds_sql.h"
#include "products/robian/listeners_sql.h"
#include "products/robian/open_data_sql.h"
#include "products/robian/programme_sql.h"
#include "products/robian/search_sql.h"
#include "products/robian/stats_sql.h"
#include "products/robian/streaming_sql.h"
#include "products/robian/transcripts_sql.h"
#include "unit/work/work_world.h"

typedef struct Named {
    const char *name, *text;
} Named;

/* Statements that only the other engine has are left out. */
WORK(every_statement_is_prepared) {
    static const Named all[] = {
// clang-format off
#define X(name, text) {#name, text},
        ROBIAN_ALERTS(X)
        ROBIAN_AUDIO(X)
        ROBIAN_DEBATES(X)
        ROBIAN_DEMO(X) ROBIAN_EXTRACTION(X)
        ROBIAN_FEEDS(X)
        ROBIAN_LISTENERS(X)
        ROBIAN_OPEN_DATA(X)
        ROBIAN_PROGRAMME(X)
        ROBIAN_SEARCH(X)
        ROBIAN_STATS(X)
        ROBIAN_STREAMING(X)
        ROBIAN_TRANSCRIPTS(X)
#undef X
        // clang-format on
    };
    Str others = db_engine(c) == ENGINE_SQLITE ? S("_postgres") : S("_sqlite");
    for (ptrdiff_t i = 0; i < COUNT(all); i++) {
        if (str_ends(str_c(all[i].name), others)) continue;
        t_check(GOOD(db_check(c, SQL(all[i].text))), all[i].name, __FILE__, __LINE__);
    }
}

T_MAIN(BOTH_ROWS(every_statement_is_prepared))
