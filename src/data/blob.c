/* SPDX-License-Identifier: Apache-2.0
 * The blob store on files. Everything that may touch the disk runs as a job on a pool thread, with
 * plain system calls relative to the store's folder; a job never uses the arena of a Ctx.
 *
 * The order that makes a blob whole or absent:
 *   write tmp/NAME ─▶ fsync it ─▶ rename to ab/cdef… ─▶ fsync ab/
 * The 256 folders are made and synced when the store is opened, so that no write has to. A writer
 * holds a lock on its file in tmp/; the lock dies with the process, which is how leftovers are known. */
#include "data/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/rand.h"
#include "core/time.h"
#include "data/blob_room.h"
#include "rt/offload.h"

enum {
    FOLDERS = 256,
    CHUNK = 256 * 1024,
    LONG_JOB = 4 * 1024 * 1024, /* bytes from which a write goes to the long lane */
    LISTING_BUDGET = 1024 * 1024 * 1024,
};

struct BlobWriter {
    BlobStore *store;
    int fd; /* -1: finished, or given up */
    char name[24];
    EVP_MD_CTX *digest;
    int64_t size;
    bool sealed; /* on the disk, and `hash` known */
    bool here;   /* not for the object store */
    char hash[HASH_LEN + 1];
};

bool blob_hash_valid(Str hash) {
    for (ptrdiff_t i = 0; i < hash.len; i++) {
        char x = hash.data[i];
        if (!((x >= '0' && x <= '9') || (x >= 'a' && x <= 'f'))) return false;
    }
    return hash.len == HASH_LEN;
}

void blob_path(Str hash, char path[BLOB_PATH_LEN]) {
    assert(blob_hash_valid(hash));
    snprintf(path, BLOB_PATH_LEN, "%.2s/%.62s", hash.data, hash.data + 2);
}

static Err *disk_err(Ctx *c, int error, const char *what) {
    if (error == 0) return NULL;
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        return err_new(c, ERR_STORAGE_FULL, __func__, "%s a blob: %s.", what, strerror(error));
    return err_new(c, ERR_INTERNAL, __func__, "%s a blob: %s.", what, strerror(error));
}

static void digest_hex(EVP_MD_CTX *digest, char hex[HASH_LEN + 1]) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(digest, bytes, &length) != 1 || length != HASH_LEN / 2) abort();
    for (unsigned i = 0; i < length; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static EVP_MD_CTX *digest_new(void) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) abort();
    return digest;
}

/* -- writing --------------------------------------------------------------------------------------- */

void blob_give_up(void *writer) {
    BlobWriter *w = writer;
    if (w->fd >= 0) {
        unlinkat(w->store->tmp, w->name, 0);
        close(w->fd);
    }
    w->fd = -1;
    EVP_MD_CTX_free(w->digest);
    w->digest = NULL;
}

/* A new file in tmp/, locked. A store being opened may take it for a leftover in the moment before the
 * lock and remove it: then there is another one. */
static int writer_create(BlobWriter *w) {
    for (int tries = 0; tries < 100; tries++) {
        struct stat st;
        uint64_t random;
        rand_bytes(&random, sizeof random);
        snprintf(w->name, sizeof w->name, "%016llx", (unsigned long long)random);
        int fd = openat(w->store->tmp, w->name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);
        if (fd < 0) return errno;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0) {
            w->fd = fd;
            return 0;
        }
        unlinkat(w->store->tmp, w->name, 0);
        close(fd);
    }
    return EBUSY;
}

