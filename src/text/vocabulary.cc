#include "text/vocabulary.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/pretokenizer.h"

namespace shijian::text {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kMaxFileBytes = size_t{128} << 20;
constexpr int64_t kMaxId = (int64_t{1} << 20) - 1;
constexpr size_t kMaxAddedTokens = 65536;
constexpr size_t kMaxAddedBytes = 256;

// Names from the file, as a one-line message can bear them.
std::string shown(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, 80)) out += static_cast<unsigned char>(c) < 32 ? '?' : c;
  return out;
}

// In the files each byte of a token is written as a letter: printable ones as themselves, the
// others as U+0100 and up, in order.
struct ByteLetters {
  ByteLetters() {
    byte_of.fill(-1);
    char32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b != 173);
      byte_of[printable ? static_cast<char32_t>(b) : next++] = b;
    }
  }
  std::array<int, 0x144> byte_of;
};

// The bytes that a token's letters stand for; a token with other characters stands for itself.
std::string bytes_of_letters(std::string_view letters) {
  static const ByteLetters table;
  std::string out;
  for (std::string_view rest = letters; !rest.empty();) {
    const Utf8Char c = read_utf8(rest, 0);
    if (c.code >= table.byte_of.size() || table.byte_of[c.code] < 0) return std::string(letters);
    out += static_cast<char>(table.byte_of[c.code]);
    rest.remove_prefix(c.size);
  }
  return out;
}

class Reader {
 public:
  explicit Reader(const fs::path& directory) : directory_(directory) {}

  Vocabulary read() {
    std::error_code ignored;
    const fs::path json = directory_ / "tokenizer.json";
    if (fs::exists(json, ignored)) {
      out_.file = json.string();
      read_tokenizer_json(json);
    } else if (fs::exists(directory_ / "vocab.json", ignored)) {
      out_.file = (directory_ / "vocab.json").string();
      read_vocab_and_merges();
    } else {
      throw Error(ErrorCode::kNotFound,
                  "open tokenizer {}: it holds neither tokenizer.json nor vocab.json"_text(
                      directory_.string()),
                  "copy tokenizer.json from the model's repository"_text);
    }
    read_tokenizer_config();
    finish();
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const Text& what) const {
    throw Error(ErrorCode::kInvalid, "read {}: {}"_text(out_.file, what),
                "use the tokenizer files of the model"_text);
  }
  [[noreturn]] void unsupported(const Text& what) const {
    throw Error(ErrorCode::kUnsupported, "read {}: {}"_text(out_.file, what),
                "this program runs byte-level BPE tokenizers of Qwen's kind"_text);
  }

  element parse(const MappedFile& file, const fs::path& path) {
    if (file.size() > kMaxFileBytes) {
      fail("{} bytes, at most {} are accepted"_text(file.size(), kMaxFileBytes));
    }
    element root;
    const auto error = parser_.parse(file.text().data(), file.size()).get(root);
    if (error != simdjson::SUCCESS) {
      throw Error(ErrorCode::kInvalid,
                  "parse {}: {}"_text(path.string(), Text::words(simdjson::error_message(error))),
                  "it has to be well-formed JSON, and whole: download it again"_text);
    }
    return root;
  }

  // A member of an object; absent and null are the same.
  static std::optional<element> member(element value, std::string_view key) {
    element found;
    if (value[key].get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
    return found;
  }
  template <typename T>
  T get(element value, std::string_view key) const {
    const auto found = member(value, key);
    T out;
    if (!found || found->get(out) != simdjson::SUCCESS) {
      fail("{} is missing or of the wrong type"_text(key));
    }
    return out;
  }
  bool flag(element value, std::string_view key) const {
    return member(value, key) && get<bool>(value, key);
  }
  bool has_type(element value, std::string_view type) const {
    return get<std::string_view>(value, "type") == type;
  }

  void read_tokenizer_json(const fs::path& path) {
    const MappedFile file(path);
    const element root = parse(file, path);
    if (!root.is_object()) fail("it is not an object"_text);
    if (!has_type(get<element>(root, "normalizer"), "NFC"))
      unsupported("normalizer is not NFC"_text);
    read_pre_tokenizer(get<element>(root, "pre_tokenizer"));
    if (!has_type(get<element>(root, "decoder"), "ByteLevel"))
      unsupported("decoder is not ByteLevel"_text);
    if (const auto post = member(root, "post_processor"); post && !has_type(*post, "ByteLevel")) {
      unsupported("post_processor is not ByteLevel"_text);
    }
    const auto model = get<element>(root, "model");
    if (!has_type(model, "BPE")) unsupported("model is not BPE"_text);
    for (const char* key : {"dropout", "unk_token"}) {
      if (member(model, key)) unsupported("model has {}"_text(key));
    }
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (member(model, key) && !get<std::string_view>(model, key).empty()) {
        unsupported("model has {}"_text(key));
      }
    }
    for (const char* key : {"byte_fallback", "ignore_merges"}) {
      if (flag(model, key)) unsupported("model has {}"_text(key));
    }
    read_vocab(get<object>(model, "vocab"));
    for (element merge : get<array>(model, "merges")) read_merge(merge);
    const auto added = member(root, "added_tokens");
    if (!added) return;
    for (element token : get<array>(root, "added_tokens")) {
      add_token(get<int64_t>(token, "id"),
                {0, std::string(get<std::string_view>(token, "content")), flag(token, "special"),
                 flag(token, "normalized"), flag(token, "lstrip"), flag(token, "rstrip")},
                flag(token, "single_word"));
    }
  }

