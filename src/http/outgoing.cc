#include "http/outgoing.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "http/text.h"

namespace shijian::http {
namespace {

constexpr int kMaxRedirections = 5;

// Null for what is no URL.
using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;
Url parse_url(const std::string& text) {
  Url url(curl_url(), curl_url_cleanup);
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

std::string without_brackets(std::string host) {
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return host;
}

bool is_address(const std::string& host) {
  in6_addr any;
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

// Parses `url` without checking whether its host is allowed.
AllowedUrl read_url(const std::string& url) {
  const Error wrong(ErrorCode::kUsage, "'{}' is no http or https URL"_text(url.substr(0, 200)),
                    "such as https://example.org/game.mp4"_text);
  if (has_control_character(url)) throw wrong;
  const Url parsed = parse_url(url);
  if (!parsed) throw wrong;
  AllowedUrl read;
  read.text = url;
  read.scheme = lower(part_of(parsed, CURLUPART_SCHEME));
  read.host = without_brackets(lower(part_of(parsed, CURLUPART_HOST)));
  if (read.host.ends_with('.')) read.host.pop_back();
  if ((read.scheme != "http" && read.scheme != "https") || read.host.empty()) throw wrong;
  if (!part_of(parsed, CURLUPART_USER).empty() || !part_of(parsed, CURLUPART_PASSWORD).empty()) {
    throw Error(ErrorCode::kUsage, "a URL with a name or password in it is not fetched"_text);
  }
  read.path = part_of(parsed, CURLUPART_PATH);
  read.port = std::atoi(part_of(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT).c_str());
  read.literal = is_address(read.host) || read.host == "localhost";
  return read;
}

// Whether the whole internet reaches it: not this machine, not a private or special network
// (RFC 6890).
bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const uint32_t ip = ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
    struct Network {
      uint32_t prefix;
      int bits;
    };
    constexpr Network kSpecial[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
        {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3}};
    for (const Network& n : kSpecial) {
      if ((ip ^ n.prefix) >> (32 - n.bits) == 0) return false;
    }
    return true;
  }
  if (address.sa_family != AF_INET6) return false;
  const in6_addr& ip = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  // Global unicast is 2000::/3; within it 2001::/23 and 2001:db8::/32 are special, and 2002::/16
  // wraps IPv4 addresses of any kind.
  if ((ip.s6_addr[0] & 0xe0) != 0x20) return false;
  const auto word = [&](int i) { return ip.s6_addr[2 * i] << 8 | ip.s6_addr[2 * i + 1]; };
  return !(word(0) == 0x2001 && (word(1) < 0x200 || word(1) == 0xdb8)) && word(0) != 0x2002;
}

// One request. The callbacks below run inside perform().
class Transfer {
 public:
  Transfer(const AllowedUrl& url, const std::stop_token& cancel)
      : cancel_(cancel),
        easy_(curl_easy_init(), curl_easy_cleanup),
        host_(url.host),
        literal_(url.literal) {
    set(CURLOPT_URL, url.text.c_str());
    set(CURLOPT_PROTOCOLS_STR, url.scheme.c_str());
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, 10L);
    set(CURLOPT_USERAGENT, "shijian");
    set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, progress);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_WRITEFUNCTION, write);
    set(CURLOPT_WRITEDATA, this);
  }
  ~Transfer() { curl_slist_free_all(headers_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
    CHECK(code == CURLE_OK, "curl option {}: {}", static_cast<int>(option),
          curl_easy_strerror(code));
  }
  void header(const std::string& line) { headers_ = curl_slist_append(headers_, line.c_str()); }
  // Without one the body of the answer is not read.
  void sink(const std::function<void(std::span<const std::byte>)>* to, int64_t max_bytes) {
    sink_ = to;
    max_bytes_ = max_bytes;
  }

  // The status of the answer.
  int perform() {
    if (headers_ != nullptr) set(CURLOPT_HTTPHEADER, headers_);
    const CURLcode code = curl_easy_perform(easy_.get());
    if (thrown_) std::rethrow_exception(thrown_);
    throw_if_cancelled(cancel_);
    if (refused_) {
      throw Error(ErrorCode::kPermission, "{} leads to an address of a private network"_text(host_),
                  "name the address itself on the list of allowed hosts if that is meant"_text);
    }
    const int status = static_cast<int>(info<long>(CURLINFO_RESPONSE_CODE));
    if (code != CURLE_OK && !(unread_ && status > 0)) {
      throw Error(ErrorCode::kIo, "{}: {}"_text(host_, Text::words(curl_easy_strerror(code))),
                  "try again later"_text);
    }
    return status;
  }
  // Where a redirection leads, as a whole URL.
  std::string redirection() {
    const char* url = info<char*>(CURLINFO_REDIRECT_URL);
    return url == nullptr ? "" : url;
  }
  const std::string& host() const { return host_; }

 private:
  template <typename Value>
  Value info(CURLINFO what) {
    Value value{};
    curl_easy_getinfo(easy_.get(), what, &value);
    return value;
  }

  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (!transfer.literal_ && !is_public(address->addr)) {
      transfer.refused_ = true;
      return CURL_SOCKET_BAD;
    }
    transfer.refused_ = false;  // a name may have several addresses
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
  static int progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->cancel_.stop_requested() ? 1 : 0;
  }
  static size_t write(char* bytes, size_t, size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool wanted =
        transfer.sink_ != nullptr && transfer.info<long>(CURLINFO_RESPONSE_CODE) == 200;
    if (!wanted) {
      transfer.unread_ = true;
      return 0;  // ends the transfer
    }
    try {
      transfer.received_ += static_cast<int64_t>(size);
      if (transfer.received_ > transfer.max_bytes_) {
        throw Error(ErrorCode::kInvalid, "{}: the file has more than {} bytes"_text(
                                             transfer.host_, transfer.max_bytes_));
      }
      (*transfer.sink_)(std::as_bytes(std::span(bytes, size)));
      return size;
    } catch (...) {
      transfer.thrown_ = std::current_exception();
      return 0;
    }
  }

  const std::stop_token cancel_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
  curl_slist* headers_ = nullptr;
  const std::string host_;
  const bool literal_;
  bool refused_ = false;
  bool unread_ = false;
  const std::function<void(std::span<const std::byte>)>* sink_ = nullptr;
  int64_t max_bytes_ = 0, received_ = 0;
  std::exception_ptr thrown_;
};

