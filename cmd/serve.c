/* SPDX-License-Identifier: MIT */
#include "base/bill-json.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "command.h"

#include "line-file.h"
#include "serve-tls.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct sluice_server *server; /* for the signal handler */
static bool is_ending;               /* set by it, atomically */

static void on_signal(int number)
{
	(void)number;
	__atomic_store_n(&is_ending, true, __ATOMIC_RELAXED);
	sluice_server_stop(server);
}

struct serve {
	struct sluice_server_options options;
	const char *log, *bill;
	FILE *bill_file;
	struct line_file log_file, error_file;
	uint64_t dropped;             /* lines that were never handed to us */
	const char **headers, **cors; /* as many as there are words, and NULL */
	bool is_help;
};

static const char *why(const struct line_file *log, char words[ERROR_WORDS])
{
	return log->is_stuck ? "nobody reads it" : error_words(log->code, words);
}

static void on_log(void *argument, const char *line)
{
	struct serve *serve = argument;
	char text[512], words[ERROR_WORDS];

	if (line_file_write(&serve->log_file, line) || serve->log_file.lost > 1)
		return;
	snprintf(text, sizeof(text), "sluice: access log %.256s: %s", serve->log,
		 why(&serve->log_file, words));
	line_file_write(&serve->error_file, text);
}

static void on_explain(void *argument, const char *line)
{
	struct serve *serve = argument;

	line_file_write(&serve->error_file, line);
}

static void on_note(void *argument, const char *line)
{
	struct serve *serve = argument;
	char text[4352];

	snprintf(text, sizeof(text), "sluice: %s", line);
	line_file_write(&serve->error_file, text);
}

static void on_lost(void *argument, uint64_t lines)
{
	struct serve *serve = argument;
	char text[128];

	serve->dropped += lines;
	snprintf(text, sizeof(text), "sluice: %llu lines were dropped: the reader was too slow",
		 (unsigned long long)lines);
	line_file_write(&serve->error_file, text);
}

static const char help[] =
	"Usage: sluice serve DIR [OPTION...]\n"
	"\n"
	"Serves the files below DIR over HTTP/1.1 until SIGTERM or SIGINT.\n"
	"\n"
	"  --listen ADDRESS:PORT  where to listen (127.0.0.1:8080; port 0: any free port;\n"
	"                         [::]:8080: all addresses, IPv6 and IPv4)\n"
	"  --workers N            number of worker threads (one per core)\n"
	"  --path NAME            how to send (auto), one of\n"
	"                         %s\n"
	"  --cc auto|NAME         TCP congestion control (auto: the system's, unless it paces\n"
	"                         a connection that stays on this machine)\n"
	"  --cors ORIGIN          let pages of this origin read (*: any origin; repeatable)\n"
	"  --header 'NAME: VALUE' add a field to every response (repeatable)\n"
	"  --follow-links WHICH   symbolic links to follow: inside (the default; those that stay\n"
	"                         below DIR), all or none\n"
	"  --explain              say which range goes by which path, and why\n"
	"  --tls                  speak TLS, with a key that is made once; prints how to know it\n"
	"  --tls-cert FILE, --tls-key FILE\n"
	"                         speak TLS, with this certificate and key (PEM; read again at\n"
	"                         SIGHUP)\n"
	"  --tls-min 1.2|1.3      oldest version of TLS (1.3)\n"
	"  --client-ca FILE       only for clients with a certificate from these CAs (PEM)\n"
	"  --token-file FILE      only for clients with one of these tokens: lines of\n"
	"                         NAME TOKEN [DIRECTORY]\n"
	"  --access-log FILE      write a line per request; - is standard output\n"
	"  --bill FILE            write the bill as JSON at the end\n"
	"  --help\n";

static bool is_link_rule(const char *text)
{
	return strcmp(text, "inside") == 0 || strcmp(text, "all") == 0 || strcmp(text, "none") == 0;
}

