/* Credentials and files of a fetch. Nothing here opens a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/http/fetch_priv.h"
#include "tests/unit/folder.h"

static const char *const no_hosts[] = {NULL};

/* ---- files and folders of the tests --------------------------------------------------------------------------- */

struct dir {
    struct folder folder;
    struct loop *loop;
};

static int
setup(void **state)
{
    struct dir *d = calloc(1, sizeof *d);

    folder_make(&d->folder);
    assert_int_equal(loop_new(&d->loop, NULL), RES_OK);
    *state = d;
    return 0;
}

static int
teardown(void **state)
{
    struct dir *d = *state;

    loop_free(d->loop);
    folder_remove(&d->folder);
    free(d);
    return 0;
}

static const char *
in(const struct dir *d, const char *name)
{
    return folder_in(&d->folder, name);
}

/* ---- credentials ---------------------------------------------------------------------------------------------- */

static enum res
with_credentials(const struct dir *d, struct str text, mode_t mode, struct policy *p, struct err *e)
{
    struct fetch_opts o = {.allow = no_hosts, .credentials_file = in(d, "cred")};

    folder_write(&d->folder, "cred", text, mode);
    return policy_init(p, &o, e);
}

static void
credentials_to_their_host_alone(void **state)
{
    static const struct {
        const char *host;
        unsigned port;
        bool https;
        const char *want;
    } row[] = {
        {"docs.go.id", 443, true, "Authorization: Bearer one|X-Key: two|"},
        {"docs.go.id", 443, false, ""},
        {"docs.go.id", 80, false, ""},
        {"docs.go.id", 8443, true, ""},
        {"a.docs.go.id", 443, true, ""},
        {"go.id", 443, true, ""},
        {"store.go.id", 8080, true, "Authorization: Basic dGhyZWU=|"},
        {"store.go.id", 8080, false, "Authorization: Basic dGhyZWU=|"},
        {"store.go.id", 443, true, ""},
        {"[::1]", 9, true, "X: y|"},
    };
    struct policy p;
    struct err e = {0};

    assert_int_equal(with_credentials(*state,
                                      STR("# a comment\n\nDocs.go.id\tAuthorization: Bearer one\r\n"
                                          "store.go.id:8080\tAuthorization: Basic dGhyZWU=\n"
                                          "docs.go.id\tX-Key: two\n[0::1]:9\tX: y"),
                                      0600, &p, &e),
                     RES_OK);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct target t = {.host = str_dup(str_of(row[i].host)), .port = row[i].port, .https = row[i].https};
        const char **headers = policy_headers(&p, &t);
        char got[256] = "";

        for (const char **h = headers; *h; h++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s|", *h);
        assert_string_equal(got, row[i].want);
        free(headers);
        target_free(&t);
    }
    policy_free(&p);
}

static void
bad_credentials_say_the_line_and_no_more(void **state)
{
    static const char *const bad[] = {
        "secret.id X: secret",
        "secret.id\t",
        "\tX: secret",
        "secret.id\tsecret",
        "secret.id\t: secret",
        "secret.id\tX :secret",
        "secret.id\tX: ",
        "*.secret.id\tX: secret",
        "https://secret.id\tX: secret",
        "secret.id.\tX: secret",
        "secret.id\tX: se\x01"
        "cret",
        "secret.id\tX: a\tsecret",
        "secret.id/x\tX: secret",
    };
    char text[128];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct policy p;
        struct err e = {0};

        snprintf(text, sizeof text, "good.id\tX: y\n%s\n", bad[i]);
        if (with_credentials(*state, str_of(text), 0600, &p, &e) != RES_FATAL)
            fail_msg("taken: '%s'", bad[i]);
        assert_non_null(strstr(e.text, "line 2"));
        assert_null(strstr(e.text, "secret"));
        policy_free(&p);
    }
}

static void
credentials_are_their_owners_alone(void **state)
{
    static const struct {
        mode_t mode;
        enum res want;
    } row[] = {{0600, RES_OK},    {0400, RES_OK},    {0640, RES_FATAL}, {0604, RES_FATAL},
               {0620, RES_FATAL}, {0601, RES_FATAL}, {0666, RES_FATAL}};
    struct dir *d = *state;
    struct policy p;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct err e = {0};

        unlink(in(d, "cred"));
        assert_int_equal(with_credentials(d, STR("a.id\tX: y\n"), row[i].mode, &p, &e), row[i].want);
        assert_int_equal(strstr(e.text, "0600") != NULL, row[i].want == RES_FATAL);
        policy_free(&p);
    }
}

