#include "http/router.h"

#include <algorithm>
#include <set>
#include <utility>

namespace shijian::http {

namespace {

constexpr std::string_view kAny = "{}";

// "/a/b" -> "a", "b"; "/" -> "".
std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& parts) {
  return std::equal(pattern.begin(), pattern.end(), parts.begin(), parts.end(),
                    [](const std::string& wanted, const std::string& part) {
                      return wanted == kAny ? !part.empty() : wanted == part;
                    });
}

// Of two patterns that fit, the one that is written out where they first differ.
bool more_exact(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return in_a != a.end() && *in_b == kAny;
}

}  // namespace

void Router::add(std::string method, std::string_view pattern, HttpRouteOptions options,
                 HttpHandler handler, HttpUploadHandler upload, HttpUploadRunner runner) {
  CHECK(pattern.starts_with('/'), "route {}", pattern);
  Route route{std::move(method),  std::string(pattern), split(pattern),   options,
              std::move(handler), std::move(upload),    std::move(runner)};
  for (const Route& other : routes_)
    CHECK(other.method != route.method || other.parts != route.parts, "route {}", pattern);
  routes_.push_back(std::move(route));
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  const auto parts = split(path);
  Match match;
  std::set<std::string> methods;
  for (const Route& route : routes_) {
    if (!fits(route.parts, parts)) continue;
    methods.insert(route.method);
    if (route.method == wanted && (!match.route || more_exact(route.parts, match.route->parts)))
      match.route = &route;
  }
  if (match.route) {
    for (size_t i = 0; i < parts.size(); ++i) {
      if (match.route->parts[i] == kAny) match.captures.push_back(parts[i]);
    }
  } else if (!methods.empty()) {
    if (methods.contains("GET")) methods.insert("HEAD");
    methods.insert("OPTIONS");
    for (const std::string& name : methods) {
      if (!match.allowed.empty()) match.allowed += ", ";
      match.allowed += name;
    }
  }
  return match;
}

}  // namespace shijian::http
