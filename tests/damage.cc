#include "damage.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace shijian {
namespace {

// Numbers that break arithmetic.
constexpr std::array<uint32_t, 8> kNumbers = {0,          1,          2,          0x7fffffff,
                                              0x80000000, 0xffffffff, 0xfffffff0, 0x00ffffff};

size_t place(const std::string& text, std::mt19937& random) { return random() % (text.size() + 1); }

// What a container keeps its sizes and counts beside.
constexpr std::array<std::string_view, 16> kMarks = {"moov", "mvhd", "trak", "tkhd", "stsd", "stts",
                                                     "ctts", "stsz", "stsc", "stco", "stss", "elst",
                                                     "avcC", "LIST", "strh", "idx1"};

// Makes the size before a mark, or the numbers after it, lie.
void lie(std::string& bytes, std::mt19937& random) {
  const std::string_view mark = kMarks[random() % kMarks.size()];
  size_t at = bytes.find(mark);
  if (at == std::string::npos || at < 4) at = 4 + random() % bytes.size();
  at = at - 4 + 4 * (random() % 5);
  if (at + 4 > bytes.size()) return;
  const uint32_t number = kNumbers[random() % kNumbers.size()];
  for (int i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(number >> (24 - 8 * i));
}

std::vector<std::string> top_level_boxes(const std::string& bytes) {
  std::vector<std::string> boxes;
  for (size_t at = 0; at + 8 <= bytes.size();) {
    size_t size = 0;
    for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>(bytes[at + i]);
    if (size < 8 || size > bytes.size() - at) return {};
    boxes.push_back(bytes.substr(at, size));
    at += size;
  }
  return boxes;
}

void swap_boxes(std::string& bytes, std::mt19937& random) {
  std::vector<std::string> boxes = top_level_boxes(bytes);
  if (boxes.size() < 2) return lie(bytes, random);
  std::swap(boxes[random() % boxes.size()], boxes[random() % boxes.size()]);
  bytes.clear();
  for (const std::string& box : boxes) bytes += box;
}

void flip(std::string& bytes, size_t begin, size_t size, size_t count, std::mt19937& random) {
  for (; count > 0; --count) {
    bytes[(begin + random() % size) % bytes.size()] ^= static_cast<char>(1 << random() % 8);
  }
}

}  // namespace

std::string damage_file(std::string bytes, std::mt19937& random) {
  for (size_t edits = 1 + random() % 3; edits > 0 && !bytes.empty(); --edits) {
    const size_t at = place(bytes, random);
    const size_t size = 1 + random() % 2000;
    switch (random() % 9) {
      case 0:
        flip(bytes, 0, bytes.size(), 1 + random() % 200, random);
        break;
      case 1:  // where headers and indexes lie
        flip(bytes, random() % 2 == 0 ? 0 : bytes.size() - bytes.size() / 8, 1 + bytes.size() / 8,
             1 + random() % 20, random);
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
      case 4:
        lie(bytes, random);
        break;
      case 5:
        swap_boxes(bytes, random);
        break;
      case 6:
        bytes.erase(at, size);
        break;
      case 7:
        bytes.insert(at, bytes.substr(random() % bytes.size(), size));
        break;
      default:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min(size, bytes.size() - at), static_cast<char>(random() % 2 ? 0 : 255));
    }
  }
  return bytes;
}

std::string damage_request(std::string text, std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      "\r\n",
      "\n",
      "\r\n\r\n",
      " ",
      ":",
      "%00",
      "%",
      "%2f..%2f",
      "/../",
      "//",
      std::string(1, '\0'),
      "\xff\xfe",
      "\xed\xa0\x80",
      "null",
      "true",
      "-1",
      "1e999",
      "18446744073709551616",
      "0.0000001",
      "\"\"",
      "[]",
      "{}",
      "{\"a\":{\"a\":{\"a\":1}}}",
      std::string(200, '['),
      std::string(5000, 'A'),
      "\\u0000",
      "\\ud800",
      "\"options\":{\"from\":1e300},",
      "\"query\":[1],",
      "..",
      "?limit=-1&cursor=%ff",
      "&count=1000000000",
      "Content-Length: 7\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Range: bytes=9999999999999999999-\r\n",
      "Content-Range: bytes 5-1/3\r\n",
      "Content-Range: bytes 0-18446744073709551615/18446744073709551616\r\n",
      "Content-Type: multipart/form-data; boundary=\r\n",
      "Idempotency-Key: " + std::string(3000, 'k') + "\r\n",
      "--edge--\r\n",
      "--edge\r\nContent-Disposition: form-data; name=\"\"; filename=\"../../x\"\r\n\r\n"};
  for (size_t edits = 1 + random() % 3; edits > 0; --edits) {
    const size_t at = place(text, random);
    switch (random() % 6) {
      case 0:
      case 1:
        text.insert(at, kPieces[random() % kPieces.size()]);
        break;
      case 2:  // instead of a word
      {
        const size_t end = std::min(text.find_first_of(" ,:\"\r/?&=", at), text.size());
        text.replace(at, end - at, kPieces[random() % kPieces.size()]);
        break;
      }
      case 3:
        text.erase(at, 1 + random() % 20);
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      default:
        text.resize(std::max<size_t>(at, 1));
    }
    if (text.empty()) text = "x";
  }
  return text;
}

}  // namespace shijian
