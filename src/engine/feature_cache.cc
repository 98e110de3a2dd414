#include "engine/feature_cache.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "cache/content_hashes.h"

namespace shijian::engine {
namespace {

// Raise it with every change that changes a bit of what the encoder computes.
constexpr int kEncoderVersion = 1;
constexpr int64_t kMostPlaces = 16;
constexpr int64_t kChunkBytes = int64_t{8} << 20;
constexpr size_t kNameDigits = 32;

std::string hash_of(const std::string& text) {
  return content_hash(std::as_bytes(std::span(text)));
}

// The main embeddings, then the DeepStack features; `Features` is const or not.
template <typename Features>
auto tensors_of(Features& features) {
  std::vector<decltype(&features.embeddings)> all = {&features.embeddings};
  for (auto& tensor : features.deepstack) all.push_back(&tensor);
  return all;
}

// Where things lie in a chunk.
struct Layout {
  int64_t places;
  int64_t tensors;
  int64_t tokens;  // of a slot
  int64_t width;

  int64_t tensor_bytes() const { return tokens * width * static_cast<int64_t>(sizeof(float)); }
  int64_t slot_bytes() const { return tensors * tensor_bytes(); }
  size_t entries() const { return static_cast<size_t>(2 * places); }
  size_t head_bytes() const { return sizeof(Head) + entries() * kNameDigits; }
  size_t most_bytes() const { return head_bytes() + entries() * static_cast<size_t>(slot_bytes()); }

