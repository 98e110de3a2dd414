// What the files of a tokenizer say, read and checked; plain data. Move it, do not copy it: views
// refer to its own buffer.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"

namespace shijian::text {

struct Vocabulary {
  std::string file;                           // where it came from, for messages
  std::string bytes;                          // of all tokens, one after another
  std::vector<std::string_view> token_bytes;  // by id, into `bytes`; empty where no token is
  std::array<int32_t, 256> byte_ids{};        // the token of each single byte
  std::vector<BytePairEncoder::Merge> merges;
  std::vector<AddedToken> added;
  std::string split_pattern;
};

// Reads tokenizer.json, else vocab.json and merges.txt, and the added tokens of
// tokenizer_config.json. Throws as Tokenizer::open does.
Vocabulary read_vocabulary(const std::filesystem::path& directory);

}  // namespace shijian::text
