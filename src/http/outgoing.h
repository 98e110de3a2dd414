// Requests that the server itself makes: to hosts that its owner has named, and to no other.
//
// Nothing a client says can make the server reach what only the server can reach: a URL's host must
// be on the list, at every redirection anew, and a name on it must not lead to an address of this
// machine or a private network; such addresses are allowed only where the list says them literally.
// Proxies of the environment are not used. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"

namespace shijian::http {

// URL that AllowedHosts::check() has approved; nothing else should create one. Parsed by the
// library that fetches it, so that both read the same host.
struct AllowedUrl {
  std::string text;
  std::string scheme, host;  // lower case, no brackets around an IPv6 address
  std::string path;          // as it stands in the URL, percents and all
  int port = 0;
  bool literal = false;  // the host is an address, or this machine's own name
};

class AllowedHosts {
 public:
  AllowedHosts() = default;  // none
  // Each "example.org", "*.example.org" (any name below it) or an address, perhaps with ":port"
  // (any port without). Error(kUsage) for anything else.
  explicit AllowedHosts(const std::vector<std::string>& hosts);

  bool empty() const { return hosts_.empty(); }

  // Error(kUsage) when `url` is no http or https URL, or carries a password; kPermission when its
  // host is not on the list.
  AllowedUrl check(const std::string& url) const;

 private:
  struct Host {
    std::string name;  // lower case; "example.org" of "*.example.org"
    bool below = false;
    int port = 0;  // 0: any
  };
  std::vector<Host> hosts_;
};

// Posts a JSON body and returns the status of the answer, whose body is not read. No redirection is
// followed. kPermission when the host's name leads to an address of a private network; kIo when no
// answer comes within 10 seconds.
int post_json(const AllowedUrl& url, const std::string& body,
              const std::vector<std::pair<std::string, std::string>>& headers,
              const std::stop_token& cancel);

// Gives the bytes of `url` to `sink`, piece by piece; follows up to five redirections to `hosts`.
// Errors of check(), also for where a name leads to; kInvalid for an answer that is not 200 and for
// more than `max_bytes`; kIo when the connection fails, breaks off or stands still for 30 seconds;
// what `sink` throws; kCancelled.
void download(const AllowedUrl& url, const AllowedHosts& hosts, int64_t max_bytes,
              const std::function<void(std::span<const std::byte>)>& sink,
              const std::stop_token& cancel);

}  // namespace shijian::http
