// LRU cache of recently computed values, limited by their bytes.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace shijian::server {

// Shares immutable values and evicts the least recently used first. Thread-safe.
template <typename Value>
class LruCache {
 public:
  explicit LruCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Null when it is not kept (any more).
  std::shared_ptr<const Value> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->value;
  }

  // A value of more than all the bytes is not kept.
  void put(const std::string& key, std::shared_ptr<const Value> value, size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (bytes > max_bytes_ || by_key_.contains(key)) return;
    order_.push_front({key, std::move(value), bytes});
    by_key_[key] = order_.begin();
    for (bytes_ += bytes; bytes_ > max_bytes_; order_.pop_back()) {
      bytes_ -= order_.back().bytes;
      by_key_.erase(order_.back().key);
    }
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Value> value;
    size_t bytes;
  };

  const size_t max_bytes_;
  std::mutex mutex_;
  size_t bytes_ = 0;
  std::list<Entry> order_;  // the last used first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> by_key_;
};

}  // namespace shijian::server
