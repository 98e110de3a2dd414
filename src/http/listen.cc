#include "http/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "http/text.h"

namespace shijian::http {

namespace {
Error cannot_listen(const std::string& host, int port, const char* reason) {
  return Error(ErrorCode::kUsage, "listen on {} port {}: {}"_text(host, port, Text::words(reason)),
               "choose another --host or --port, or stop what uses it"_text);
}
}  // namespace

Descriptor listen_on(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  if (const int failure = getaddrinfo(host.c_str(), service.c_str(), &hints, &found))
    throw cannot_listen(host, port, gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  // A name such as localhost may have several addresses; the first that works is taken.
  int failure = EADDRNOTAVAIL;
  for (const addrinfo* at = addresses.get(); at; at = at->ai_next) {
    Descriptor socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (socket.get() >= 0 &&
        setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(socket.get(), at->ai_addr, at->ai_addrlen) == 0 &&
        listen(socket.get(), SOMAXCONN) == 0)
      return socket;
    failure = errno;
  }
  throw cannot_listen(host, port, std::strerror(failure));
}

int bound_port(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  CHECK(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

std::vector<std::string> host_names(const std::string& host,
                                    const std::vector<std::string>& names) {
  std::vector<std::string> result = {"127.0.0.1", "localhost", "[::1]"};
  const auto add = [&](const std::string& name) {
    const bool bare_ipv6 = std::count(name.begin(), name.end(), ':') > 1 && !name.starts_with('[');
    result.push_back(lower(bare_ipv6 ? "[" + name + "]" : name));
  };
  add(host);
  for (const std::string& name : names) add(name);
  return result;
}

std::string peer_address(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
              sizeof text);
  }
  const std::string result = text;
  return result.starts_with("::ffff:") ? result.substr(7) : result;
}

bool is_address(std::string_view name) {
  in6_addr six{};
  in_addr four{};
  if (!name.starts_with('[')) return inet_pton(AF_INET, std::string(name).c_str(), &four) == 1;
  return name.ends_with(']') &&
         inet_pton(AF_INET6, std::string(name.substr(1, name.size() - 2)).c_str(), &six) == 1;
}

}  // namespace shijian::http
