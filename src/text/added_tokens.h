// Added tokens: strings that are cut out of the text before anything else happens to it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shijian::text {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;
  bool normalized = false;  // is looked for in normalised text
  bool lstrip = false;      // swallows the white space to its left
  bool rstrip = false;      // ... and to its right
};

// Finds added tokens in text: the leftmost, and there the longest, one after another.
// Immutable; safe to use from many threads.
class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  struct Piece {
    std::string_view text;  // what stood there
    int32_t id = -1;        // -1: text between tokens
  };
  // The text cut into pieces, in order; white space that a token swallows belongs to it.
  std::vector<Piece> cut(std::string_view text) const;
  bool empty() const { return tokens_.empty(); }

 private:
  struct Node {
    int32_t token = -1;                                    // index into tokens_ of what ends here
    std::vector<std::pair<unsigned char, int32_t>> edges;  // to other nodes
  };
  int32_t step(int32_t node, unsigned char byte) const;  // -1 when there is no edge
  const AddedToken* longest_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;         // a trie over bytes; nodes_[0] is the root
  std::array<bool, 256> begins_{};  // bytes with which some token begins
};

}  // namespace shijian::text
