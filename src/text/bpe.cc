#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "base/error.h"

namespace shijian::text {
namespace {

uint64_t pair_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

BytePairEncoder::BytePairEncoder(const std::array<int32_t, 256>& byte_ids,
                                 const std::vector<Merge>& merges)
    : byte_ids_(byte_ids), slots_(std::bit_ceil(merges.size() * 2 + 2)) {
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const Merge& merge = merges[rank];
    const uint64_t pair = pair_of(merge.left, merge.right);
    size_t i = slot_of(pair);
    while (slots_[i].pair != kEmpty && slots_[i].pair != pair) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = {pair, static_cast<int32_t>(rank), merge.result};
  }
}

size_t BytePairEncoder::slot_of(uint64_t pair) const {
  // Multiplicative hashing: the high bits of the product depend on all bits of the pair.
  const uint64_t mixed = (pair ^ pair >> 32) * 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(mixed >> 32) & (slots_.size() - 1);
}

const BytePairEncoder::Slot* BytePairEncoder::find(int32_t left, int32_t right) const {
  const uint64_t pair = pair_of(left, right);
  for (size_t i = slot_of(pair); slots_[i].pair != kEmpty; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].pair == pair) return &slots_[i];
  }
  return nullptr;
}

void BytePairEncoder::encode(std::string_view word, Scratch& scratch,
                             std::vector<int32_t>& out) const {
  CHECK(word.size() < INT32_MAX, "{} bytes", word.size());
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  const auto count = static_cast<int32_t>(word.size());
  symbols.clear();
  heap.clear();
  for (int32_t i = 0; i < count; ++i) {
    symbols.push_back(
        {byte_ids_[static_cast<unsigned char>(word[i])], i - 1, i + 1 < count ? i + 1 : -1});
  }
  const auto consider = [&](int32_t left) {
    const int32_t right = left < 0 ? -1 : symbols[left].next;
    if (right < 0) return false;
    const Slot* slot = find(symbols[left].id, symbols[right].id);
    if (slot == nullptr) return false;
    heap.push_back({slot->rank, left, slot->result});
    return true;
  };
  for (int32_t i = 0; i + 1 < count; ++i) consider(i);
  std::make_heap(heap.begin(), heap.end(), std::greater<>());

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const Scratch::Candidate best = heap.back();
    heap.pop_back();
    Scratch::Symbol& left = symbols[best.position];
    if (left.id < 0 || left.next < 0) continue;
    // One of the pair may have been merged since it was queued.
    const Slot* slot = find(left.id, symbols[left.next].id);
    if (slot == nullptr || slot->rank != best.rank) continue;
    Scratch::Symbol& right = symbols[left.next];
    left.id = best.result;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[left.next].previous = best.position;
    if (consider(left.previous)) std::push_heap(heap.begin(), heap.end(), std::greater<>());
    if (consider(best.position)) std::push_heap(heap.begin(), heap.end(), std::greater<>());
  }
  for (int32_t i = count > 0 ? 0 : -1; i >= 0; i = symbols[i].next) out.push_back(symbols[i].id);
}

}  // namespace shijian::text
