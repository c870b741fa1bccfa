/* SPDX-License-Identifier: Apache-2.0
 * The walk over files, folders and archives, over those that are made here on the spot; limits are
 * small ones, so that the test need not be large. */
#include "products/robian/open_data_walk.h"

#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "products/robian/speakers.h"
#include "t.h"

enum { GIVEN_MAX = 200 };

static char folder[] = "/tmp/socle-walk-XXXXXX";
static Arena *arena;
static OpenDataEntry given[GIVEN_MAX];
static ptrdiff_t given_count;
static OpenDataLimits limits;

static Str path_of(const char *name) { return strf(arena, "%s/%s", folder, name); }

static void file_write(const char *name, Str bytes) {
    FILE *f = fopen(str_cstr(arena, path_of(name)), "wb");
    fwrite(bytes.data, 1, (size_t)bytes.len, f);
    fclose(f);
}

static Str file_read(const char *name) {
    static char bytes[1 << 20];
    FILE *f = fopen(str_cstr(arena, path_of(name)), "rb");
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return str_copy(arena, str_of(bytes, (ptrdiff_t)len));
}

typedef struct Member {
    const char *name;
    Str bytes;
} Member;

static void archive_write_all(const char *name, bool zip, const Member *all, ptrdiff_t count) {
    struct archive *a = archive_write_new();
    if (zip) {
        archive_write_set_format_zip(a);
    } else {
        archive_write_set_format_ustar(a);
        archive_write_add_filter_gzip(a);
    }
    archive_write_open_filename(a, str_cstr(arena, path_of(name)));
    for (ptrdiff_t i = 0; i < count; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, all[i].name);
        archive_entry_set_size(e, all[i].bytes.len);
        archive_entry_set_filetype(e, all[i].bytes.data ? AE_IFREG : AE_IFLNK);
        if (!all[i].bytes.data) archive_entry_set_symlink(e, "/etc/passwd");
        archive_entry_set_perm(e, 0644);
        archive_write_header(a, e);
        archive_write_data(a, all[i].bytes.data, (size_t)all[i].bytes.len);
        archive_entry_free(e);
    }
    archive_write_free(a);
}

/* Everything that a walk over these gives, within `limits`, which are the usual ones again then. */
static void walk(const char *const *names, ptrdiff_t count) {
    Str paths[8];
    for (ptrdiff_t i = 0; i < count; i++)
        paths[i] = names[i][0] == '/' ? str_c(names[i]) : path_of(names[i]);
    OpenDataWalk *w = walk_new(paths, count, ".json .xml", limits);
    int64_t before = 0;
    for (given_count = 0; walk_next(w, arena, &given[given_count]); given_count++) {
        CHECK(walk_bytes_done(w) >= before);
        before = walk_bytes_done(w);
        if (given_count == GIVEN_MAX - 1) break;
    }
    CHECK(walk_bytes_done(w) <= walk_bytes_total(w) || walk_bytes_total(w) == 0);
    walk_free(w);
    limits = open_data_limits;
}
#define WALK(...) \
    walk((const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})))

static bool gave(ptrdiff_t i, const char *name_end, const char *bytes) {
    return i < given_count && str_is_null(given[i].problem) &&
           str_ends(given[i].name, str_c(name_end)) && str_eq(given[i].bytes, str_c(bytes));
}

static bool told(ptrdiff_t i, const char *words) {
    return i < given_count && given[i].problem.data && str_is_null(given[i].bytes) &&
           str_find(given[i].problem, str_c(words)) >= 0;
}

static Str bytes_of(ptrdiff_t len, char byte) {
    char *bytes = arena_bytes(arena, len);
    memset(bytes, byte, (size_t)len);
    return str_of(bytes, len);
}

static Str noise_of(ptrdiff_t len) {
    char *bytes = arena_bytes(arena, len);
    uint32_t state = 7;
    for (ptrdiff_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (char)(state >> 24);
    }
    return str_of(bytes, len);
}

TEST(a_plain_file_is_one_entry_whatever_its_name) {
    file_write("odd name", S("{}"));
    WALK("odd name");
    CHECK_INT(given_count, 1);
    CHECK(gave(0, "odd name", "{}"));
}

TEST(archives_are_known_by_what_they_hold) {
    const Member two[] = {{"x/b.json", S("b")}, {"x/a.xml", S("a")}, {"x/c.pdf", S("c")}};
    archive_write_all("zip without ending", true, two, COUNT(two));
    archive_write_all("tar.json", false, two, COUNT(two));
    WALK("zip without ending", "tar.json");
    CHECK_INT(given_count, 4);
    CHECK(gave(0, "x/b.json", "b") && gave(1, "x/a.xml", "a"));
    CHECK(gave(2, "x/b.json", "b") && gave(3, "x/a.xml", "a"));
    CHECK_INT(given[1].path, 0);
    CHECK_INT(given[2].path, 1);
    CHECK_INT(given[1].position, 2);
}

