/*
 * An open loop: requests leave at fixed times whether or not earlier ones are answered, so that a pause of the server
 * shows in the latency of every request that fell into it. One thread, one epoll, kept connections that are opened again
 * when they end.
 *
 * usage: open_load rate  port=N host=H path=/P connections=N rate=R [hosts=N]
 *        open_load watch port=N host=H path=/P connections=N every_us=N
 *   rate    sends R requests per second. With `hosts`, H holds %05d, which runs from 0 to N - 1. Lines on standard input:
 *           "on" and "off" begin and end a stretch; "report" prints what was measured in all stretches since the last
 *           report as one JSON object.
 *   watch   asks on every connection, again every `every_us` after each answer. A line TEXT on standard input: prints the
 *           microseconds until every connection has had an answer with the body TEXT, and none with another body after.
 *           The line is read before any answer that follows it.
 * Both end with standard input. A request on a kept connection that ends before the first byte of an answer is sent again,
 * as RFC 9112 (9.3.1) has it for requests like these; its time counts from the beginning. So is one on a connection that had
 * waited for its first request. A request fails when a connection ends within an answer, or before one when it was new, when
 * it is not answered with 200, or not within 20 s.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define MAX_WAITING 65536
#define MAX_ANSWER 16384
#define LIMIT_NS 20000000000ull
#define RETRY_NS 1000000ull
#define KEPT_NS 2000000ull

enum state { CLOSED, CONNECTING, IDLE, ASKED };

struct connection {
  int fd;
  enum state state;
  uint64_t due;   /* of the request under way: when it was to leave */
  uint64_t sent;  /* when it left */
  uint64_t next;  /* watch: when the next one leaves; closed: when it is opened again */
  size_t size;
  int kept;       /* it had an answer, or waited, before the request under way */
  int matches;    /* watch: the last answer had the body that is waited for */
  char answer[MAX_ANSWER];
};

static struct connection connections[MAX_CONNECTIONS];
static int count = 16, port, watching, hosts;
static const char *host = "localhost", *path = "/";
static double rate = 100;
static uint64_t every = 5000000;
static int loop;

static uint64_t waiting[MAX_WAITING];
static unsigned first_waiting, last_waiting;

static uint64_t *latencies;
static size_t answered, room;
static uint64_t failed, longest_gap, last_answer, stretch_start, measured;
static uint64_t repeated;
static int measuring;

static char wanted[256];
static uint64_t wanted_since;
static unsigned asked_hosts;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void end(struct connection *connection, uint64_t time) {
  if (connection->state == ASKED) {
    int again = connection->kept && connection->size == 0 && time - connection->sent <= LIMIT_NS;
    if (again && !watching) waiting[--first_waiting % MAX_WAITING] = connection->due;
    repeated += measuring && again;
    failed += measuring && !again;
    connection->matches = 0;
  }
  if (connection->fd >= 0) close(connection->fd);
  connection->fd = -1;
  connection->state = CLOSED;
  connection->next = time + RETRY_NS;
}

static void begin(struct connection *connection, uint64_t time) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  connection->state = CONNECTING;
  connection->size = 0;
  connection->kept = 0;
  connection->sent = time;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
  epoll_ctl(loop, EPOLL_CTL_ADD, connection->fd, &event);
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    end(connection, time);
}

static void ask(struct connection *connection, uint64_t due, uint64_t time) {
  char name[256], request[1024];
  if (hosts > 0) snprintf(name, sizeof name, host, (int)(asked_hosts++ % hosts));
  else snprintf(name, sizeof name, "%s", host);
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, name);
  connection->state = ASKED;
  connection->kept |= time > connection->next + KEPT_NS;
  connection->due = due;
  connection->sent = time;
  connection->size = 0;
  if (send(connection->fd, request, length, MSG_NOSIGNAL) != length) end(connection, time);
}

static void keep(uint64_t latency) {
  if (answered == room) {
    room = room ? room * 2 : 65536;
    latencies = realloc(latencies, room * sizeof *latencies);
  }
  latencies[answered++] = latency;
}

static void took(struct connection *connection, uint64_t time, const char *body, size_t size) {
  int good = memcmp(connection->answer, "HTTP/1.1 200", 12) == 0;
  if (measuring && !good) failed++;
  if (measuring && good) {
    keep(time - connection->due);
    if (time - last_answer > longest_gap) longest_gap = time - last_answer;
    last_answer = time;
  }
  connection->matches = good && size == strlen(wanted) && memcmp(body, wanted, size) == 0;
  connection->state = IDLE;
  connection->kept = 1;
  connection->next = time + every;
}

