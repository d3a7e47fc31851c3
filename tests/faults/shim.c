/* Makes the n-th call of a kind on files below a folder fail, be cut short, or end the process.

   Loaded by LD_PRELOAD. Nothing happens before `faults_arm`. The control block is shared with forked processes, so the
   parent of a process that was killed still reads how many calls of each kind it had made. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { FSYNC, CREATE, LINK, RENAME, CLOSE, MKDIR, UNLINK, OPEN, WRITE, READ, STAT, KINDS };
enum action { COUNT, EIO_ONCE, ENOSPC_ON, SHORT, KILL_BEFORE, KILL_AFTER };
enum fate { GO, FAIL, HALF, DIE_AFTER };

struct control {
    int armed, kind, action;
    long nth;
    long calls[KINDS];
    char root[PATH_MAX];
};

static struct control *control;

__attribute__((constructor)) static void begin(void)
{
    void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared != MAP_FAILED)
        control = shared;
}

void faults_arm(const char *root, int kind, long nth, int action)
{
    memset(control->calls, 0, sizeof control->calls);
    snprintf(control->root, sizeof control->root, "%s", root);
    control->kind = kind;
    control->nth = nth;
    control->action = action;
    __sync_synchronize();
    control->armed = 1;
}

void faults_disarm(void) { control->armed = 0; }

long faults_calls(int kind) { return control->calls[kind]; }

static int is_below(const char *path)
{
    size_t length = strlen(control->root);
    return strncmp(path, control->root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int of_descriptor(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static int concerns(int folder, const char *path)
{
    char whole[2 * PATH_MAX], start[PATH_MAX];
    int before = errno, found;
    if (path[0] == '/')
        return is_below(path);
    if (folder == AT_FDCWD ? !getcwd(start, sizeof start) : !of_descriptor(folder, start))
        return 0;
    snprintf(whole, sizeof whole, "%s/%s", start, path);
    found = is_below(whole);
    errno = before;
    return found;
}

static int concerns_fd(int fd)
{
    char path[PATH_MAX];
    int before = errno, found = of_descriptor(fd, path) && is_below(path);
    errno = before;
    return found;
}

/* Counts a call that concerns the folder, and says what becomes of it. */
static enum fate fate(enum kind kind)
{
    long number = __sync_add_and_fetch(&control->calls[kind], 1);
    if ((int)kind != control->kind)
        return GO;
    if (control->action == ENOSPC_ON && number >= control->nth) {
        errno = ENOSPC;
        return FAIL;
    }
    if (number != control->nth)
        return GO;
    switch (control->action) {
    case EIO_ONCE:
        errno = EIO;
        return FAIL;
    case SHORT:
        return HALF;
    case KILL_BEFORE:
        kill(getpid(), SIGKILL);
        return GO;
    case KILL_AFTER:
        return DIE_AFTER;
    default:
        return GO;
    }
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define WHEN(concerned, kind) (control && control->armed && (concerned) ? fate(kind) : GO)

/* An int function: what becomes of it is decided before, and the process may end after it. */
#define PASS(decided, call) \
    do { \
        enum fate fate_ = (decided); \
        if (fate_ == FAIL) \
            return -1; \
        int result_ = (call); \
        if (fate_ == DIE_AFTER) \
            kill(getpid(), SIGKILL); \
        return result_; \
    } while (0)

static enum kind opening(int flags) { return flags & O_CREAT ? CREATE : OPEN; }

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

#define OPENS(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(int, name, const char *, int, mode_t); \
        MODE(flags) \
        PASS(WHEN(concerns(AT_FDCWD, path), opening(flags)), real(path, flags, mode)); \
    }

