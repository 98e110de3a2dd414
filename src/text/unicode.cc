#include "text/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace shijian::text {
namespace {

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
                "normalise {} bytes of text: {}"_text(utf8.size(), u_errorName(status)));
  }
  return out;
}

bool is_white_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

}  // namespace shijian::text
