// Keys and values of prompts that were read, kept in memory, so that the next prompt that begins
// alike is read only from where it differs: a second question about a video pays for the question.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "cache/memory_lru.h"
#include "engine/conversation.h"
#include "model/decoder.h"
#include "model/kv_cache.h"

namespace shijian {

// A key/value cache and the prompt whose beginning it holds.
struct Prefix {
  KvCache cache;
  TokenSequence prompt;

  int64_t length() const;  // tokens that are held and known
  // Forgets what is after the first `tokens` tokens, and what is held but not known.
  void truncate(int64_t tokens);
};

// Tokens at the beginning of `prompt` that `held` begins with too, the names of their visual
// features included. At most all but one: the last token has to be read for its logits.
int64_t common_prefix(const Prefix& held, const TokenSequence& prompt);

// The decoder must outlive it. One thread at a time, but for bytes().
class PrefixCache {
 public:
  // Keeps what was used last, up to `max_bytes`, and the latest however long it is.
  PrefixCache(Decoder& decoder, int64_t max_bytes);

  // A key/value cache with room for `capacity` tokens that holds as much of `prompt` as is known.
  // Where a kept prefix would lose part of a video by it, it is copied and stays; else it is
  // handed over. What is kept goes, the least recently used first, until `bytes` more can be had.
  Prefix take(const TokenSequence& prompt, int64_t capacity, int64_t bytes);

  void keep(Prefix prefix);

  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  // from any thread

 private:
  using Entries = MemoryLru<std::string, Prefix>;

  Prefix make(int64_t capacity) const;
  Prefix copy(Prefix& from, int64_t tokens, int64_t capacity) const;
  void make_room(int64_t bytes);
  int64_t bytes_of(int64_t tokens) const;

  Decoder& decoder_;
  Entries entries_;
  std::atomic<int64_t> bytes_ = 0;
};

}  // namespace shijian
