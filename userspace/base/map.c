/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT_EMPTY, SLOT_USED, SLOT_REMOVED };

/* The finaliser of SplitMix64: spreads consecutive ids over the table. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* FNV-1a, 64 bit. */
static uint64_t hash_name(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ULL;
	return h;
}

void plm_map_done(struct plm_map *m)
{
	for (size_t i = 0; i < m->size; i++)
		free(m->slots[i].name);
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

static bool slot_is(const struct plm_map_slot *s, uint64_t key, const char *name)
{
	return s->state == SLOT_USED && s->key == key && (!name || strcmp(s->name, name) == 0);
}

static struct plm_map_slot *find(const struct plm_map *m, uint64_t key, const char *name)
{
	if (!m->size)
		return NULL;
	for (size_t i = mix(key) & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
		struct plm_map_slot *s = &m->slots[i];
		if (s->state == SLOT_EMPTY)
			return NULL;
		if (slot_is(s, key, name))
			return s;
	}
}

static struct plm_map_slot *free_slot(struct plm_map *m, uint64_t key)
{
	size_t i = mix(key) & (m->size - 1);
	while (m->slots[i].state == SLOT_USED)
		i = (i + 1) & (m->size - 1);
	return &m->slots[i];
}

/* Keeps at least a quarter of the slots empty, so that every search ends. */
static int make_room(struct plm_map *m)
{
	if (m->size && (m->filled + 1) * 4 <= m->size * 3)
		return 0;
	size_t size = 16;
	while (size * 3 < (m->used + 1) * 4 * 2)
		size *= 2;
	struct plm_map bigger = { .slots = calloc(size, sizeof(*m->slots)), .size = size };
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->size; i++) {
		if (m->slots[i].state == SLOT_USED)
			*free_slot(&bigger, m->slots[i].key) = m->slots[i];
	}
	bigger.used = bigger.filled = m->used;
	free(m->slots);
	*m = bigger;
	return 0;
}

static int put(struct plm_map *m, uint64_t key, const char *name, void *value)
{
	struct plm_map_slot *s = find(m, key, name);
	if (s) {
		s->value = value;
		return 0;
	}
	if (make_room(m) != 0)
		return -ENOMEM;
	char *copy = name ? strdup(name) : NULL;
	if (name && !copy)
		return -ENOMEM;
	s = free_slot(m, key);
	m->filled += s->state == SLOT_EMPTY;
	m->used++;
	*s = (struct plm_map_slot){ .key = key, .name = copy, .value = value, .state = SLOT_USED };
	return 0;
}

static void *del(struct plm_map *m, uint64_t key, const char *name)
{
	struct plm_map_slot *s = find(m, key, name);
	if (!s)
		return NULL;
	void *value = s->value;
	free(s->name);
	*s = (struct plm_map_slot){ .state = SLOT_REMOVED };
	m->used--;
	return value;
}

void *plm_map_get(const struct plm_map *m, uint64_t key)
{
	struct plm_map_slot *s = find(m, key, NULL);
	return s ? s->value : NULL;
}

int plm_map_put(struct plm_map *m, uint64_t key, void *value)
{
	return put(m, key, NULL, value);
}

void *plm_map_del(struct plm_map *m, uint64_t key)
{
	return del(m, key, NULL);
}

void *plm_smap_get(const struct plm_map *m, const char *key)
{
	struct plm_map_slot *s = find(m, hash_name(key), key);
	return s ? s->value : NULL;
}

int plm_smap_put(struct plm_map *m, const char *key, void *value)
{
	return put(m, hash_name(key), key, value);
}

void *plm_smap_del(struct plm_map *m, const char *key)
{
	return del(m, hash_name(key), key);
}

void *plm_map_next(const struct plm_map *m, size_t *pos)
{
	while (*pos < m->size) {
		struct plm_map_slot *s = &m->slots[(*pos)++];
		if (s->state == SLOT_USED)
			return s->value;
	}
	return NULL;
}
