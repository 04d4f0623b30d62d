/* A Modbus server on libmodbus, told what to do line by line on standard input.
 *
 * Each command is answered with one line: "ok", "ok" and what was asked for, or "error" and why.
 *
 *   unit UNIT COILS DISCRETES HOLDINGS INPUTS   have a unit with tables of these sizes, all zero
 *   set UNIT TABLE ADDRESS VALUE...             TABLE: coil, discrete, holding or input
 *   get UNIT TABLE ADDRESS COUNT
 *   listen PORT                                 serve TCP on 127.0.0.1; 0: a free port, answered
 *   open DEVICE BAUD PARITY STOPBITS            serve RTU on a serial line (one unit only)
 *   close                                       drop the listener and every connection
 *   served                                      requests so far, as FUNCTION:COUNT
 *
 * Ends when standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <modbus/modbus.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNITS 256
#define CONNECTIONS 1024
#define LINE 65536

static modbus_mapping_t *units[UNITS];
static unsigned long served[256];
static modbus_t *tcp, *rtu;
static int listener = -1, line = -1, poller;
static int open_fds[CONNECTIONS];
static int open_count;

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

static void forget(int fd) {
    close(fd); /* and out of the poller with it */
    for (int i = 0; i < open_count; i++)
        if (open_fds[i] == fd) open_fds[i--] = open_fds[--open_count];
}

static void close_all(void) {
    if (listener >= 0) close(listener);
    listener = -1;
    while (open_count) {
        /* Reset rather than linger in TIME_WAIT: the port is needed again at once. */
        struct linger now = {1, 0};
        setsockopt(open_fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        forget(open_fds[0]);
    }
    if (line >= 0) modbus_close(rtu);
    line = -1;
    if (rtu) modbus_free(rtu);
    rtu = NULL;
}

static void accept_one(void) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    if (open_count == CONNECTIONS) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    open_fds[open_count++] = fd;
    watch(fd);
}

static int answer(modbus_t *context, int fd) {
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(context, fd);
    int length = modbus_receive(context, request);
    if (length <= 0) return length; /* 0: for another unit of the line */
    int at = modbus_get_header_length(context);
    modbus_mapping_t *unit = units[request[at - 1]];
    served[request[at]]++;
    if (unit == NULL)
        return modbus_reply_exception(context, request, MODBUS_EXCEPTION_GATEWAY_TARGET);
    return modbus_reply(context, request, length, unit);
}

static const char *make_unit(int unit, char *sizes) {
    int coils, discretes, holdings, inputs;
    if (unit < 0 || unit >= UNITS) return "no such unit";
    if (sscanf(sizes, "%d %d %d %d", &coils, &discretes, &holdings, &inputs) != 4)
        return "four sizes are needed";
    if (units[unit]) modbus_mapping_free(units[unit]);
    units[unit] = modbus_mapping_new(coils, discretes, holdings, inputs);
    return units[unit] ? NULL : modbus_strerror(errno);
}

/* Sets or gets, by what is in `values`: words to set, or how many to get. */
static const char *touch(int unit, int set, char *table, int address, char *values, FILE *out) {
    modbus_mapping_t *map = unit >= 0 && unit < UNITS ? units[unit] : NULL;
    uint8_t *bits = NULL;
    uint16_t *words = NULL;
    int size;
    if (map == NULL) return "no such unit";
    if (strcmp(table, "coil") == 0)
        bits = map->tab_bits, size = map->nb_bits;
    else if (strcmp(table, "discrete") == 0)
        bits = map->tab_input_bits, size = map->nb_input_bits;
    else if (strcmp(table, "holding") == 0)
        words = map->tab_registers, size = map->nb_registers;
    else if (strcmp(table, "input") == 0)
        words = map->tab_input_registers, size = map->nb_input_registers;
    else
        return "no such table";
    int count = set ? size : atoi(values);
    char *value = set ? strtok(values, " ") : values;
    for (int i = 0; i < count && value != NULL; i++) {
        if (address < 0 || address + i >= size) return "no such address";
        if (!set)
            fprintf(out, " %d", bits ? bits[address + i] : words[address + i]);
        else if (bits)
            bits[address + i] = atoi(value) != 0;
        else
            words[address + i] = atoi(value);
        if (set) value = strtok(NULL, " ");
    }
    return NULL;
}

