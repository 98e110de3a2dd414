// Sessions: a random token in a cookie that stands for an API key, because a browser sends no
// Authorization header for <video>, <img> and links.
#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "http/server.h"

namespace shijian::http {

// Thread-safe. In memory alone: after a restart the key is asked for again.
class Sessions {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::hours kLifetime{7 * 24};
  static constexpr size_t kMost = 1000;  // beyond this the oldest one ends

  // The token of a new session for the key at place `key`, counted from 1.
  std::string open(int key, Time now);
  // The place of the token's key; 0: no such session, or it has expired. The time it takes says
  // nothing about the tokens.
  int find(std::string_view token, Time now);
  void close(std::string_view token);

 private:
  struct Session {
    std::string token;
    int key = 0;
    Time end;
  };
  std::mutex mutex_;
  std::deque<Session> sessions_;  // by their end
};

// The token that the request's Cookie header carries; empty: none.
std::string_view session_token(const HttpRequest& request);

// The value of Set-Cookie that makes the browser keep `token`, or forget it when it is empty.
// `secure`: it travels over TLS alone.
std::string session_cookie(std::string_view token, bool secure);

}  // namespace shijian::http
