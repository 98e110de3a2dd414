// Values in memory by key; those that were not used for longest go when they take too many bytes.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"

namespace shijian::cache {

// Key needs operator<; Value may be move-only. Owned values; pointers into it are valid until the
// next call that is not const. One thread at a time.
template <typename Key, typename Value>
class MemoryLru {
 public:
  struct Entry {
    Key key;
    Value value;
    int64_t bytes;
  };

  explicit MemoryLru(int64_t max_bytes) : max_bytes_(max_bytes) {}

  // The value, from now on the latest used; null when there is none.
  Value* find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  // Replaces what the key had. The least recently used others go until `max_bytes` are kept; the
  // new value stays, even where it alone takes more.
  void put(Key key, Value value, int64_t bytes) {
    CHECK(bytes >= 0);
    take(key);
    entries_.push_front({key, std::move(value), bytes});
    index_.emplace(std::move(key), entries_.begin());
    bytes_ += bytes;
    while (bytes_ > max_bytes_ && entries_.size() > 1) take(entries_.back().key);
  }

  // Hands the value over and forgets it.
  std::optional<Value> take(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    const auto entry = found->second;
    bytes_ -= entry->bytes;
    std::optional<Value> value(std::move(entry->value));
    index_.erase(found);
    entries_.erase(entry);
    return value;
  }

  // The latest used first.
  const std::list<Entry>& entries() const { return entries_; }
  int64_t bytes() const { return bytes_; }

 private:
  int64_t max_bytes_;
  int64_t bytes_ = 0;
  std::list<Entry> entries_;
  std::map<Key, typename std::list<Entry>::iterator> index_;
};

}  // namespace shijian::cache
