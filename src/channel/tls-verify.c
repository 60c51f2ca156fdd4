/* SPDX-License-Identifier: MIT */
/* Whether a server is who it should be, and a sentence where it is not. */
#include "channel/tls-private.h"

#include "base/text.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "sha256//"
enum { HASH_TEXT = 44 }; /* 32 bytes in base64 */

void tls_pin_of(X509 *certificate, char pin[TLS_PIN])
{
	unsigned char hash[EVP_MAX_MD_SIZE], *key = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
	unsigned hashed;

	*pin = '\0';
	if (length > 0 && EVP_Digest(key, (size_t)length, hash, &hashed, EVP_sha256(), NULL)) {
		strcpy(pin, PREFIX);
		EVP_EncodeBlock((unsigned char *)pin + strlen(PREFIX), hash, (int)hashed);
	}
	OPENSSL_free(key);
}

static bool is_pin(const char *text, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	size_t prefix = strlen(PREFIX);

	return length == prefix + HASH_TEXT && strncmp(text, PREFIX, prefix) == 0 &&
	       strspn(text + prefix, digits) == HASH_TEXT - 1 && text[length - 1] == '=';
}

bool tls_are_pins(const char *text)
{
	for (;;) {
		size_t length = strcspn(text, ";");

		if (!is_pin(text, length))
			return false;
		text += length;
		if (!*text)
			return true;
		text++;
	}
}

static bool is_among(const char *pins, const char *pin)
{
	for (; *pins; pins += strcspn(pins, ";"), pins += *pins == ';')
		if (strncmp(pins, pin, strlen(pin)) == 0)
			return *pin;
	return false;
}

static void append_name(char *names, size_t size, const GENERAL_NAME *name)
{
	size_t used = strlen(names);
	const ASN1_STRING *text = NULL;

	if (name->type == GEN_DNS)
		text = name->d.dNSName;
	if (!text || ASN1_STRING_length(text) <= 0)
		return;
	snprintf(names + used, size - used, "%s%.*s", used > 0 ? ", " : "",
		 ASN1_STRING_length(text), (const char *)ASN1_STRING_get0_data(text));
}

/* The names that it is for, as far as there is room. */
static const char *names_of(X509 *certificate, char *names, size_t size)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char raw[128] = "";

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++)
		append_name(raw, sizeof(raw), sk_GENERAL_NAME_value(all, i));
	GENERAL_NAMES_free(all);
	return text_for_terminal(names, size, *raw ? raw : "no name");
}

static const char *date_of(const ASN1_TIME *when, char text[32])
{
	struct tm parts;

	if (!ASN1_TIME_to_tm(when, &parts) || strftime(text, 32, "%Y-%m-%d %H:%M UTC", &parts) == 0)
		strcpy(text, "?");
	return text;
}

static void say(struct tls *tls, long code, X509 *certificate)
{
	char date[32], names[512];
	char *out = tls->words;
	size_t size = sizeof(tls->words);

	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		snprintf(out, size, "the server's certificate expired on %s",
			 date_of(X509_get0_notAfter(certificate), date));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(out, size, "the server's certificate is not valid before %s",
			 date_of(X509_get0_notBefore(certificate), date));
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		snprintf(out, size, "the server's certificate is for %s, not for %s",
			 names_of(certificate, names, sizeof(names)), tls->host);
		break;
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(out, size, "the server's certificate is not for the address %s",
			 tls->host);
		break;
	case X509_V_ERR_APPLICATION_VERIFICATION:
		snprintf(out, size, "the server's key is not the one that was pinned");
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		snprintf(out, size, "the server's certificate is from no CA that is trusted here");
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		snprintf(out, size, "the server's certificate has a key that is too weak");
		break;
	default:
		snprintf(out, size, "the server's certificate: %s",
			 X509_verify_cert_error_string(code));
	}
}

/* Fails, with a sentence about the certificate that is at fault: the server's, or a CA's. */
static int refuse(struct tls *tls, X509_STORE_CTX *store)
{
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	size_t used;

	say(tls, X509_STORE_CTX_get_error(store),
	    certificate ? certificate : X509_STORE_CTX_get0_cert(store));
	used = strlen(tls->words);
	snprintf(tls->words + used, sizeof(tls->words) - used,
		 "; if it is the right server all the same, trust its key: --pin %s", tls->seen);
	tls->is_refused = true;
	return 0;
}

int tls_verify(X509_STORE_CTX *store, void *argument)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_app_data(ssl);

	tls_pin_of(X509_STORE_CTX_get0_cert(store), tls->seen);
	if (!tls->pins)
		return X509_verify_cert(store) == 1 ? 1 : refuse(tls, store);
	if (is_among(tls->pins, tls->seen)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return refuse(tls, store);
}
