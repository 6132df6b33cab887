/*
 * What wrk cannot do: a new connection for every request, with TLS in full or resumed, and many connections that stay
 * idle. One thread, one epoll.
 *
 * usage: load_client MODE port=N host=NAME path=/P body=BYTES connections=N [tls=1.3] [resume=1] [name=SNI]
 *   renew   each of the connections sends one request with "Connection: close", reads to the end of the connection, and
 *           opens the next one, until standard input ends. Then prints one JSON object.
 *   hold    opens the connections, at most 64 at a time, with one request on each, and prints "open N failed N". A line
 *           on standard input sends one request on up to 100 of them and prints "answered N closed N"; the end of
 *           standard input ends the program.
 *   first   prints "ready"; on a line it connects every 0.2 ms until a request is answered with 200 and prints the
 *           milliseconds since that line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { CLOSED, CONNECTING, HANDSHAKE, READING, IDLE };

struct connection {
	int fd;
	enum state state;
	SSL *ssl;
	SSL_SESSION *session;
	uint64_t started;
	char head[2048]; /* the answer's head, from its first byte */
	size_t received;
	size_t total; /* of head and body, 0 until the head is complete */
};

#define STUCK_NS (10ull * 1000000000)
#define MAX_SAMPLES (8u << 20)
#define AT_ONCE 64
#define CHECKED 100

static const char *option_host = "localhost", *option_path = "/", *option_name = "localhost", *option_tls = "";
static int option_port, option_connections = 1, option_resume;
static long option_body;

static int renewing, poller;
static char request[1024];
static size_t request_length;
static SSL_CTX *tls_context;
static struct connection *connections;
static uint32_t *samples;
static uint64_t sample_count, answered, failed, resumed, handshakes;
static int opened, next_to_open;
static const char *last_failure = "";

static uint64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load_client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_connection(struct connection *one);

static void watch(struct connection *one, uint32_t events, int operation)
{
	struct epoll_event event = { .events = events, .data.ptr = one };
	if (epoll_ctl(poller, operation, one->fd, &event) < 0)
		die("epoll_ctl");
}

/* Closes one connection. In `renew` the next one is opened in its place, in `hold` the next of those that are missing. */
static void end_connection(struct connection *one, const char *failure)
{
	if (failure != NULL) {
		failed++;
		last_failure = failure;
	}
	if (one->ssl != NULL) {
		SSL_shutdown(one->ssl);
		SSL_free(one->ssl);
		one->ssl = NULL;
		ERR_clear_error();
	}
	close(one->fd);
	one->fd = -1;
	one->state = CLOSED;
	if (renewing)
		open_connection(one);
	else if (next_to_open < option_connections)
		open_connection(&connections[next_to_open++]);
}

