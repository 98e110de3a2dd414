#include "server/data_url.h"

#include <gnutls/gnutls.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>

#include "base/error.h"
#include "http/text.h"

namespace shijian::server {
namespace {

constexpr std::string_view kScheme = "data:";
constexpr std::string_view kSpace = " \t\r\n\f";

[[noreturn]] void fail(const Text& what) {
  throw Error(ErrorCode::kUsage, "data URL: {}"_text(what),
              "write data:image/png;base64, and the file in base64"_text);
}

std::string_view without_space_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kSpace), text.size()));
}

std::string_view trimmed(std::string_view text) {
  text = without_space_before(text);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// As browsers do it: a '%' without two digits behind it stays as it is.
std::string percent_decoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? http::percent_decode(text.substr(i, 3)) : std::nullopt;
    result += byte ? byte->front() : text[i];
    if (byte) i += 2;
  }
  return result;
}

struct Parts {
  std::string_view header;  // between "data:" and ";base64"
  std::string_view data;    // after the comma
};

// Commas may stand in the type's parameters and between frames, so that only ";base64," tells where
// the data begins. `url` begins behind the scheme.
Parts split(std::string_view url) {
  bool comma = false;
  for (size_t semicolon = url.find(';'); semicolon != std::string_view::npos;
       semicolon = url.find(';', semicolon + 1)) {
    const size_t end = url.find_first_of(",;", semicolon + 1);
    if (end == std::string_view::npos) break;
    if (url[end] == ';') continue;
    comma = true;
    const std::string_view word = trimmed(url.substr(semicolon + 1, end - semicolon - 1));
    if (http::lower(word) == "base64") return {url.substr(0, semicolon), url.substr(end + 1)};
  }
  comma = comma || url.find(',') != std::string_view::npos;
  fail(comma ? Text("it is not in base64"_text) : Text("it has no comma"_text));
}

// The digits of the usual alphabet, padded: without white space, and with + and / for - and _.
std::string plain_base64(std::string_view text) {
  std::string digits;
  digits.reserve(text.size() + 2);
  for (const char c : text) {
    if (kSpace.find(c) != std::string_view::npos) continue;
    digits += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  for (int padding = 0; padding < 2 && digits.ends_with('='); ++padding) digits.pop_back();
  if (digits.empty()) fail("it holds no bytes"_text);
  if (digits.size() % 4 == 1) fail("its base64 is cut short"_text);
  digits.append((4 - digits.size() % 4) % 4, '=');
  return digits;
}

std::string decode_base64(std::string_view text) {
  std::string digits = plain_base64(text);
  const gnutls_datum_t from{reinterpret_cast<unsigned char*>(digits.data()),
                            static_cast<unsigned>(digits.size())};
  gnutls_datum_t to{};
  if (gnutls_base64_decode2(&from, &to) != GNUTLS_E_SUCCESS)
    fail("it holds what is no base64"_text);
  const std::unique_ptr<unsigned char, decltype(gnutls_free)> owner(to.data, gnutls_free);
  return {reinterpret_cast<const char*>(to.data), to.size};
}

}  // namespace

bool is_data_url(std::string_view url) {
  return http::lower(without_space_before(url).substr(0, kScheme.size())) == kScheme;
}

DataUrl read_data_url(std::string_view url) {
  url = without_space_before(url);
  url.remove_prefix(kScheme.size());
  // Only as it stands does it begin a fragment: as %23 it belongs to what it is in.
  url = url.substr(0, url.find('#'));
  std::string decoded;
  if (url.find('%') != std::string_view::npos) url = decoded = percent_decoded(url);
  const Parts parts = split(url);
  DataUrl result;
  result.type = http::lower(trimmed(parts.header.substr(0, parts.header.find(';'))));
  for (std::string_view rest = parts.data;;) {
    const size_t comma = rest.find(',');
    result.files.push_back(decode_base64(rest.substr(0, comma)));
    if (comma == std::string_view::npos) return result;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace shijian::server
