/* SPDX-License-Identifier: Apache-2.0
 * Segments in files: cut anywhere, changed anywhere, of another definition, on a full disk. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "segment_world.h"

static Segment *written(Str path, const SearchDef *def, int64_t docs, Err **err) {
    World world = {.rand = {21}, .vocabulary = 30, .keys = 1000, .words = 5};
    Arena *a = arena_new(256 * MIB);
    SegmentWriter *w = segment_writer_new(def);
    segment_writer_add(w, docs_make(&world, a, def, docs));
    Segment *s = NULL;
    *err = segment_writer_finish(c, w, path, &s);
    segment_writer_free(w);
    arena_free(a);
    return s;
}

static void file_put(Str path, Str bytes) {
    int fd = open(str_cstr(c->arena, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, bytes.data, (size_t)bytes.len), bytes.len);
    close(fd);
}

/* INVALID, with a reason, and nothing opened. */
static bool refused(const SearchDef *def, Str path) {
    Segment *s = NULL;
    Err *err = segment_open(c, def, path, &s);
    if (!CHECK(err != NULL) || !CHECK_INT(err->kind, ERR_INVALID) || !CHECK(s == NULL))
        return false;
    return CHECK(str_find(err->detail, path) >= 0);
}

TEST(a_file_cut_anywhere_is_refused) {
    Str folder = folder_make(c->arena), path = strf(c->arena, "%.*s/s", S_ARG(folder));
    Err *err;
    Segment *s = written(path, &by_time_def, 12, &err);
    REQUIRE(good(err) && s);
    Str bytes = file_read_whole(c->arena, path);
    segment_release(s);
    for (ptrdiff_t len = 0; len < bytes.len; len++) {
        ArenaMark mark = arena_mark(c->arena);
        file_put(path, str_slice(bytes, 0, len));
        if (!refused(&by_time_def, path)) break;
        arena_release(c->arena, mark);
    }
    file_put(path, str_concat(c->arena, bytes, S("12345678")));
    refused(&by_time_def, path);
    file_put(path, bytes);
    CHECK(good(segment_open(c, &by_time_def, path, &s)));
    segment_release(s);
    CHECK_INT(folder_remove(c->arena, folder), 1);
}

TEST(a_file_with_any_byte_changed_is_refused) {
    Str folder = folder_make(c->arena), path = strf(c->arena, "%.*s/s", S_ARG(folder));
    Err *err;
    Segment *s = written(path, &by_key_def, 12, &err);
    REQUIRE(good(err) && s);
    Str bytes = file_read_whole(c->arena, path);
    segment_release(s);
    int fd = open(str_cstr(c->arena, path), O_WRONLY);
    REQUIRE(fd >= 0);
    static const unsigned char flips[] = {1, 0x80, 0xff};
    for (ptrdiff_t i = 0; i < bytes.len * COUNT(flips); i++) {
        ptrdiff_t at = i / COUNT(flips);
        char changed = (char)(bytes.data[at] ^ flips[i % COUNT(flips)]);
        ArenaMark mark = arena_mark(c->arena);
        CHECK_INT(pwrite(fd, &changed, 1, at), 1);
        bool fine = refused(&by_key_def, path);
        CHECK_INT(pwrite(fd, &bytes.data[at], 1, at), 1);
        arena_release(c->arena, mark);
        if (!fine) break;
    }
    close(fd);
    CHECK(good(segment_open(c, &by_key_def, path, &s)));
    segment_release(s);
    CHECK_INT(folder_remove(c->arena, folder), 1);
}

TEST(a_segment_of_another_definition_is_refused) {
    Str folder = folder_make(c->arena), path = strf(c->arena, "%.*s/s", S_ARG(folder));
    Err *err;
    segment_release(written(path, &by_key_def, 20, &err));
    REQUIRE(good(err));
    SearchField fields[WORLD_FIELDS];
    memcpy(fields, world_fields, sizeof fields);
    SearchDef other[7];
    for (int i = 0; i < COUNT(other); i++) other[i] = by_key_def;
    other[0].name = "worlds";
    other[1].version = 2;
    other[2].order_field = AT;
    other[3].partition_field = TAG;
    other[4].tuning.stem = true;
    other[5].field_count--;
    fields[BODY].use |= SEARCH_EXACT;
    other[6].fields = fields;
    for (int i = 0; i < COUNT(other); i++) CHECK(refused(&other[i], path));
    SearchDef same = by_key_def; /* what changes nothing that is stored */
    same.tuning.one_typo_from = 4;
    Segment *s = NULL;
    CHECK(good(segment_open(c, &same, path, &s)));
    segment_release(s);
    folder_remove(c->arena, folder);
}