static int writer_write(BlobWriter *w, Str bytes) {
    for (ptrdiff_t done = 0; done < bytes.len;) {
        ptrdiff_t len =
            min_size(bytes.len - done, CHUNK); /* hashed while it is still in the CPU's cache */
        ssize_t n = write(w->fd, bytes.data + done, (size_t)len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (EVP_DigestUpdate(w->digest, bytes.data + done, (size_t)n) != 1) abort();
        done += n;
        w->size += n;
    }
    return 0;
}

static int folder_sync(int root, Str hash) {
    char name[3] = {hash.data[0], hash.data[1], 0};
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    int error = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return error;
}

static int writer_seal(BlobWriter *w) {
    digest_hex(w->digest, w->hash);
    w->sealed = true;
    return fsync(w->fd) != 0 || fchmod(w->fd, 0440) != 0 ? errno : 0;
}

static int writer_finish(BlobWriter *w) {
    char path[BLOB_PATH_LEN];
    int error = w->sealed ? 0 : writer_seal(w);
    if (error) return error;
    blob_path(str_of(w->hash, HASH_LEN), path);
    if (renameat(w->store->tmp, w->name, w->store->root, path) != 0) return errno;
    close(w->fd);
    w->fd = -1;
    return folder_sync(w->store->root, str_of(w->hash, HASH_LEN));
}

typedef struct WriteJob {
    BlobWriter *w;
    Str bytes;
    bool create, seal, finish;
    int error;
    const char *what;
} WriteJob;

static void job_write(void *arg) {
    WriteJob *job = arg;
    job->what = "Making";
    if (job->create) job->error = writer_create(job->w);
    if (!job->error) {
        job->what = "Writing";
        job->error = writer_write(job->w, job->bytes);
    }
    if (!job->error && (job->seal || job->finish)) {
        job->what = "Finishing";
        job->error = job->seal ? writer_seal(job->w) : writer_finish(job->w);
    }
    if (!job->error && job->finish)
        open_blobs_forget(job->w->store, str_of(job->w->hash, HASH_LEN));
    if (job->error) blob_give_up(job->w);
}

static Err *write_run(Ctx *c, WriteJob job) {
    if (!job.w->digest) FAIL(c, INTERNAL, "This blob is finished or given up.");
    TRY(offload(c, job.bytes.len >= LONG_JOB ? LANE_LONG : LANE_SHORT, job_write, &job));
    return disk_err(c, job.error, job.what);
}

static BlobWriter *writer_new(Ctx *c, BlobStore *store) {
    BlobWriter *w = arena_new_of(c->arena, BlobWriter);
    w->store = store;
    w->fd = -1;
    defer(c, blob_give_up, w);
    w->digest = digest_new();
    return w;
}

Err *blob_begin(Ctx *c, BlobStore *store, BlobWriter **out) {
    assert(store);
    *out = writer_new(c, store);
    return write_run(c, (WriteJob){.w = *out, .create = true});
}

Err *blob_begin_here(Ctx *c, BlobStore *store, BlobWriter **out) {
    TRY(blob_begin(c, store, out));
    (*out)->here = true;
    return NULL;
}

/* The last step. The object store has it before there is a file that says that it exists. */
static Err *write_end(Ctx *c, WriteJob job) {
    BlobWriter *w = job.w;
    bool send = w->store->remote && !w->here;
    job.seal = send;
    job.finish = !send;
    TRY(write_run(c, job));
    if (send) {
        Err *err = remote_put(c, w->store, str_of(w->hash, HASH_LEN), w->fd, w->size);
        if (err) blob_give_up(w);
        if (err) return err;
        TRY(write_run(c, (WriteJob){.w = w, .finish = true}));
    }
    if (w->store->remote) remote_grown(c, w->store, w->size);
    return NULL;
}

Err *blob_write(Ctx *c, BlobWriter *w, Str bytes) {
    assert(w);
    if (bytes.len == 0) return NULL;
    return write_run(c, (WriteJob){.w = w, .bytes = bytes});
}

Str blob_hash(Ctx *c, const BlobWriter *w) {
    char hex[HASH_LEN + 1];
    EVP_MD_CTX *copy = digest_new();
    assert(w && w->digest);
    if (EVP_MD_CTX_copy_ex(copy, w->digest) != 1) abort();
    digest_hex(copy, hex);
    EVP_MD_CTX_free(copy);
    return str_copy(c->arena, str_of(hex, HASH_LEN));
}

Err *blob_finish(Ctx *c, BlobWriter *w, Str *hash, int64_t *size) {
    assert(w && hash);
    TRY(write_end(c, (WriteJob){.w = w}));
    *hash = str_copy(c->arena, str_of(w->hash, HASH_LEN));
    if (size) *size = w->size;
    blob_give_up(w);
    return NULL;
}

Err *blob_put(Ctx *c, BlobStore *store, Str bytes, Str *hash) {
    assert(store && hash);
    Defer *mark = c->defers;
    BlobWriter *w = writer_new(c, store);
    Err *err = write_end(c, (WriteJob){.w = w, .bytes = bytes, .create = true});
    if (!err) *hash = str_copy(c->arena, str_of(w->hash, HASH_LEN));
    ctx_undo(c, mark);
    return err;
}

/* -- reading and removing -------------------------------------------------------------------------- */

/* Not a job: this is on the way of every range of an audio file, and its inode is warm. Beside an object
 * store, reading is noted in the file's time, once an hour: the ones read longest ago go first. */
static Err *open_file(Ctx *c, BlobStore *store, Str hash, OpenBlob **out) {
    char path[BLOB_PATH_LEN];
    struct stat st;
    blob_path(hash, path);
    int opened = openat(store->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0 && errno == ENOENT) FAIL(c, NOT_FOUND, "There is no such blob.");
    if (opened < 0) return disk_err(c, errno, "Opening");
    int error = fstat(opened, &st) != 0 ? errno : 0;
    if (error) close(opened);
    TRY(disk_err(c, error, "Opening"));
    if (store->remote && time_now().us / 1000000 - st.st_mtim.tv_sec > 3600) futimens(opened, NULL);
    *out = open_blob_add(store, hash, opened, st.st_size);
    return NULL;
}

Err *blob_open(Ctx *c, BlobStore *store, Str hash, int *fd, int64_t *size) {
    assert(store);
    if (!blob_hash_valid(hash)) FAIL(c, NOT_FOUND, "There is no such blob.");
    OpenBlob *open = open_blob_join(store, hash);
    if (!open) {
        Err *err = open_file(c, store, hash, &open);
        if (err && (err->kind != ERR_NOT_FOUND || !store->remote)) return err;
        if (err) {
            TRY(remote_fetch(c, store, hash));
            TRY(open_file(c, store, hash, &open));
        }
    }
    defer(c, open_blob_leave, open);
    *fd = open->fd;
    *size = open->size;
    return NULL;
}

typedef struct OneJob {
    BlobStore *store;
    const char *path;
    char hash[HASH_LEN + 1]; /* computed */
    int error;
} OneJob;

static void job_remove(void *arg) {
    OneJob *job = arg;
    if (unlinkat(job->store->root, job->path, 0) != 0 && errno != ENOENT) job->error = errno;
}

Err *blob_remove(Ctx *c, BlobStore *store, Str hash) {
    char path[BLOB_PATH_LEN];
    assert(store);
    if (!blob_hash_valid(hash)) return NULL;
    if (store->remote) TRY(remote_remove(c, store, hash));
    blob_path(hash, path);
    OneJob job = {.store = store, .path = path};
    TRY(offload(c, LANE_SHORT, job_remove, &job));
    open_blobs_forget(store, hash);
    return disk_err(c, job.error, "Removing");
}

static int file_hash(int fd, char hash[HASH_LEN + 1]) {
    EVP_MD_CTX *digest = digest_new();
    char *chunk = malloc(CHUNK);
    if (!chunk) abort();
    ssize_t n;
    do {
        n = read(fd, chunk, CHUNK);
        if (n > 0 && EVP_DigestUpdate(digest, chunk, (size_t)n) != 1) abort();
    } while (n > 0 || (n < 0 && errno == EINTR));
    int error = n < 0 ? errno : 0;
    digest_hex(digest, hash);
    EVP_MD_CTX_free(digest);
    free(chunk);
    return error;
}

static void job_verify(void *arg) {
    OneJob *job = arg;
    int fd = openat(job->store->root, job->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    job->error = fd < 0 ? errno : file_hash(fd, job->hash);
    if (fd >= 0) close(fd);
}

Err *blob_verify(Ctx *c, BlobStore *store, Str hash) {
    char path[BLOB_PATH_LEN];
    assert(store);
    if (!blob_hash_valid(hash)) FAIL(c, NOT_FOUND, "There is no such blob.");
    blob_path(hash, path);
    OneJob job = {.store = store, .path = path};
    TRY(offload(c, LANE_LONG, job_verify, &job));
    if (job.error == ENOENT && store->remote) return remote_fetch(c, store, hash);
    if (job.error == ENOENT) FAIL(c, NOT_FOUND, "There is no such blob.");
    TRY(disk_err(c, job.error, "Reading"));
    if (!str_eq(str_of(job.hash, HASH_LEN), hash))
        FAIL(c, INTERNAL, "The blob %.*s is damaged.", S_ARG(hash));
    return NULL;
}

/* -- listing --------------------------------------------------------------------------------------- */

typedef struct Listed {
    struct Listed *next;
    int64_t size;
    char hash[HASH_LEN + 1];
} Listed;

typedef struct ListJob {
    BlobStore *store;
    Arena *arena; /* of the list; not the caller's */
    int folder;
    Listed *found;
    int error;
} ListJob;

static DIR *dir_open(int at, const char *name) {
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return NULL;
    DIR *dir = fdopendir(fd);
    if (!dir) close(fd);
    return dir;
}

static void job_list(void *arg) {
    ListJob *job = arg;
    char name[8];
    snprintf(name, sizeof name, "%02x", (unsigned)job->folder & 0xFF);
    DIR *dir = dir_open(job->store->root, name);
    if (!dir) {
        job->error = errno;
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        Listed one = {.next = job->found};
        if (strlen(e->d_name) != HASH_LEN - 2) continue;
        snprintf(one.hash, sizeof one.hash, "%.2s%.62s", name, e->d_name);
        if (!blob_hash_valid(str_of(one.hash, HASH_LEN))) continue;
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        one.size = st.st_size;
        job->found = arena_new_of(job->arena, Listed);
        *job->found = one;
    }
    closedir(dir);
}

static void arena_drop(void *arg) { arena_free(arg); }

static Err *each_in(Ctx *c, ListJob *job, Err *(*fn)(Ctx *c, Str hash, int64_t size, void *arg),
                    void *arg) {
    TRY(offload(c, LANE_LONG, job_list, job));
    TRY(disk_err(c, job->error, "Looking for"));
    for (const Listed *one = job->found; one; one = one->next)
        TRY(fn(c, str_of(one->hash, HASH_LEN), one->size, arg));
    return NULL;
}

Err *blob_each(Ctx *c, BlobStore *store, Err *(*fn)(Ctx *c, Str hash, int64_t size, void *arg),
               void *arg) {
    assert(store && fn);
    if (store->remote) return remote_each(c, store, fn, arg);
    Arena *arena = arena_new(LISTING_BUDGET);
    defer(c, arena_drop, arena);
    for (int i = 0; i < FOLDERS; i++) {
        ListJob job = {.store = store, .arena = arena, .folder = i};
        TRY(each_in(c, &job, fn, arg));
        arena_reset(arena);
    }
    return NULL;
}

/* -- opening --------------------------------------------------------------------------------------- */

typedef struct OpenJob {
    BlobStore *store;
    const char *path;
    int error;
} OpenJob;

static int folder_make(int at, const char *name, bool *made) {
    if (mkdirat(at, name, 0750) == 0)
        *made = true;
    else if (errno != EEXIST)
        return errno;
    return 0;
}

/* Remove what dead writers left: nobody holds a lock on it. */
static void leftovers_remove(int root) {
    DIR *dir = dir_open(root, "tmp");
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        int fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(dirfd(dir), e->d_name, 0);
        close(fd);
    }
    closedir(dir);
}

static int store_prepare(OpenJob *job) {
    bool made = false;
    int root = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return errno;
    job->store->root = root;
    int error = folder_make(root, "tmp", &made);
    for (int i = 0; i < FOLDERS && !error; i++) {
        char name[8];
        snprintf(name, sizeof name, "%02x", (unsigned)i & 0xFF);
        error = folder_make(root, name, &made);
    }
    if (!error && made && fsync(root) != 0) error = errno;
    if (error) return error;
    job->store->tmp = openat(root, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (job->store->tmp < 0) return errno;
    leftovers_remove(root);
    return 0;
}

static void job_open(void *arg) {
    OpenJob *job = arg;
    job->error = store_prepare(job);
}

static Err *store_open_files(Ctx *c, Str data_dir, BlobStore *store) {
    Str path = strf(c->arena, "%.*s/blobs", S_ARG(data_dir));
    TRY(dir_make(c, path));
    OpenJob job = {.store = store, .path = str_cstr(c->arena, path)};
    TRY(offload(c, LANE_SHORT, job_open, &job));
    if (job.error)
        FAIL(c, INTERNAL, "The blobs' folder %.*s: %s.", S_ARG(path), strerror(job.error));
    return NULL;
}

Err *blob_store_open(Ctx *c, BlobOptions options, BlobStore **out) {
    Str url = options.url;
    bool far = str_starts(url, S("s3://")) || str_starts(url, S("gs://"));
    if (url.len > 0 && !far)
        FAIL(c, INVALID, "BLOB_URL must be empty (files under DATA_DIR), s3://… or gs://….");
    if (options.data_dir.len == 0 || str_find_byte(options.data_dir, '\0') >= 0)
        FAIL(c, INVALID, "DATA_DIR is needed for blobs.");
    BlobStore *store = calloc(1, sizeof *store);
    if (!store) abort();
    *store = (BlobStore){.root = -1, .tmp = -1};
    Err *err = store_open_files(c, options.data_dir, store);
    if (!err && far) err = remote_open(c, &options, store);
    if (err)
        blob_store_close(store);
    else
        *out = store;
    return err;
}

bool blob_store_shared(const BlobStore *store) { return store->remote != NULL; }

void blob_store_close(BlobStore *store) {
    if (!store) return;
    remote_close(store->remote);
    open_blobs_forget(store, (Str){0});
    if (store->root >= 0) close(store->root);
    if (store->tmp >= 0) close(store->tmp);
    free(store);
}
