// The tokenizer on arbitrary bytes: what comes out reads back, whole or token by token, and no
// text of a user becomes an added token.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"
#include "source_dir.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shijian;
  static const text::Tokenizer tokenizer =
      text::Tokenizer::open(source_dir() / "tests/reference/text/tiny");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ids = tokenizer.encode(text, text::Specials::kAsText);
  for (int32_t id : ids) CHECK(!tokenizer.is_added(id), "token {}", id);
  CHECK(tokenizer.decode(ids, false) == text::normalize_nfc(to_valid_utf8(text)),
        "it reads back otherwise");

  const auto parsed = tokenizer.encode(text, text::Specials::kParse);
  text::StreamDecoder stream(tokenizer, false);
  std::string joined;
  for (int32_t id : parsed) joined += stream.push(id);
  joined += stream.finish();
  CHECK(joined == tokenizer.decode(parsed, false), "streaming differs");

  // Halves of two owners: only what lies in the first may be an added token.
  const std::string_view first = text.substr(0, size / 2);
  const text::TextRun runs[] = {{first, text::Specials::kParse},
                                {text.substr(size / 2), text::Specials::kAsText}};
  size_t added = 0, allowed = 0;
  for (int32_t id : tokenizer.encode(runs)) added += tokenizer.is_added(id);
  for (int32_t id : tokenizer.encode(first, text::Specials::kParse))
    allowed += tokenizer.is_added(id);
  CHECK(added == allowed, "{} added tokens, {} in the first half", added, allowed);
  return 0;
}
