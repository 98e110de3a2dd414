// Authentication by API key, and rate limiting with one token bucket for each client.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace shijian::http {

// The place of `authorization`'s key ("Bearer KEY") among `keys`, counted from 1; 0: none of them.
// The time it takes says nothing about the keys but their lengths.
int find_key(std::string_view authorization, const std::vector<std::string>& keys);

// Compares all of `key` whatever is given, so that the time says nothing but its length.
bool equal_in_constant_time(std::string_view given, std::string_view key);

// Thread-safe.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Each client may do `per_second` things a second and twice as many at once. 0: no limit.
  explicit RateLimiter(double per_second) : per_second_(per_second) {}

  // 0, or the whole seconds after which the client should try again.
  int take(const std::string& client, Time now);

 private:
  struct Bucket {
    double tokens = 0;
    Time time;
  };

  const double per_second_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
  Time swept_;  // when full buckets were last forgotten
};

}  // namespace shijian::http
