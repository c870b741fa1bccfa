/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as SQL: rewriting touches nothing but the dollars of parameters, statements lie inside the
 * script in order, and whatever is skipped makes progress. */
#include "data/sql_text.h"

static void rewrite_check(Arena *arena, Str sql) {
    char *copy = str_cstr(arena, sql);
    sql_to_sqlite(copy, sql.len);
    for (ptrdiff_t i = 0; i < sql.len; i++) {
        bool parameter = sql.data[i] == '$' && i + 1 < sql.len && sql.data[i + 1] >= '0' &&
                         sql.data[i + 1] <= '9';
        assert(copy[i] == sql.data[i] || (parameter && copy[i] == '?'));
    }
}

static void script_check(Str script) {
    Str rest = script, statement;
    const char *behind = script.data;
    while ((statement = sql_next_statement(&rest)).data) {
        assert(statement.len > 0);
        assert(statement.data >= behind);
        behind = statement.data + statement.len;
        assert(behind <= script.data + script.len);
    }
    assert(rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 65536) return 0;
    Arena *arena = arena_new(4 * MIB);
    Str sql = str_copy(arena, str_of((const char *)data, (ptrdiff_t)size));
    for (ptrdiff_t at = 0; at < sql.len; at++) {
        ptrdiff_t past = sql_skip_literal(sql, at);
        assert(past >= at && past <= sql.len);
    }
    (void)sql_is_write(sql);
    rewrite_check(arena, sql);
    script_check(sql);
    arena_free(arena);
    return 0;
}
