/* SPDX-License-Identifier: Apache-2.0
 * Every statement of robian is one that both engines take. */
#include "products/robian/audio_sql.h"
#include "products/robian/debates_sql.h"
#include "products/robian/listeners_sql.h"
#include "products/robian/open_data_sql.h"
#include "products/robian/programme_sql.h"
#include "products/robian/search_sql.h"
#include "products/robian/stats_sql.h"
#include "products/robian/streaming_sql.h"
#include "unit/work/work_world.h"

typedef struct Named {
    const char *name, *text;
} Named;

/* Statements that only the other engine has are left out. */
WORK(every_statement_is_prepared) {
    static const Named all[] = {
#define X(name, text) {#name, text},
        ROBIAN_AUDIO(X)
        ROBIAN_DEBATES(X)
        ROBIAN_LISTENERS(X)
        ROBIAN_OPEN_DATA(X)
        ROBIAN_PROGRAMME(X)
        ROBIAN_SEARCH(X)
        ROBIAN_STATS(X)
        ROBIAN_STREAMING(X)
#undef X
    };
    Str others = db_engine(c) == ENGINE_SQLITE ? S("_postgres") : S("_sqlite");
    for (ptrdiff_t i = 0; i < COUNT(all); i++) {
        if (str_ends(str_c(all[i].name), others)) continue;
        t_check(GOOD(db_check(c, SQL(all[i].text))), all[i].name, __FILE__, __LINE__);
    }
}

T_MAIN(BOTH_ROWS(every_statement_is_prepared))