  void read_pre_tokenizer(element value) {
    if (!has_type(value, "Sequence")) unsupported("pre_tokenizer is not a Sequence"_text);
    std::vector<element> steps;
    for (element step : get<array>(value, "pretokenizers")) steps.push_back(step);
    if (steps.size() != 2 || !has_type(steps[0], "Split") || !has_type(steps[1], "ByteLevel")) {
      unsupported("pre_tokenizer is not Split, then ByteLevel"_text);
    }
    if (get<std::string_view>(steps[0], "behavior") != "Isolated" || flag(steps[0], "invert")) {
      unsupported("pre_tokenizer does not isolate its matches"_text);
    }
    const auto use_regex = member(steps[1], "use_regex");  // absent means true
    if (flag(steps[1], "add_prefix_space") || !use_regex || flag(steps[1], "use_regex")) {
      unsupported("pre_tokenizer's ByteLevel adds a space or splits once more"_text);
    }
    out_.split_pattern = get<std::string_view>(get<element>(steps[0], "pattern"), "Regex");
  }

  void read_vocab(object vocab) {
    std::vector<std::pair<std::string_view, int64_t>> entries;
    size_t total = 0;
    int64_t largest = -1;
    ids_.reserve(vocab.size());
    for (const auto [letters, value] : vocab) {
      int64_t id = 0;
      if (value.get(id) != simdjson::SUCCESS || id < 0 || id > kMaxId) {
        fail("token \"{}\" has no id from 0 to {}"_text(shown(letters), kMaxId));
      }
      if (letters.empty()) fail("a token is empty"_text);
      if (!ids_.emplace(letters, static_cast<int32_t>(id)).second) {
        fail("token \"{}\" appears twice"_text(shown(letters)));
      }
      entries.emplace_back(letters, id);
      total += letters.size();
      largest = std::max(largest, id);
    }
    out_.token_bytes.resize(static_cast<size_t>(largest + 1));
    out_.bytes.reserve(total);  // bytes are never longer than their letters
    for (const auto& [letters, id] : entries) {
      if (!out_.token_bytes[id].empty()) fail("two tokens have the id {}"_text(id));
      const size_t begin = out_.bytes.size();
      out_.bytes += bytes_of_letters(letters);
      out_.token_bytes[id] = std::string_view(out_.bytes).substr(begin);
    }
  }

  int32_t merge_id(std::string_view letters) const {
    const auto found = ids_.find(letters);
    if (found == ids_.end()) fail("a merge names \"{}\", no token"_text(shown(letters)));
    return found->second;
  }

  void add_merge(std::string_view left, std::string_view right) {
    joined_.assign(left);
    joined_ += right;
    out_.merges.push_back({merge_id(left), merge_id(right), merge_id(joined_)});
  }

