/* SPDX-License-Identifier: MIT */
/*
 * A P-256 key with a certificate that it signed itself, in one file, so that there never is one
 * without the other. The file is written under another name, and gets its own when it is complete;
 * of two servers that make one at a time, both use that of the first.
 */
#include "channel/tls-private.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS = 3650, SECONDS_PER_DAY = 86400 };

static int make_directories(char *path)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			int code = errno;

			*at = '/';
			return -code;
		}
		*at = '/';
	}
	return 0;
}

static char *name_file(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *file = NULL;
	int length = -1;

	/* "If a path is relative, ignore it" (XDG Base Directory Specification). */
	if (state && *state == '/')
		length = asprintf(&file, "%s/sluice/tls.pem", state);
	else if (home && *home == '/')
		length = asprintf(&file, "%s/.local/state/sluice/tls.pem", home);
	return length < 0 ? NULL : file;
}

static bool add_extension(X509 *certificate, int id, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
	added = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

/* What a client may call this server. A name with a comma in it would be two. */
static bool add_names(X509 *certificate, const char *host)
{
	char machine[256] = "", names[768];

	gethostname(machine, sizeof(machine) - 1);
	snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1");
	if (*machine && !strpbrk(machine, ",:"))
		snprintf(names + strlen(names), sizeof(names) - strlen(names), ",DNS:%s", machine);
	if (host && *host && !strchr(host, ',') && (tls_is_address(host) || !strchr(host, ':')))
		snprintf(names + strlen(names), sizeof(names) - strlen(names), ",%s:%s",
			 tls_is_address(host) ? "IP" : "DNS", host);
	return add_extension(certificate, NID_subject_alt_name, names);
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *host)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) &&
	       X509_set_version(certificate, X509_VERSION_3) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -SECONDS_PER_DAY) &&
	       X509_time_adj_ex(X509_getm_notAfter(certificate), DAYS, 0, NULL) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					  (const unsigned char *)"sluice serve", -1, -1, 0) &&
	       X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
	       add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
	       add_names(certificate, host) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool write_pair(FILE *file, const char *host)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	bool done = key && certificate && fill(certificate, key, host) &&
		    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) &&
		    PEM_write_X509(file, certificate);

	X509_free(certificate);
	EVP_PKEY_free(key);
	return done;
}

static int make(const char *name, const char *host, struct sluice_error *error)
{
	_cleanup_free_ char *other = NULL;
	FILE *file;
	int fd, code = 0;

	if (asprintf(&other, "%s.XXXXXX", name) < 0)
		return error_set_errno(error, ENOMEM, "TLS");
	fd = mkostemp(other, O_CLOEXEC);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!file)
		return error_set_errno(error, errno, "%s", other);
	if (!write_pair(file, host))
		code = tls_fail(error, EIO, "making a key and a certificate");
	if ((fflush(file) != 0 || fsync(fd) < 0) && code == 0)
		code = error_set_errno(error, errno, "%s", other);
	fclose(file);
	if (code == 0 && link(other, name) < 0 && errno != EEXIST)
		code = error_set_errno(error, errno, "%s", name);
	unlink(other);
	return code;
}

/* A key that others may read is nobody's secret. */
static int check(const char *name, struct sluice_error *error)
{
	struct stat status;

	if (stat(name, &status) < 0)
		return errno == ENOENT ? -ENOENT : error_set_errno(error, errno, "%s", name);
	if (status.st_uid != geteuid())
		return error_set(error, EACCES, "%s: the key in it belongs to another user", name);
	if (status.st_mode & 077)
		return error_set(
			error, EACCES,
			"%s: others can read the key in it (mode %03o): chmod 600 if nobody "
			"has, else remove it, and a new one is made",
			name, status.st_mode & 0777u);
	return 0;
}

int tls_identity(char **out, const char *host, struct sluice_error *error)
{
	_cleanup_free_ char *name = name_file();
	int result;

	if (!name)
		return error_set(error, ENOENT,
				 "no directory for the key: set XDG_STATE_HOME or HOME, or use a "
				 "certificate and a key of your own");
	result = check(name, error);
	if (result == -ENOENT) {
		result = make_directories(name);
		if (result < 0)
			return error_set_errno(error, -result, "directory of %s", name);
		result = make(name, host, error);
		if (result == 0)
			result = check(name, error);
	}
	if (result < 0)
		return result;
	*out = name;
	name = NULL;
	return 0;
}
