#include "text/tokenizer.h"

#include <unordered_map>

#include "base/error.h"
#include "base/utf8.h"
#include "text/pretokenizer.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace shijian::text {
namespace {

std::vector<AddedToken> tokens_for(const std::vector<AddedToken>& all, bool normalized) {
  std::vector<AddedToken> out;
  for (const AddedToken& token : all) {
    if (token.normalized != normalized) continue;
    out.push_back(token);
    if (normalized) out.back().content = normalize_nfc(token.content);
  }
  return out;
}

}  // namespace

struct Tokenizer::State {
  explicit State(Vocabulary read)
      : vocabulary(std::move(read)),
        words(vocabulary.split_pattern, vocabulary.file),
        encoder(vocabulary.byte_ids, vocabulary.merges),
        raw_tokens(tokens_for(vocabulary.added, false)),
        normalized_tokens(tokens_for(vocabulary.added, true)),
        kinds(vocabulary.token_bytes.size(), kPlain) {
    vocabulary.merges = {};  // the encoder has its own table
    ids.reserve(vocabulary.token_bytes.size());
    for (const AddedToken& token : vocabulary.added) {
      vocabulary.token_bytes[token.id] = token.content;
      kinds[token.id] = token.special ? kSpecial : kAdded;
      ids.emplace(token.content, token.id);
    }
    for (size_t id = 0; id < vocabulary.token_bytes.size(); ++id) {
      const std::string_view bytes = vocabulary.token_bytes[id];
      if (!bytes.empty()) ids.emplace(bytes, static_cast<int32_t>(id));
    }
  }

  enum Kind : uint8_t { kPlain, kAdded, kSpecial };
  Kind kind(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < kinds.size() ? kinds[id] : kPlain;
  }

  Vocabulary vocabulary;
  PreTokenizer words;
  BytePairEncoder encoder;
  AddedTokenMatcher raw_tokens;
  AddedTokenMatcher normalized_tokens;
  std::vector<Kind> kinds;                            // by id
  std::unordered_map<std::string_view, int32_t> ids;  // by bytes; added tokens come first
};

namespace {

// Encodes plain text; remembers short words, since most words come again.
class PlainEncoder {
 public:
  PlainEncoder(const PreTokenizer& words, const BytePairEncoder& encoder, std::vector<int32_t>& out)
      : words_(words), encoder_(encoder), out_(out) {}

  void encode(std::string_view text) {
    words_.split(normalize_nfc(text), [this](std::string_view word) { encode_word(word); });
  }

 private:
  void encode_word(std::string_view word) {
    constexpr size_t kMaxWord = 64;
    constexpr size_t kMaxWords = 8192;
    if (word.size() > kMaxWord) return encoder_.encode(word, scratch_, out_);
    const auto known = cache_.find(std::string(word));
    if (known != cache_.end()) {
      out_.insert(out_.end(), known->second.begin(), known->second.end());
      return;
    }
    const size_t begin = out_.size();
    encoder_.encode(word, scratch_, out_);
    if (cache_.size() < kMaxWords) {
      cache_.emplace(word, std::vector<int32_t>(out_.begin() + begin, out_.end()));
    }
  }

  const PreTokenizer& words_;
  const BytePairEncoder& encoder_;
  std::vector<int32_t>& out_;
  BytePairEncoder::Scratch scratch_;
  std::unordered_map<std::string, std::vector<int32_t>> cache_;
};

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Tokenizer Tokenizer::open(const std::filesystem::path& directory) {
  return Tokenizer(std::make_shared<const State>(read_vocabulary(directory)));
}

std::vector<int32_t> Tokenizer::encode(std::string_view utf8, Specials specials) const {
  const TextRun run{utf8, specials};
  return encode(std::span(&run, 1));
}

std::vector<int32_t> Tokenizer::encode(std::span<const TextRun> runs) const {
  constexpr size_t kMaxBytes = size_t{256} << 20;
  size_t total = 0;
  for (const TextRun& run : runs) {
    if (run.text.size() > kMaxBytes - total) {
      throw Error(
          ErrorCode::kInvalid,
          "encode text: it has over {} bytes, at most {} are accepted"_text(total, kMaxBytes),
          "use less text"_text);
    }
    total += run.text.size();
  }
  const State& s = *state_;
  std::vector<int32_t> out;
  PlainEncoder plain(s.words, s.encoder, out);
  std::string pending;  // plain text since the last added token, across runs
  const auto take = [&](std::string_view text, int32_t id) {
    if (id < 0) {
      pending += text;
      return;
    }
    plain.encode(pending);
    pending.clear();
    out.push_back(id);
  };
  for (const TextRun& run : runs) {
    const std::string text = to_valid_utf8(run.text);
    if (run.specials == Specials::kAsText) {
      take(text, -1);
      continue;
    }
    for (const auto& piece : s.raw_tokens.cut(text)) {
      if (piece.id >= 0 || s.normalized_tokens.empty()) {
        take(piece.text, piece.id);
        continue;
      }
      const std::string normalized = normalize_nfc(piece.text);
      for (const auto& part : s.normalized_tokens.cut(normalized)) take(part.text, part.id);
    }
  }
  plain.encode(pending);
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes;
  for (int32_t id : ids) {
    if (!(skip_special && is_special(id))) bytes += token_bytes(id);
  }
  return to_valid_utf8(bytes);
}

std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  const auto found = state_->ids.find(token);
  return found == state_->ids.end() ? std::nullopt : std::optional(found->second);
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  const auto& tokens = state_->vocabulary.token_bytes;
  return id >= 0 && static_cast<size_t>(id) < tokens.size() ? tokens[id] : std::string_view();
}

bool Tokenizer::is_added(int32_t id) const { return state_->kind(id) != State::kPlain; }
bool Tokenizer::is_special(int32_t id) const { return state_->kind(id) == State::kSpecial; }

int32_t Tokenizer::vocab_size() const {
  return static_cast<int32_t>(state_->vocabulary.token_bytes.size());
}

std::string StreamDecoder::push(int32_t id) {
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  pending_ += tokenizer_.token_bytes(id);
  // Hold back a beginning that the next token may complete.
  size_t certain = 0;
  while (certain < pending_.size()) {
    const Utf8Char next = read_utf8(pending_, certain);
    if (next.truncated) break;
    certain += next.size;
  }
  std::string out = to_valid_utf8(std::string_view(pending_).substr(0, certain));
  pending_.erase(0, certain);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = to_valid_utf8(pending_);
  pending_.clear();
  return out;
}

}  // namespace shijian::text