/* Reads what came; true when the answer is whole. */
static void readable(struct connection *connection, uint64_t time) {
  for (;;) {
    if (connection->size >= MAX_ANSWER - 1) {
      /* Only the head and the first bytes are of interest. */
      fprintf(stderr, "an answer is too long\n");
      exit(1);
    }
    ssize_t got = recv(connection->fd, connection->answer + connection->size, MAX_ANSWER - 1 - connection->size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return end(connection, time);
    connection->size += got;
    connection->answer[connection->size] = 0;
    char *body = strstr(connection->answer, "\r\n\r\n");
    if (body == NULL || connection->state != ASKED) continue;
    body += 4;
    char *field = strcasestr(connection->answer, "\r\ncontent-length:");
    size_t length = field != NULL && field < body ? strtoul(field + 17, NULL, 10) : 0;
    if (connection->size - (body - connection->answer) < length) continue;
    char *closes = strcasestr(connection->answer, "\r\nconnection: close");
    int last = closes != NULL && closes < body;
    took(connection, time, body, length);
    if (last) return end(connection, time);
  }
}

static int ascending(const void *one, const void *other) {
  uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
  return a < b ? -1 : a > b;
}

static double quantile(double share) {
  if (answered == 0) return 0;
  size_t index = (size_t)(share * answered);
  return latencies[index < answered ? index : answered - 1] / 1000.0;
}

static void begin_stretch(uint64_t time) {
  measuring = 1;
  stretch_start = last_answer = time;
}

static void end_stretch(uint64_t time) {
  if (!measuring) return;
  measuring = 0;
  measured += time - stretch_start;
  if (time - last_answer > longest_gap) longest_gap = time - last_answer;
}

static void report(void) {
  qsort(latencies, answered, sizeof *latencies, ascending);
  printf("{\"seconds\":%.6f,\"answered\":%zu,\"failed\":%llu,\"repeated\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
         "\"longest_gap_us\":%.1f}\n",
         measured / 1e9, answered, (unsigned long long)failed, (unsigned long long)repeated, quantile(0.5), quantile(0.99),
         quantile(0.999), quantile(1),
         longest_gap / 1000.0);
  fflush(stdout);
  answered = failed = repeated = longest_gap = measured = 0;
}

static void command(const char *text, uint64_t time) {
  if (!watching) {
    if (!strcmp(text, "on")) begin_stretch(time);
    else if (!strcmp(text, "off")) end_stretch(time);
    else report();
    return;
  }
  size_t size = strlen(text);
  if (size >= sizeof wanted) exit(2);
  memcpy(wanted, text, size + 1);
  wanted_since = time;
  for (int index = 0; index < count; index++) connections[index].matches = 0;
}

static void line(uint64_t time) {
  static char text[512];
  static size_t size;
  ssize_t got = read(0, text + size, sizeof text - 1 - size);
  if (got <= 0) exit(0);
  size += got;
  text[size] = 0;
  char *newline;
  while ((newline = strchr(text, '\n')) != NULL) {
    *newline = 0;
    command(text, time);
    size -= newline + 1 - text;
    memmove(text, newline + 1, size + 1);
  }
}

static void read_arguments(int argc, char **argv) {
  watching = argc > 1 && strcmp(argv[1], "watch") == 0;
  for (int index = 2; index < argc; index++) {
    char *value = strchr(argv[index], '=');
    if (value == NULL) exit(2);
    *value++ = 0;
    if (!strcmp(argv[index], "port")) port = atoi(value);
    else if (!strcmp(argv[index], "host")) host = value;
    else if (!strcmp(argv[index], "path")) path = value;
    else if (!strcmp(argv[index], "connections")) count = atoi(value);
    else if (!strcmp(argv[index], "rate")) rate = atof(value);
    else if (!strcmp(argv[index], "hosts")) hosts = atoi(value);
    else if (!strcmp(argv[index], "every_us")) every = strtoull(value, NULL, 10) * 1000;
    else exit(2);
  }
  if (count < 1 || count > MAX_CONNECTIONS || rate <= 0) exit(2);
}

int main(int argc, char **argv) {
  read_arguments(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1);
  loop = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(loop, EPOLL_CTL_ADD, 0, &input);
  uint64_t start = now();
  for (int index = 0; index < count; index++) connections[index].fd = -1;
  for (int index = 0; index < count; index++) begin(&connections[index], start);
  uint64_t step = (uint64_t)(1e9 / rate), due = start + 200000000ull;
  int turn = 0;
  for (;;) {
    uint64_t time = now();
    if (!watching)
      for (; due <= time; due += step) {
        if (last_waiting - first_waiting == MAX_WAITING) failed += measuring;
        else waiting[last_waiting++ % MAX_WAITING] = due;
      }
    int matching = 0;
    for (int index = 0; index < count; index++) {
      struct connection *connection = &connections[(turn + index) % count];
      if (connection->state == CLOSED && time >= connection->next) begin(connection, time);
      if ((connection->state == ASKED || connection->state == CONNECTING) && time - connection->sent > LIMIT_NS)
        end(connection, time);
      if (connection->state == IDLE && watching && time >= connection->next) ask(connection, time, time);
      if (connection->state == IDLE && !watching && first_waiting != last_waiting)
        ask(connection, waiting[first_waiting++ % MAX_WAITING], time);
      matching += connection->matches;
    }
    turn = (turn + 1) % count;
    if (watching && wanted_since && matching == count) {
      printf("%.1f\n", (time - wanted_since) / 1000.0);
      fflush(stdout);
      wanted_since = 0;
    }
    struct epoll_event events[256];
    uint64_t pause = watching ? 500000 : due > time ? due - time : 0;
    if (pause > 1000000) pause = 1000000;
    struct timespec wait = {.tv_nsec = (long)pause};
    int ready = epoll_pwait2(loop, events, 256, &wait, NULL);
    time = now();
    for (int index = 0; index < ready; index++)
      if (events[index].data.ptr == NULL) line(time);
    for (int index = 0; index < ready; index++) {
      struct connection *connection = events[index].data.ptr;
      if (connection == NULL || connection->state == CLOSED) continue;
      if (connection->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0 || (events[index].events & (EPOLLHUP | EPOLLERR))) {
          end(connection, time);
          continue;
        }
        if (!(events[index].events & EPOLLOUT)) continue;
        connection->state = IDLE;
        connection->next = time;
      }
      if (events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) readable(connection, time);
    }
  }
}
