/* Records what a process does to the files of one directory, in order, for replayed power cuts.
 *
 * LD_PRELOAD it with IOREC_DIR (the directory, ending in '/') and IOREC_LOG (where to write).
 * Record: type, fd, flags (int32 each), offset, length (int64 each), then `length` bytes: the path
 * of O and U, both paths of R with a NUL between, the data of W. SQLite's -shm files are left out:
 * they are shared memory, and made again after a power cut.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watched[FDS]; /* 1: a file, 2: the directory */
static int log_fd = -1;
static const char *dir;

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

static void ready(void) {
    if (log_fd >= 0 || !(dir = getenv("IOREC_DIR"))) return;
    int (*o)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    log_fd = o(getenv("IOREC_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
}

static void note(int type, int fd, int flags, int64_t at, int64_t n, const void *data) {
    ssize_t (*w)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
    int32_t head[3] = {type, fd, flags};
    int64_t size[2] = {at, n};
    struct iovec parts[3] = {{head, sizeof head}, {size, sizeof size}, {(void *)data, n}};
    if (w(log_fd, parts, 3) < 0) abort();
}

static int ours(const char *path) {
    ready();
    if (log_fd < 0) return 0;
    size_t n = strlen(dir), m = strlen(path);
    if (m == n - 1 && !strncmp(path, dir, m)) return 2;
    if (m > 4 && !strcmp(path + m - 4, "-shm")) return 0;
    return !strncmp(path, dir, n);
}

static int opened(const char *path, int flags, int existed, int fd) {
    if (fd < 0 || fd >= FDS) return fd;
    watched[fd] = ours(path);
    if (watched[fd] == 1) note('O', fd, (existed ? 0 : 1) | (flags & O_TRUNC ? 2 : 0), 0, strlen(path), path);
    return fd;
}

#define OPEN(name, decl, call, path)                                                   \
    int name decl {                                                                    \
        mode_t mode = 0;                                                               \
        if (flags & (O_CREAT | O_TMPFILE)) {                                           \
            va_list more; va_start(more, flags); mode = va_arg(more, int); va_end(more); \
        }                                                                              \
        REAL(name);                                                                    \
        struct stat st;                                                                \
        pthread_mutex_lock(&lock);                                                     \
        int existed = stat(path, &st) == 0;                                            \
        int fd = opened(path, flags, existed, real call);                              \
        pthread_mutex_unlock(&lock);                                                   \
        return fd;                                                                     \
    }
OPEN(open, (const char *path, int flags, ...), (path, flags, mode), path)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), path)
OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), path)
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode), path)

#define WATCHED(fd) (log_fd >= 0 && (fd) >= 0 && (fd) < FDS && watched[fd])

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < FDS) watched[fd] = 0;
    return real(fd);
}

ssize_t write(int fd, const void *data, size_t n) {
    REAL(write);
    if (!WATCHED(fd)) return real(fd, data, n);
    pthread_mutex_lock(&lock);
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND) at = lseek(fd, 0, SEEK_END);
    ssize_t done = real(fd, data, n);
    if (done > 0) note('W', fd, 0, at, done, data);
    pthread_mutex_unlock(&lock);
    return done;
}

#define PWRITE(name, type)                                            \
    ssize_t name(int fd, const void *data, size_t n, type at) {       \
        REAL(name);                                                   \
        if (!WATCHED(fd)) return real(fd, data, n, at);               \
        pthread_mutex_lock(&lock);                                    \
        ssize_t done = real(fd, data, n, at);                         \
        if (done > 0) note('W', fd, 0, at, done, data);               \
        pthread_mutex_unlock(&lock);                                  \
        return done;                                                  \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, type)                                          \
    int name(int fd, type size) {                                     \
        REAL(name);                                                   \
        if (!WATCHED(fd)) return real(fd, size);                      \
        pthread_mutex_lock(&lock);                                    \
        int done = real(fd, size);                                    \
        if (!done) note('T', fd, 0, size, 0, "");                     \
        pthread_mutex_unlock(&lock);                                  \
        return done;                                                  \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                    \
    int name(int fd) {                                                \
        REAL(name);                                                   \
        if (!WATCHED(fd)) return real(fd);                            \
        pthread_mutex_lock(&lock);                                    \
        int done = real(fd);                                          \
        if (!done) note(watched[fd] == 2 ? 'D' : 'S', fd, 0, 0, 0, ""); \
        pthread_mutex_unlock(&lock);                                  \
        return done;                                                  \
    }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to) {
    REAL(rename);
    if (ours(from) != 1) return real(from, to);
    pthread_mutex_lock(&lock);
    int done = real(from, to);
    size_t n = strlen(from) + 1, m = strlen(to);
    char both[n + m];
    memcpy(both, from, n);
    memcpy(both + n, to, m);
    if (!done) note('R', -1, 0, 0, n + m, both);
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *path) {
    REAL(unlink);
    if (ours(path) != 1) return real(path);
    pthread_mutex_lock(&lock);
    int done = real(path);
    if (!done) note('U', -1, 0, 0, strlen(path), path);
    pthread_mutex_unlock(&lock);
    return done;
}
