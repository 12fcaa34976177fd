/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash maps from a 64-bit id or a string to a pointer (never NULL). Open addressing, grows by doubling.
 * Typical: hundreds to ten thousands of entries, looked up once per cgroup and tick. Values are the
 * caller's; string keys are copied. Removing while walking is allowed for the entry just returned.
 */
#ifndef PLM_BASE_MAP_H
#define PLM_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plm_map_slot {
	uint64_t key;
	char *name; /* string maps only */
	void *value;
	uint8_t state; /* 0 empty, 1 used, 2 removed */
};

struct plm_map {
	struct plm_map_slot *slots; /* private */
	size_t size, used, filled;  /* `used` entries; the rest is private */
};

void plm_map_done(struct plm_map *m); /* frees the map, not the values */
void *plm_map_get(const struct plm_map *m, uint64_t key);
int plm_map_put(struct plm_map *m, uint64_t key, void *value); /* replaces; 0 or -ENOMEM */
void *plm_map_del(struct plm_map *m, uint64_t key);            /* the removed value or NULL */
void *plm_smap_get(const struct plm_map *m, const char *key);
int plm_smap_put(struct plm_map *m, const char *key, void *value);
void *plm_smap_del(struct plm_map *m, const char *key);
/* Walks: `for (size_t i = 0; (v = plm_map_next(m, &i));)`. */
void *plm_map_next(const struct plm_map *m, size_t *pos);

#endif