static const char *listen_on(int port, FILE *out) {
    close_all();
    if (tcp == NULL && (tcp = modbus_new_tcp("127.0.0.1", 0)) == NULL)
        return modbus_strerror(errno);
    /* libmodbus's own listen cannot say which port was chosen before it is bound. */
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof at;
    int on = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, size) < 0 || listen(listener, 512) < 0)
        return strerror(errno);
    getsockname(listener, (struct sockaddr *)&at, &size);
    watch(listener);
    fprintf(out, " %d", ntohs(at.sin_port));
    return NULL;
}

static const char *open_line(char *settings) {
    char device[256], parity;
    int baud, stopbits, unit = 0;
    if (sscanf(settings, "%255s %d %c %d", device, &baud, &parity, &stopbits) != 4)
        return "a device, speed, parity and stop bits are needed";
    close_all();
    rtu = modbus_new_rtu(device, baud, parity, 8, stopbits);
    if (rtu == NULL) return modbus_strerror(errno);
    while (unit < UNITS - 1 && units[unit] == NULL) unit++;
    modbus_set_slave(rtu, unit);
    if (modbus_connect(rtu) < 0) return modbus_strerror(errno);
    line = modbus_get_socket(rtu);
    watch(line);
    return NULL;
}

static void obey(char *text) {
    char name[16] = "", table[16] = "", *out_text = NULL;
    const char *error = NULL;
    size_t out_size;
    int unit = -1, address = -1, at = 0;
    FILE *out = open_memstream(&out_text, &out_size);
    sscanf(text, "%15s %n", name, &at);
    char *rest = text + at;
    if (strcmp(name, "unit") == 0 && sscanf(rest, "%d %n", &unit, &at) == 1)
        error = make_unit(unit, rest + at);
    else if ((strcmp(name, "set") == 0 || strcmp(name, "get") == 0) &&
             sscanf(rest, "%d %15s %d %n", &unit, table, &address, &at) == 3)
        error = touch(unit, name[0] == 's', table, address, rest + at, out);
    else if (strcmp(name, "listen") == 0)
        error = listen_on(atoi(rest), out);
    else if (strcmp(name, "open") == 0)
        error = open_line(rest);
    else if (strcmp(name, "close") == 0)
        close_all();
    else if (strcmp(name, "served") == 0) {
        for (int i = 0; i < 256; i++)
            if (served[i]) fprintf(out, " %d:%lu", i, served[i]);
    } else
        error = "no such command";
    fclose(out);
    if (error)
        printf("error %s\n", error);
    else
        printf("ok%s\n", out_text);
    fflush(stdout);
    free(out_text);
}

/* Standard input is read without stdio, whose buffer the poller could not see. */
static int commands(void) {
    static char kept[LINE];
    static size_t length;
    ssize_t got = read(STDIN_FILENO, kept + length, sizeof kept - 1 - length);
    if (got <= 0) return 0;
    length += got;
    kept[length] = 0;
    for (char *end; (end = memchr(kept, '\n', length)) != NULL;) {
        *end = 0;
        obey(kept);
        length -= end + 1 - kept;
        memmove(kept, end + 1, length + 1);
    }
    return length < sizeof kept - 1;
}

int main(void) {
    struct epoll_event ready[64];
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(STDIN_FILENO);
    for (;;) {
        int count = epoll_wait(poller, ready, 64, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == STDIN_FILENO) {
                if (!commands()) return 0;
                break; /* a command may have closed what else is in `ready` */
            }
            if (fd == listener)
                accept_one();
            else if (fd == line) {
                if (answer(rtu, fd) < 0 && errno != EMBBADCRC && errno != ETIMEDOUT)
                    close_all();
            } else if (answer(tcp, fd) < 0)
                forget(fd);
        }
    }
}