/* Returns EXIT_DONE, or EXIT_USAGE after saying why. */
static int parse(struct serve *serve, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"access-log", required_argument, NULL, 'a'},
		{"bill", required_argument, NULL, 'b'},
		{"cc", required_argument, NULL, 'c'},
		{"cors", required_argument, NULL, 'o'},
		{"explain", no_argument, NULL, 'e'},
		{"follow-links", required_argument, NULL, 'k'},
		{"header", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{"listen", required_argument, NULL, 'l'},
		{"path", required_argument, NULL, 'p'},
		{"client-ca", required_argument, NULL, 'C'},
		{"tls", no_argument, NULL, 'T'},
		{"tls-cert", required_argument, NULL, 'S'},
		{"tls-key", required_argument, NULL, 'K'},
		{"tls-min", required_argument, NULL, 'M'},
		{"token-file", required_argument, NULL, 'F'},
		{"workers", required_argument, NULL, 'w'},
		{0},
	};
	unsigned headers = 0, origins = 0;
	int option;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			serve->log = optarg;
			break;
		case 'b':
			serve->bill = optarg;
			break;
		case 'c':
			serve->options.congestion = optarg;
			break;
		case 'e':
			serve->options.explain = on_explain;
			break;
		case 'f':
			serve->headers[headers++] = optarg;
			break;
		case 'o':
			serve->cors[origins++] = optarg;
			break;
		case 'h':
			serve->is_help = true;
			return EXIT_DONE;
		case 'k':
			serve->options.follow_links = optarg;
			if (!is_link_rule(optarg))
				return command_misused(
					"serve: --follow-links %s: expected inside, all or none",
					optarg);
			break;
		case 'l':
			serve->options.listen = optarg;
			break;
		case 'p':
			serve->options.path = optarg;
			if (!command_has_path(optarg, sluice_send_path_name, "send"))
				return EXIT_USAGE;
			break;
		case 'C':
			serve->options.client_ca = optarg;
			break;
		case 'F':
			serve->options.token_file = optarg;
			break;
		case 'K':
			serve->options.tls_key = optarg;
			serve->options.tls = true;
			break;
		case 'M':
			serve->options.tls_min = optarg;
			break;
		case 'S':
			serve->options.tls_certificate = optarg;
			serve->options.tls = true;
			break;
		case 'T':
			serve->options.tls = true;
			break;
		case 'w':
			if (!command_number(optarg, 256, &serve->options.workers) ||
			    serve->options.workers == 0)
				return command_misused("serve: --workers %s: expected 1 to 256",
						       optarg);
			break;
		default:
			return command_bad_option(argv, option);
		}
	}
	if (!serve->options.tls_certificate != !serve->options.tls_key)
		return command_misused("serve: --tls-cert and --tls-key go together");
	if (!serve->options.tls && (serve->options.client_ca || serve->options.tls_min))
		return command_misused("serve: %s needs --tls, or --tls-cert and --tls-key",
				       serve->options.client_ca ? "--client-ca" : "--tls-min");
	if (optind == argc)
		return command_misused("serve: missing operand DIR");
	if (optind + 1 < argc)
		return command_misused("serve: unexpected argument '%s'", argv[optind + 1]);
	serve->options.directory = argv[optind];
	serve->options.headers = serve->headers;
	serve->options.cors = serve->cors;
	return EXIT_DONE;
}

/* Every connection takes descriptors: take as many as the system lets this user have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Opens what is written to now: a mistake is better told before the work than after it. */
static int open_files(struct serve *serve)
{
	int log;

	line_file_open(&serve->error_file, STDERR_FILENO, &is_ending);
	serve->options.note = on_note;
	serve->options.lost = on_lost;
	serve->options.argument = serve;
	if (serve->bill && !(serve->bill_file = fopen(serve->bill, "we")))
		return command_failed("bill %s: %s", serve->bill, strerror(errno));
	if (!serve->log)
		return EXIT_DONE;
	log = strcmp(serve->log, "-") == 0
		      ? STDOUT_FILENO
		      : open(serve->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
			     0666);
	if (log < 0)
		return command_failed("access log %s: %s", serve->log, strerror(errno));
	line_file_open(&serve->log_file, log, &is_ending);
	serve->options.log = on_log;
	return EXIT_DONE;
}

