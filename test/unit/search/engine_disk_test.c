/* SPDX-License-Identifier: Apache-2.0
 * The engine's snapshots: what is opened is what was flushed, whole, whatever happened to the
 * process, the disk or the bytes; and many threads at once.
 *
 * Change number n is the same in every test: it puts or removes a key that follows from n. So the
 * state after any number of changes can be made again. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "engine_world.h"
#include "search/engine_room.h"

enum { KEYS = 300 };

static Ctx *c;
static Str folder;

static bool good(Err *err) {
    if (err) printf("  %.*s\n", S_ARG(err_chain(c->arena, err)));
    return CHECK(err == NULL);
}

static uint64_t mixed(int64_t n) {
    uint64_t x = (uint64_t)n * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    return x * 0xbf58476d1ce4e5b9u >> 17;
}

static int64_t key_of(int64_t n) { return (int64_t)(mixed(n) % KEYS); }
static bool is_gone(int64_t n) { return mixed(n + 1000003) % 4 == 0; }

static void changes_describe(SearchDocs *d, int64_t after, int64_t upto) {
    for (int64_t n = after + 1; n <= upto; n++)
        if (is_gone(n))
            search_doc_gone(d, key_of(n));
        else
            e_describe(d, key_of(n), n);
}

static void model_at(EModel *m, int64_t covered) {
    memset(m->versions, 0, (size_t)m->keys * sizeof *m->versions);
    for (int64_t n = 1; n <= covered; n++) m->versions[key_of(n)] = is_gone(n) ? 0 : n;
}

static EModel model_new(void) {
    return (EModel){.versions = arena_array(c->arena, int64_t, KEYS), .keys = KEYS};
}

static Err *apply_upto(Ctx *ctx, SearchEngine *e, int64_t after, int64_t upto) {
    Arena *a = arena_new(64 * MIB);
    SearchDocs *d = e_docs(a);
    changes_describe(d, after, upto);
    Err *err = engine_apply(ctx, e, d, upto);
    arena_free(a);
    return err;
}

static SearchEngine *opened(Str *healed) {
    SearchEngine *e = NULL;
    return good(engine_open(c, &e_def, folder, &e, healed)) ? e : NULL;
}

/* Opened well, with the state of `covered` (-1: of any number). Returns the number. */
static int64_t opened_as(SearchEngine **e, int64_t covered) {
    Str healed;
    *e = opened(&healed);
    if (!*e) return -1;
    CHECK_STR(healed, ((Str){0}));
    View *v = engine_view(*e);
    if (covered >= 0) CHECK_INT(v->covered, covered);
    EModel m = model_new();
    model_at(&m, v->covered);
    CHECK(e_same(v, &m));
    covered = v->covered;
    view_release(v);
    return covered;
}

static bool same_as(SearchEngine *e, int64_t covered) {
    EModel m = model_new();
    model_at(&m, covered);
    return e_same_now(e, &m);
}

static bool folder_is_tidy(SearchEngine *e) {
    EFiles f = e_files(folder);
    View *v = engine_view(e);
    int dead = 0;
    for (int i = 0; i < v->count; i++) dead += v->items[i].dead != NULL;
    bool tidy = CHECK(f.manifest) && CHECK_INT(f.segments, v->count) && CHECK_INT(f.dead, dead) &&
                CHECK_INT(f.others, 0);
    view_release(v);
    return tidy;
}

/* -- Flushing and opening ---------------------------------------------------------------------- */

TEST(what_was_flushed_is_opened_and_what_was_not_is_told_by_the_number) {
    folder = e_folder_make(c->arena);
    Rand rand = {5};
    int64_t now = 0, flushed = 0;
    SearchEngine *e;
    opened_as(&e, 0);
    for (int i = 0; i < 400 && e; i++) {
        int64_t upto = now + 1 + rand_below(&rand, rand_below(&rand, 6) ? 4 : 200);
        good(apply_upto(c, e, now, upto));
        now = upto;
        bool merged;
        if (rand_below(&rand, 9) == 0) good(engine_merge(c, e, &merged));
        if (rand_below(&rand, 7) == 0) {
            CHECK(engine_dirty(e));
            good(engine_flush(c, e));
            flushed = now;
            CHECK(!engine_dirty(e));
            CHECK_INT(engine_unflushed(e), 0);
            if (!folder_is_tidy(e)) break;
        }
        if (!same_as(e, now)) break;
        if (rand_below(&rand, 10) == 0) {
            engine_close(e);
            now = opened_as(&e, flushed);
        }
    }
    engine_close(e);
    e_folder_remove(folder);
}

