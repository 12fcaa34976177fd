/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

int plm_file_read(int dirfd, const char *path, struct plm_buf *out, struct plm_err *err)
{
	PLM_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return plm_err_set(err, errno, path, "cannot open: %s", strerror(errno));
	for (;;) {
		char chunk[8192];
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return plm_err_set(err, errno, path, "cannot read: %s", strerror(errno));
		if (n == 0)
			return 0;
		plm_buf_add(out, chunk, (size_t)n);
		if (out->failed)
			return plm_err_set(err, EFBIG, path, "larger than the %zu bytes allowed", out->max);
	}
}

ssize_t plm_file_pread(int fd, char *text, size_t size)
{
	ssize_t n;
	do {
		n = pread(fd, text, size - 1, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

int plm_file_write(int dirfd, const char *path, const char *text)
{
	PLM_CLOSE int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int plm_file_replace(const char *path, const void *data, size_t len, mode_t mode, struct plm_err *err)
{
	char tmp[PATH_MAX];
	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
		return plm_err_set(err, ENAMETOOLONG, path, "path is too long");
	PLM_CLOSE int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return plm_err_set(err, errno, tmp, "cannot create: %s", strerror(errno));
	int r = write_all(fd, data, len);
	if (r == 0 && fsync(fd) != 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) != 0)
		r = -errno;
	if (r != 0) {
		(void)unlink(tmp);
		return plm_err_set(err, -r, path, "cannot write: %s", strerror(-r));
	}
	return 0;
}

int plm_mkdirs(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	if (plm_strcpy(part, sizeof(part), path) != 0)
		return -ENAMETOOLONG;
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(part, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	struct stat st;
	if (stat(part, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int plm_file_u64(int dirfd, const char *path, uint64_t *ret)
{
	PLM_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char text[64];
	ssize_t n = plm_file_pread(fd, text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (strncmp(text, "max", 3) == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	text[strcspn(text, " \n")] = '\0';
	return plm_parse_u64(text, 0, UINT64_MAX, ret);
}

bool plm_text_u64(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			*ret = strtoull(line + len + 1, NULL, 10);
			return true;
		}
	}
	return false;
}
