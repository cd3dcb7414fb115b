/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/network_files.h"

#include "spec/host_config.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { HOST_FILE_MAX = 1 << 20 };

/* A host file; one that does not exist is empty. */
static int host_file_read(const char *path, struct bytes *out, struct creel_err *err)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? 0 : creel_fail(err, CREEL_INTERNAL, errno, "open %s of the host", path);
    for (;;) {
        if (!bytes_reserve(out, 1024))
            return creel_fail_nomem(err);
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return creel_fail(err, CREEL_INTERNAL, errno, "read %s of the host", path);
        if (n == 0)
            break;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len > HOST_FILE_MAX)
            return creel_fail(err, CREEL_INVALID, 0, "%s of the host is larger than %d bytes", path, HOST_FILE_MAX);
    }
    if (out->len > 0 && out->data[out->len - 1] != '\n')
        bytes_addc(out, '\n');
    return 0;
}

/* Over what is there and cut to length afterwards: a file system that is told to empty a file first takes that for a
 * replacement and writes it to the disk at once. */
static int file_write(int dir, const char *name, const struct bytes *text, struct creel_err *err)
{
    auto_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (!bytes_ok(text))
        return creel_fail_nomem(err);
    if (fd < 0 || fchmod(fd, 0644) < 0) /* whatever our umask is */
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make the container's %s file", name);
    int r = sys_write_all(fd, text->data, text->len);
    if (r == 0 && ftruncate(fd, (off_t)text->len) < 0)
        r = -errno;
    return r < 0 ? creel_fail(err, creel_kind_of_errno(-r), -r, "write the container's %s file", name) : 0;
}

static int hosts_build(const json_t *host, struct bytes *out, struct creel_err *err)
{
    size_t i;
    json_t *v;
    if (host_net_mode(host) == HOST_NS_HOST) {
        if (host_file_read("/etc/hosts", out, err) < 0)
            return -1;
    } else {
        bytes_adds(out, "127.0.0.1\tlocalhost\n"
                        "::1\tlocalhost ip6-localhost ip6-loopback\n"
                        "fe00::\tip6-localnet\n"
                        "ff00::\tip6-mcastprefix\n"
                        "ff02::1\tip6-allnodes\n"
                        "ff02::2\tip6-allrouters\n");
    }
    json_array_foreach(json_object_get(host, "ExtraHosts"), i, v) {
        auto_free char *name = NULL;
        auto_free char *address = NULL;
        if (host_extra_host_parse(json_string_value(v), &name, &address, err) < 0)
            return -1;
        bytes_addf(out, "%s\t%s\n", address, name);
    }
    return 0;
}

static void line_add(struct bytes *out, const char *word, const json_t *values)
{
    size_t i;
    json_t *v;
    bytes_adds(out, word);
    json_array_foreach((json_t *)values, i, v)
        bytes_addf(out, " %s", json_string_value(v));
    bytes_addc(out, '\n');
}

static bool line_begins(const char *line, const char *word)
{
    size_t n = strlen(word);
    return strncmp(line, word, n) == 0 && (line[n] == ' ' || line[n] == '\t');
}

/* The host's lines, but for those that the request replaces. */
static int resolv_build(const json_t *host, struct bytes *out, struct creel_err *err)
{
    const json_t *dns = json_object_get(host, "Dns"), *search = json_object_get(host, "DnsSearch");
    const json_t *options = json_object_get(host, "DnsOptions");
    auto_bytes base = BYTES_INIT;
    size_t i;
    json_t *v;
    if (host_file_read("/etc/resolv.conf", &base, err) < 0)
        return -1;
    for (const char *line = bytes_str(&base); *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t n = end != NULL ? (size_t)(end - line) + 1 : strlen(line);
        bool replaced = (dns != NULL && line_begins(line, "nameserver"))
                        || (search != NULL && (line_begins(line, "search") || line_begins(line, "domain")))
                        || (options != NULL && line_begins(line, "options"));
        if (!replaced)
            bytes_add(out, line, n);
        line += n;
    }
    json_array_foreach((json_t *)dns, i, v)
        bytes_addf(out, "nameserver %s\n", json_string_value(v));
    if (search != NULL && strcmp(json_string_value(json_array_get(search, 0)), ".") != 0) /* "." alone: no search list */
        line_add(out, "search", search);
    if (options != NULL)
        line_add(out, "options", options);
    return 0;
}

int network_files_write(int container_dir, const json_t *config, const json_t *host, struct creel_err *err)
{
    auto_bytes hostname = BYTES_INIT;
    auto_bytes hosts = BYTES_INIT;
    auto_bytes resolv = BYTES_INIT;
    bytes_addf(&hostname, "%s\n", json_text(config, "Hostname"));
    if (hosts_build(host, &hosts, err) < 0 || resolv_build(host, &resolv, err) < 0)
        return -1;
    if (file_write(container_dir, "hostname", &hostname, err) < 0 || file_write(container_dir, "hosts", &hosts, err) < 0
        || file_write(container_dir, "resolv.conf", &resolv, err) < 0)
        return -1;
    return 0;
}
