/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sql_text.h"

#include "t.h"

static Str to_sqlite(Arena *arena, const char *text) {
    char *copy = str_cstr(arena, str_c(text));
    sql_to_sqlite(copy, (ptrdiff_t)strlen(copy));
    return str_c(copy);
}

TEST(parameters_are_rewritten_and_literals_left_alone) {
    Arena *a = arena_new(MIB);
    CHECK_STR(to_sqlite(a, "SELECT $2, $1"), S("SELECT ?2, ?1"));
    CHECK_STR(to_sqlite(a, "SELECT '$1', \"$2\", $3"), S("SELECT '$1', \"$2\", ?3"));
    CHECK_STR(to_sqlite(a, "SELECT 'it''s $1', $1"), S("SELECT 'it''s $1', ?1"));
    CHECK_STR(to_sqlite(a, "-- $1\nSELECT /* $2 */ $3"), S("-- $1\nSELECT /* $2 */ ?3"));
    CHECK_STR(to_sqlite(a, "SELECT $$ $1 $$, $tag$ $2 $$ $tag$, $10"),
              S("SELECT $$ $1 $$, $tag$ $2 $$ $tag$, ?10"));
    CHECK_STR(to_sqlite(a, "SELECT data->>'$.a', a$1, $1"), S("SELECT data->>'$.a', a$1, ?1"));
    CHECK_STR(to_sqlite(a, "SELECT 'unfinished $1"), S("SELECT 'unfinished $1"));
    CHECK_STR(to_sqlite(a, "SELECT E'a\\'$1', $1"), S("SELECT E'a\\'$1', ?1"));
    CHECK_STR(to_sqlite(a, "$"), S("$"));
    CHECK_STR(to_sqlite(a, ""), S(""));
    arena_free(a);
}

TEST(a_write_is_told_from_a_read) {
    CHECK(!sql_is_write(S("SELECT 1")));
    CHECK(!sql_is_write(S("  -- INSERT\n /* DELETE */ select 'UPDATE'")));
    CHECK(!sql_is_write(S("(SELECT 1) UNION (SELECT 2)")));
    CHECK(!sql_is_write(S("WITH x AS (SELECT 'DELETE' AS \"update\") SELECT * FROM x")));
    CHECK(!sql_is_write(S("VALUES (1)")));
    CHECK(!sql_is_write(S("EXPLAIN DELETE FROM x")));
    CHECK(sql_is_write(S("insert INTO t VALUES (1)")));
    CHECK(sql_is_write(S("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x")));
    CHECK(sql_is_write(S("WITH gone AS (DELETE FROM t RETURNING id) SELECT * FROM gone")));
    CHECK(sql_is_write(S("CREATE TABLE t (id INTEGER)")));
    CHECK(sql_is_write(S("REPLACE INTO t VALUES (1)")));
    CHECK(sql_is_write(S("")));
}

TEST(a_script_falls_into_statements) {
    Str rest =
        S("CREATE TABLE a (x TEXT DEFAULT ';'); -- one; two\n"
          "INSERT INTO a VALUES ($$;$$) /* ; */ ;\n;\n"
          "CREATE FUNCTION f() RETURNS int AS $f$ BEGIN; RETURN 1; END $f$ LANGUAGE plpgsql\n"
          "; -- the end");
    CHECK_STR(sql_next_statement(&rest), S("CREATE TABLE a (x TEXT DEFAULT ';')"));
    CHECK_STR(sql_next_statement(&rest), S("-- one; two\nINSERT INTO a VALUES ($$;$$) /* ; */"));
    CHECK_STR(
        sql_next_statement(&rest),
        S("CREATE FUNCTION f() RETURNS int AS $f$ BEGIN; RETURN 1; END $f$ LANGUAGE plpgsql"));
    CHECK(str_is_null(sql_next_statement(&rest)));
    rest = S(" \n-- nothing\n;;");
    CHECK(str_is_null(sql_next_statement(&rest)));
}

T_MAIN(T_ROW(parameters_are_rewritten_and_literals_left_alone), T_ROW(a_write_is_told_from_a_read),
       T_ROW(a_script_falls_into_statements))