static void
credentials_that_are_no_file(void **state)
{
    struct dir *d = *state;
    struct fetch_opts o = {.allow = no_hosts, .credentials_file = in(d, "cred")};
    struct buf big = buf_make(1 << 20);
    struct policy p;

    assert_int_equal(policy_init(&p, &o, NULL), RES_FATAL); /* none there */
    policy_free(&p);
    assert_int_equal(mkfifo(o.credentials_file, 0600), 0);
    assert_int_equal(policy_init(&p, &o, NULL), RES_FATAL); /* and not waited for */
    policy_free(&p);
    unlink(o.credentials_file);
    assert_int_equal(mkdir(o.credentials_file, 0700), 0);
    assert_int_equal(policy_init(&p, &o, NULL), RES_FATAL);
    policy_free(&p);
    rmdir(o.credentials_file);
    assert_int_equal(with_credentials(d, STR("a.id\tX: y\0z\n"), 0600, &p, NULL), RES_FATAL);
    policy_free(&p);
    while (big.n < 70000)
        buf_z(&big, "a.id\tX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n");
    assert_int_equal(with_credentials(d, buf_view(&big), 0600, &p, NULL), RES_FATAL);
    policy_free(&p);
    buf_free(&big);
    assert_int_equal(with_credentials(d, STR(""), 0600, &p, NULL), RES_OK);
    policy_free(&p);
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

struct got {
    struct buf body;
    size_t largest;
    unsigned pieces;
    unsigned stop_at; /* says stop at this piece; 0 = never */
    int times;
    struct fetch_end end;
    char why[256];
};

static bool
on_chunk(void *arg, struct str bytes)
{
    struct got *g = arg;

    buf_str(&g->body, bytes);
    g->largest = bytes.n > g->largest ? bytes.n : g->largest;
    return ++g->pieces != g->stop_at;
}

static void
on_done(void *arg, const struct fetch_end *end)
{
    struct got *g = arg;

    g->times++;
    g->end = *end;
    snprintf(g->why, sizeof g->why, "%s", end->why);
    g->end.why = g->why;
}

static enum res
start(struct fetch *f, const char *url, size_t max, struct got *g)
{
    struct fetch_request req = {.url = url, .max = max, .chunk = on_chunk, .done = on_done, .arg = g};
    enum res res;

    g->body = buf_make(1 << 20);
    res = fetch_start(f, &req, NULL);
    assert_int_equal(g->times, 0);
    return res;
}

static void
await(struct loop *loop, const struct got *g)
{
    int64_t end = clk_mono_ms() + 10000;

    while (!g->times && clk_mono_ms() < end)
        loop_turn(loop, 10);
    assert_int_equal(g->times, 1);
}

static struct fetch *
files_below(const struct dir *d, const char *name)
{
    struct fetch_opts o = {.loop = d->loop, .allow = no_hosts, .file_root = in(d, name)};
    struct fetch *f;
    struct err e = {0};

    if (fetch_new(&o, &f, &e))
        fail_msg("%s", e.text);
    return f;
}

/* The fate of file://<dir>/<path>; -1 when it was refused before it began. */
static int
fate_of(const struct dir *d, struct fetch *f, const char *path, size_t max, struct got *g)
{
    char url[512];

    *g = (struct got){0};
    snprintf(url, sizeof url, "file://%s/%s", d->folder.path, path);
    if (start(f, url, max, g))
        return -1;
    await(d->loop, g);
    assert_int_equal(g->end.code, 0);
    assert_int_equal(g->end.retry_after_s, -1);
    assert_int_equal(g->why[0] == '\0', g->end.fate == FETCH_OK);
    assert_null(strstr(g->why, "a.pdf"));
    return (int)g->end.fate;
}

static void
make_tree(const struct dir *d)
{
    assert_int_equal(mkdir(in(d, "root"), 0700), 0);
    assert_int_equal(mkdir(in(d, "root/in"), 0700), 0);
    assert_int_equal(mkdir(in(d, "rootless"), 0700), 0);
    folder_write(&d->folder, "root/in/a.pdf", STR("0123456789"), 0600);
    folder_write(&d->folder, "root/empty", STR(""), 0600);
    folder_write(&d->folder, "outside", STR("secret"), 0600);
    folder_write(&d->folder, "rootless/x", STR("secret"), 0600);
    assert_int_equal(symlink("in/a.pdf", in(d, "root/link")), 0);
    assert_int_equal(symlink("../outside", in(d, "root/out")), 0);
    assert_int_equal(symlink("in", in(d, "root/folder")), 0);
    assert_int_equal(symlink("..", in(d, "root/up")), 0);
    assert_int_equal(mkfifo(in(d, "root/fifo"), 0600), 0);
    assert_int_equal(symlink("root", in(d, "alias")), 0);
}

static void
files_below_the_folder_only(void **state)
{
    static const struct {
        const char *path;
        size_t max;
        int want; /* -1 = before it began */
    } row[] = {
        {"root/in/a.pdf", 10, FETCH_OK},
        {"root/in/a.pdf", 9, FETCH_TOO_LARGE},
        {"root/in/a.pdf", 0, FETCH_TOO_LARGE},
        {"root/empty", 0, FETCH_OK},
        {"root/in/%61.pdf", 10, FETCH_OK},
        {"root//in/./a.pdf", 10, FETCH_OK},
        {"root/in/a.pdf#x", 10, FETCH_OK},
        {"root/in/a.pdf?x", 10, -1},
        {"root/none", 10, FETCH_NOT_FOUND},
        {"root/in/none/x", 10, FETCH_NOT_FOUND},
        {"root/in", 10, FETCH_REFUSED},
        {"root/in/", 10, FETCH_REFUSED},
        {"root/in/.", 10, FETCH_REFUSED},
        {"root/in/a.pdf/", 10, FETCH_REFUSED},
        {"root/in/a.pdf/x", 10, FETCH_REFUSED},
        {"root/link", 10, FETCH_REFUSED},
        {"root/out", 10, FETCH_REFUSED},
        {"root/folder/a.pdf", 10, FETCH_REFUSED},
        {"root/up/outside", 10, FETCH_REFUSED},
        {"root/fifo", 10, FETCH_REFUSED},
        {"root/../outside", 10, -1},
        {"root/%2e%2e/outside", 10, FETCH_REFUSED},
        {"root/in/%2e%2e/%2e%2e/outside", 10, FETCH_REFUSED},
        {"root/..%2foutside", 10, FETCH_REFUSED},
        {"root/in/%2e%2e", 10, FETCH_REFUSED},
        {"root/in/../in/a.pdf", 10, FETCH_OK},
        {"root/in/%2e%2e/in/a.pdf", 10, FETCH_REFUSED},
        {"outside", 10, -1},
        {"rootless/x", 10, -1},
        {"root", 10, -1},
        {"root/", 10, -1},
        {"root/in/a.pdf%00", 10, -1},
        {"root/in/a.pdf%00.txt", 10, -1},
        {"alias/in/a.pdf", 10, -1},
        {"root%2fin/a.pdf", 10, FETCH_OK},
    };
    struct dir *d = *state;
    struct got g;
    struct fetch *f;

    make_tree(d);
    f = files_below(d, "root");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int got = fate_of(d, f, row[i].path, row[i].max, &g);

        if (got != row[i].want)
            fail_msg("%s: fate %d (%s), should be %d", row[i].path, got, g.why, row[i].want);
        if (got == FETCH_OK && strstr(row[i].path, "in"))
            assert_string_equal(g.body.p, "0123456789");
        assert_int_equal(got == -1 ? 0 : g.end.bytes, g.body.n);
        if (got != FETCH_OK)
            assert_int_equal(g.body.n, 0);
        buf_free(&g.body);
    }
    fetch_free(f);
}