#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) \
    { \
        REAL(int, name, int, const char *, int, mode_t); \
        MODE(flags) \
        PASS(WHEN(concerns(folder, path), opening(flags)), real(folder, path, flags, mode)); \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

int __open_2(const char *path, int flags) { return open(path, flags); }
int __open64_2(const char *path, int flags) { return open64(path, flags); }

/* A folder that is listed. */
DIR *opendir(const char *path)
{
    REAL(DIR *, opendir, const char *);
    enum fate decided = WHEN(concerns(AT_FDCWD, path), OPEN);
    int error = errno;
    DIR *opened = decided == FAIL ? NULL : real(path);
    if (decided == DIE_AFTER)
        kill(getpid(), SIGKILL);
    if (decided == FAIL)
        errno = error;
    return opened;
}

/* A look at a path. What C libraries before 2.33 called has the version of the structure first. */

#define LOOKS(name, structure) \
    int name(const char *path, struct structure *found) \
    { \
        REAL(int, name, const char *, struct structure *); \
        PASS(WHEN(concerns(AT_FDCWD, path), STAT), real(path, found)); \
    }

#define LOOKS_BY_VERSION(name, structure) \
    int name(int version, const char *path, struct structure *found) \
    { \
        REAL(int, name, int, const char *, struct structure *); \
        PASS(WHEN(concerns(AT_FDCWD, path), STAT), real(version, path, found)); \
    }

#define LOOKS_AT(name, structure) \
    int name(int folder, const char *path, struct structure *found, int flags) \
    { \
        REAL(int, name, int, const char *, struct structure *, int); \
        PASS(WHEN(path[0] && concerns(folder, path), STAT), real(folder, path, found, flags)); \
    }

LOOKS(stat, stat)
LOOKS(lstat, stat)
LOOKS(stat64, stat64)
LOOKS(lstat64, stat64)
LOOKS_AT(fstatat, stat)
LOOKS_AT(fstatat64, stat64)
LOOKS_BY_VERSION(__xstat, stat)
LOOKS_BY_VERSION(__lxstat, stat)
LOOKS_BY_VERSION(__xstat64, stat64)
LOOKS_BY_VERSION(__lxstat64, stat64)

int __fxstatat64(int version, int folder, const char *path, struct stat64 *found, int flags)
{
    REAL(int, __fxstatat64, int, int, const char *, struct stat64 *, int);
    PASS(WHEN(path[0] && concerns(folder, path), STAT), real(version, folder, path, found, flags));
}

int fsync(int fd)
{
    REAL(int, fsync, int);
    PASS(WHEN(concerns_fd(fd), FSYNC), real(fd));
}

int fdatasync(int fd)
{
    REAL(int, fdatasync, int);
    PASS(WHEN(concerns_fd(fd), FSYNC), real(fd));
}

/* As on Linux, a descriptor whose close fails is closed. */
int close(int fd)
{
    REAL(int, close, int);
    enum fate decided = WHEN(concerns_fd(fd), CLOSE);
    int error = errno, result = real(fd);
    if (decided == DIE_AFTER)
        kill(getpid(), SIGKILL);
    if (decided == FAIL) {
        errno = error;
        return -1;
    }
    return result;
}

int link(const char *from, const char *to)
{
    REAL(int, link, const char *, const char *);
    PASS(WHEN(concerns(AT_FDCWD, to), LINK), real(from, to));
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    REAL(int, linkat, int, const char *, int, const char *, int);
    PASS(WHEN(concerns(to_folder, to), LINK), real(from_folder, from, to_folder, to, flags));
}

int rename(const char *from, const char *to)
{
    REAL(int, rename, const char *, const char *);
    PASS(WHEN(concerns(AT_FDCWD, to), RENAME), real(from, to));
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    REAL(int, renameat, int, const char *, int, const char *);
    PASS(WHEN(concerns(to_folder, to), RENAME), real(from_folder, from, to_folder, to));
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    REAL(int, renameat2, int, const char *, int, const char *, unsigned);
    PASS(WHEN(concerns(to_folder, to), RENAME), real(from_folder, from, to_folder, to, flags));
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, mkdir, const char *, mode_t);
    PASS(WHEN(concerns(AT_FDCWD, path), MKDIR), real(path, mode));
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    REAL(int, mkdirat, int, const char *, mode_t);
    PASS(WHEN(concerns(folder, path), MKDIR), real(folder, path, mode));
}

int unlink(const char *path)
{
    REAL(int, unlink, const char *);
    PASS(WHEN(concerns(AT_FDCWD, path), UNLINK), real(path));
}

int unlinkat(int folder, const char *path, int flags)
{
    REAL(int, unlinkat, int, const char *, int);
    PASS(WHEN(concerns(folder, path), UNLINK), real(folder, path, flags));
}

int rmdir(const char *path)
{
    REAL(int, rmdir, const char *);
    PASS(WHEN(concerns(AT_FDCWD, path), UNLINK), real(path));
}

#define MOVES(kind, decided, call) \
    do { \
        enum fate fate_ = (decided); \
        if (fate_ == FAIL) \
            return -1; \
        if (fate_ == HALF && size > 1) \
            size /= 2; \
        ssize_t result_ = (call); \
        if (fate_ == DIE_AFTER) \
            kill(getpid(), SIGKILL); \
        return result_; \
    } while (0)

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, write, int, const void *, size_t);
    MOVES(WRITE, WHEN(concerns_fd(fd), WRITE), real(fd, data, size));
}

ssize_t read(int fd, void *data, size_t size)
{
    REAL(ssize_t, read, int, void *, size_t);
    MOVES(READ, WHEN(concerns_fd(fd), READ), real(fd, data, size));
}

#define READS_AT(name, offset_type) \
    ssize_t name(int fd, void *data, size_t size, offset_type from) \
    { \
        REAL(ssize_t, name, int, void *, size_t, offset_type); \
        MOVES(READ, WHEN(concerns_fd(fd), READ), real(fd, data, size, from)); \
    }

#define WRITES_AT(name, offset_type) \
    ssize_t name(int fd, const void *data, size_t size, offset_type to) \
    { \
        REAL(ssize_t, name, int, const void *, size_t, offset_type); \
        MOVES(WRITE, WHEN(concerns_fd(fd), WRITE), real(fd, data, size, to)); \
    }

READS_AT(pread, off_t)
READS_AT(pread64, off64_t)
WRITES_AT(pwrite, off_t)
WRITES_AT(pwrite64, off64_t)

ssize_t __read_chk(int fd, void *data, size_t size, size_t room)
{
    if (size > room)
        abort();
    return read(fd, data, size);
}

ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t from, size_t room)
{
    if (size > room)
        abort();
    return pread64(fd, data, size, from);
}
