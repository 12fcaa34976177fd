/* SPDX-License-Identifier: Apache-2.0
 * Scope-bound clean-up for owned locals. Initialise at declaration (NULL, -1). */
#ifndef PLM_BASE_CLEANUP_H
#define PLM_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void plm_cleanup_free(void *p)
{
	free(*(void **)p);
}
static inline void plm_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
static inline void plm_cleanup_fclose(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

#define PLM_FREE __attribute__((cleanup(plm_cleanup_free)))
#define PLM_CLOSE __attribute__((cleanup(plm_cleanup_close)))
#define PLM_FCLOSE __attribute__((cleanup(plm_cleanup_fclose)))

#define PLM_TAKE_PTR(p)                 \
	({                              \
		__typeof__(p) _p = (p); \
		(p) = NULL;             \
		_p;                     \
	})
#define PLM_TAKE_FD(fd)         \
	({                      \
		int _fd = (fd); \
		(fd) = -1;      \
		_fd;            \
	})

#define PLM_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
