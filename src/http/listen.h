// The socket that a server listens on.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace shijian::http {

// Error(kUsage): `host` is no address of this machine, or the port is taken.
Descriptor listen_on(const std::string& host, int port);

int bound_port(const Descriptor& socket);

// What a Host header may say, in lower case: this machine's names for itself, the host that the
// server is bound to, and `names`.
std::vector<std::string> host_names(const std::string& host, const std::vector<std::string>& names);

// The peer of a connection: "192.168.1.7", "2001:db8::7"; an IPv4 address mapped to IPv6 is shown
// as what it is.
std::string peer_address(const sockaddr* address);

// Whether the name of a Host header is an address, IPv6 in brackets.
bool is_address(std::string_view name);

}  // namespace shijian::http
