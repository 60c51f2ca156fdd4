/* SPDX-License-Identifier: MIT */
/*
 * Sends a file to everybody who connects, several at once, from a poll(2) loop of its own: how the
 * library fits into a program that has an event loop already. Ends after COUNT clients.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sluice.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct client {
	struct sluice_send *send;
	int socket;
	int *left;
};

static void on_done(void *argument, int result, const struct sluice_bill *bill,
		    const struct sluice_error *error)
{
	struct client *client = argument;

	if (result < 0)
		fprintf(stderr, "push: %s\n", error->text);
	else
		printf("sent %llu bytes by %s\n", (unsigned long long)bill->bytes,
		       bill->path_count ? bill->paths[0].path : "nothing");
	sluice_send_close(client->send);
	close(client->socket);
	(*client->left)--;
	free(client);
}

static void start(struct sluice_engine *engine, int listening, int file, uint64_t size, int *left)
{
	struct client *client = calloc(1, sizeof(*client));
	struct sluice_error error;

	if (!client)
		exit(1);
	client->left = left;
	client->socket = accept(listening, NULL, NULL);
	if (client->socket < 0) { /* the client has gone already */
		free(client);
		return;
	}
	fcntl(client->socket, F_SETFL, O_NONBLOCK);
	if (sluice_send_open(&client->send, engine, client->socket, file, 0, size, NULL, on_done,
			     client, &error) < 0) {
		fprintf(stderr, "push: %s\n", error.text);
		exit(1);
	}
}

static int listen_on_loopback(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		perror("push");
		exit(1);
	}
	printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct sluice_engine *engine;
	struct sluice_error error;
	struct stat status;
	int file, left;

	if (argc != 3) {
		fprintf(stderr, "usage: push FILE COUNT\n");
		return 2;
	}
	file = open(argv[1], O_RDONLY);
	left = atoi(argv[2]);
	if (file < 0 || fstat(file, &status) < 0) {
		perror(argv[1]);
		return 1;
	}
	if (sluice_engine_open(&engine, NULL, &error) < 0) {
		fprintf(stderr, "push: %s\n", error.text);
		return 1;
	}
	struct pollfd polled[2] = {{listen_on_loopback(), POLLIN, 0},
				   {sluice_engine_fd(engine), POLLIN, 0}};

	while (left > 0) {
		poll(polled, 2, -1);
		if (polled[0].revents)
			start(engine, polled[0].fd, file, (uint64_t)status.st_size, &left);
		if (polled[1].revents)
			sluice_engine_run(engine, 0);
	}
	sluice_engine_close(engine);
	return 0;
}