  using Head = std::array<uint32_t, 4>;
  Head head() const {
    return {static_cast<uint32_t>(places), static_cast<uint32_t>(tensors),
            static_cast<uint32_t>(tokens), static_cast<uint32_t>(width)};
  }
};

Layout layout_of(int64_t slot_tokens, const model::VisionFeatures& features) {
  const auto tensors = static_cast<int64_t>(features.deepstack.size()) + 1;
  const int64_t width = features.embeddings.dim(1);
  return {FeatureCache::places(tensors * slot_tokens * width), tensors, slot_tokens, width};
}

// The slots of a chunk: names and, beside a name, bytes that somebody else owns.
struct Chunk {
  std::vector<std::string> names;       // [entries], empty: none
  std::vector<std::string_view> slots;  // [entries]
};

Chunk empty_chunk(const Layout& layout) {
  return {std::vector<std::string>(layout.entries()),
          std::vector<std::string_view>(layout.entries())};
}

// Where a slot stands in its chunk.
size_t entry_of(const SlotKeys& keys, int64_t slot, const Layout& layout) {
  const bool repeats = keys.last_repeats && slot + 1 == static_cast<int64_t>(keys.slots.size());
  return static_cast<size_t>((keys.first + slot) % layout.places * 2 + (repeats ? 1 : 0));
}

// Reads a chunk that lies in `bytes`; an empty one when they are none of this layout.
Chunk parse_chunk(std::string_view bytes, const Layout& layout) {
  const Layout::Head head = layout.head();
  if (bytes.size() < layout.head_bytes() || std::memcmp(bytes.data(), &head, sizeof head) != 0) {
    return empty_chunk(layout);
  }
  Chunk chunk = empty_chunk(layout);
  const auto slot_bytes = static_cast<size_t>(layout.slot_bytes());
  size_t at = layout.head_bytes();
  for (size_t entry = 0; entry < layout.entries(); ++entry) {
    const std::string_view name = bytes.substr(sizeof head + entry * kNameDigits, kNameDigits);
    if (name.front() == '\0') continue;
    if (bytes.size() - at < slot_bytes) return empty_chunk(layout);
    chunk.names[entry] = name;
    chunk.slots[entry] = bytes.substr(at, slot_bytes);
    at += slot_bytes;
  }
  return at == bytes.size() ? chunk : empty_chunk(layout);
}

std::string chunk_bytes(const Chunk& chunk, const Layout& layout) {
  const Layout::Head head = layout.head();
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  for (const std::string& name : chunk.names) {
    bytes += name.empty() ? std::string(kNameDigits, '\0') : name;
  }
  for (const std::string_view slot : chunk.slots) bytes += slot;
  return bytes;
}

void copy_in(std::string_view bytes, int64_t slot, const Layout& layout,
             model::VisionFeatures& features) {
  const auto size = static_cast<size_t>(layout.tensor_bytes());
  for (tensor::Tensor* tensor : tensors_of(features)) {
    std::memcpy(tensor->data<float>() + slot * layout.tokens * layout.width, bytes.data(), size);
    bytes.remove_prefix(size);
  }
}

std::string copy_out(const model::VisionFeatures& features, int64_t slot, const Layout& layout) {
  std::string bytes;
  for (const tensor::Tensor* tensor : tensors_of(features)) {
    const float* rows = tensor->data<float>() + slot * layout.tokens * layout.width;
    bytes.append(reinterpret_cast<const char*>(rows), static_cast<size_t>(layout.tensor_bytes()));
  }
  return bytes;
}

// Slots by their chunk's number.
std::map<int64_t, std::vector<int64_t>> by_chunk(const SlotKeys& keys, int64_t places,
                                                 std::span<const int64_t> slots) {
  std::map<int64_t, std::vector<int64_t>> chunks;
  for (const int64_t slot : slots) chunks[(keys.first + slot) / places].push_back(slot);
  return chunks;
}

std::string hash_vision_weights(const checkpoint::Checkpoint& checkpoint) {
  std::string parts;
  for (const std::string& name : checkpoint.names()) {
    if (!name.starts_with("model.visual.")) continue;
    const tensor::TensorView& tensor = checkpoint.tensor(name);
    parts += fmt::format(
        "{} {} {} {}\n", name, tensor::dtype_name(tensor.dtype), tensor::shape_string(tensor.shape),
        content_hash({static_cast<const std::byte*>(tensor.data), tensor.bytes()}));
  }
  return hash_of(parts);
}

}  // namespace

std::string encoder_identity(const checkpoint::Checkpoint& checkpoint, cache::DiskStore& store) {
  std::string files = "vision weights 1 " + checkpoint.identity();
  for (const checkpoint::SafetensorsFile& file : checkpoint.files())
    files += " " + cache::file_state(file.path());
  const std::string key = hash_of(files);
  std::optional<std::string> weights = store.get(key, kNameDigits);
  if (!weights) {
    weights = hash_vision_weights(checkpoint);
    store.put(key, *weights);
  }
  const checkpoint::VisionConfig& c = checkpoint.config().vision;
  return hash_of(fmt::format(
      "encoder {} weights {} depth {} hidden {} heads {} ffn {} patch {} {} "
      "merge {} channels {} side {} out {} deepstack {} act {}",
      kEncoderVersion, *weights, c.depth, c.hidden_size, c.num_heads, c.intermediate_size,
      c.patch_size, c.temporal_patch_size, c.spatial_merge_size, c.in_channels, c.position_side,
      c.out_hidden_size, c.deepstack_visual_indexes, c.hidden_act));
}

FeatureCache::FeatureCache(cache::DiskStore& store, const checkpoint::Checkpoint& checkpoint)
    : store_(store), checkpoint_(checkpoint) {}

int64_t FeatureCache::places(int64_t slot_floats) {
  const int64_t slot_bytes = slot_floats * static_cast<int64_t>(sizeof(float));
  int64_t places = kMostPlaces;
  while (places > 1 && places * slot_bytes > kChunkBytes) places /= 2;
  return places;
}

std::string FeatureCache::chunk_key(const SlotKeys& keys, int64_t places, int64_t chunk) {
  if (encoder_.empty()) encoder_ = encoder_identity(checkpoint_, store_);
  return hash_of(fmt::format("features 1 {} {} {} {}", encoder_, keys.lattice, places, chunk));
}

std::vector<int64_t> FeatureCache::load(const SlotKeys& keys, std::span<const int64_t> wanted,
                                        int64_t slot_tokens, model::VisionFeatures& features) {
  const Layout layout = layout_of(slot_tokens, features);
  std::vector<int64_t> missing;
  for (const auto& [number, slots] : by_chunk(keys, layout.places, wanted)) {
    const auto bytes = store_.get(chunk_key(keys, layout.places, number), layout.most_bytes());
    const Chunk chunk = bytes ? parse_chunk(*bytes, layout) : empty_chunk(layout);
    for (const int64_t slot : slots) {
      const size_t entry = entry_of(keys, slot, layout);
      if (chunk.names[entry] == keys.slots[slot]) {
        copy_in(chunk.slots[entry], slot, layout, features);
      } else {
        missing.push_back(slot);
      }
    }
  }
  return missing;
}

void FeatureCache::store(const SlotKeys& keys, std::span<const int64_t> slots, int64_t slot_tokens,
                         const model::VisionFeatures& features) {
  const Layout layout = layout_of(slot_tokens, features);
  for (const auto& [number, members] : by_chunk(keys, layout.places, slots)) {
    const std::string key = chunk_key(keys, layout.places, number);
    // What is there now, which another process may have written meanwhile.
    const auto before = store_.get(key, layout.most_bytes());
    Chunk chunk = before ? parse_chunk(*before, layout) : empty_chunk(layout);
    std::vector<std::string> ours;
    for (const int64_t slot : members) ours.push_back(copy_out(features, slot, layout));
    for (size_t i = 0; i < members.size(); ++i) {
      const size_t entry = entry_of(keys, members[i], layout);
      chunk.names[entry] = keys.slots[members[i]];
      chunk.slots[entry] = ours[i];
    }
    store_.put(key, chunk_bytes(chunk, layout));
  }
}

}  // namespace shijian::engine