TEST(folders_are_gone_through_by_name_and_links_are_not_followed) {
    mkdir(str_cstr(arena, path_of("d")), 0700);
    mkdir(str_cstr(arena, path_of("d/b")), 0700);
    file_write("d/c.json", S("3"));
    file_write("d/b/x.json", S("2"));
    file_write("d/a.json", S("1"));
    file_write("d/a.txt", S("no"));
    CHECK(symlink("..", str_cstr(arena, path_of("d/up"))) == 0);
    CHECK(symlink("c.json", str_cstr(arena, path_of("d/link.json"))) == 0);
    CHECK(mkfifo(str_cstr(arena, path_of("d/pipe.json")), 0600) == 0);
    WALK("d");
    CHECK_INT(given_count, 3);
    CHECK(gave(0, "a.json", "1") && gave(1, "b/x.json", "2") && gave(2, "c.json", "3"));
}

TEST(lines_are_entries_of_their_own) {
    file_write("l.ndjson", S("{1}\n\n  \n{2}\r\n{3}"));
    WALK("l.ndjson");
    CHECK_INT(given_count, 3);
    CHECK(gave(0, "l.ndjson:1", "{1}") && gave(1, ":4", "{2}\r") && gave(2, ":5", "{3}"));
}

TEST(what_is_not_there_is_told_and_the_rest_is_given) {
    file_write("e.json", S(""));
    file_write("f.json", S("f"));
    WALK("nothing.json", "e.json", "/dev/null", "f.json");
    CHECK_INT(given_count, 4);
    CHECK(told(0, "No such file") && told(1, "is empty") && told(2, "neither a file nor"));
    CHECK(gave(3, "f.json", "f"));
}

TEST(an_entry_over_the_limit_is_told_and_the_next_is_given) {
    limits.entry_bytes = 100 * 1024;
    const Member three[] = {
        {"a.json", S("a")}, {"b.json", noise_of(100 * 1024 + 1)}, {"c.json", noise_of(100 * 1024)}};
    archive_write_all("large.zip", true, three, COUNT(three));
    file_write("large.json", noise_of(100 * 1024 + 1));
    WALK("large.zip", "large.json");
    CHECK_INT(given_count, 4);
    CHECK(gave(0, "a.json", "a") && told(1, "is larger than") && told(3, "is larger than"));
    CHECK_INT(given[2].bytes.len, 100 * 1024);
}

TEST(an_archive_that_swells_is_not_read_further) {
    limits.swell = 10;
    const Member bomb[] = {
        {"a.json", S("a")}, {"b.json", bytes_of(4 * 1024 * 1024, ' ')}, {"c.json", S("c")}};
    archive_write_all("bomb.zip", true, bomb, COUNT(bomb));
    archive_write_all("bomb.tgz", false, bomb, COUNT(bomb));
    file_write("z.json", S("z"));
    WALK("bomb.zip", "bomb.tgz", "z.json");
    CHECK_INT(given_count, 5);
    CHECK(gave(0, "a.json", "a") && told(1, "far more than its size"));
    CHECK(gave(2, "a.json", "a") && told(3, "far more than its size") && gave(4, "z.json", "z"));
}

TEST(an_archive_has_limits_as_a_whole) {
    const Member four[] = {{"a.json", noise_of(9000)},
                           {"b.json", noise_of(9000)},
                           {"c.json", noise_of(9000)},
                           {"d.json", S("d")}};
    archive_write_all("whole.zip", true, four, COUNT(four));
    limits.total_bytes = 20000;
    WALK("whole.zip");
    CHECK_INT(given_count, 3);
    CHECK(told(2, "far more"));
    limits.entries = 2;
    WALK("whole.zip");
    CHECK_INT(given_count, 3);
    CHECK(told(2, "too many entries"));
}

TEST(a_cut_archive_gives_what_is_before_the_cut_wherever_it_is) {
    const Member many[] = {
        {"a.json", noise_of(300)}, {"b.json", noise_of(300)}, {"c.json", S("c")}};
    archive_write_all("whole", true, many, COUNT(many));
    Str whole = file_read("whole");
    ptrdiff_t most = 0;
    for (ptrdiff_t len = 1; len < whole.len; len++) {
        file_write("cut", str_slice(whole, 0, len));
        WALK("cut");
        ptrdiff_t good = 0;
        for (ptrdiff_t i = 0; i < given_count; i++) good += str_is_null(given[i].problem);
        if (len < 30) continue; /* not known for an archive: one entry, or refused */
        CHECK(good >= most && good <= 3);
        if (good < 3) CHECK(given_count > good);
        most = good;
    }
    CHECK_INT(most, 3);
}

