// The Qwen byte-level BPE tokenizer: text to token ids and back.
//
// encode(): added tokens are cut out of the text, what lies between is normalised (NFC), split by
// the pre-tokeniser's expression and merged byte pair by byte pair: what the reference does, id
// for id. Bytes that are not UTF-8 become U+FFFD first, as Python's errors="replace" does.
//
// Whose text it is decides about added tokens ("<|im_end|>", "<think>", "<tool_call>" ...):
//   Specials::kParse   they become their tokens: for templates and other text of our own.
//   Specials::kAsText  none of them is recognised, whether the vocabulary marks it special or not:
//                      for everything that a user, a file or a tool wrote. (The reference's
//                      split_special_tokens still lets "<think>" and "<tool_call>" through,
//                      because they are not marked special; here they cannot be smuggled in.)
// No run of bytes that is not recognised as an added token can encode to its id: vocabularies
// where a merge could produce one are refused when they are opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shijian::text {

enum class Specials { kParse, kAsText };

struct TextRun {
  std::string_view text;
  Specials specials = Specials::kAsText;
};

// Immutable after open(); safe to use from many threads. Copies share the vocabulary.
class Tokenizer {
 public:
  // Reads tokenizer.json, else vocab.json and merges.txt; tokenizer_config.json may name further
  // added tokens. Throws Error: kNotFound, kInvalid, or kUnsupported for another kind of tokenizer.
  static Tokenizer open(const std::filesystem::path& directory);

  std::vector<int32_t> encode(std::string_view utf8, Specials specials) const;
  // Encodes the runs as one text, so that words and spaces across their borders come out as the
  // reference encodes the joined text. An added token counts when it lies in one kParse run.
  std::vector<int32_t> encode(std::span<const TextRun> runs) const;

  // Incomplete or invalid UTF-8 comes out as U+FFFD. `skip_special` drops tokens that the
  // vocabulary marks special (not "<think>" and its like). Ids without a token, such as the
  // padding rows of an embedding, decode to nothing.
  std::string decode(std::span<const int32_t> ids, bool skip_special) const;

  // The id of an added token or of the token with exactly these bytes.
  std::optional<int32_t> token_id(std::string_view token) const;
  // The bytes a token stands for, possibly a part of a character; empty without such a token.
  std::string_view token_bytes(int32_t id) const;
  bool is_added(int32_t id) const;    // an added token of any kind
  bool is_special(int32_t id) const;  // an added token marked special
  int32_t vocab_size() const;         // one more than the largest id

 private:
  struct State;
  explicit Tokenizer(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

// Decodes token by token and never gives out a part of a character. One thread at a time.
// The outputs of push() and finish() together equal decode() of all the ids.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool skip_special = true)
      : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

  std::string push(int32_t id);  // what became certain with this token; often empty
  std::string finish();          // an unfinished character, as U+FFFD; starts afresh

 private:
  Tokenizer tokenizer_;
  bool skip_special_;
  std::string pending_;  // at most three bytes: the beginning of a character
};

}  // namespace shijian::text
