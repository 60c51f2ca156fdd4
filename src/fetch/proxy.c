/* SPDX-License-Identifier: MIT */
#include "fetch/proxy.h"

#include "base/error.h"
#include "http/credentials.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* Addresses */

struct address {
	size_t bits; /* 32 or 128; 0: it is none */
	unsigned char bytes[16];
};

/* An address, in brackets or not, without its interface. */
static struct address parse_address(struct http_text text)
{
	struct address address = {0};
	char copy[INET6_ADDRSTRLEN];

	text = http_text_cut_until(&text, '%');
	if (text.length >= sizeof(copy) || !text.length)
		return address;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	if (inet_pton(AF_INET, copy, address.bytes) == 1)
		address.bits = 32;
	else if (inet_pton(AF_INET6, copy, address.bytes) == 1)
		address.bits = 128;
	return address;
}

static bool have_same_start(const struct address *a, const struct address *b, size_t bits)
{
	size_t bytes = bits / 8, rest = bits % 8;
	unsigned char differ = a->bytes[bytes < 16 ? bytes : 0] ^ b->bytes[bytes < 16 ? bytes : 0];

	return a->bits == b->bits && bits <= a->bits && memcmp(a->bytes, b->bytes, bytes) == 0 &&
	       (!rest || differ >> (8 - rest) == 0);
}

static bool is_in_network(const struct address *address, struct http_text network)
{
	struct address base = parse_address(http_text_cut_until(&network, '/'));
	uint64_t bits = base.bits;

	if (http_text_cut(&network, "/") && !http_text_number(network, &bits))
		return false;
	return base.bits && have_same_start(address, &base, bits);
}

/* Hosts that are excepted */

/* Cuts ":8080" off a name or what is in brackets; an address of IPv6 without them has no port. */
static struct http_text cut_port(struct http_text *entry)
{
	struct http_text rest = *entry, host;

	if (http_text_cut(&rest, "[")) {
		host = http_text_cut_until(&rest, ']');
		http_text_cut(&rest, "]");
		if (rest.length && rest.data[0] == '/')
			return (struct http_text){0};
	} else {
		host = http_text_cut_until(&rest, ':');
		if (rest.length > 1 && memchr(rest.data + 1, ':', rest.length - 1))
			return (struct http_text){0};
	}
	*entry = host;
	http_text_cut(&rest, ":");
	return rest;
}

static struct http_text without_dot_at_end(struct http_text name)
{
	if (name.length && name.data[name.length - 1] == '.')
		name.length--;
	return name;
}

static bool is_below(struct http_text host, struct http_text domain)
{
	struct http_text tail;

	host = without_dot_at_end(host);
	domain = without_dot_at_end(domain);
	if (!domain.length || host.length < domain.length)
		return false;
	tail = (struct http_text){host.data + host.length - domain.length, domain.length};
	return http_text_equal_nocase(tail, domain) &&
	       (host.length == domain.length || tail.data[-1] == '.');
}

static bool is_entry_of(struct http_text entry, const struct http_url *url)
{
	struct http_text host = http_text_of(url->host), port = cut_port(&entry);
	struct address address = parse_address(host);

	if (port.length && !http_text_is(port, url->port))
		return false;
	if (http_text_is(entry, "*"))
		return true;
	if (address.bits)
		return is_in_network(&address, entry);
	http_text_cut(&entry, "*");
	http_text_cut(&entry, ".");
	return is_below(host, entry);
}

bool proxy_excepts(const char *list, const struct http_url *url)
{
	while (list && *(list += strspn(list, ", \t"))) {
		struct http_text entry = {list, strcspn(list, ", \t")};

		if (is_entry_of(entry, url))
			return true;
		list += entry.length;
	}
	return false;
}

/* Proxies */

int proxy_parse(struct http_url *proxy, const char *text, struct sluice_error *error)
{
	struct sluice_error why;
	struct buffer url = {0};
	int result;

	if (!strstr(text, "://"))
		buffer_text(&url, "http://");
	buffer_text(&url, text);
	*proxy = (struct http_url){0};
	result = url.failed ? error_set_errno(&why, ENOMEM, "the URL")
			    : http_url_parse(proxy, url.data, &why);
	buffer_free(&url);
	if (result == 0 && proxy->is_tls) {
		http_url_free(proxy);
		return error_set(error, EINVAL,
				 "proxy: https:// to the proxy itself is not "
				 "supported");
	}
	return result < 0 ? error_set(error, -result, "proxy: %s", why.text) : 0;
}

int proxy_add_credentials(struct buffer *lines, const char *text, struct sluice_error *error)
{
	return http_credentials_add(lines, "Proxy-Authorization", text, error);
}

const char *proxy_for(const struct proxies *proxies, const struct http_url *url)
{
	const char *proxy = !proxies ? NULL : url->is_tls ? proxies->https : proxies->http;

	return proxy && *proxy && !proxy_excepts(proxies->except, url) ? proxy : NULL;
}

static const char *first_of(char *(*get)(const char *name), const char *const *names)
{
	for (; *names; names++) {
		const char *value = get(*names);

		if (value && *value)
			return value;
	}
	return NULL;
}

struct proxies proxy_environment(char *(*get)(const char *name))
{
	static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
	static const char *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
					    NULL};
	static const char *const except[] = {"no_proxy", "NO_PROXY", NULL};

	return (struct proxies){first_of(get, http), first_of(get, https), first_of(get, except)};
}
