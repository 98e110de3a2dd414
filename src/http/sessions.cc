#include "http/sessions.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include "http/limits.h"
#include "http/text.h"

namespace shijian::http {

namespace {

constexpr std::string_view kCookie = "shijian_session";

std::string random_token() {
  std::array<unsigned char, 32> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw Error(ErrorCode::kInternal, "open session: the system gives no random bytes"_text);
  std::string token;
  for (const unsigned char byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

}  // namespace

std::string Sessions::open(int key, Time now) {
  std::string token = random_token();
  const std::lock_guard lock(mutex_);
  while (!sessions_.empty() && (sessions_.front().end <= now || sessions_.size() >= kMost))
    sessions_.pop_front();
  sessions_.push_back({token, key, now + kLifetime});
  return token;
}

int Sessions::find(std::string_view token, Time now) {
  const std::lock_guard lock(mutex_);
  int found = 0;
  for (const Session& session : sessions_) {
    if (equal_in_constant_time(token, session.token) && session.end > now) found = session.key;
  }
  return found;
}

void Sessions::close(std::string_view token) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const Session& session) {
    return equal_in_constant_time(token, session.token);
  });
}

std::string_view session_token(const HttpRequest& request) {
  std::string_view rest = request.header("cookie");
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view pair = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == kCookie)
      return pair.substr(equals + 1);
  }
  return {};
}

std::string session_cookie(std::string_view token, bool secure) {
  const std::chrono::seconds age = token.empty() ? std::chrono::seconds(0) : Sessions::kLifetime;
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", kCookie, token,
                     age.count(), secure ? "; Secure" : "");
}

}  // namespace shijian::http
