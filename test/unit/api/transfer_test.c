/* SPDX-License-Identifier: Apache-2.0
 * Files of an import, line by line; an export's writing. */
#include "api/transfer.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "t.h"

static Ctx c;
static char folder[64];

static void set_up(void) {
    c = (Ctx){.arena = arena_new(64 * MIB)};
    snprintf(folder, sizeof folder, "/tmp/socle-transfer-XXXXXX");
    REQUIRE(mkdtemp(folder) != NULL);
}

static Str file_made(const char *name, Str bytes) {
    Str path = strf(c.arena, "%s/%s", folder, name);
    FILE *file = fopen(str_cstr(c.arena, path), "wb");
    if (!CHECK(file != NULL)) return path;
    CHECK(fwrite(bytes.data, 1, (size_t)bytes.len, file) == (size_t)bytes.len);
    fclose(file);
    return path;
}

static void tear_down(const Str *paths, ptrdiff_t count) {
    ctx_undo(&c, NULL);
    for (ptrdiff_t i = 0; i < count; i++) unlink(str_cstr(c.arena, paths[i]));
    CHECK(rmdir(folder) == 0);
    arena_free(c.arena);
}

/* Every line as `number:text;`. */
static Str lines_of(Transfer *t) {
    Buf b = buf_new(c.arena, 64);
    Str line;
    for (;;) {
        if (!CHECK(transfer_line(&c, t, &line) == NULL) || str_is_null(line)) return buf_str(&b);
        buf_f(&b, "%lld:%.*s;", (long long)t->line_number, S_ARG(line));
    }
}

TEST(reads_the_lines_of_all_files_in_turn) {
    set_up();
    Str paths[] = {file_made("a", S("one\ntwo\r\n\nlast without end")), file_made("b", S("")),
                   file_made("c", S("x\n"))};
    Transfer t = {.files = paths, .file_count = 3, .quiet = true};
    REQUIRE(transfer_begin(&c, &t, false) == NULL);
    CHECK_INT(t.bytes_total, 28);
    CHECK_STR(lines_of(&t), S("1:one;2:two;3:;4:last without end;1:x;"));
    CHECK_INT(t.bytes_done, t.bytes_total);
    CHECK(transfer_end(&c, &t, "lines") == NULL);
    tear_down(paths, 3);
}

TEST(names_the_file_that_is_not_there) {
    set_up();
    Str paths[] = {strf(c.arena, "%s/absent", folder)}, line;
    Transfer t = {.files = paths, .file_count = 1, .quiet = true};
    REQUIRE(transfer_begin(&c, &t, false) == NULL);
    Err *err = transfer_line(&c, &t, &line);
    REQUIRE(err != NULL);
    CHECK_INT(err->kind, ERR_NOT_FOUND);
    CHECK(str_find(err->detail, paths[0]) >= 0);
    tear_down(paths, 0);
}

TEST(refuses_a_line_without_end_and_reads_one_at_the_limit) {
    set_up();
    char *large = malloc(TRANSFER_LINE_MAX + 2);
    REQUIRE(large != NULL);
    memset(large, 'x', TRANSFER_LINE_MAX + 2);
    large[TRANSFER_LINE_MAX - 1] = '\n';
    Str paths[] = {file_made("a", str_of(large, TRANSFER_LINE_MAX))}, line;
    Transfer t = {.files = paths, .file_count = 1, .quiet = true};
    REQUIRE(transfer_begin(&c, &t, false) == NULL);
    CHECK(transfer_line(&c, &t, &line) == NULL);
    CHECK_INT(line.len, TRANSFER_LINE_MAX - 1);
    large[TRANSFER_LINE_MAX - 1] = 'x';
    paths[0] = file_made("a", str_of(large, TRANSFER_LINE_MAX + 1));
    Transfer over = {.files = paths, .file_count = 1, .quiet = true};
    REQUIRE(transfer_begin(&c, &over, false) == NULL);
    Err *err = transfer_line(&c, &over, &line);
    REQUIRE(err != NULL);
    CHECK_INT(err->kind, ERR_TOO_LARGE);
    free(large);
    tear_down(paths, 1);
}

TEST(writes_an_export_and_says_when_it_does_not_fit) {
    set_up();
    Str paths[] = {strf(c.arena, "%s/out", folder)}, full[] = {S("/dev/full")};
    Transfer t = {.files = paths, .file_count = 1, .quiet = true};
    REQUIRE(transfer_begin(&c, &t, true) == NULL);
    CHECK(transfer_write(&c, &t, S("a\n")) == NULL && transfer_write(&c, &t, S("b\n")) == NULL);
    CHECK(transfer_end(&c, &t, "lines") == NULL);
    Transfer back = {.files = paths, .file_count = 1, .quiet = true};
    REQUIRE(transfer_begin(&c, &back, false) == NULL);
    CHECK_STR(lines_of(&back), S("1:a;2:b;"));
    Transfer bad = {.files = full, .file_count = 1, .quiet = true};
    REQUIRE(transfer_begin(&c, &bad, true) == NULL);
    Err *err = transfer_write(&c, &bad, S("a\n"));
    if (!err) err = transfer_end(&c, &bad, "lines");
    REQUIRE(err != NULL);
    CHECK_INT(err->kind, ERR_STORAGE_FULL);
    tear_down(paths, 1);
}

TEST(finds_an_option_by_its_name) {
    TransferOption options[] = {{"user", S_INIT("7")}, {"format", S_INIT("csv")}};
    Transfer t = {.options = options, .option_count = 2};
    CHECK_STR(transfer_option(&t, "format"), S("csv"));
    CHECK_STR(transfer_option(&t, "for"), ((Str){NULL, 0}));
}

T_MAIN(T_ROW(reads_the_lines_of_all_files_in_turn), T_ROW(names_the_file_that_is_not_there),
       T_ROW(refuses_a_line_without_end_and_reads_one_at_the_limit),
       T_ROW(writes_an_export_and_says_when_it_does_not_fit), T_ROW(finds_an_option_by_its_name))
