#include "http/limits.h"

#include <algorithm>
#include <cmath>

#include "http/text.h"

namespace shijian::http {

namespace {
// Beyond this many clients, those whose buckets are full again are forgotten.
constexpr size_t kMaxBuckets = 10000;
}  // namespace

bool equal_in_constant_time(std::string_view given, std::string_view key) {
  size_t difference = given.size() ^ key.size();
  for (size_t i = 0; i < key.size(); ++i)
    difference |= static_cast<unsigned char>((i < given.size() ? given[i] : 0) ^ key[i]);
  return difference == 0;
}

int find_key(std::string_view authorization, const std::vector<std::string>& keys) {
  const size_t space = std::min(authorization.find(' '), authorization.size());
  if (lower(authorization.substr(0, space)) != "bearer") return 0;
  const std::string_view given = trim(authorization.substr(space));
  int found = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (equal_in_constant_time(given, keys[i])) found = static_cast<int>(i) + 1;
  }
  return found;
}

int RateLimiter::take(const std::string& client, Time now) {
  if (per_second_ <= 0) return 0;
  const double burst = std::max(1.0, 2 * per_second_);
  const std::lock_guard lock(mutex_);
  const double seconds_to_fill = burst / per_second_;
  if (buckets_.size() > kMaxBuckets && now - swept_ > std::chrono::seconds(1)) {
    swept_ = now;
    std::erase_if(buckets_, [&](const auto& entry) {
      return std::chrono::duration<double>(now - entry.second.time).count() > seconds_to_fill;
    });
  }
  const auto [place, fresh] = buckets_.try_emplace(client, Bucket{burst, now});
  Bucket& bucket = place->second;
  const double passed = std::chrono::duration<double>(now - bucket.time).count();
  bucket.tokens = std::min(burst, bucket.tokens + passed * per_second_);
  bucket.time = now;
  if (bucket.tokens < 1) return static_cast<int>(std::ceil((1 - bucket.tokens) / per_second_));
  bucket.tokens -= 1;
  return 0;
}

}  // namespace shijian::http