TEST(a_folder_has_one_owner) {
    folder = e_folder_make(c->arena);
    SearchEngine *e, *other = NULL;
    Str healed;
    opened_as(&e, 0);
    Err *err = engine_open(c, &e_def, folder, &other, &healed);
    CHECK(err && err->kind == ERR_CONFLICT && !other);
    engine_close(e);
    opened_as(&e, 0);
    engine_close(e);
    e_folder_remove(folder);
}

TEST(a_snapshot_of_another_definition_is_not_used) {
    folder = e_folder_make(c->arena);
    SearchEngine *e;
    opened_as(&e, 0);
    good(apply_upto(c, e, 0, 50));
    good(engine_flush(c, e));
    engine_close(e);
    SearchDef later = e_def;
    later.version++;
    Str healed;
    good(engine_open(c, &later, folder, &e, &healed));
    CHECK_STR(healed, S("the definition has changed"));
    CHECK_INT(e_files(folder).segments, 0);
    engine_close(e);
    e_folder_remove(folder);
}

/* -- Damage ------------------------------------------------------------------------------------ */

typedef struct Kept {
    char name[64];
    Str bytes;
} Kept;
static Kept kept[32];
static int kept_count;

static void folder_keep(void) {
    kept_count = 0;
    DIR *dir = opendir(folder.data);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0) continue;
        Kept *k = &kept[kept_count++];
        snprintf(k->name, sizeof k->name, "%.60s", entry->d_name);
        FILE *file = fopen(strf(c->arena, "%s/%s", folder.data, entry->d_name).data, "rb");
        char *to = arena_bytes(c->arena, MIB);
        k->bytes = str_of(to, (ptrdiff_t)fread(to, 1, (size_t)MIB, file));
        fclose(file);
    }
    closedir(dir);
}

static void file_put(const char *name, Str bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder.data, name);
    FILE *file = fopen(path, "wb");
    if (bytes.len) CHECK_INT(fwrite(bytes.data, 1, (size_t)bytes.len, file), bytes.len);
    fclose(file);
}

/* The folder as kept, but `name` with these bytes: is it found to be damaged, and left empty? */
static bool heals(const char *name, Str bytes) {
    ArenaMark mark = arena_mark(c->arena);
    for (int i = 0; i < kept_count; i++) file_put(kept[i].name, kept[i].bytes);
    file_put(name, bytes);
    file_put("00000099.seg.tmp", S("left over"));
    Str healed;
    SearchEngine *e = opened(&healed);
    if (!e) return false;
    View *v = engine_view(e);
    EFiles files = e_files(folder);
    bool fine = CHECK(!str_is_null(healed)) && CHECK_INT(v->count, 0) && CHECK_INT(v->covered, 0) &&
                CHECK_INT(files.segments + files.dead + files.others + files.manifest, 0);
    if (!fine) printf("  %s, %td bytes\n", name, bytes.len);
    view_release(v);
    engine_close(e);
    arena_release(c->arena, mark);
    return fine;
}

static bool heals_flipped(const Kept *k, ptrdiff_t at) {
    char *bytes = malloc((size_t)k->bytes.len);
    memcpy(bytes, k->bytes.data, (size_t)k->bytes.len);
    bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
    bool fine = heals(k->name, str_of(bytes, k->bytes.len));
    free(bytes);
    return fine;
}

TEST(a_file_cut_at_any_length_or_with_a_flipped_byte_is_never_used) {
    folder = e_folder_make(c->arena);
    SearchEngine *e;
    opened_as(&e, 0);
    good(apply_upto(c, e, 0, 200));
    good(engine_flush(c, e));
    good(apply_upto(c, e, 200, 230));
    good(engine_flush(c, e));
    CHECK(e_files(folder).dead > 0);
    folder_keep();
    engine_close(e);
    opened_as(&e, 230);
    engine_close(e);
    for (int i = 0; i < kept_count; i++) {
        const Kept *k = &kept[i];
        ptrdiff_t step = k->bytes.len > 2000 ? 41 : 1;
        for (ptrdiff_t len = 0; len < k->bytes.len; len += step)
            if (!heals(k->name, str_slice(k->bytes, 0, len))) return;
        for (ptrdiff_t at = 0; at < k->bytes.len; at += step)
            if (!heals_flipped(k, at)) return;
    }
    for (int i = 0; i < kept_count; i++) file_put(kept[i].name, kept[i].bytes);
    opened_as(&e, 230); /* the pieces themselves are whole */
    engine_close(e);
    e_folder_remove(folder);
}

/* -- No room ----------------------------------------------------------------------------------- */

static void files_limit(rlim_t bytes) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