static void handle_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

static void ignore_signals(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
}

static int write_bill(const struct serve *serve, const struct sluice_bill *bill)
{
	json_t *root = bill_to_json(bill);
	int result = json_dumpf(root, serve->bill_file, JSON_COMPACT);

	json_decref(root);
	if (fclose(serve->bill_file) != 0 || result < 0)
		return command_failed("bill %s: %s", serve->bill, strerror(errno));
	return EXIT_DONE;
}

static int say_what_is_missing(const struct serve *serve)
{
	const struct line_file *log = &serve->log_file;
	char words[ERROR_WORDS];

	if (serve->dropped > 0)
		command_failed("%llu lines were dropped in all: the access log or the explanation "
			       "was read too slowly",
			       (unsigned long long)serve->dropped);
	if (log->lost > 0)
		command_failed("access log %s: %llu lines are missing: %s", serve->log,
			       (unsigned long long)log->lost, why(log, words));
	return serve->dropped + log->lost > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* Says nothing where standard error is a pipe that is full and not read. */
static int end(const struct serve *serve, const struct sluice_bill *bill)
{
	int result = serve->bill ? write_bill(serve, bill) : EXIT_DONE;

	if (serve->error_file.is_stuck)
		return EXIT_FAILED;
	command_print_bill(stderr, "sent", bill);
	return say_what_is_missing(serve) == EXIT_DONE ? result : EXIT_FAILED;
}

static int serve_until_signal(const struct serve *serve)
{
	struct sluice_error error = {0};
	struct sluice_bill *bill;
	int result;

	handle_signals();
	fprintf(stderr, "sluice: serving %s on %s\n", serve->options.directory,
		sluice_server_url(server));
	serve_tls_begin(server, &serve->options);
	result = sluice_server_run(server, &bill, &error);
	serve_tls_end();
	ignore_signals(); /* the server is about to go, and another Ctrl-C would stop it */
	result = result < 0 ? command_failed("%s", error.text) : end(serve, bill);
	sluice_bill_free(bill);
	return result;
}

static void print_help(void)
{
	char list[COMMAND_PATH_LIST];

	printf(help, command_path_list(list, sluice_send_path_name));
}

static int run(int argc, char **argv)
{
	_cleanup_free_ const char **words = calloc(2 * ((size_t)argc + 1), sizeof(*words));
	struct serve serve = {
		.options.size = sizeof(serve.options), .headers = words, .cors = words + argc + 1};
	struct sluice_error error = {0};
	int result = words ? parse(&serve, argc, argv) : command_failed("out of memory");

	if (result != EXIT_DONE)
		return result;
	if (serve.is_help) {
		print_help();
		return EXIT_DONE;
	}
	raise_descriptor_limit();
	serve_tls_prepare(&serve.options);
	result = open_files(&serve);
	if (result != EXIT_DONE)
		return result;
	result = sluice_server_open(&server, &serve.options, &error);
	if (result == -EINVAL)
		return command_misused("serve: %s", error.text);
	if (result < 0)
		return command_failed("%s", error.text);
	result = serve_until_signal(&serve);
	sluice_server_close(server);
	if (serve.options.log && close(serve.log_file.fd) < 0)
		result = command_failed("access log %s: %s", serve.log, strerror(errno));
	return result;
}

const struct command command_serve = {
	.name = "serve",
	.run = run,
	.arguments = "DIR [--listen ADDRESS:PORT] [--workers N] [--path NAME] ...",
	.description = "serve the files of a directory over HTTP",
};
