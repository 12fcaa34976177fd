/* SPDX-License-Identifier: Apache-2.0
 * Small files and folders. */
#ifndef PLM_BASE_FS_H
#define PLM_BASE_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole file to `out`. -EFBIG when it does not fit in out->max. dirfd may be AT_FDCWD. */
int plm_file_read(int dirfd, const char *path, struct plm_buf *out, struct plm_err *err);
/* pread of a kept-open small file into text (NUL-terminated). Bytes read or -errno. */
ssize_t plm_file_pread(int fd, char *text, size_t size);
/* Writes `text` to an existing (kernel) file with one write(2). 0 or -errno. */
int plm_file_write(int dirfd, const char *path, const char *text);
/* Replaces a file atomically: temporary file, fsync, rename. */
int plm_file_replace(const char *path, const void *data, size_t len, mode_t mode, struct plm_err *err);
/* mkdir -p. 0 or -errno. */
int plm_mkdirs(const char *path, mode_t mode);
/* First whole number in a file ("max" gives UINT64_MAX). 0 or -errno. */
int plm_file_u64(int dirfd, const char *path, uint64_t *ret);
/* The value after `key` and a blank at the start of a line of `text`. */
bool plm_text_u64(const char *text, const char *key, uint64_t *ret);

#endif
