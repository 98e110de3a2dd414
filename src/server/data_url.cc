#include "server/data_url.h"

#include <array>
#include <cstdint>

#include "base/error.h"

namespace shijian {
namespace {

constexpr uint8_t kNoDigit = 64;

constexpr std::array<uint8_t, 256> digit_values() {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<uint8_t>(kDigits[i])] = static_cast<uint8_t>(i);
  }
  return values;
}

[[noreturn]] void fail(std::string_view what) {
  throw Error(ErrorCode::kUsage, fmt::format("data URL: {}", what),
              "write data:image/png;base64, and the file in base64");
}

}  // namespace

std::string decode_data_url(std::string_view url) {
  static constexpr std::array<uint8_t, 256> kValues = digit_values();
  const size_t comma = url.find(',');
  if (comma == std::string_view::npos) fail("it has no comma");
  if (!url.substr(0, comma).ends_with(";base64")) fail("it is not in base64");
  std::string_view digits = url.substr(comma + 1);
  for (int padding = 0; padding < 2 && digits.ends_with('='); ++padding) digits.remove_suffix(1);
  if (digits.empty()) fail("it holds no bytes");
  if (digits.size() % 4 == 1) fail("its base64 is cut short");
  std::string bytes;
  bytes.reserve(digits.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char digit : digits) {
    const uint8_t value = kValues[static_cast<uint8_t>(digit)];
    if (value == kNoDigit) fail("it holds what is no base64");
    bits = bits << 6 | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

}  // namespace shijian
