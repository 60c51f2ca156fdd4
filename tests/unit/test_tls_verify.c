/* SPDX-License-Identifier: MIT */
/* Which certificates are refused, and with which sentence: made here, each with one fault. */
#include "channel/tls-private.h"
#include "scratch.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

enum { DAY = 86400 };

/* Which of the authorities signs. */
enum signer { ROOT, MIDDLE, STRANGER, EXPIRED_MIDDLE, SIGNERS };

static struct authority {
	EVP_PKEY *key;
	X509 *certificate;
} authorities[SIGNERS];

static char directory[64], root_file[96], pair_file[96];

static void add(X509 *certificate, X509 *issuer, int id, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
	assert_non_null(extension);
	assert_true(X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

/* Signed by signer, or by itself. From and until: seconds from now. */
static X509 *make(const char *name, EVP_PKEY *key, const struct authority *signer,
		  const char *names, long from, long until, const EVP_MD *digest)
{
	static long serial = 1;
	X509 *certificate = X509_new(), *issuer = signer ? signer->certificate : certificate;

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from);
	X509_gmtime_adj(X509_getm_notAfter(certificate), until);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
	X509_set_pubkey(certificate, key);
	if (names && *names)
		add(certificate, issuer, NID_subject_alt_name, names);
	add(certificate, issuer, NID_basic_constraints,
	    names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	assert_true(X509_sign(certificate, signer ? signer->key : key, digest) > 0);
	return certificate;
}

static void make_authority(enum signer which, const char *name, const struct authority *signer,
			   long until)
{
	struct authority *authority = &authorities[which];

	authority->key = EVP_EC_gen("P-256");
	authority->certificate =
		make(name, authority->key, signer, NULL, -30 * DAY, until, EVP_sha256());
}

static int set_up(void **state)
{
	FILE *file;

	strcpy(directory, "/tmp/sluice-unit-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(root_file, sizeof(root_file), "%s/root", directory);
	snprintf(pair_file, sizeof(pair_file), "%s/pair", directory);
	make_authority(ROOT, "root", NULL, 30 * DAY);
	make_authority(MIDDLE, "middle", &authorities[ROOT], 30 * DAY);
	make_authority(EXPIRED_MIDDLE, "old", &authorities[ROOT], -DAY);
	make_authority(STRANGER, "stranger", NULL, 30 * DAY);
	file = fopen(root_file, "w");
	PEM_write_X509(file, authorities[ROOT].certificate);
	fclose(file);
	return 0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < SIGNERS; i++) {
		EVP_PKEY_free(authorities[i].key);
		X509_free(authorities[i].certificate);
	}
	unlink(root_file);
	unlink(pair_file);
	return rmdir(directory);
}

struct row {
	const char *host, *names; /* names: "" for none */
	const char *words;        /* NULL: it is accepted */
	enum signer signer;
	long from, until;  /* 0: a day before, and a day after now */
	unsigned key_bits; /* of RSA; 0: P-256 */
	bool is_reversed, lacks_middle, is_alone, has_sha1;
};

static void write_pair(const struct row *row)
{
	const struct authority *signer = row->is_alone ? NULL : &authorities[row->signer];
	EVP_PKEY *key = row->key_bits ? EVP_RSA_gen(row->key_bits) : EVP_EC_gen("P-256");
	X509 *certificate =
		make("a.example", key, signer, row->names, row->from ? row->from : -DAY,
		     row->until ? row->until : DAY, row->has_sha1 ? EVP_sha1() : EVP_sha256());
	FILE *file = fopen(pair_file, "w");

	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_X509(file, certificate);
	if (row->is_reversed)
		PEM_write_X509(file, authorities[ROOT].certificate);
	if (signer && row->signer != ROOT && !row->lacks_middle)
		PEM_write_X509(file, signer->certificate);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* A weak key is one that our own server refuses to use, too: this one does not care. */
static void open_weak(struct channel *channel, int fd)
{
	SSL_CTX *context;

	assert_int_equal(tls_context_new(&context, true, NULL), 0);
	SSL_CTX_set_security_level(context, 0);
	assert_int_equal(tls_context_use(context, pair_file, pair_file, NULL), 0);
	assert_int_equal(tls_channel_new(channel, fd, context), 0);
	SSL_set_accept_state(((struct tls *)channel->state)->ssl);
	SSL_CTX_free(context);
}

static void shake(struct channel *client, struct channel *server, const struct row *row)
{
	int of_client = -EAGAIN, of_server = -EAGAIN;

	while (of_client == -EAGAIN || (of_client == 0 && of_server == -EAGAIN)) {
		of_client = channel_handshake(client);
		of_server = channel_handshake(server);
	}
	if (of_client != (row->words ? -EKEYREJECTED : 0))
		fail_msg("%s, for %s: %d", row->names, row->host, of_client);
	if (row->words && !strstr(channel_words(client), row->words))
		fail_msg("%s, for %s: %s", row->names, row->host, channel_words(client));
}

static void certificates(void **state)
{
	static const struct row rows[] = {
		{"a.example", "DNS:a.example", NULL, ROOT},
		{"A.Example", "DNS:a.example", NULL, ROOT},
		{"a.example.", "DNS:a.example", NULL, ROOT},
		{"b.example", "DNS:a.example,DNS:b.example", NULL, ROOT},
		{"127.0.0.1", "IP:127.0.0.1", NULL, ROOT},
		{"::1", "IP:::1", NULL, ROOT},
		{"fe80::1%lo", "IP:fe80::1", NULL, ROOT},
		{"x.example", "DNS:*.example.org,DNS:x.example", NULL, ROOT},
		{"x.a.example", "DNS:*.a.example", NULL, ROOT},
		{"a.example", "DNS:a.example", NULL, MIDDLE},
		{"a.example", "DNS:a.example", NULL, MIDDLE, .is_reversed = true},

		{"b.example", "DNS:a.example", "is for a.example, not for b.example", ROOT},
		{"a.example", "", "is for no name, not for a.example", ROOT},
		{"y.x.a.example", "DNS:*.a.example", "is for *.a.example, not", ROOT},
		{"a.example", "DNS:*.a.example", "is for *.a.example, not", ROOT},
		{"xa.a.example", "DNS:x*.a.example", "is for x*.a.example, not", ROOT},
		{"a.example", "DNS:a.example.org", "not for a.example", ROOT},
		{"127.0.0.1", "DNS:127.0.0.1", "not for the address 127.0.0.1", ROOT},
		{"127.0.0.1", "IP:127.0.0.2", "not for the address 127.0.0.1", ROOT},
		{"127.0.0.1", "", "not for the address 127.0.0.1", ROOT},
		{"a.example", "DNS:a.example", "expired on 20", ROOT, .from = -9 * DAY,
		 .until = -DAY},
		{"a.example", "DNS:a.example", "expired on 20", EXPIRED_MIDDLE},
		{"a.example", "DNS:a.example", "not valid before 20", ROOT, .from = DAY,
		 .until = 9 * DAY},
		{"a.example", "DNS:a.example", "from no CA that is trusted", STRANGER},
		{"a.example", "DNS:a.example", "from no CA that is trusted", .is_alone = true},
		{"a.example", "DNS:a.example", "from no CA that is trusted", MIDDLE,
		 .lacks_middle = true},
		{"a.example", "DNS:a.example", "too weak", ROOT, .key_bits = 1024},
		{"a.example", "DNS:a.example", "too weak", ROOT, .has_sha1 = true},
	};
	const struct tls_client_options options = {.ca = root_file};
	struct tls_client *client;

	assert_int_equal(tls_client_open(&client, &options, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct channel in, out;
		int pair[2];

		write_pair(&rows[i]);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		open_weak(&in, pair[0]);
		assert_int_equal(tls_connect(&out, pair[1], client, rows[i].host, NULL), 0);
		shake(&out, &in, &rows[i]);
		channel_close(&in);
		channel_close(&out);
		close(pair[0]);
		close(pair[1]);
	}
	tls_client_close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(certificates)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
