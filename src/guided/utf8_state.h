// Which bytes may follow in valid UTF-8.
#pragma once

#include <cstdint>

namespace shijian::guided {

// UTF-8 without detours and surrogates (RFC 3629), as far as it is written.
class Utf8State {
 public:
  bool inside() const { return more_ > 0; }  // a character that needs further bytes
  // False, and the state is of no more use, when no character goes on or begins with this byte.
  bool push(uint8_t byte) {
    if (more_ > 0) {
      const bool good = byte >= low_ && byte <= high_;
      --more_;
      low_ = 0x80;
      high_ = 0xbf;
      return good;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    more_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0) low_ = 0xa0;
    if (byte == 0xed) high_ = 0x9f;
    if (byte == 0xf0) low_ = 0x90;
    if (byte == 0xf4) high_ = 0x8f;
    return true;
  }
  bool operator==(const Utf8State& other) const = default;

 private:
  uint8_t more_ = 0;                  // bytes that the character still needs, the next of which ...
  uint8_t low_ = 0x80, high_ = 0xbf;  // ... lies between these
};

}  // namespace shijian::guided
