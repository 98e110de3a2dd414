// Byte-pair encoding of one word.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace shijian::text {

// Joins neighbouring tokens, always the pair whose merge comes first in the vocabulary (of equals
// the leftmost), until no pair has a merge. Takes n log n steps for n bytes.
class BytePairEncoder {
 public:
  struct Merge {
    int32_t left, right, result;
  };

  BytePairEncoder() = default;
  // byte_ids[b] is the token of the single byte b. `merges` in order of rank; of merges of the
  // same pair the last counts, as in the reference.
  BytePairEncoder(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  // Appends the tokens of `word`. Safe from many threads, each with its own encoder scratch.
  struct Scratch;
  void encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;

  // Working memory, kept between words to spare allocations.
  struct Scratch {
    struct Symbol {
      int32_t id;
      int32_t previous, next;  // neighbours, -1 at the ends; id is -1 once merged away
    };
    struct Candidate {
      int32_t rank;
      int32_t position;  // of the left symbol
      int32_t result;
      bool operator>(const Candidate& other) const {
        return rank != other.rank ? rank > other.rank : position > other.position;
      }
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

 private:
  struct Slot {
    uint64_t pair = kEmpty;
    int32_t rank = 0;
    int32_t result = 0;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  const Slot* find(int32_t left, int32_t right) const;
  size_t slot_of(uint64_t pair) const;

  std::array<int32_t, 256> byte_ids_{};
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace shijian::text
