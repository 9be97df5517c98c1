/* peer: sockets on this machine, for tests that speak TCP themselves. Include after cmocka.h. */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket bound to `ip` (INADDR_LOOPBACK) and a port, 0 = any free one; nobody listens yet. */
static inline int
peer_bind(uint32_t ip, unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(ip);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static inline int
peer_listen(uint32_t ip, unsigned port)
{
    int fd = peer_bind(ip, port);

    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static inline unsigned
peer_port(int fd)
{
    struct sockaddr_in at;
    socklen_t n = sizeof at;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    return ntohs(at.sin_port);
}

/* A connection to `ip`, which does not block from then on. */
static inline int
peer_dial(uint32_t ip, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(ip);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* The port at the other end of a connection. */
static inline unsigned
peer_port_of(int fd)
{
    struct sockaddr_in at;
    socklen_t n = sizeof at;

    assert_int_equal(getpeername(fd, (struct sockaddr *)&at, &n), 0);
    return ntohs(at.sin_port);
}

#endif
