/* SPDX-License-Identifier: MIT */
#include "machine/network.h"

#include "base/cleanup.h"
#include "host/read.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

enum {
	PARENT_NAME = 56, /* IFLA_PARENT_DEV_NAME and _BUS_NAME, absent from older headers */
	PARENT_BUS = 57,
	DUMP_SIZE = 32768, /* the kernel's answers to a dump are at most that long */
	TRIES = 3,         /* of a list that changes while it is read */
};

static struct nlmsghdr *begin(void *buffer, int type, int flags, const void *head, size_t size)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = (uint16_t)type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	memcpy(mnl_nlmsg_put_extra_header(message, size), head, size);
	return message;
}

/* Sends a question and gives each answer to take. */
static int ask(struct mnl_socket *socket, const struct nlmsghdr *question, mnl_cb_t take,
	       void *argument)
{
	_cleanup_free_ char *buffer = malloc(DUMP_SIZE);
	int status = MNL_CB_OK;

	if (!buffer)
		return -ENOMEM;
	if (mnl_socket_sendto(socket, question, question->nlmsg_len) < 0)
		return -errno;
	while (status > MNL_CB_STOP) {
		ssize_t length = mnl_socket_recvfrom(socket, buffer, DUMP_SIZE);

		if (length < 0)
			return -errno;
		status = mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(socket), take,
				    argument);
	}
	return status < 0 ? -errno : 0;
}

static struct mnl_socket *open_socket(int protocol)
{
	struct mnl_socket *socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);

	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int code = errno;

		mnl_socket_close(socket);
		errno = code;
		return NULL;
	}
	return socket;
}

/* The links */

static void copy_text(char *text, size_t size, const struct nlattr *attribute)
{
	size_t length = mnl_attr_get_payload_len(attribute);

	if (length >= size)
		length = size - 1;
	memcpy(text, mnl_attr_get_payload(attribute), length);
	text[length] = '\0';
}

static void take_kind(struct host_link *link, const struct nlattr *information)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, information)
	{
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
			copy_text(link->kind, sizeof(link->kind), attribute);
	}
}

static void take_attribute(struct host_link *link, const struct nlattr *attribute)
{
	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		copy_text(link->name, sizeof(link->name), attribute);
		break;
	case IFLA_MTU:
		link->mtu_bytes = mnl_attr_get_u32(attribute);
		break;
	case IFLA_OPERSTATE:
		/* Drivers that do not tell (0) are believed to be up where the link is. */
		link->is_up = mnl_attr_get_u8(attribute) == IF_OPER_UP ||
			      (mnl_attr_get_u8(attribute) == 0 && link->is_up);
		break;
	case IFLA_LINKINFO:
		take_kind(link, attribute);
		break;
	case PARENT_NAME:
		copy_text(link->device, sizeof(link->device), attribute);
		break;
	case PARENT_BUS:
		copy_text(link->bus, sizeof(link->bus), attribute);
		break;
	}
}

static int take_link(const struct nlmsghdr *message, void *argument)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
	struct host_network *network = argument;
	struct host_link *links =
		realloc(network->links, (network->count + 1) * sizeof(*network->links));
	struct host_link *link;
	const struct nlattr *attribute;

	if (!links) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	network->links = links;
	link = &links[network->count++];
	*link = (struct host_link){
		.index = (unsigned)head->ifi_index,
		.is_loopback = head->ifi_type == ARPHRD_LOOPBACK,
		.is_up = (head->ifi_flags & IFF_UP) && (head->ifi_flags & IFF_RUNNING),
		.has_scatter_gather = HOST_NOT_TOLD,
		.has_tx_checksum = HOST_NOT_TOLD,
		.has_tso = HOST_NOT_TOLD,
		.has_gso = HOST_NOT_TOLD,
		.has_gro = HOST_NOT_TOLD,
		.has_tls_tx = HOST_NOT_TOLD,
		.has_tls_rx = HOST_NOT_TOLD,
	};
	mnl_attr_for_each(attribute, message, sizeof(*head))
	{
		take_attribute(link, attribute);
	}
	return MNL_CB_OK;
}

