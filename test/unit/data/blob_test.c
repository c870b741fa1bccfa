/* SPDX-License-Identifier: Apache-2.0
 * The blob store on real folders: whole or absent, whatever happens to the writer. The program is also
 * the writer that gets killed: `blob_test --write DIR` begins a blob, says so, and finishes it when it
 * is told to. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/blob.h"
#include "t_loop.h"

extern char **environ;

static char base[] = "/tmp/socle-blob-XXXXXX";
static int folders;

/* A fresh folder below the one of this run. */
static Str fresh_dir(void) { return strf(c->arena, "%s/%d", base, ++folders); }

static BlobStore *store_at(Str dir) {
    BlobStore *store = NULL;
    return GOOD(blob_store_open(c, (BlobOptions){.data_dir = dir}, &store)) ? store : NULL;
}

static Str path_at(Str dir, Str hash) {
    return strf(c->arena, "%.*s/blobs/%.2s/%.*s", S_ARG(dir), hash.data, (int)hash.len - 2,
                hash.data + 2);
}

static int entries_in(Str path) {
    int count = 0;
    DIR *dir = opendir(str_cstr(c->arena, path));
    if (!dir) return -1;
    for (struct dirent *e; (e = readdir(dir));) count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int leftovers(Str dir) { return entries_in(strf(c->arena, "%.*s/blobs/tmp", S_ARG(dir))); }

static Err *count_one(Ctx *own, Str hash, int64_t size, void *arg) {
    (void)own;
    (void)hash;
    (void)size;
    ++*(int *)arg;
    return NULL;
}

static int blobs_in(BlobStore *store) {
    int count = 0;
    return GOOD(blob_each(c, store, count_one, &count)) ? count : -1;
}

static Str read_blob(BlobStore *store, Str hash) {
    int fd;
    int64_t size;
    if (!GOOD(blob_open(c, store, hash, &fd, &size))) return S("error");
    char *to = arena_bytes(c->arena, size + 1);
    ssize_t n = pread(fd, to, (size_t)size + 1, 0);
    return n == size ? str_of(to, n) : S("wrong size");
}

static Str made_up(ptrdiff_t len, int seed) {
    char *bytes = arena_bytes(c->arena, len);
    for (ptrdiff_t i = 0; i < len; i++) bytes[i] = (char)((i * 31 + seed) >> 3);
    return str_of(bytes, len);
}

static const Str abc_hash =
    S_INIT("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
static const Str empty_hash =
    S_INIT("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/* -- putting and reading --------------------------------------------------------------------------- */

TEST(what_is_put_can_be_read_under_its_sha256) {
    Str dir = fresh_dir(), hash;
    BlobStore *store = store_at(dir);
    REQUIRE(store);
    REQUIRE(GOOD(blob_put(c, store, S("abc"), &hash)));
    CHECK_STR(hash, abc_hash);
    CHECK_STR(read_blob(store, hash), S("abc"));
    REQUIRE(GOOD(blob_put(c, store, S(""), &hash)));
    CHECK_STR(hash, empty_hash);
    CHECK_STR(read_blob(store, hash), S(""));
    GOOD(blob_verify(c, store, hash));
    blob_store_close(store);
    store = store_at(dir); /* and after a restart */
    REQUIRE(store);
    CHECK_STR(read_blob(store, abc_hash), S("abc"));
    blob_store_close(store);
}

TEST(the_same_bytes_are_the_same_blob) {
    Str dir = fresh_dir(), first, second;
    BlobStore *store = store_at(dir), *other = store_at(dir);
    REQUIRE(store && other);
    REQUIRE(GOOD(blob_put(c, store, S("twice"), &first)));
    REQUIRE(GOOD(blob_put(c, other, S("twice"), &second)));
    CHECK_STR(first, second);
    CHECK_INT(blobs_in(store), 1);
    CHECK_INT(leftovers(dir), 0);
    blob_store_close(store);
    blob_store_close(other);
}

TEST(a_blob_in_pieces_is_the_blob_in_one) {
    Str dir = fresh_dir(), bytes = made_up(20 * MIB + 7, 1), whole, pieces;
    static const ptrdiff_t steps[] = {1, 4096, 70001, 5 * MIB};
    BlobStore *store = store_at(dir);
    REQUIRE(store);
    REQUIRE(GOOD(blob_put(c, store, bytes, &whole)));
    for (ptrdiff_t i = 0; i < COUNT(steps); i++) {
        BlobWriter *w;
        int64_t size = 0;
        Str part = i ? bytes : str_slice(bytes, 0, 300);
        REQUIRE(GOOD(blob_begin(c, store, &w)));
        for (ptrdiff_t at = 0; at < part.len; at += steps[i])
            REQUIRE(GOOD(blob_write(c, w, str_slice(part, at, at + steps[i]))));
        Str told = blob_hash(c, w);
        REQUIRE(GOOD(blob_finish(c, w, &pieces, &size)));
        CHECK_STR(told, pieces);
        CHECK_INT(size, part.len);
        if (i) CHECK_STR(pieces, whole);
        CHECK(str_eq(read_blob(store, pieces), part));
        FAILS(blob_write(c, w, S("more")), INTERNAL);
        FAILS(blob_finish(c, w, &pieces, &size), INTERNAL);
    }
    CHECK_INT(blobs_in(store), 2);
    CHECK_INT(leftovers(dir), 0);
    blob_store_close(store);
}

static _Atomic int writers_left, writers_bad;

static void write_same(Ctx *own, void *arg) {
    BlobWriter *w;
    Str hash;
    Err *err = blob_begin(own, arg, &w);
    for (int i = 0; i < 20 && !err; i++) err = blob_write(own, w, S("the same bytes for all "));
    if (!err) err = blob_finish(own, w, &hash, NULL);
    atomic_fetch_add(&writers_bad, err != NULL);
    atomic_fetch_sub(&writers_left, 1);
}

TEST(many_writers_of_the_same_bytes_make_one_blob) {
    Str dir = fresh_dir();
    BlobStore *store = store_at(dir);
    REQUIRE(store);
    atomic_store(&writers_left, 40);
    for (int i = 0; i < 40; i++)
        coro_spawn_on(loop_at(i % 2), (CoroOptions){.name = "writer"}, write_same, store);
    SOON(atomic_load(&writers_left) == 0);
    CHECK_INT(atomic_load(&writers_bad), 0);
    CHECK_INT(blobs_in(store), 1);
    CHECK_INT(leftovers(dir), 0);
    blob_store_close(store);
}

TEST(blobs_are_no_business_of_other_users) {
    Str dir = fresh_dir(), hash;
    struct stat st;
    BlobStore *store = store_at(dir);
    REQUIRE(store && GOOD(blob_put(c, store, S("private"), &hash)));
    REQUIRE(stat(str_cstr(c->arena, path_at(dir, hash)), &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0440);
    REQUIRE(stat(str_cstr(c->arena, strf(c->arena, "%.*s/blobs", S_ARG(dir))), &st) == 0);
    CHECK_INT(st.st_mode & 07, 0);
    blob_store_close(store);
}

TEST(what_is_no_hash_of_a_blob_is_not_found) {
    Str dir = fresh_dir(), hash;
    BlobStore *store = store_at(dir);
    REQUIRE(store && GOOD(blob_put(c, store, S("abc"), &hash)));
    static const Str wrong[] = {
        S_INIT(""),
        S_INIT("ba"),
        S_INIT("../../../../../../../../../../../../../../../../../../etc/passwd"),
        S_INIT("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
        S_INIT("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"),
        S_INIT("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015adX"),
        S_INIT("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a\0"),
        S_INIT("0000000000000000000000000000000000000000000000000000000000000000"),
        {0}};
    for (ptrdiff_t i = 0; i < COUNT(wrong); i++) {
        int fd;
        int64_t size;
        FAILS(blob_open(c, store, wrong[i], &fd, &size), NOT_FOUND);
        FAILS(blob_verify(c, store, wrong[i]), NOT_FOUND);
        GOOD(blob_remove(c, store, wrong[i]));
    }
    CHECK_INT(blobs_in(store), 1);
    blob_store_close(store);
}

TEST(a_removed_blob_is_gone_but_not_for_who_reads_it) {
    Str dir = fresh_dir(), hash;
    int fd;
    int64_t size;
    char text[4] = "";
    BlobStore *store = store_at(dir);
    REQUIRE(store && GOOD(blob_put(c, store, S("abc"), &hash)));
    REQUIRE(GOOD(blob_open(c, store, hash, &fd, &size)));
    GOOD(blob_remove(c, store, hash));
    GOOD(blob_remove(c, store, hash));
    CHECK_INT(pread(fd, text, 3, 0), 3);
    CHECK_STR(str_of(text, 3), S("abc"));
    int fd2;
    FAILS(blob_open(c, store, hash, &fd2, &size), NOT_FOUND);
    blob_store_close(store);
}

TEST(descriptors_are_closed_when_the_activity_ends) {
    Str dir = fresh_dir(), hash;
    int fd = -1;
    int64_t size;
    BlobStore *store = store_at(dir);
    REQUIRE(store && GOOD(blob_put(c, store, S("abc"), &hash)));
    Defer *mark = c->defers;
    REQUIRE(GOOD(blob_open(c, store, hash, &fd, &size)));
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    ctx_undo(c, mark);
    CHECK(fcntl(fd, F_GETFD) < 0);
    blob_store_close(store);
}

TEST(readers_share_a_descriptor_while_it_shows_what_is_there) {
    Str dir = fresh_dir(), hash;
    int first, second, fresh;
    int64_t size;
    char text[3];
    BlobStore *store = store_at(dir);
    REQUIRE(store && GOOD(blob_put(c, store, S("abc"), &hash)));
    Defer *mark = c->defers;
    REQUIRE(GOOD(blob_open(c, store, hash, &first, &size)));
    Defer *inner = c->defers;
    REQUIRE(GOOD(blob_open(c, store, hash, &second, &size)));
    CHECK_INT(second, first);
    CHECK_INT(size, 3);
    ctx_undo(c, inner);
    CHECK_INT(pread(first, text, 3, 0), 3); /* the other one is still there */
    REQUIRE(GOOD(blob_remove(c, store, hash)) && GOOD(blob_put(c, store, S("abc"), &hash)));
    REQUIRE(GOOD(blob_open(c, store, hash, &fresh, &size)));
    struct stat old, now;
    CHECK(fstat(first, &old) == 0 && fstat(fresh, &now) == 0 && old.st_ino != now.st_ino);
    REQUIRE(GOOD(blob_put(c, store, S("abc"), &hash))); /* which mends what is damaged */
    REQUIRE(GOOD(blob_open(c, store, hash, &second, &size)));
    CHECK(second != fresh);
    ctx_undo(c, mark);
    CHECK(fcntl(first, F_GETFD) < 0 && fcntl(fresh, F_GETFD) < 0 && fcntl(second, F_GETFD) < 0);
    blob_store_close(store);
}

static Err *open_and_leave(Ctx *own, void *arg) {
    BlobStore *store = arg;
    for (int i = 0; i < 200; i++) {
        Defer *mark = own->defers;
        int fd;
        int64_t size;
        char text[3];
        TRY(blob_open(own, store, abc_hash, &fd, &size));
        if (i % 3 == 0) coro_yield(own);
        if (pread(fd, text, 3, 0) != 3 || memcmp(text, "abc", 3) != 0)
            FAIL(own, INTERNAL, "not what it was");
        ctx_undo(own, mark);
    }
    return NULL;
}

TEST(many_readers_come_and_go) {
    Str dir = fresh_dir(), hash;
    Task tasks[20];
    BlobStore *store = store_at(dir);
    REQUIRE(store && GOOD(blob_put(c, store, S("abc"), &hash)));
    for (int i = 0; i < COUNT(tasks); i++) tasks[i] = (Task){.fn = open_and_leave, .arg = store};
    GOOD(fork_join(c, tasks, COUNT(tasks)));
    blob_store_close(store);
}

/* -- damage ---------------------------------------------------------------------------------------- */

static void overwrite(Str path, off_t at, const char *byte, off_t cut) {
    char *name = str_cstr(c->arena, path);
    chmod(name, 0640);
    int fd = open(name, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    if (byte) CHECK(pwrite(fd, byte, 1, at) == 1);
    if (cut >= 0) CHECK(ftruncate(fd, cut) == 0);
    close(fd);
}

TEST(verify_finds_one_flipped_byte_and_a_missing_end) {
    Str dir = fresh_dir(), bytes = made_up(3 * MIB, 5), hash;
    BlobStore *store = store_at(dir);
    REQUIRE(store && GOOD(blob_put(c, store, bytes, &hash)));
    GOOD(blob_verify(c, store, hash));
    char flipped = (char)(bytes.data[2 * MIB] ^ 1);
    overwrite(path_at(dir, hash), 2 * MIB, &flipped, -1);
    FAILS(blob_verify(c, store, hash), INTERNAL);
    overwrite(path_at(dir, hash), 2 * MIB, &bytes.data[2 * MIB], -1);
    GOOD(blob_verify(c, store, hash));
    overwrite(path_at(dir, hash), 0, NULL, 3 * MIB - 1);
    FAILS(blob_verify(c, store, hash), INTERNAL);
    REQUIRE(GOOD(blob_put(c, store, bytes, &hash))); /* the same bytes again mend it */
    GOOD(blob_verify(c, store, hash));
    blob_store_close(store);
}

/* -- listing --------------------------------------------------------------------------------------- */

enum { MANY = 400 };

typedef struct Seen {
    Str hashes[MANY];
    int times[MANY], wrong;
    int stop_after;
} Seen;

static Err *see(Ctx *own, Str hash, int64_t size, void *arg) {
    Seen *seen = arg;
    if (seen->stop_after && --seen->stop_after == 0) FAIL(own, CONFLICT, "enough");
    for (int i = 0; i < MANY; i++)
        if (str_eq(seen->hashes[i], hash)) {
            seen->times[i]++;
            seen->wrong += size != 100 + i;
            return NULL;
        }
    seen->wrong++;
    return NULL;
}

TEST(each_gives_every_blob_once_with_its_size_and_nothing_else) {
    static Seen seen;
    Str dir = fresh_dir();
    BlobStore *store = store_at(dir);
    REQUIRE(store);
    for (int i = 0; i < MANY; i++)
        REQUIRE(GOOD(blob_put(c, store, made_up(100 + i, i), &seen.hashes[i])));
    static const char *const strangers[] = {
        "ab/README", "ab/x", "tmp/left",
        "cd/0000000000000000000000000000000000000000000000000000000000000Z", "note"};
    for (ptrdiff_t i = 0; i < COUNT(strangers); i++) {
        int fd = open(str_cstr(c->arena, strf(c->arena, "%.*s/blobs/%s", S_ARG(dir), strangers[i])),
                      O_CREAT | O_WRONLY, 0600);
        CHECK(fd >= 0);
        close(fd);
    }
    CHECK(mkdir(str_cstr(c->arena, strf(c->arena, "%.*s/blobs/00/%062d", S_ARG(dir), 0)), 0700) ==
          0);
    REQUIRE(GOOD(blob_each(c, store, see, &seen)));
    for (int i = 0; i < MANY; i++) CHECK_INT(seen.times[i], 1);
    CHECK_INT(seen.wrong, 0);
    seen.stop_after = 10;
    FAILS(blob_each(c, store, see, &seen), CONFLICT);
    blob_store_close(store);
}

/* -- writers that do not finish -------------------------------------------------------------------- */

TEST(a_writer_that_does_not_finish_leaves_nothing) {
    Str dir = fresh_dir();
    BlobStore *store = store_at(dir);
    REQUIRE(store);
    Defer *mark = c->defers;
    BlobWriter *w;
    REQUIRE(GOOD(blob_begin(c, store, &w)));
    REQUIRE(GOOD(blob_write(c, w, S("half of"))));
    CHECK_INT(leftovers(dir), 1);
    ctx_undo(c, mark);
    CHECK_INT(leftovers(dir), 0);
    CHECK_INT(blobs_in(store), 0);
    blob_store_close(store);
}

typedef struct Child {
    pid_t pid;
    int to, from;
} Child;

static bool child_start(Child *child, Str dir) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) return false;
    const char *argv[] = {"blob_test", "--write", str_cstr(c->arena, dir), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int bad = posix_spawn(&child->pid, "/proc/self/exe", &actions, NULL, (char **)(uintptr_t)argv,
                          environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    child->to = in[1];
    child->from = out[0];
    char ready;
    return !bad && read(child->from, &ready, 1) == 1;
}

static int child_end(Child *child) {
    int status = 0;
    close(child->to);
    waitpid(child->pid, &status, 0);
    close(child->from);
    return status;
}

TEST(a_killed_writer_leaves_nothing_for_long) {
    Str dir = fresh_dir();
    Child child;
    REQUIRE(child_start(&child, dir));
    CHECK_INT(leftovers(dir), 1);
    kill(child.pid, SIGKILL);
    CHECK(WIFSIGNALED(child_end(&child)));
    CHECK_INT(leftovers(dir), 1);
    BlobStore *store = store_at(dir);
    REQUIRE(store);
    CHECK_INT(leftovers(dir), 0);
    CHECK_INT(blobs_in(store), 0);
    blob_store_close(store);
}

TEST(a_writer_of_another_living_process_is_left_alone) {
    Str dir = fresh_dir();
    Child child;
    REQUIRE(child_start(&child, dir));
    BlobStore *store = store_at(dir);
    REQUIRE(store);
    CHECK_INT(leftovers(dir), 1);
    CHECK_INT(write(child.to, "!", 1), 1);
    int status = child_end(&child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(leftovers(dir), 0);
    CHECK_INT(blobs_in(store), 1);
    blob_store_close(store);
}

/* -- no room --------------------------------------------------------------------------------------- */

static void check_no_room(Str dir, BlobStore *store) {
    Str hash, kept, bytes = made_up(3 * MIB, 9);
    REQUIRE(GOOD(blob_put(c, store, S("was here before"), &kept)));
    FAILS(blob_put(c, store, bytes, &hash), STORAGE_FULL);
    BlobWriter *w;
    REQUIRE(GOOD(blob_begin(c, store, &w)));
    Err *err = NULL;
    for (ptrdiff_t at = 0; at < bytes.len && !err; at += 64 * KIB)
        err = blob_write(c, w, str_slice(bytes, at, at + 64 * KIB));
    if (!err) err = blob_finish(c, w, &hash, NULL);
    FAILS(err, STORAGE_FULL);
    FAILS(blob_write(c, w, S("more")), INTERNAL);
    CHECK_INT(leftovers(dir), 0);
    CHECK_INT(blobs_in(store), 1);
    CHECK_STR(read_blob(store, kept), S("was here before"));
    REQUIRE(GOOD(blob_put(c, store, S("and still fits"), &hash)));
    GOOD(blob_verify(c, store, hash));
}

TEST(over_the_file_size_limit_is_storage_full_and_leaves_nothing) {
    Str dir = fresh_dir();
    BlobStore *store = store_at(dir);
    struct rlimit former, small;
    REQUIRE(store && getrlimit(RLIMIT_FSIZE, &former) == 0);
    small = (struct rlimit){MIB, former.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    check_no_room(dir, store);
    CHECK(setrlimit(RLIMIT_FSIZE, &former) == 0);
    blob_store_close(store);
}

TEST(a_full_disk_is_storage_full_and_leaves_nothing) {
    Str dir = fresh_dir();
    char *path = str_cstr(c->arena, dir);
    REQUIRE(mkdir(path, 0700) == 0);
    if (mount("tmpfs", path, "tmpfs", 0, "size=2m") != 0)
        SKIP("a small disk cannot be mounted here");
    Defer *mark = c->defers;
    BlobStore *store = store_at(dir);
    if (CHECK(store != NULL)) check_no_room(dir, store);
    blob_store_close(store);
    ctx_undo(c, mark); /* closes what was read */
    CHECK(umount2(path, MNT_DETACH) == 0);
}

/* -- opening --------------------------------------------------------------------------------------- */

/* What is wrong with these options of an object store; "" when nothing is. */
static Str wrong_with(BlobOptions o) {
    BlobStore *store = NULL;
    o.data_dir = fresh_dir();
    Err *err = blob_store_open(c, o, &store);
    blob_store_close(store);
    return err ? err->detail : S("");
}

TEST(urls_and_keys_of_object_stores_are_checked_at_once) {
    BlobOptions good = {.url = S("s3://bucket/x"), .access_key = S("key"), .secret_key = S("hidden")};
    BlobOptions bad = good;
    CHECK_STR(wrong_with(good), S(""));
    bad.secret_key = S("");
    CHECK(str_find(wrong_with(bad), S("AWS_SECRET_ACCESS_KEY")) >= 0);
    static const char *const urls[] = {"s3://", "s3://b", "gs://bucket/../x", "s3://key:hidden@bucket/x",
                                       "s3://bucket/a b", "ftp://x", "/var/blobs"};
    for (int i = 0; i < (int)COUNT(urls); i++) {
        bad = good;
        bad.url = str_c(urls[i]);
        Str said = wrong_with(bad);
        CHECK(str_find(said, S("BLOB_URL")) >= 0);
        CHECK(str_find(said, S("hidden")) < 0);
    }
    static const char *const endpoints[] = {"host", "ftp://host", "http://", "http://a@host",
                                            "http://host/path", "http://host?x"};
    for (int i = 0; i < (int)COUNT(endpoints); i++) {
        bad = good;
        bad.endpoint = str_c(endpoints[i]);
        CHECK(str_find(wrong_with(bad), S("AWS_ENDPOINT_URL")) >= 0);
    }
    BlobStore *store = NULL;
    FAILS(blob_store_open(c, (BlobOptions){0}, &store), INVALID);
    CHECK(store == NULL);
}

TEST(a_folder_that_cannot_be_made_is_named) {
    BlobStore *store = NULL;
    Err *err = blob_store_open(c, (BlobOptions){.data_dir = S("/proc/version/data")}, &store);
    CHECK(err && str_find(err->detail, S("/proc/version/data")) >= 0);
    CHECK(store == NULL);
}

/* -- this program as the writer -------------------------------------------------------------------- */

static int writer_result = 1;

static void writer_wait(void *arg) { *(ssize_t *)arg = read(0, (char[1]){0}, 1); }

static Err *writer_work(Ctx *own, Str dir) {
    BlobStore *store;
    BlobWriter *w;
    Str hash;
    ssize_t told = 0;
    TRY(blob_store_open(own, (BlobOptions){.data_dir = dir}, &store));
    TRY(blob_begin(own, store, &w));
    TRY(blob_write(own, w, S("written by a child")));
    if (write(1, "r", 1) != 1) return NULL;
    writer_wait(&told); /* blocks the loop: there is nothing else on it */
    if (told == 1) {
        TRY(blob_finish(own, w, &hash, NULL));
        writer_result = 0;
    }
    blob_store_close(store);
    return NULL;
}

static void writer_run(Ctx *own, void *arg) {
    if (writer_work(own, str_c(arg))) writer_result = 2;
    rt_stop(0);
}

static int writer_main(char *dir) {
    rt_init(1);
    coro_spawn((CoroOptions){.name = "writer"}, writer_run, dir);
    rt_run();
    rt_close();
    return writer_result;
}

static int remove_all(const char *path) {
    pid_t pid;
    int status = -1;
    const char *argv[] = {"rm", "-rf", "--", path, NULL};
    if (posix_spawnp(&pid, "rm", NULL, NULL, (char **)(uintptr_t)argv, environ) == 0)
        waitpid(pid, &status, 0);
    return status;
}

int main(int argc, char **argv) {
    static const T rows[] = {T_ROW(what_is_put_can_be_read_under_its_sha256),
                             T_ROW(the_same_bytes_are_the_same_blob),
                             T_ROW(a_blob_in_pieces_is_the_blob_in_one),
                             T_ROW(many_writers_of_the_same_bytes_make_one_blob),
                             T_ROW(blobs_are_no_business_of_other_users),
                             T_ROW(what_is_no_hash_of_a_blob_is_not_found),
                             T_ROW(a_removed_blob_is_gone_but_not_for_who_reads_it),
                             T_ROW(readers_share_a_descriptor_while_it_shows_what_is_there),
                             T_ROW(many_readers_come_and_go),
                             T_ROW(descriptors_are_closed_when_the_activity_ends),
                             T_ROW(verify_finds_one_flipped_byte_and_a_missing_end),
                             T_ROW(each_gives_every_blob_once_with_its_size_and_nothing_else),
                             T_ROW(a_writer_that_does_not_finish_leaves_nothing),
                             T_ROW(a_killed_writer_leaves_nothing_for_long),
                             T_ROW(a_writer_of_another_living_process_is_left_alone),
                             T_ROW(over_the_file_size_limit_is_storage_full_and_leaves_nothing),
                             T_ROW(a_full_disk_is_storage_full_and_leaves_nothing),
                             T_ROW(urls_and_keys_of_object_stores_are_checked_at_once),
                             T_ROW(a_folder_that_cannot_be_made_is_named)};
    if (argc == 3 && strcmp(argv[1], "--write") == 0) return writer_main(argv[2]);
    if (!mkdtemp(base)) return 1;
    int result = t_loop_main(
        2, (TLoop){.argc = argc, .argv = argv, .rows = rows, .count = COUNT(rows), .result = 1});
    return remove_all(base) ? 1 : result;
}
