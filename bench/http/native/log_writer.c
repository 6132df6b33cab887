/*
 * Writes what a program sends over a unix stream socket to the end of a file, in blocks as they come: the far end of
 * HAProxy's `log ring@`, which cannot write files itself.
 *
 * usage: log_writer SOCKET FILE      Serves one connection after the other until it is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "log_writer: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	static char block[65536];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (argc != 3 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: log_writer SOCKET FILE\n");
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	int file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (file < 0)
		return fail(argv[2]);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 4) < 0)
		return fail(argv[1]);
	for (;;) {
		int peer = accept(listener, NULL, NULL);
		if (peer < 0)
			return fail("accept");
		ssize_t length;
		while ((length = read(peer, block, sizeof(block))) > 0) {
			for (ssize_t written = 0; written < length;) {
				ssize_t part = write(file, block + written, length - written);
				if (part < 0)
					return fail("write");
				written += part;
			}
		}
		close(peer);
	}
}
