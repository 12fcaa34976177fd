/* SPDX-License-Identifier: Apache-2.0
 * Documents into services: numbers, first counts, what has changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local/internal.h"
#include "base/num.h"

struct plm_local_service *plm_local_service_find(const struct plm_local *l, const char *name)
{
	for (size_t i = 0; i < l->n_services; i++)
		if (strcmp(l->services[i]->name, name) == 0)
			return l->services[i];
	return NULL;
}

static int make_room(struct plm_local *l, size_t more)
{
	struct plm_local_service **bigger =
		realloc(l->services, (l->n_services + more) * sizeof(struct plm_local_service *));
	if (!bigger)
		return -ENOMEM;
	l->services = bigger;
	return 0;
}

struct plm_local_service *plm_local_service_new(struct plm_local *l, const char *name)
{
	struct plm_local_service *s = make_room(l, 1) == 0 ? calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return NULL;
	(void)plm_strcpy(s->name, sizeof(s->name), name);
	l->services[l->n_services++] = s;
	return s;
}

void plm_local_service_free(struct plm_local_service *s)
{
	for (size_t i = 0; i < s->n_tasks; i++)
		plm_local_task_free(s->tasks[i]);
	free(s->tasks);
	free(s);
}

/* What a document makes of its service: `made` is new, or a copy of what is known with the new counts. */
struct staged {
	struct plm_local_service *known; /* NULL = not in memory */
	struct plm_local_service *made;
};

/* The file gives the first count; afterwards what was set stays, until the file itself says something new. */
static int stage(struct plm_local *l, const struct plm_local_service_doc *doc, struct staged *st, struct plm_err *err)
{
	st->known = plm_local_service_find(l, doc->name);
	st->made = calloc(1, sizeof(*st->made));
	if (!st->made)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	struct plm_local_service *s = st->made;
	if (st->known)
		*s = *st->known;
	(void)plm_strcpy(s->name, sizeof(s->name), doc->name);
	(void)plm_strcpy(s->family, sizeof(s->family), doc->family);
	int r = st->known ? 1 : plm_local_store_get_service(l, s, err);
	if (r < 0)
		return r;
	if (r == 0 || s->declared != doc->desired || doc->is_daemon)
		s->desired = doc->desired;
	s->declared = doc->desired;
	s->is_daemon = doc->is_daemon;
	return plm_local_store_put_service(l, s, err);
}

static void connect_definitions(struct plm_local *l)
{
	for (size_t i = 0; i < l->n_services; i++) {
		struct plm_local_service *s = l->services[i];
		bool is_listed = false;
		for (size_t d = 0; d < l->docs.n_services; d++)
			is_listed |= strcmp(l->docs.services[d].name, s->name) == 0;
		s->definition = NULL;
		for (size_t d = 0; is_listed && d < l->docs.n_definitions; d++)
			if (strcmp(l->docs.definitions[d].family, s->family) == 0)
				s->definition = &l->docs.definitions[d];
		if (s->definition && s->revision != s->definition->revision) { /* what failed may be mended */
			s->revision = s->definition->revision;
			s->failures = 0;
			s->start_mono = 0;
			s->failure[0] = s->obstacle[0] = '\0';
		}
	}
}

/* Cannot fail: everything has been allocated and written. */
static void apply(struct plm_local *l, struct plm_local_docs *docs, struct staged *staged)
{
	for (size_t i = 0; i < docs->n_services; i++) {
		if (staged[i].known) {
			*staged[i].known = *staged[i].made;
			free(staged[i].made);
		} else {
			l->services[l->n_services++] = staged[i].made;
		}
	}
	plm_local_docs_done(&l->docs);
	l->docs = *docs;
	*docs = (struct plm_local_docs){ .n_services = 0 };
	connect_definitions(l);
}

static int stage_all(struct plm_local *l, struct plm_local_docs *docs, struct staged *staged, struct plm_err *err)
{
	int r = plm_db_exec(l->db, "BEGIN IMMEDIATE", err);
	if (r != 0)
		return r;
	for (size_t i = 0; r == 0 && i < docs->n_definitions; i++)
		r = plm_local_store_number(l, &docs->definitions[i], err);
	for (size_t i = 0; r == 0 && i < docs->n_services; i++)
		r = stage(l, &docs->services[i], &staged[i], err);
	if (r == 0 && make_room(l, docs->n_services + 1) != 0)
		r = plm_err_set(err, ENOMEM, NULL, "out of memory");
	if (r == 0)
		r = plm_db_exec(l->db, "COMMIT", err);
	if (r != 0)
		(void)plm_db_exec(l->db, "ROLLBACK", NULL);
	return r;
}

int plm_local_load(struct plm_local *l, struct plm_local_docs *docs, struct plm_err *err)
{
	struct staged *staged = calloc(docs->n_services + 1, sizeof(*staged));
	if (!staged)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	int r = stage_all(l, docs, staged, err);
	if (r == 0)
		apply(l, docs, staged);
	else
		for (size_t i = 0; i < docs->n_services; i++)
			free(staged[i].made);
	free(staged);
	return r;
}