/* The operator may name the folder by a link; addresses may then name it either way. */
static void
folder_given_by_a_link(void **state)
{
    struct dir *d = *state;
    struct fetch *f;
    struct got g;

    make_tree(d);
    f = files_below(d, "alias/");
    assert_int_equal(fate_of(d, f, "alias/in/a.pdf", 10, &g), FETCH_OK);
    buf_free(&g.body);
    assert_int_equal(fate_of(d, f, "root/in/a.pdf", 10, &g), FETCH_OK);
    buf_free(&g.body);
    fetch_free(f);
}

static void
bad_folders(void **state)
{
    static const char *const bad[] = {"none", "outside", "/", "//", "common", ""};
    struct dir *d = *state;

    make_tree(d);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fetch_opts o = {.file_root = i < 2 ? in(d, bad[i]) : bad[i]};
        struct policy p;

        if (policy_init(&p, &o, NULL) != RES_FATAL)
            fail_msg("taken: '%s'", o.file_root);
        policy_free(&p);
    }
}

static void
unreadable_is_denied(void **state)
{
    struct dir *d = *state;
    struct fetch *f;
    struct got g;

    if (!geteuid())
        skip(); /* to root nothing is unreadable */
    make_tree(d);
    f = files_below(d, "root");
    assert_int_equal(chmod(in(d, "root/in/a.pdf"), 0), 0);
    assert_int_equal(fate_of(d, f, "root/in/a.pdf", 10, &g), FETCH_DENIED);
    fetch_free(f);
}