TEST(without_room_on_the_disk_nothing_is_lost) {
    folder = e_folder_make(c->arena);
    signal(SIGXFSZ, SIG_IGN);
    SearchEngine *e;
    opened_as(&e, 0);
    good(apply_upto(c, e, 0, 400));
    good(engine_flush(c, e));
    good(apply_upto(c, e, 400, 800));
    for (rlim_t bytes = 0; bytes < 20000; bytes += bytes < 300 ? 20 : 1500) {
        files_limit(bytes); /* the first file that is larger fails */
        Err *err = engine_flush(c, e);
        files_limit(RLIM_INFINITY);
        if (!err) continue; /* it fitted */
        CHECK_INT(err->kind, ERR_STORAGE_FULL);
        CHECK(engine_dirty(e));
        if (!same_as(e, 800)) break;
        CHECK_INT(e_files(folder).others, 0);
    }
    int64_t now = 800;
    for (int i = 0; i < 30; i++) { /* and what comes meanwhile is taken in and merged */
        files_limit(64);
        good(apply_upto(c, e, now, now + 37));
        now += 37;
        bool merged;
        good(engine_merge(c, e, &merged));
        Err *err = engine_flush(c, e);
        CHECK(err && err->kind == ERR_STORAGE_FULL);
        files_limit(RLIM_INFINITY);
    }
    CHECK(same_as(e, now));
    good(engine_flush(c, e));
    CHECK(!engine_dirty(e));
    folder_is_tidy(e);
    engine_close(e);
    opened_as(&e, now);
    engine_close(e);
    e_folder_remove(folder);
}

/* -- Rebuilds ---------------------------------------------------------------------------------- */

static bool built_is(SearchEngine *e, int64_t covered, int64_t batch, uint32_t chunk) {
    EngineBuild *b = engine_build_new(e);
    engine_build_chunk(b, chunk);
    for (int64_t n = 0; n < covered; n += batch) {
        Arena *a = arena_new(64 * MIB);
        SearchDocs *d = e_docs(a);
        changes_describe(d, n, min_i64(covered, n + batch));
        good(engine_build_add(c, b, d));
        arena_free(a);
    }
    good(engine_build_finish(c, b, covered));
    engine_build_free(b);
    View *v = engine_view(e);
    CHECK_INT(v->covered, covered);
    view_release(v);
    return same_as(e, covered);
}

TEST(a_rebuild_of_many_segments_is_as_if_each_change_was_applied) {
    folder = e_folder_make(c->arena);
    SearchEngine *e;
    opened_as(&e, 0);
    for (int i = 1; i <= 12; i++)
        if (!built_is(e, i * 333, 1 + i * 7, (uint32_t)(10 + i * 9))) break;
    bool merged = true;
    while (merged) good(engine_merge(c, e, &merged));
    CHECK(same_as(e, 12 * 333));
    good(engine_flush(c, e));
    folder_is_tidy(e);
    engine_close(e);
    opened_as(&e, 12 * 333);
    /* Thrown away half way, it leaves nothing. */
    EngineBuild *b = engine_build_new(e);
    engine_build_chunk(b, 5);
    for (int i = 0; i < 4; i++) {
        SearchDocs *d = e_docs(c->arena);
        changes_describe(d, i * 20, i * 20 + 20);
        good(engine_build_add(c, b, d));
    }
    engine_build_free(b);
    folder_is_tidy(e);
    CHECK(same_as(e, 12 * 333));
    engine_close(e);
    e_folder_remove(folder);
}

TEST(a_rebuild_without_room_fails_and_the_next_one_stays_in_memory) {
    folder = e_folder_make(c->arena);
    signal(SIGXFSZ, SIG_IGN);
    SearchEngine *e;
    opened_as(&e, 0);
    good(apply_upto(c, e, 0, 100));
    good(engine_flush(c, e));
    files_limit(64);
    EngineBuild *b = engine_build_new(e);
    SearchDocs *d = e_docs(c->arena);
    changes_describe(d, 0, 700);
    good(engine_build_add(c, b, d));
    Err *err = engine_build_finish(c, b, 700);
    CHECK(err && err->kind == ERR_STORAGE_FULL);
    engine_build_free(b);
    CHECK(same_as(e, 100));
    CHECK(built_is(e, 700, 100, 200));
    files_limit(RLIM_INFINITY);
    good(engine_flush(c, e));
    folder_is_tidy(e);
    engine_close(e);
    opened_as(&e, 700);
    engine_close(e);
    e_folder_remove(folder);
}

/* -- Killed at any moment ---------------------------------------------------------------------- */