/* Any byte of an archive may be another: the walk ends, within its limits. */
TEST(a_spoilt_archive_is_survived) {
    const Member many[] = {{"a.json", noise_of(200)}, {"b.json", bytes_of(2000, 'b')}};
    for (int zip = 0; zip < 2; zip++) {
        archive_write_all("whole", zip, many, COUNT(many));
        Str whole = file_read("whole");
        char *bytes = (char *)(uintptr_t)whole.data;
        for (ptrdiff_t at = 0; at < min_size(whole.len, 600); at++) {
            bytes[at] = (char)(bytes[at] ^ 0x55);
            file_write("spoilt", whole);
            bytes[at] = (char)(bytes[at] ^ 0x55);
            WALK("spoilt");
            CHECK(given_count < GIVEN_MAX - 1);
        }
    }
}

TEST(names_are_labels_without_control_characters) {
    const Member odd[] = {{"../../a.json", S("a")}, {"/b\x1b[2J\n.json", S("b")}};
    archive_write_all("odd.tgz", false, odd, COUNT(odd));
    WALK("odd.tgz");
    CHECK_INT(given_count, 2);
    CHECK(gave(0, "../../a.json", "a") && gave(1, "/b?[2J?.json", "b"));
}

TEST(archives_and_links_within_archives_are_not_opened) {
    const Member odd[] = {{"a.zip", S("PK")}, {"link.json", {NULL, 0}}, {"c.json", S("c")}};
    archive_write_all("odd.tgz", false, odd, COUNT(odd));
    WALK("odd.tgz");
    CHECK_INT(given_count, 3);
    CHECK(told(0, "archive within") && told(1, "not a plain file") && gave(2, "c.json", "c"));
}

TEST(a_walk_may_be_left_in_the_middle) {
    const Member two[] = {{"a.json", S("a")}, {"b.json", S("b")}};
    archive_write_all("left.zip", true, two, COUNT(two));
    Str path = path_of("left.zip");
    OpenDataWalk *w = walk_new(&path, 1, ".json", limits);
    CHECK(walk_next(w, arena, &given[0]));
    walk_free(w);
}

/* -- names of people --------------------------------------------------------------------------- */

static bool key_is(const char *name, const char *key) {
    return CHECK_STR(speaker_key(arena, str_c(name)), str_c(key));
}

TEST(people_are_compared_by_their_names_alone) {
    CHECK(key_is("M. Jean-Luc MÉLENCHON", "jean luc melenchon"));
    CHECK(key_is("Mme Yaël Braun-Pivet", "yael braun pivet"));
    CHECK(key_is("Mme la présidente Yaël Braun-Pivet", "yael braun pivet"));
    CHECK(key_is("M. Philippe Juvin, rapporteur général", "philippe juvin"));
    CHECK(key_is("M. Éric Coquerel (LFI-NFP)", "eric coquerel"));
    CHECK(key_is("M. le ministre délégué Loïc d’Artagnan", "loic d artagnan"));
    CHECK(key_is("Loïc Prud'homme", "loic prud homme"));
    CHECK(key_is("Loïc Prud\u2019homme", "loic prud homme"));
    CHECK(key_is("Mme Cœur", "coeur"));
    CHECK(key_is("M. Fabrice Le Vigoureux", "fabrice le vigoureux"));
    CHECK(key_is("M. Le Vigoureux", "le vigoureux"));
}

TEST(who_is_only_an_office_is_that_office) {
    CHECK(key_is("M. le président", "president"));
    CHECK(key_is("Mme la présidente.", "presidente"));
    CHECK(key_is("M. le garde des sceaux", "garde des sceaux"));
    CHECK(key_is("", ""));
    CHECK(key_is(" … ", ""));
    CHECK(key_is("\xff\xfe", ""));
}

static int entry_remove(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about, (void)kind, (void)where;
    return remove(path);
}

int main(int argc, char **argv) {
    static const T rows[] = {
        T_ROW(a_plain_file_is_one_entry_whatever_its_name),
        T_ROW(archives_are_known_by_what_they_hold),
        T_ROW(folders_are_gone_through_by_name_and_links_are_not_followed),
        T_ROW(lines_are_entries_of_their_own),
        T_ROW(what_is_not_there_is_told_and_the_rest_is_given),
        T_ROW(an_entry_over_the_limit_is_told_and_the_next_is_given),
        T_ROW(an_archive_that_swells_is_not_read_further),
        T_ROW(an_archive_has_limits_as_a_whole),
        T_ROW(a_cut_archive_gives_what_is_before_the_cut_wherever_it_is),
        T_ROW(a_spoilt_archive_is_survived),
        T_ROW(names_are_labels_without_control_characters),
        T_ROW(archives_and_links_within_archives_are_not_opened),
        T_ROW(a_walk_may_be_left_in_the_middle),
        T_ROW(people_are_compared_by_their_names_alone),
        T_ROW(who_is_only_an_office_is_that_office),
    };
    if (!mkdtemp(folder)) return 1;
    arena = arena_new(512 * MIB);
    limits = open_data_limits;
    int failed = t_main(argc, argv, rows, COUNT(rows));
    arena_free(arena);
    nftw(folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    return failed;
}
