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

// "192.168.1.7", "2001:db8::7"; an IPv4 address mapped to IPv6 is shown as what it is.
std::string address_text(const sockaddr* address);

// The address of this machine that a connection was made to, in the same form; "" when it has gone.
std::string local_address(int socket);

// The address that a Host header's name is, IPv6 in brackets, in the same form; "" for a name.
std::string host_address(std::string_view name);

}  // namespace shijian::http