TEST(what_is_no_file_is_told_apart) {
    Segment *s = NULL;
    Err *err = segment_open(c, &by_key_def, S("/nowhere/at/all"), &s);
    CHECK(err && err->kind == ERR_NOT_FOUND && !s);
    CHECK(refused(&by_key_def, S("/dev/null")));
    CHECK(refused(&by_key_def, S("/tmp")));
}

TEST(a_full_disk_is_told_and_leaves_nothing_behind) {
    struct rlimit former, small;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &former) == 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 4000000; limit = limit * 3 + 1000) {
        Str folder = folder_make(c->arena), path = strf(c->arena, "%.*s/s", S_ARG(folder));
        Err *err;
        small = (struct rlimit){limit, former.rlim_max};
        CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
        Segment *s = written(path, &by_time_def, 9000, &err);
        CHECK(setrlimit(RLIMIT_FSIZE, &former) == 0);
        CHECK(s == NULL || segment_bytes(s) <= (int64_t)limit);
        CHECK_INT(err != NULL, s == NULL);
        if (err) CHECK_INT(err->kind, ERR_STORAGE_FULL);
        segment_release(s);
        CHECK_INT(folder_remove(c->arena, folder), err ? 0 : 1);
    }
}

TEST(a_former_file_stays_when_a_new_one_cannot_be_written) {
    struct rlimit former, small;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &former) == 0);
    signal(SIGXFSZ, SIG_IGN);
    Str folder = folder_make(c->arena), path = strf(c->arena, "%.*s/s", S_ARG(folder));
    Err *err;
    Segment *s = written(path, &by_time_def, 50, &err);
    REQUIRE(good(err) && s);
    uint32_t docs = segment_docs(s);
    small = (struct rlimit){10000, former.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(written(path, &by_time_def, 5000, &err) == NULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &former) == 0);
    CHECK(err && err->kind == ERR_STORAGE_FULL);
    segment_release(s);
    REQUIRE(good(segment_open(c, &by_time_def, path, &s)));
    CHECK_INT(segment_docs(s), docs);
    segment_release(s);
    CHECK_INT(folder_remove(c->arena, folder), 1);
}

TEST(a_folder_that_is_not_there_is_an_error) {
    Err *err;
    CHECK(written(S("/nowhere/at/all"), &by_time_def, 5, &err) == NULL);
    CHECK(err && err->kind == ERR_INTERNAL);
}

TEST(a_mapped_segment_outlives_its_file) {
    Str folder = folder_make(c->arena), path = strf(c->arena, "%.*s/s", S_ARG(folder));
    Err *err;
    Segment *s = written(path, &by_time_def, 50, &err);
    REQUIRE(good(err) && s);
    segment_hold(s);
    segment_release(s);
    CHECK_INT(folder_remove(c->arena, folder), 1);
    CHECK_INT(segment_find(s, segment_keys(s)[0]), 0);
    segment_release(s);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(a_file_cut_anywhere_is_refused),
        T_ROW(a_file_with_any_byte_changed_is_refused),
        T_ROW(a_segment_of_another_definition_is_refused),
        T_ROW(what_is_no_file_is_told_apart),
        T_ROW(a_full_disk_is_told_and_leaves_nothing_behind),
        T_ROW(a_former_file_stays_when_a_new_one_cannot_be_written),
        T_ROW(a_folder_that_is_not_there_is_an_error),
        T_ROW(a_mapped_segment_outlives_its_file),
    };
    Ctx ctx = {.arena = arena_new(64 * MIB)};
    c = &ctx;
    int status = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(ctx.arena);
    return status;
}