/* Works for ever, in batches, with flushes and merges, and rebuilds now and then. */
static void work_until_killed(int64_t now, uint64_t seed) {
    Ctx ctx = {.arena = arena_new(64 * MIB)};
    SearchEngine *e;
    Str healed;
    Rand rand = {seed};
    if (engine_open(&ctx, &e_def, folder, &e, &healed) || !str_is_null(healed)) _exit(3);
    for (;;) {
        int64_t upto = now + 1 + rand_below(&rand, 60);
        Err *err = apply_upto(&ctx, e, now, upto);
        now = upto;
        bool merged;
        if (!err && rand_below(&rand, 3) == 0) err = engine_merge(&ctx, e, &merged);
        if (!err && rand_below(&rand, 3) == 0) err = engine_flush(&ctx, e);
        if (!err && rand_below(&rand, 15) == 0) {
            EngineBuild *b = engine_build_new(e);
            engine_build_chunk(b, 40);
            SearchDocs *d = e_docs(ctx.arena);
            changes_describe(d, 0, now);
            err = engine_build_add(&ctx, b, d);
            if (!err) err = engine_build_finish(&ctx, b, now);
            engine_build_free(b);
        }
        if (err) _exit(4);
        arena_reset(ctx.arena);
    }
}

TEST(killed_at_any_moment_it_opens_with_a_whole_snapshot) {
    folder = e_folder_make(c->arena);
    Rand rand = {77};
    int64_t now = 0, moved = 0;
    int before = t_failures;
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0) work_until_killed(now, (uint64_t)i + 1);
        int64_t until = mono_us() + 2000 + rand_below(&rand, 30000);
        while (mono_us() < until) usleep(500);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        if (!CHECK(WIFSIGNALED(status))) break;
        SearchEngine *e;
        int64_t covered = opened_as(&e, -1);
        CHECK(covered >= now);
        moved += covered > now;
        now = covered;
        CHECK_INT(e_files(folder).others, 0);
        if (e) engine_close(e);
        if (t_failures > before) break;
    }
    CHECK(moved > 10); /* else nothing was tried */
    e_folder_remove(folder);
}

/* -- Many threads ------------------------------------------------------------------------------ */

static SearchEngine *shared;
static atomic_bool over;
static atomic_int wrong;

static void *read_views(void *arg) {
    (void)arg;
    Arena *a = arena_new(256 * MIB);
    int64_t last = 0;
    while (!atomic_load(&over)) {
        View *v = engine_view(shared);
        EModel m = {.versions = arena_array(a, int64_t, KEYS), .keys = KEYS};
        uint8_t *found = arena_array(a, uint8_t, KEYS);
        model_at(&m, v->covered);
        bool fine = v->covered >= last && view_documents(v) == e_model_count(&m) &&
                    e_find(a, v, S("w3"), found, KEYS);
        for (int k = 0; k < KEYS && fine; k++)
            fine = found[k] == (m.versions[k] > 0 && m.versions[k] % 7 == 3);
        atomic_fetch_add(&wrong, !fine);
        last = v->covered;
        view_release(v);
        arena_reset(a);
    }
    arena_free(a);
    return NULL;
}

static void *keep_merging(void *arg) {
    (void)arg;
    Ctx ctx = {.arena = arena_new(64 * MIB)};
    while (!atomic_load(&over)) {
        bool merged = true;
        while (merged)
            if (engine_merge(&ctx, shared, &merged)) atomic_fetch_add(&wrong, 1), merged = false;
        if (engine_flush(&ctx, shared)) atomic_fetch_add(&wrong, 1);
        arena_reset(ctx.arena);
    }
    arena_free(ctx.arena);
    return NULL;
}

TEST(readers_see_whole_states_while_others_write_merge_and_flush) {
    folder = e_folder_make(c->arena);
    opened_as(&shared, 0);
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, keep_merging, NULL);
    pthread_create(&threads[1], NULL, read_views, NULL);
    pthread_create(&threads[2], NULL, read_views, NULL);
    int64_t now = 0;
    Rand rand = {9};
    for (int i = 0; i < 400; i++) {
        int64_t upto = now + 1 + rand_below(&rand, 12);
        good(apply_upto(c, shared, now, upto));
        now = upto;
    }
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&wrong), 0);
    CHECK(same_as(shared, now));
    good(engine_flush(c, shared));
    folder_is_tidy(shared);
    engine_close(shared);
    opened_as(&shared, now);
    engine_close(shared);
    e_folder_remove(folder);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(what_was_flushed_is_opened_and_what_was_not_is_told_by_the_number),
        T_ROW(a_folder_has_one_owner),
        T_ROW(a_snapshot_of_another_definition_is_not_used),
        T_ROW(a_file_cut_at_any_length_or_with_a_flipped_byte_is_never_used),
        T_ROW(without_room_on_the_disk_nothing_is_lost),
        T_ROW(a_rebuild_of_many_segments_is_as_if_each_change_was_applied),
        T_ROW(a_rebuild_without_room_fails_and_the_next_one_stays_in_memory),
        T_ROW(killed_at_any_moment_it_opens_with_a_whole_snapshot),
        T_ROW(readers_see_whole_states_while_others_write_merge_and_flush),
    };
    Ctx ctx = {.arena = arena_new(256 * MIB)};
    c = &ctx;
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(ctx.arena);
    return status;
}