void initialise() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

AllowedHosts::AllowedHosts(const std::vector<std::string>& hosts) {
  for (const std::string& text : hosts) {
    Host host;
    std::string name = lower(text);
    if (name.starts_with("*.")) {
      host.below = true;
      name = name.substr(2);
    }
    const bool bare6 = is_address(name);  // an IPv6 address without brackets holds colons
    const std::string url =
        "http://" + (bare6 && name.find(':') != std::string::npos ? "[" + name + "]" : name) + "/";
    const Url parsed = parse_url(url);
    if (parsed) {
      host.name = without_brackets(part_of(parsed, CURLUPART_HOST));
      host.port = std::atoi(part_of(parsed, CURLUPART_PORT).c_str());
    }
    if (host.name.empty() || name.find_first_of("/@?#*") != std::string::npos) {
      throw Error(ErrorCode::kUsage, "'{}' is no name of a host"_text(text),
                  "such as example.org, *.example.org or 192.168.1.5:8000"_text);
    }
    hosts_.push_back(host);
  }
}

AllowedUrl AllowedHosts::check(const std::string& url) const {
  AllowedUrl read = read_url(url);
  for (const Host& host : hosts_) {
    if (host.port != 0 && host.port != read.port) continue;
    if (host.below ? read.host.ends_with("." + host.name) : read.host == host.name) return read;
  }
  throw Error(ErrorCode::kPermission, "{} is not an allowed host"_text(read.host),
              "whoever runs the server names the allowed hosts when starting it"_text);
}

int post_json(const AllowedUrl& url, const std::string& body,
              const std::vector<std::pair<std::string, std::string>>& headers,
              const std::stop_token& cancel) {
  initialise();
  Transfer transfer(url, cancel);
  transfer.set(CURLOPT_POST, 1L);
  transfer.set(CURLOPT_POSTFIELDS, body.data());
  transfer.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  transfer.set(CURLOPT_TIMEOUT, 10L);
  transfer.header("Content-Type: application/json");
  transfer.header("Expect:");  // no waiting for leave to send the body
  for (const auto& [name, value] : headers) transfer.header(fmt::format("{}: {}", name, value));
  return transfer.perform();
}

void download(const AllowedUrl& url, const AllowedHosts& hosts, int64_t max_bytes,
              const std::function<void(std::span<const std::byte>)>& sink,
              const std::stop_token& cancel) {
  initialise();
  AllowedUrl at = url;
  for (int i = 0; i <= kMaxRedirections; ++i) {
    Transfer transfer(at, cancel);
    transfer.set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    transfer.set(CURLOPT_LOW_SPEED_TIME, 30L);
    transfer.sink(&sink, max_bytes);
    const int status = transfer.perform();
    if (status == 200) return;
    const std::string next = transfer.redirection();
    if (next.empty()) {
      throw Error(ErrorCode::kInvalid, "{} answers {}"_text(transfer.host(), status),
                  "check the URL"_text);
    }
    at = hosts.check(next);
  }
  throw Error(ErrorCode::kInvalid,
              "{}: more than {} redirections"_text(url.host, kMaxRedirections));
}

}  // namespace shijian::http
