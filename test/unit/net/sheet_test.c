/* SPDX-License-Identifier: Apache-2.0
 * Sheets: what is written is read, all of them together have a bound, and nothing is left of one. */
#include "net/sheet.h"

#include <errno.h>

#include "t_loop.h"

enum { STEP = 1024 * 1024 };

static void bounded(void) { sheets_begin(S("/tmp"), 8 * MIB); }

TEST(what_is_written_is_read_from_any_page) {
    CtxMark mark = ctx_mark(c);
    Sheet sheet;
    Str read;
    REQUIRE(GOOD(sheet_open(c, &sheet)));
    CHECK_INT(sheet_write(&sheet, 0, S("one")), 0);
    CHECK_INT(sheet_write(&sheet, 65536, S("two")), 0);
    CHECK_INT(sheet_write(&sheet, 65539, S(", three")), 0);
    REQUIRE(GOOD(sheet_map(c, &sheet, 65536, 10, &read)));
    CHECK_STR(read, S("two, three"));
    REQUIRE(GOOD(sheet_map(c, &sheet, 0, 3, &read)));
    CHECK_STR(read, S("one"));
    REQUIRE(GOOD(sheet_map(c, &sheet, 65536, 0, &read)));
    CHECK_STR(read, S(""));
    REQUIRE(GOOD(sheet_read(c, &sheet)));
    CHECK_INT(sheet.size, 65546);
    ctx_release(c, mark);
    CHECK_INT(sheets_bytes(), 0);
}

TEST(all_sheets_together_have_a_bound) {
    CtxMark mark = ctx_mark(c);
    Sheet one, other, third;
    char byte = 'x';
    REQUIRE(GOOD(sheet_make(c, 5 * MIB, &one)));
    REQUIRE(GOOD(sheet_open(c, &other)));
    CHECK_INT(sheet_write(&other, 3 * MIB - 1, str_of(&byte, 1)), 0);
    CHECK_INT(sheet_write(&other, 3 * MIB, str_of(&byte, 1)), EAGAIN);
    CHECK_INT(sheet_write(&other, 0, str_of(&byte, 1)), 0); /* what it has it keeps */
    CHECK(FAILS(sheet_make(c, STEP, &third), UNAVAILABLE));
    Err *err = sheet_err(c, EAGAIN);
    CHECK(err && err->retry_after_s > 0 && str_find(err->detail, S("TEMP_MAX_BYTES")) >= 0);
    CHECK_INT(sheets_bytes(), 8 * MIB);
    ctx_release(c, mark);
    CHECK_INT(sheets_bytes(), 0);
    mark = ctx_mark(c);
    CHECK(GOOD(sheet_make(c, 8 * MIB, &one)));
    ctx_release(c, mark);
}

TEST(a_copy_is_its_own) {
    CtxMark mark = ctx_mark(c);
    Sheet sheet;
    REQUIRE(GOOD(sheet_copy(c, S("bytes"), &sheet)));
    CHECK_STR(str_of(sheet.data, sheet.size), S("bytes"));
    CHECK(sheet.fd >= 0);
    REQUIRE(GOOD(sheet_copy(c, S(""), &sheet)));
    CHECK_INT(sheet.size, 0);
    ctx_release(c, mark);
    CHECK_INT(sheets_bytes(), 0);
}

TEST(a_full_disk_says_so) {
    CHECK(FAILS(sheet_err(c, ENOSPC), STORAGE_FULL));
    CHECK(FAILS(sheet_err(c, EDQUOT), STORAGE_FULL));
    CHECK(FAILS(sheet_err(c, EIO), INTERNAL));
    CHECK(!sheet_err(c, 0));
}

T_LOOP_MAIN(1, bounded, NULL, T_ROW(what_is_written_is_read_from_any_page),
            T_ROW(all_sheets_together_have_a_bound), T_ROW(a_copy_is_its_own),
            T_ROW(a_full_disk_says_so))
