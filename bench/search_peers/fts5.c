/* SQLite's FTS5 under bench/search: a contentless table of words with prefix indexes beside plain
 * tables of what is filtered, counted and sorted by, asked by prepared statements, a connection a
 * thread. Hits are bm25's best. In its favour: no totals (they would cost a second scan), nothing
 * is synced. It has no typing errors: misspelt words are looked for as they are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/time.h"
#include "../search_bench.h"

static char path[4096];
static sqlite3 *writer;

static void check(sqlite3 *db, int code) {
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
        die("SQLite: %s", sqlite3_errmsg(db));
}

static sqlite3 *connect(int flags) {
    sqlite3 *db;
    check(NULL, sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL));
    check(db, sqlite3_exec(db,
                           "PRAGMA mmap_size = 68719476736; PRAGMA cache_size = -65536;"
                           "PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;"
                           "PRAGMA busy_timeout = 10000",
                           NULL, NULL, NULL));
    return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s;
    check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL));
    return s;
}

static void bind_text(sqlite3_stmt *s, int place, Str text) {
    check(sqlite3_db_handle(s),
          sqlite3_bind_text(s, place, text.data, (int)text.len, SQLITE_STATIC));
}

/* ---- writing */

typedef enum Insert { INTO_WORDS, INTO_POSTS, INTO_TAGS, INSERTS } Insert;
static sqlite3_stmt *inserts[INSERTS];

static void writer_open(void) {
    static const char *const sql[INSERTS] = {
        [INTO_WORDS] =
            "INSERT INTO words(rowid, caption, hashtags, author) VALUES (?1, ?2, ?3, ?4)",
        [INTO_POSTS] = "INSERT INTO posts VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [INTO_TAGS] = "INSERT OR IGNORE INTO tags VALUES (?1, ?2)",
    };
    for (int i = 0; i < INSERTS; i++) inserts[i] = prepare(writer, sql[i]);
}

static void insert(Insert which) {
    sqlite3_stmt *s = inserts[which];
    check(writer, sqlite3_step(s));
    check(writer, sqlite3_reset(s));
}

static void post_insert(const Post *p) {
    sqlite3_stmt *words = inserts[INTO_WORDS], *posts = inserts[INTO_POSTS];
    sqlite3_bind_int64(words, 1, p->key);
    bind_text(words, 2, p->caption);
    bind_text(words, 3, p->hashtags);
    bind_text(words, 4, p->author);
    insert(INTO_WORDS);
    sqlite3_bind_int64(posts, 1, p->key);
    bind_text(posts, 2, p->platform);
    bind_text(posts, 3, p->language);
    sqlite3_bind_int64(posts, 4, p->posted_at_us);
    sqlite3_bind_int64(posts, 5, p->posted_at_us / US_PER_DAY);
    sqlite3_bind_int64(posts, 6, p->likes);
    insert(INTO_POSTS);
    for (Str rest = p->hashtags, tag; rest.len > 0;) {
        rest = str_cut(rest, ' ', &tag);
        sqlite3_bind_int64(inserts[INTO_TAGS], 1, p->key);
        bind_text(inserts[INTO_TAGS], 2, tag);
        insert(INTO_TAGS);
    }
}

static void run(const char *sql) { check(writer, sqlite3_exec(writer, sql, NULL, NULL, NULL)); }

static void create(const char *folder) {
    snprintf(path, sizeof path, "%s/posts.db", folder);
    writer = connect(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    run("PRAGMA journal_mode = OFF;"
        "CREATE VIRTUAL TABLE words USING fts5(caption, hashtags, author, content = '',"
        "  tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');"
        "CREATE TABLE posts(id INTEGER PRIMARY KEY, platform TEXT, language TEXT,"
        "  posted_at INTEGER, day INTEGER, likes INTEGER);"
        "CREATE TABLE tags(post INTEGER, tag TEXT, PRIMARY KEY (post, tag)) WITHOUT ROWID;"
        "BEGIN");
    writer_open();
}

static void add(const Post *posts, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) post_insert(&posts[i]);
}

static void writer_close(void) {
    for (int i = 0; i < INSERTS; i++) sqlite3_finalize(inserts[i]);
    check(writer, sqlite3_close(writer));
}

static void finish(void) { run("COMMIT"); }

static void settle(void) {
    run("INSERT INTO words(words) VALUES ('optimize'); PRAGMA journal_mode = WAL");
    writer_close();
}

static void open_folder(const char *folder) {
    snprintf(path, sizeof path, "%s/posts.db", folder);
    writer = connect(SQLITE_OPEN_READWRITE);
    writer_open();
}