static int read_links(struct host_network *network)
{
	struct mnl_socket *socket = open_socket(NETLINK_ROUTE);
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	char buffer[256];
	int status = -EINTR;

	if (!socket)
		return -errno;
	for (int try = 0; try < TRIES && status == -EINTR; try++) {
		network->count = 0;
		status = ask(socket, begin(buffer, RTM_GETLINK, NLM_F_DUMP, &head, sizeof(head)),
			     take_link, network);
	}
	mnl_socket_close(socket);
	return status;
}

/* ethtool */

struct family {
	struct mnl_socket *socket;
	uint16_t id;
};

static int take_family(const struct nlmsghdr *message, void *argument)
{
	const struct nlattr *attribute;
	struct family *family = argument;

	mnl_attr_for_each(attribute, message, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
			family->id = mnl_attr_get_u16(attribute);
	}
	return MNL_CB_OK;
}

static int open_ethtool(struct family *family)
{
	struct genlmsghdr head = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	char buffer[256];
	struct nlmsghdr *question = begin(buffer, GENL_ID_CTRL, NLM_F_ACK, &head, sizeof(head));
	int status;

	mnl_attr_put_strz(question, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
	family->id = 0;
	family->socket = open_socket(NETLINK_GENERIC);
	if (!family->socket)
		return -errno;
	status = ask(family->socket, question, take_family, family);
	if (status == 0 && family->id != 0)
		return 0;
	mnl_socket_close(family->socket);
	return status ? status : -ENOENT;
}

static void take_feature(struct host_link *link, const char *name)
{
	static const struct {
		const char *name;
		size_t place;
	} features[] = {
#define FEATURE(name, member) {name, offsetof(struct host_link, member)}
		FEATURE("tx-scatter-gather", has_scatter_gather),
		FEATURE("tx-checksum-ip-generic", has_tx_checksum),
		FEATURE("tx-checksum-ipv4", has_tx_checksum),
		FEATURE("tx-checksum-ipv6", has_tx_checksum),
		FEATURE("tx-tcp-segmentation", has_tso),
		FEATURE("tx-tcp6-segmentation", has_tso),
		FEATURE("tx-generic-segmentation", has_gso),
		FEATURE("rx-gro", has_gro),
		FEATURE("tls-hw-tx-offload", has_tls_tx),
		FEATURE("tls-hw-rx-offload", has_tls_rx),
#undef FEATURE
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (strcmp(features[i].name, name) == 0)
			*(enum host_known *)((char *)link + features[i].place) = HOST_YES;
}

/* In a list without a mask what is there is set; in one with, a flag says so. */
static void take_bit(struct host_link *link, const struct nlattr *bit, bool has_mask)
{
	const struct nlattr *attribute;
	const char *name = NULL;
	bool is_set = !has_mask;

	mnl_attr_for_each_nested(attribute, bit)
	{
		if (mnl_attr_get_type(attribute) == ETHTOOL_A_BITSET_BIT_NAME &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(attribute);
		if (mnl_attr_get_type(attribute) == ETHTOOL_A_BITSET_BIT_VALUE)
			is_set = true;
	}
	if (name && is_set)
		take_feature(link, name);
}

static void take_active(struct host_link *link, const struct nlattr *bitset)
{
	const struct nlattr *attribute, *bit, *bits = NULL;
	bool has_mask = true;

	mnl_attr_for_each_nested(attribute, bitset)
	{
		if (mnl_attr_get_type(attribute) == ETHTOOL_A_BITSET_NOMASK)
			has_mask = false;
		if (mnl_attr_get_type(attribute) == ETHTOOL_A_BITSET_BITS)
			bits = attribute;
	}
	if (!bits)
		return;
	link->has_scatter_gather = link->has_tx_checksum = link->has_tso = link->has_gso =
		link->has_gro = link->has_tls_tx = link->has_tls_rx = HOST_NO;
	mnl_attr_for_each_nested(bit, bits)
	{
		take_bit(link, bit, has_mask);
	}
}

static int take_features(const struct nlmsghdr *message, void *argument)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attribute) == ETHTOOL_A_FEATURES_ACTIVE)
			take_active(argument, attribute);
	}
	return MNL_CB_OK;
}