static int remember_session(SSL *ssl, SSL_SESSION *session)
{
	struct connection *one = SSL_get_app_data(ssl);
	SSL_SESSION_free(one->session);
	one->session = session;
	return 1; /* the reference is ours now */
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int start_connect(int fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(option_port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static void open_connection(struct connection *one)
{
	one->fd = new_socket();
	one->state = CONNECTING;
	one->started = now_ns();
	one->received = one->total = 0;
	if (start_connect(one->fd) < 0 && errno != EINPROGRESS) {
		/* No second try in the same turn: a refused port would never let go. */
		last_failure = strerror(errno);
		failed++;
		close(one->fd);
		one->state = CLOSED;
		return;
	}
	watch(one, EPOLLOUT, EPOLL_CTL_ADD);
}

static void send_request(struct connection *one)
{
	one->received = one->total = 0;
	int sent = one->ssl != NULL ? SSL_write(one->ssl, request, request_length)
				    : (int)send(one->fd, request, request_length, MSG_NOSIGNAL);
	if (sent != (int)request_length) {
		end_connection(one, "request not sent");
		return;
	}
	one->state = READING;
	watch(one, EPOLLIN, EPOLL_CTL_MOD);
}

static void handshake(struct connection *one)
{
	int result = SSL_do_handshake(one->ssl);
	if (result == 1) {
		handshakes++;
		if (SSL_session_reused(one->ssl))
			resumed++;
		send_request(one);
		return;
	}
	int error = SSL_get_error(one->ssl, result);
	if (error == SSL_ERROR_WANT_READ)
		watch(one, EPOLLIN, EPOLL_CTL_MOD);
	else if (error == SSL_ERROR_WANT_WRITE)
		watch(one, EPOLLOUT, EPOLL_CTL_MOD);
	else
		end_connection(one, "handshake failed");
}

static void connected(struct connection *one)
{
	int error = 0;
	socklen_t length = sizeof(error);
	getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error != 0) {
		end_connection(one, strerror(error));
		return;
	}
	if (tls_context == NULL) {
		send_request(one);
		return;
	}
	one->ssl = SSL_new(tls_context);
	SSL_set_app_data(one->ssl, one);
	SSL_set_fd(one->ssl, one->fd);
	SSL_set_tlsext_host_name(one->ssl, option_name);
	if (option_resume && one->session != NULL)
		SSL_set_session(one->ssl, one->session);
	SSL_set_connect_state(one->ssl);
	one->state = HANDSHAKE;
	handshake(one);
}

/* Takes the length of the whole answer from its head. Returns 0 when the answer is not the one that is wanted. */
static int read_head(struct connection *one)
{
	char *end = memmem(one->head, one->received, "\r\n\r\n", 4);
	if (end == NULL)
		return one->received < sizeof(one->head);
	char *line = memmem(one->head, end - one->head, "HTTP/1.1 200", 12);
	char *length = strcasestr(one->head, "\r\ncontent-length:");
	if (line != one->head || length == NULL || length > end || strtol(length + 17, NULL, 10) != option_body)
		return 0;
	one->total = end + 4 - one->head + option_body;
	return 1;
}

static void complete(struct connection *one)
{
	answered++;
	if (sample_count < MAX_SAMPLES)
		samples[sample_count++] = (now_ns() - one->started) / 1000;
}

static void readable(struct connection *one)
{
	static char rest[65536];
	for (;;) {
		int in_head = one->total == 0;
		char *into = in_head ? one->head + one->received : rest;
		size_t room = in_head ? sizeof(one->head) - 1 - one->received : sizeof(rest);
		ssize_t length;
		int again, end;
		if (one->ssl != NULL) {
			length = SSL_read(one->ssl, into, room);
			int error = length > 0 ? 0 : SSL_get_error(one->ssl, length);
			again = error == SSL_ERROR_WANT_READ;
			end = !again && length <= 0;
		} else {
			length = recv(one->fd, into, room, 0);
			again = length < 0 && errno == EAGAIN;
			end = !again && length <= 0;
		}
		if (again)
			return;
		if (end) {
			ERR_clear_error();
			int whole = one->total != 0 && one->received == one->total;
			if (one->state == IDLE || !whole) {
				end_connection(one, "closed without a whole answer");
				return;
			}
			complete(one);
			end_connection(one, NULL);
			return;
		}
		one->received += length;
		if (in_head) {
			one->head[one->received] = 0;
			if (!read_head(one)) {
				end_connection(one, "unexpected answer");
				return;
			}
		}
		if (one->total != 0 && one->received > one->total) {
			end_connection(one, "answer too long");
			return;
		}
		if (!renewing && one->total != 0 && one->received == one->total) {
			complete(one);
			one->state = IDLE;
			opened++;
			if (next_to_open < option_connections)
				open_connection(&connections[next_to_open++]);
			return;
		}
		/* A socket that gave less than was asked for is empty: no second call to hear that. */
		if (one->ssl == NULL && (size_t)length < room)
			return;
	}
}

static void handle(struct connection *one)
{
	switch (one->state) {
	case CONNECTING:
		connected(one);
		break;
	case HANDSHAKE:
		handshake(one);
		break;
	case READING:
	case IDLE:
		readable(one);
		break;
	case CLOSED:
		break;
	}
}

/* One turn of the loop. Returns 1 when standard input has something to say. */
static int turn(int timeout_ms)
{
	struct epoll_event events[256];
	int count = epoll_wait(poller, events, 256, timeout_ms), input = 0;
	for (int index = 0; index < count; index++) {
		if (events[index].data.ptr == NULL)
			input = 1;
		else
			handle(events[index].data.ptr);
	}
	return input;
}

/* Ends connections that got nowhere for long and opens those that could not be opened at once. */
static void revive(void)
{
	uint64_t now = now_ns();
	for (int index = 0; index < option_connections; index++) {
		struct connection *one = &connections[index];
		if (one->state == CLOSED)
			open_connection(one);
		else if (now - one->started > STUCK_NS)
			end_connection(one, "stuck");
	}
}

static int by_value(const void *left, const void *right)
{
	uint32_t one = *(const uint32_t *)left, other = *(const uint32_t *)right;
	return one < other ? -1 : one > other;
}

static uint32_t percentile(double part)
{
	return sample_count == 0 ? 0 : samples[(uint64_t)(part * (sample_count - 1))];
}

static void run_renew(void)
{
	uint64_t started = now_ns(), revived = started;
	renewing = 1;
	for (int index = 0; index < option_connections; index++)
		open_connection(&connections[index]);
	while (!turn(100)) {
		if (now_ns() - revived < 100000000)
			continue;
		revived = now_ns();
		revive();
	}
	double seconds = (now_ns() - started) / 1e9;
	qsort(samples, sample_count, sizeof(*samples), by_value);
	printf("{\"seconds\":%.3f,\"requests\":%lu,\"failed\":%lu,\"handshakes\":%lu,\"resumed\":%lu,"
	       "\"p50_us\":%u,\"p99_us\":%u,\"failure\":\"%s\"}\n",
	       seconds, answered, failed, handshakes, resumed, percentile(0.5), percentile(0.99), last_failure);
}

static void check_held(void)
{
	uint64_t before = answered, deadline = now_ns() + STUCK_NS;
	int asked = 0, step = option_connections > CHECKED ? option_connections / CHECKED : 1, closed = 0;
	for (int index = 0; index < option_connections && asked < CHECKED; index += step) {
		if (connections[index].state != IDLE)
			continue;
		send_request(&connections[index]);
		asked++;
	}
	while (answered - before < (uint64_t)asked && now_ns() < deadline)
		turn(10);
	for (int index = 0; index < option_connections; index++)
		closed += connections[index].state == CLOSED;
	printf("answered %lu closed %d\n", answered - before, closed);
	fflush(stdout);
}

static void run_hold(void)
{
	char line[16];
	uint64_t deadline = now_ns() + 6 * STUCK_NS;
	while (next_to_open < option_connections && next_to_open < AT_ONCE)
		open_connection(&connections[next_to_open++]);
	while (opened + (int)failed < option_connections && now_ns() < deadline)
		if (turn(10) && read(0, line, sizeof(line)) <= 0)
			return;
	printf("open %d failed %lu %s\n", opened, failed, last_failure);
	fflush(stdout);
	for (;;)
		if (turn(1000)) {
			if (read(0, line, sizeof(line)) <= 0)
				return;
			check_held();
		}
}

/* One try on a socket that may wait. Returns 1 for an answer with status 200. */
static int try_once(void)
{
	char answer[2048];
	int done = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = 5 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (start_connect(fd) == 0 && send(fd, request, request_length, MSG_NOSIGNAL) == (ssize_t)request_length) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		done = length > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
	}
	close(fd);
	return done;
}

static void run_first(void)
{
	char line[16];
	puts("ready");
	fflush(stdout);
	if (read(0, line, sizeof(line)) <= 0)
		return;
	uint64_t started = now_ns();
	while (now_ns() - started < 6 * STUCK_NS) {
		if (try_once()) {
			printf("%.2f\n", (now_ns() - started) / 1e6);
			return;
		}
		usleep(200);
	}
	puts("never");
}

static void prepare_tls(void)
{
	tls_context = SSL_CTX_new(TLS_client_method());
	int version = strcmp(option_tls, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
	SSL_CTX_set_min_proto_version(tls_context, version);
	SSL_CTX_set_max_proto_version(tls_context, version);
	SSL_CTX_set_ciphersuites(tls_context, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_cipher_list(tls_context, "ECDHE-ECDSA-AES128-GCM-SHA256");
	SSL_CTX_set1_groups_list(tls_context, "X25519");
	SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL); /* the peers are known; their cost is measured, not ours */
	SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(tls_context, remember_session);
}

static void read_option(const char *text)
{
	const char *value = strchr(text, '=');
	size_t length = value == NULL ? 0 : (size_t)(value++ - text);
#define IS(name) (length == strlen(name) && strncmp(text, name, length) == 0)
	if (IS("port")) option_port = atoi(value);
	else if (IS("host")) option_host = value;
	else if (IS("path")) option_path = value;
	else if (IS("name")) option_name = value;
	else if (IS("tls")) option_tls = value;
	else if (IS("resume")) option_resume = atoi(value);
	else if (IS("body")) option_body = atol(value);
	else if (IS("connections")) option_connections = atoi(value);
	else {
		fprintf(stderr, "load_client: unknown option %s\n", text);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	for (int index = 2; index < argc; index++)
		read_option(argv[index]);
	int renew = strcmp(mode, "renew") == 0;
	request_length = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", option_path,
				  option_host, renew ? "Connection: close\r\n" : "");
	if (request_length >= sizeof(request) || option_port <= 0 || option_connections <= 0)
		return 2;
	if (*option_tls != 0)
		prepare_tls();
	connections = calloc(option_connections, sizeof(*connections));
	samples = malloc(MAX_SAMPLES * sizeof(*samples));
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (connections == NULL || samples == NULL || poller < 0)
		die("start");
	if (strcmp(mode, "first") == 0) {
		run_first();
		return 0;
	}
	struct epoll_event input = { .events = EPOLLIN, .data.ptr = NULL };
	if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input) < 0)
		die("standard input");
	if (renew)
		run_renew();
	else if (strcmp(mode, "hold") == 0)
		run_hold();
	else
		return 2;
	return 0;
}
