/* SPDX-License-Identifier: Apache-2.0
 * Every statement of sylion is one that both engines take. */
#include "products/sylion/assistants_sql.h"
#include "products/sylion/channels_sql.h"
#include "products/sylion/contacts_sql.h"
#include "products/sylion/conversation_sql.h"
#include "products/sylion/conversations_sql.h"
#include "products/sylion/dashboard_sql.h"
#include "products/sylion/demo_sql.h"
#include "products/sylion/documents_sql.h"
#include "products/sylion/knowledge_sql.h"
#include "products/sylion/media_sql.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/tenants_sql.h"
#include "products/sylion/turn_sql.h"
#include "products/sylion/usage_sql.h"
#include "products/sylion/whatsapp_sql.h"
#include "products/sylion/widget_sql.h"
#include "unit/work/work_world.h"

typedef struct Named {
    const char *name, *text;
} Named;

/* Statements that only the other engine has are left out. */
WORK(every_statement_is_prepared) {
    static const Named all[] = {
// clang-format off
#define X(name, text) {#name, text},
        SYLION_ASSISTANTS(X)
        SYLION_CHANNELS(X)
        SYLION_CONTACTS(X)
        SYLION_CONVERSATION(X)
        SYLION_CONVERSATIONS(X)
        SYLION_DASHBOARD(X)
        SYLION_DEMO(X)
        SYLION_DOCUMENTS(X)
        SYLION_KNOWLEDGE(X)
        SYLION_MEDIA(X)
        SYLION_SYSTEM(X)
        SYLION_TENANTS(X)
        SYLION_TURN(X)
        SYLION_USAGE(X)
        SYLION_WHATSAPP(X)
        SYLION_WIDGET(X)
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