static void
large_files_in_pieces_one_after_the_other(void **state)
{
    enum { SIZE = 150000 };
    struct dir *d = *state;
    struct buf big = buf_make(SIZE);
    struct got g[2] = {{.stop_at = 0}, {.stop_at = 2}};
    struct fetch *f;
    char url[512];

    for (int i = 0; i < SIZE; i++)
        buf_char(&big, (char)(i * 7 % 251));
    make_tree(d);
    folder_write(&d->folder, "root/big", buf_view(&big), 0600);
    f = files_below(d, "root");
    snprintf(url, sizeof url, "file://%s/root/big", d->folder.path);
    for (int i = 0; i < 2; i++)
        assert_int_equal(start(f, url, SIZE, &g[i]), RES_OK);
    await(d->loop, &g[0]);
    assert_int_equal(g[1].pieces, 0);
    await(d->loop, &g[1]);
    assert_int_equal(g[0].end.fate, FETCH_OK);
    assert_int_equal(g[0].end.bytes, SIZE);
    assert_int_equal(g[0].largest, FETCH_PIECE);
    assert_int_equal(g[0].pieces, 3);
    assert_true(str_eq(buf_view(&g[0].body), buf_view(&big)));
    assert_int_equal(g[1].end.fate, FETCH_STOPPED);
    assert_int_equal(g[1].end.bytes, 2 * FETCH_PIECE);
    for (int i = 0; i < 2; i++)
        buf_free(&g[i].body);
    buf_free(&big);
    fetch_free(f);
}

/* Longer than it was when it was opened: the count holds. */
static void
growing_file(void **state)
{
    struct dir *d = *state;
    static char zeros[FETCH_PIECE + 10];
    struct fetch *f;
    struct got g = {0};
    char url[512];
    int fd;

    make_tree(d);
    folder_write(&d->folder, "root/big", (struct str){zeros, FETCH_PIECE + 10}, 0600);
    f = files_below(d, "root");
    snprintf(url, sizeof url, "file://%s/root/big", d->folder.path);
    assert_int_equal(start(f, url, FETCH_PIECE + 20, &g), RES_OK);
    while (!g.pieces)
        loop_turn(d->loop, 10);
    fd = open(in(d, "root/big"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, zeros, 100), 100);
    close(fd);
    await(d->loop, &g);
    assert_int_equal(g.end.fate, FETCH_TOO_LARGE);
    assert_int_equal(g.end.bytes, FETCH_PIECE);
    buf_free(&g.body);
    fetch_free(f);
}

static void
free_drops_files_without_a_word(void **state)
{
    struct dir *d = *state;
    struct fetch *f;
    struct got g[3] = {{.times = 0}};
    char url[512];

    make_tree(d);
    folder_write(&d->folder, "root/big", (struct str){(char[FETCH_PIECE]){0}, FETCH_PIECE}, 0600);
    f = files_below(d, "root");
    snprintf(url, sizeof url, "file://%s/root/big", d->folder.path);
    for (int i = 0; i < 3; i++)
        assert_int_equal(start(f, url, FETCH_PIECE, &g[i]), RES_OK);
    while (!g[0].pieces)
        loop_turn(d->loop, 10);
    fetch_free(f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(g[i].times, 0);
        buf_free(&g[i].body);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(credentials_to_their_host_alone),
        T(bad_credentials_say_the_line_and_no_more),
        T(credentials_are_their_owners_alone),
        T(credentials_that_are_no_file),
        T(files_below_the_folder_only),
        T(folder_given_by_a_link),
        T(bad_folders),
        T(unreadable_is_denied),
        T(large_files_in_pieces_one_after_the_other),
        T(growing_file),
        T(free_drops_files_without_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
