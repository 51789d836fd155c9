/*
 * Sends prepared requests over many connections and counts the replies, for a number of seconds.
 *
 *   load-generator HOST PORT CONNECTIONS IN_FLIGHT SECONDS framed|redis REQUESTS
 *
 * REQUESTS holds blobs, each behind its length in four bytes (big-endian): first what each connection
 * sends before all else, and waits for the reply of (may be empty), then the requests, which each
 * connection sends in turn from a place of its own. A reply ends after its length (framed) or as the
 * Redis protocol says; it is not parsed. With more than one request in flight, a reply is taken to
 * answer the oldest one. Prints one line of JSON; times are in microseconds.
 *
 * In C, because the generator must be faster than what it measures on a core like its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { input_bytes = 1 << 20, slots = 1 << 20, events_max = 256, header_bytes = 4, shown_bytes = 300 };

typedef struct {
  const char *bytes;
  uint32_t length;
} Blob;

typedef struct {
  int socket;
  uint32_t next;          /* request to send next */
  char *input;
  size_t filled;          /* bytes of an unfinished reply in `input` */
  uint64_t *sent_ns;      /* of the requests in flight, oldest at `head` */
  uint32_t head, tail;
} Connection;

static Blob greeting, *requests;
static uint32_t request_count, in_flight;
static bool is_redis;
static uint64_t replies, errors, reply_bytes, slowest_us, by_us[slots];
static char first_error[shown_bytes + 1];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t length_at(const char *bytes) {
  uint32_t big_endian;
  memcpy(&big_endian, bytes, header_bytes);
  return ntohl(big_endian);
}

static void load_requests(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(path);
  long size = ftell(file);
  char *all = malloc((size_t)size);
  rewind(file);
  if (all == NULL || fread(all, 1, (size_t)size, file) != (size_t)size) fail(path);
  fclose(file);
  uint32_t room = 0;
  bool is_first = true;
  for (const char *at = all; at < all + size; is_first = false) {
    Blob blob = {at + header_bytes, length_at(at)};
    at += header_bytes + blob.length;
    if (is_first) {
      greeting = blob;
      continue;
    }
    if (request_count == room) {
      room = room == 0 ? 1024 : 2 * room;
      requests = realloc(requests, room * sizeof *requests);
      if (requests == NULL) fail("memory");
    }
    requests[request_count++] = blob;
  }
  if (request_count == 0) {
    fprintf(stderr, "%s has no requests\n", path);
    exit(1);
  }
}

/* The length of the reply at `bytes`, 0 if it is not complete; sets `is_error`. */
static size_t reply_length(const char *bytes, size_t length, bool *is_error) {
  *is_error = false;
  if (!is_redis) {
    if (length < header_bytes) return 0;
    size_t body = length_at(bytes);
    if (length < header_bytes + body) return 0;
    *is_error = memmem(bytes + header_bytes, body < 40 ? body : 40, "\"error\"", 7) != NULL;
    return header_bytes + body;
  }
  const char *end = memchr(bytes, '\n', length);
  if (end == NULL) return 0;
  size_t line = (size_t)(end - bytes) + 1;
  if (bytes[0] != '$') {
    *is_error = bytes[0] == '-';
    return line;
  }
  long body = atol(bytes + 1);
  *is_error = body < 0; /* no such key */
  if (body < 0) return line;
  size_t all = line + (size_t)body + 2;
  return length < all ? 0 : all;
}

static void send_all(int to, const char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t written = write(to, bytes + done, length - done);
    if (written > 0) done += (size_t)written;
    else if (errno != EAGAIN && errno != EINTR) fail("write");
  }
}

static void send_requests(Connection *connection, uint32_t count) {
  static char output[input_bytes];
  size_t length = 0;
  uint64_t now = now_ns();
  for (uint32_t sent = 0; sent < count; sent++) {
    Blob request = requests[connection->next];
    connection->next = (connection->next + 1) % request_count;
    if (length + request.length > sizeof output) {
      send_all(connection->socket, output, length);
      length = 0;
    }
    memcpy(output + length, request.bytes, request.length);
    length += request.length;
    connection->sent_ns[connection->tail++ % in_flight] = now;
  }
  send_all(connection->socket, output, length);
}