static int take_modes(const struct nlmsghdr *message, void *argument)
{
	const struct nlattr *attribute;
	struct host_link *link = argument;

	mnl_attr_for_each(attribute, message, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attribute) == ETHTOOL_A_LINKMODES_SPEED &&
		    mnl_attr_get_u32(attribute) != (uint32_t)SPEED_UNKNOWN)
			link->speed_bits_per_second =
				mnl_attr_get_u32(attribute) * (uint64_t)1000000;
	}
	return MNL_CB_OK;
}

static int ask_ethtool(const struct family *family, struct host_link *link, uint8_t command,
		       mnl_cb_t take)
{
	struct genlmsghdr head = {.cmd = command, .version = ETHTOOL_GENL_VERSION};
	char buffer[256];
	struct nlmsghdr *question = begin(buffer, family->id, NLM_F_ACK, &head, sizeof(head));
	/* The header is the first attribute of each of these commands. */
	struct nlattr *nest = mnl_attr_nest_start(question, ETHTOOL_A_FEATURES_HEADER);

	mnl_attr_put_u32(question, ETHTOOL_A_HEADER_DEV_INDEX, link->index);
	mnl_attr_nest_end(question, nest);
	return ask(family->socket, question, take, link);
}

/* What a driver, or a kernel without ethtool's netlink, does not tell stays unknown. */
static void read_features(struct host_network *network)
{
	struct family family;

	if (open_ethtool(&family) < 0)
		return;
	for (unsigned i = 0; i < network->count; i++) {
		struct host_link *link = &network->links[i];

		ask_ethtool(&family, link, ETHTOOL_MSG_FEATURES_GET, take_features);
		ask_ethtool(&family, link, ETHTOOL_MSG_LINKMODES_GET, take_modes);
	}
	mnl_socket_close(family.socket);
}

/* The default route */

/* Interface, destination, gateway, flags, counters, metric, mask, all numbers but the metric hex */
static bool is_default4(const char *line, char name[16], unsigned long *metric)
{
	unsigned destination, flags, mask;

	return sscanf(line, "%15s %x %*x %x %*u %*u %lu %x", name, &destination, &flags, metric,
		      &mask) == 5 &&
	       destination == 0 && mask == 0 && flags & 1 && !(flags & 0x200);
}

/* Destination, its length, source, its length, gateway, metric, counters, flags, interface */
static bool is_default6(const char *line, char name[16], unsigned long *metric)
{
	unsigned length, flags;

	return sscanf(line, "%*32s %x %*32s %*x %*32s %lx %*x %*x %x %15s", &length, metric, &flags,
		      name) == 4 &&
	       length == 0 && flags & 1 && !(flags & 0x200);
}

static bool find_default(int root, const char *path,
			 bool (*is_default)(const char *, char[16], unsigned long *), char best[16])
{
	FILE *file = host_open(root, path);
	unsigned long metric, lowest = 0;
	char line[512], name[16];
	bool is_found = false;

	while (file && fgets(line, sizeof(line), file))
		if (is_default(line, name, &metric) && (!is_found || metric < lowest)) {
			strcpy(best, name);
			lowest = metric;
			is_found = true;
		}
	if (file)
		fclose(file);
	return is_found;
}

int host_network_route(int root, char name[16])
{
	if (find_default(root, "proc/net/route", is_default4, name) ||
	    find_default(root, "proc/net/ipv6_route", is_default6, name))
		return 0;
	return -ENOENT;
}

int host_network_read(int root, struct host_network *network)
{
	char name[16];
	int status;

	*network = (struct host_network){0};
	status = read_links(network);
	if (status < 0) {
		host_network_free(network);
		return status;
	}
	read_features(network);
	if (host_network_route(root, name) == 0)
		for (unsigned i = 0; i < network->count; i++)
			network->links[i].has_default_route =
				strcmp(network->links[i].name, name) == 0;
	return 0;
}

void host_network_free(struct host_network *network)
{
	free(network->links);
	*network = (struct host_network){0};
}

const struct host_link *host_network_default(const struct host_network *network)
{
	for (unsigned i = 0; i < network->count; i++)
		if (network->links[i].has_default_route)
			return &network->links[i];
	return NULL;
}
