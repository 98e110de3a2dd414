#include "text/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace shijian {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Nfc {
  Nfc() {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* newest = icu::Normalizer2::getNFCInstance(status);
    known = icu::UnicodeSet(icu::UnicodeString(u"[:age=9.0:]"), status);
    known.freeze();
    CHECK(U_SUCCESS(status), "ICU: {}", u_errorName(status));
    normalizer = std::make_unique<icu::FilteredNormalizer2>(*newest, known);
  }
  icu::UnicodeSet known;
  std::unique_ptr<icu::FilteredNormalizer2> normalizer;
};

}  // namespace

Utf8Step utf8_step(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true, false};
  if (lead < 0xC2 || lead > 0xF4) return {1, false, false};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {i, false, true};
    const bool fits = i == 1 ? byte(i) >= low && byte(i) <= high : byte(i) >> 6 == 2;
    if (!fits) return {i, false, false};
  }
  return {length, true, false};
}

char32_t utf8_decode(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead;
  char32_t c = lead & (0xFF >> (character.size() + 1));
  for (char byte : character.substr(1)) c = c << 6 | (static_cast<unsigned char>(byte) & 0x3F);
  return c;
}

std::string repair_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    out += step.valid ? bytes.substr(0, step.length) : kReplacement;
    bytes.remove_prefix(step.length);
  }
  return out;
}

std::string normalize_nfc(std::string_view utf8) {
  // Nothing below U+0300 composes or decomposes.
  const bool plain = std::all_of(utf8.begin(), utf8.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
  if (plain) return std::string(utf8);
  static const Nfc nfc;
  std::string out;
  out.reserve(utf8.size());
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode status = U_ZERO_ERROR;
  CHECK(utf8.size() <= INT32_MAX, "{} bytes", utf8.size());
  nfc.normalizer->normalizeUTF8(0, icu::StringPiece(utf8.data(), static_cast<int32_t>(utf8.size())),
                                sink, nullptr, status);
  if (U_FAILURE(status)) {
    throw Error(ErrorCode::kNoMemory,
                fmt::format("normalise {} bytes of text: {}", utf8.size(), u_errorName(status)));
  }
  return out;
}

bool is_white_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

}  // namespace shijian
