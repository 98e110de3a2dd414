#include "engine/prefix_cache.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "base/hash.h"
#include "model/memory.h"

namespace shijian::engine {
namespace {

// Room beyond what a prompt needs, for a longer question to the same video. It costs address space
// alone.
constexpr int64_t kSpareTokens = 1024;
// Fewer tokens are no video and not worth the trouble.
constexpr int64_t kLeastTokens = 32;

bool same_block(const PlacedBlock& a, const PlacedBlock& b) {
  return a.block.first == b.block.first && a.block.grid.rows == b.block.grid.rows &&
         a.block.grid.cols == b.block.grid.cols && a.name == b.name;
}

int64_t end_of(const PlacedBlock& placed) {
  return placed.block.first + placed.block.grid.tokens();
}

// Names a prompt: its tokens and visual features.
std::string name_of(const TokenSequence& prompt) {
  std::string parts = content_hash(std::as_bytes(std::span(prompt.ids)));
  for (const PlacedBlock& placed : prompt.blocks) {
    parts += fmt::format(" {} {}", placed.block.first, placed.name);
  }
  return content_hash(std::as_bytes(std::span(parts)));
}

}  // namespace

int64_t Prefix::length() const {
  return std::min(cache.length(), static_cast<int64_t>(prompt.ids.size()));
}

void Prefix::truncate(int64_t tokens) {
  tokens = std::min(tokens, length());
  cache.truncate(tokens);
  prompt.ids.resize(static_cast<size_t>(tokens));
  std::erase_if(prompt.blocks,
                [&](const PlacedBlock& placed) { return placed.block.first >= tokens; });
}

int64_t common_prefix(const TokenSequence& held, int64_t tokens, const TokenSequence& prompt) {
  const int64_t limit = std::min(tokens, static_cast<int64_t>(prompt.ids.size()) - 1);
  const auto& ids = held.ids;
  const auto differs = std::mismatch(ids.begin(), ids.begin() + limit, prompt.ids.begin());
  int64_t common = differs.first - ids.begin();
  const auto& blocks = held.blocks;
  for (size_t i = 0; i < prompt.blocks.size(); ++i) {
    const PlacedBlock& placed = prompt.blocks[i];
    if (placed.block.first >= common) break;
    // A block is read whole or not at all.
    const bool held_too = i < blocks.size() && same_block(blocks[i], placed);
    if (!held_too || end_of(placed) > common) common = placed.block.first;
  }
  return common;
}

PrefixCache::PrefixCache(model::Decoder& decoder, ThreadPool& pool,
                         const PrefixCacheOptions& options)
    : decoder_(decoder), pool_(pool), packed_(options.packed), entries_(options.max_bytes) {}

int64_t PrefixCache::bytes_of(int64_t tokens) const {
  const checkpoint::TextConfig& text = decoder_.config();
  const int64_t width = text.num_kv_heads * text.head_dim;
  return packed_ ? model::PackedKv::bytes_for(text.num_layers, width, tokens)
                 : model::KvCache::bytes_for(text.num_layers, width, tokens);
}

Prefix PrefixCache::make(int64_t capacity) const {
  return {decoder_.make_cache(capacity + kSpareTokens), {}};
}

Prefix PrefixCache::copy(Kept& from, int64_t tokens, int64_t capacity) const {
  Prefix to = make(capacity);
  if (const auto* packed = std::get_if<model::PackedKv>(&from.rows)) {
    packed->unpack(pool_, tokens, to.cache);
  } else {
    for (int64_t plane = 0; plane < to.cache.planes(); ++plane) {
      const tensor::Matrix rows = std::get<model::KvCache>(from.rows).plane(plane, 0, tokens);
      std::memcpy(to.cache.plane(plane, 0, tokens).data, rows.data,
                  static_cast<size_t>(tokens * rows.cols) * sizeof(float));
    }
    to.cache.extend(tokens);
  }
  to.prompt = from.prompt;
  to.truncate(tokens);
  return to;
}

void PrefixCache::make_room(int64_t bytes) {
  while (!entries_.entries().empty() && model::available_memory() < bytes) {
    entries_.take(entries_.entries().back().key);
  }
}

Prefix PrefixCache::take(const TokenSequence& prompt, int64_t capacity, int64_t bytes) {
  int64_t best = kLeastTokens - 1;
  std::string key;
  for (const auto& entry : entries_.entries()) {
    const TokenSequence& held = entry.value.prompt;
    const int64_t common = common_prefix(held, static_cast<int64_t>(held.ids.size()), prompt);
    if (common <= best) continue;
    best = common;
    key = entry.key;
  }
  std::optional<Kept> found = entries_.take(key);
  if (!found) {
    make_room(bytes);
    bytes_ = entries_.bytes();
    return make(capacity);
  }
  const auto& blocks = found->prompt.blocks;
  const bool loses = !blocks.empty() && end_of(blocks.back()) > best;
  auto* whole = std::get_if<model::KvCache>(&found->rows);
  const bool fits = whole != nullptr && whole->capacity() >= capacity;
  make_room(loses || !fits ? bytes : bytes - bytes_of(best));
  const bool room = model::available_memory() >= bytes;
  if (fits && !(loses && room)) {
    bytes_ = entries_.bytes();
    Prefix prefix{std::move(*whole), std::move(found->prompt)};
    prefix.truncate(best);
    return prefix;
  }
  Prefix prefix = room ? copy(*found, best, capacity) : make(capacity);
  if (loses && room) put(std::move(*found));
  bytes_ = entries_.bytes();
  return prefix;
}

void PrefixCache::keep(Prefix prefix) {
  prefix.truncate(prefix.length());
  if (prefix.length() == 0) return;
  if (packed_) {
    // Both copies are in memory for a while.
    const int64_t bytes = bytes_of(prefix.length());
    make_room(bytes);
    if (model::available_memory() >= bytes)
      put({model::PackedKv(pool_, prefix.cache), std::move(prefix.prompt)});
  } else {
    put({std::move(prefix.cache), std::move(prefix.prompt)});
  }
  bytes_ = entries_.bytes();
}

void PrefixCache::put(Kept kept) {
  const int64_t bytes = bytes_of(static_cast<int64_t>(kept.prompt.ids.size()));
  std::string key = name_of(kept.prompt);
  entries_.put(std::move(key), std::move(kept), bytes);
}

}  // namespace shijian::engine