static void write_one(const Post *post) {
    run("BEGIN");
    post_insert(post);
    run("COMMIT");
}

/* ---- asking */

typedef enum Select { BY_RANK, BY_LIKES, WITHIN, COUNTS, SELECTS } Select;
typedef struct Asker {
    sqlite3 *db;
    Arena *arena;
    sqlite3_stmt *selects[SELECTS];
} Asker;

static void *asker(void) {
    static const char *const sql[SELECTS] = {
        [BY_RANK] = "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rank LIMIT ?2 OFFSET ?3",
        [BY_LIKES] = "SELECT words.rowid FROM words JOIN posts ON id = words.rowid"
                     " WHERE words MATCH ?1 ORDER BY likes DESC LIMIT ?2 OFFSET ?3",
        [WITHIN] = "SELECT words.rowid FROM words JOIN posts ON id = words.rowid"
                   " WHERE words MATCH ?1 AND platform = ?4 AND posted_at >= ?5"
                   " ORDER BY rank LIMIT ?2 OFFSET ?3",
        [COUNTS] =
            "WITH found AS MATERIALIZED (SELECT rowid AS id FROM words WHERE words MATCH ?1),"
            " rows AS MATERIALIZED (SELECT platform, language, day FROM found JOIN posts USING "
            "(id))"
            " SELECT * FROM (SELECT platform, count(*) FROM rows GROUP BY 1 ORDER BY 2 DESC LIMIT "
            "?2)"
            " UNION ALL"
            " SELECT * FROM (SELECT language, count(*) FROM rows GROUP BY 1 ORDER BY 2 DESC LIMIT "
            "?2)"
            " UNION ALL"
            " SELECT * FROM (SELECT day, count(*) FROM rows GROUP BY 1 ORDER BY 1 DESC LIMIT ?2)"
            " UNION ALL"
            " SELECT * FROM (SELECT tag, count(*) FROM found JOIN tags ON post = id"
            "  GROUP BY 1 ORDER BY 2 DESC LIMIT ?2)",
    };
    Asker *a = calloc(1, sizeof *a);
    if (!a) abort();
    a->arena = arena_new(MIB);
    a->db = connect(SQLITE_OPEN_READONLY);
    for (int i = 0; i < SELECTS; i++) a->selects[i] = prepare(a->db, sql[i]);
    return a;
}

static void asker_free(void *arg) {
    Asker *a = arg;
    for (int i = 0; i < SELECTS; i++) sqlite3_finalize(a->selects[i]);
    check(a->db, sqlite3_close(a->db));
    arena_free(a->arena);
    free(a);
}

/* "two" "word"*; a phrase in one pair of quotes. */
static Str match_of(Arena *arena, const Query *q) {
    Buf b = buf_new(arena, 128);
    for (int i = 0; i < q->word_count; i++) {
        if (i == 0 || !q->phrase)
            buf_add(&b, i ? S(" \"") : S("\""));
        else
            buf_byte(&b, ' ');
        buf_add(&b, q->words[i]);
        if (i == q->word_count - 1 || !q->phrase) buf_byte(&b, '"');
    }
    if (q->prefix) buf_byte(&b, '*');
    return buf_str(&b);
}

static void rows_take(Asker *a, Select which) {
    sqlite3_stmt *s = a->selects[which];
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) (void)sqlite3_column_int64(s, 0);
    check(a->db, code);
    check(a->db, sqlite3_reset(s));
}

static int64_t ask(void *arg, const Query *q) {
    Asker *a = arg;
    Select which = q->platform.data ? WITHIN : q->by_likes ? BY_LIKES : BY_RANK;
    Str match = match_of(a->arena, q);
    bind_text(a->selects[which], 1, match);
    sqlite3_bind_int64(a->selects[which], 2, HITS);
    sqlite3_bind_int64(a->selects[which], 3, q->offset);
    if (which == WITHIN) {
        bind_text(a->selects[which], 4, q->platform);
        sqlite3_bind_int64(a->selects[which], 5, q->from_us);
    }
    rows_take(a, which);
    if (q->facets) {
        bind_text(a->selects[COUNTS], 1, match);
        sqlite3_bind_int64(a->selects[COUNTS], 2, FACET_VALUES);
        rows_take(a, COUNTS);
    }
    arena_reset(a->arena);
    return -1;
}

const Engine bench_engine = {
    .name = "fts5",
    .cannot = 1u << TYPO,
    .create = create,
    .add = add,
    .finish = finish,
    .settle = settle,
    .open = open_folder,
    .asker = asker,
    .ask = ask,
    .asker_free = asker_free,
    .write = write_one,
};
