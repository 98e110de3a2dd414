// Keys and values of prompts that were read, kept in memory, so that the next prompt that begins
// alike is read only from where it differs: a second question about a video pays for the question.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <variant>

#include "cache/memory_lru.h"
#include "engine/conversation.h"
#include "model/decoder.h"
#include "model/kv_cache.h"
#include "model/packed_kv.h"

namespace shijian::engine {

// A key/value cache and the prompt whose beginning it holds.
struct Prefix {
  model::KvCache cache;
  TokenSequence prompt;

  int64_t length() const;  // tokens that are held and known
  // Forgets what is after the first `tokens` tokens, and what is held but not known.
  void truncate(int64_t tokens);
};

// Tokens at the beginning of `prompt` that the first `tokens` of `held` begin with too, the names
// of their visual features included. At most all but one: the last token has to be read for its
// logits.
int64_t common_prefix(const TokenSequence& held, int64_t tokens, const TokenSequence& prompt);

struct PrefixCacheOptions {
  int64_t max_bytes = 0;  // what was used last is kept; the latest however long it is
  bool packed = false;    // kept in 8 bits: 3.5 times as many, and no longer the same bits
};

// The decoder and the pool must outlive it. One thread at a time, but for bytes().
class PrefixCache {
 public:
  PrefixCache(model::Decoder& decoder, ThreadPool& pool, const PrefixCacheOptions& options);

  // Returns a key/value cache for `capacity` tokens that holds the longest known prefix of
  // `prompt`. An entry that would lose part of a video is copied and kept; any other is moved out.
  // Evicts entries, least recently used first, until `bytes` more are available.
  Prefix take(const TokenSequence& prompt, int64_t capacity, int64_t bytes);

  void keep(Prefix prefix);

  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  // from any thread

 private:
  struct Kept {
    std::variant<model::KvCache, model::PackedKv> rows;
    TokenSequence prompt;  // of as many tokens
  };
  using Entries = cache::MemoryLru<std::string, Kept>;

  Prefix make(int64_t capacity) const;
  Prefix copy(Kept& from, int64_t tokens, int64_t capacity) const;
  void put(Kept kept);
  void make_room(int64_t bytes);
  int64_t bytes_of(int64_t tokens) const;

  model::Decoder& decoder_;
  ThreadPool& pool_;
  const bool packed_;
  Entries entries_;
  std::atomic<int64_t> bytes_ = 0;
};

}  // namespace shijian::engine