  void add_merge_line(std::string_view line) {
    const size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos) {
      fail("merge \"{}\" is not two tokens"_text(shown(line)));
    }
    add_merge(line.substr(0, space), line.substr(space + 1));
  }

  // Newer files hold ["a", "b"], older ones "a b".
  void read_merge(element merge) {
    std::string_view line;
    if (merge.get(line) == simdjson::SUCCESS) return add_merge_line(line);
    array pair;
    std::string_view sides[2];
    size_t count = 0;
    if (merge.get(pair) != simdjson::SUCCESS) fail("a merge is not two tokens"_text);
    for (element side : pair) {
      if (count == 2 || side.get(sides[count]) != simdjson::SUCCESS) {
        fail("a merge is not two tokens"_text);
      }
      ++count;
    }
    if (count != 2) fail("a merge is not two tokens"_text);
    add_merge(sides[0], sides[1]);
  }

  void read_vocab_and_merges() {
    const fs::path vocab_path = directory_ / "vocab.json";
    const MappedFile vocab(vocab_path);
    object tokens;
    if (parse(vocab, vocab_path).get(tokens) != simdjson::SUCCESS) fail("it is not an object"_text);
    read_vocab(tokens);
    const fs::path merges_path = directory_ / "merges.txt";
    const MappedFile merges(merges_path);
    out_.file = merges_path.string();
    std::string_view rest = merges.text();
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty() && !line.starts_with("#version")) add_merge_line(line);
    }
    out_.split_pattern = kQwenSplitPattern;
  }

  void read_tokenizer_config() {
    const fs::path path = directory_ / "tokenizer_config.json";
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return;
    out_.file = path.string();
    const Json root = read_json_file(path);
    if (!root.is_object()) fail("it is not an object"_text);
    const auto found = root.find("added_tokens_decoder");
    if (found == root.end() || found->is_null()) return;
    if (!found->is_object()) fail("added_tokens_decoder is not an object"_text);
    for (auto item = found->begin(); item != found->end(); ++item) {
      const std::string& key = item.key();
      const Json& token = item.value();
      const bool digits = !key.empty() && key.size() < 9 &&
                          key.find_first_not_of("0123456789") == std::string::npos;
      if (!digits || !token.is_object() || !token.contains("content") ||
          !token["content"].is_string()) {
        fail("added_tokens_decoder entry \"{}\" is no token"_text(shown(key)));
      }
      const auto is_set = [&](const char* name) {
        return token.contains(name) && token[name].is_boolean() && token[name].get<bool>();
      };
      const auto content = token["content"].get<std::string>();
      if (added_ids_.contains(content)) continue;  // tokenizer.json has it already
      add_token(
          std::stoll(key),
          {0, content, is_set("special"), is_set("normalized"), is_set("lstrip"), is_set("rstrip")},
          is_set("single_word"));
    }
  }

  void add_token(int64_t id, AddedToken token, bool single_word) {
    const std::string name = shown(token.content);
    if (id < 0 || id > kMaxId) fail("added token \"{}\" has the id {}"_text(name, id));
    if (token.content.empty() || token.content.size() > kMaxAddedBytes) {
      fail("added token {} has {} bytes, expected 1 to {}"_text(id, token.content.size(),
                                                                kMaxAddedBytes));
    }
    if (single_word) unsupported("added token \"{}\" is single_word"_text(name));
    if (out_.added.size() == kMaxAddedTokens) {
      fail("more than {} added tokens"_text(kMaxAddedTokens));
    }
    if (!added_ids_.emplace(token.content, id).second) {
      fail("added token \"{}\" appears twice"_text(name));
    }
    const auto index = static_cast<size_t>(id);
    if (out_.token_bytes.size() <= index) out_.token_bytes.resize(index + 1);
    const auto in_vocabulary = ids_.find(token.content);
    const bool same = in_vocabulary != ids_.end() && in_vocabulary->second == id;
    if (!same && (in_vocabulary != ids_.end() || !out_.token_bytes[index].empty() ||
                  !taken_.insert(id).second)) {
      fail("added token \"{}\" and another token share the id {}"_text(name, id));
    }
    token.id = static_cast<int32_t>(id);
    out_.added.push_back(std::move(token));
  }

  void finish() {
    out_.byte_ids.fill(-1);
    for (size_t id = 0; id < out_.token_bytes.size(); ++id) {
      const std::string_view bytes = out_.token_bytes[id];
      if (bytes.size() == 1) {
        out_.byte_ids[static_cast<unsigned char>(bytes[0])] = static_cast<int32_t>(id);
      }
    }
    for (int b = 0; b < 256; ++b) {
      if (out_.byte_ids[b] < 0) fail("byte {} has no token"_text(b));
    }
    // Text must not be able to turn into an added token by merging.
    std::vector<bool> added(out_.token_bytes.size());
    for (const AddedToken& token : out_.added) added[token.id] = true;
    const auto refuse = [&](int32_t id) {
      if (added[id]) {
        unsupported(
            "plain text can become the added token \"{}\""_text(shown(out_.token_bytes[id])));
      }
    };
    for (int32_t id : out_.byte_ids) refuse(id);
    for (const BytePairEncoder::Merge& merge : out_.merges) refuse(merge.result);
  }

  fs::path directory_;
  Vocabulary out_;
  simdjson::dom::parser parser_{kMaxFileBytes};         // owns the strings that ids_ refers to
  std::unordered_map<std::string_view, int32_t> ids_;   // by letters
  std::unordered_map<std::string, int64_t> added_ids_;  // by content
  std::unordered_set<int64_t> taken_;                   // ids of added tokens alone
  std::string joined_;
};

}  // namespace

Vocabulary read_vocabulary(const fs::path& directory) { return Reader(directory).read(); }

}  // namespace shijian::text
