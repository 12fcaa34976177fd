/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "api/internal.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int plm_api_decode(const char *text, size_t len, bool is_query, char *ret, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++, n++) {
		char c = text[i];
		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1,
			    low = high < 0 ? -1 : hex_digit(text[i + 2]);
			if (low < 0)
				return -EINVAL;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		if (!c)
			return -EINVAL;
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		ret[n] = c;
	}
	ret[n] = '\0';
	return 0;
}

/* Cuts the next "name[=value]" off *rest. false at the end. */
static bool next_param(const char **rest, const char **ret_name, size_t *ret_name_len, const char **ret_value,
		       size_t *ret_value_len)
{
	while (*rest && **rest == '&')
		(*rest)++;
	if (!*rest || !**rest)
		return false;
	size_t len = strcspn(*rest, "&");
	const char *equals = memchr(*rest, '=', len);
	*ret_name = *rest;
	*ret_name_len = equals ? (size_t)(equals - *rest) : len;
	*ret_value = equals ? equals + 1 : *rest + len;
	*ret_value_len = len - (size_t)(*ret_value - *rest);
	*rest += len;
	return true;
}

int plm_api_param(const char *query, const char *name, char *ret, size_t size)
{
	const char *at, *value;
	size_t at_len, value_len;
	while (next_param(&query, &at, &at_len, &value, &value_len)) {
		if (at_len != strlen(name) || memcmp(at, name, at_len) != 0)
			continue;
		int r = plm_api_decode(value, value_len, true, ret, size);
		return r == 0 ? 1 : r;
	}
	return 0;
}

bool plm_api_unknown_param(const char *query, const char *const *known, char *ret, size_t size)
{
	const char *at, *value;
	size_t at_len, value_len;
	while (next_param(&query, &at, &at_len, &value, &value_len)) {
		size_t i = 0;
		while (known[i] && (strlen(known[i]) != at_len || memcmp(known[i], at, at_len) != 0))
			i++;
		if (known[i])
			continue;
		size_t n = at_len < size - 1 ? at_len : size - 1;
		memcpy(ret, at, n);
		ret[n] = '\0';
		return true;
	}
	return false;
}