static size_t receive(Connection *connection) {
  ssize_t got = read(connection->socket, connection->input + connection->filled,
                     input_bytes - connection->filled);
  if (got > 0) connection->filled += (size_t)got;
  else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    fprintf(stderr, "the server closed a connection\n");
    exit(1);
  }
  return connection->filled;
}

static void forget(Connection *connection, size_t length) {
  connection->filled -= length;
  memmove(connection->input, connection->input + length, connection->filled);
}

static void greet(Connection *connection) {
  if (greeting.length == 0) return;
  send_all(connection->socket, greeting.bytes, greeting.length);
  for (bool is_error;;) {
    size_t length = reply_length(connection->input, receive(connection), &is_error);
    if (length == 0) continue;
    if (is_error) {
      fprintf(stderr, "refused: %.*s\n", (int)(length - header_bytes), connection->input + header_bytes);
      exit(1);
    }
    forget(connection, length);
    return;
  }
}

static void open_connection(Connection *connection, struct sockaddr_in *address) {
  int on = 1;
  connection->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection->socket, (struct sockaddr *)address, sizeof *address) != 0) fail("connect");
  setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connection->input = malloc(input_bytes);
  connection->sent_ns = malloc(in_flight * sizeof *connection->sent_ns);
  if (connection->input == NULL || connection->sent_ns == NULL) fail("memory");
  greet(connection);
  if (fcntl(connection->socket, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
}

static uint32_t count_replies(Connection *connection) {
  uint64_t now = now_ns();
  size_t used = 0;
  uint32_t count = 0;
  for (bool is_error;; count++) {
    const char *reply = connection->input + used;
    size_t length = reply_length(reply, connection->filled - used, &is_error);
    if (length == 0) break;
    used += length;
    replies++;
    reply_bytes += length;
    errors += is_error;
    if (is_error && first_error[0] == '\0')
      snprintf(first_error, sizeof first_error, "%.*s", (int)length - header_bytes, reply + header_bytes);
    uint64_t us = (now - connection->sent_ns[connection->head++ % in_flight]) / 1000;
    by_us[us < slots ? us : slots - 1]++;
    if (us > slowest_us) slowest_us = us;
  }
  forget(connection, used);
  return count;
}

static uint64_t percentile(double share) {
  uint64_t seen = 0;
  for (uint64_t us = 0; us < slots; us++) {
    seen += by_us[us];
    if ((double)seen >= share * (double)replies) return us;
  }
  return slots;
}

int main(int count, char **words) {
  if (count != 8) {
    fprintf(stderr, "usage: load-generator HOST PORT CONNECTIONS IN_FLIGHT SECONDS framed|redis REQUESTS\n");
    return 2;
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
  if (inet_pton(AF_INET, words[1], &address.sin_addr) != 1) fail("address");
  uint32_t connection_count = (uint32_t)atoi(words[3]);
  in_flight = (uint32_t)atoi(words[4]);
  is_redis = strcmp(words[6], "redis") == 0;
  load_requests(words[7]);

  Connection *connections = calloc(connection_count, sizeof *connections);
  int poll = epoll_create1(0);
  for (uint32_t i = 0; i < connection_count; i++) {
    connections[i].next = (uint32_t)((uint64_t)request_count * i / connection_count);
    open_connection(&connections[i], &address);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].socket, &event) != 0) fail("epoll");
  }
  uint64_t start = now_ns(), end = start + (uint64_t)(atof(words[5]) * 1e9), now = start;
  for (uint32_t i = 0; i < connection_count; i++) send_requests(&connections[i], in_flight);
  struct epoll_event events[events_max];
  for (; now < end; now = now_ns()) {
    int ready = epoll_wait(poll, events, events_max, 100);
    for (int i = 0; i < ready; i++) {
      Connection *connection = events[i].data.ptr;
      receive(connection);
      uint32_t answered = count_replies(connection);
      if (answered > 0) send_requests(connection, answered);
    }
  }
  if (first_error[0] != '\0') fprintf(stderr, "first error: %s\n", first_error);
  printf("{\"replies\":%llu,\"errors\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"p50\":%llu,\"p99\":%llu,\"max\":%llu}\n",
         (unsigned long long)replies, (unsigned long long)errors, (unsigned long long)reply_bytes,
         (double)(now - start) / 1e9, (unsigned long long)percentile(0.5),
         (unsigned long long)percentile(0.99), (unsigned long long)slowest_us);
  return errors == 0 ? 0 : 1;
}
