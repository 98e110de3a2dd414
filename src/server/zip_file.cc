#include "server/zip_file.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace shijian::server {
namespace {

// The numbers are those of APPNOTE.TXT, the ZIP file format specification.
constexpr uint64_t kIn64 = 0xFFFFFFFF;  // in a field of 32 bits: see the ZIP64 record
constexpr uint64_t kCountIn64 = 0xFFFF;
constexpr uint16_t kVersion64 = 45, kVersion = 20;
constexpr uint16_t kUtf8Names = 1 << 11;
constexpr uint16_t kFirstDay = 1 << 5 | 1;  // 1980-01-01
constexpr size_t kPiece = 1 << 18;

// Little-endian fields one after the other.
class Record {
 public:
  Record& u16(uint64_t value) { return put(value, 2); }
  Record& u32(uint64_t value) { return put(value, 4); }
  Record& u64(uint64_t value) { return put(value, 8); }
  Record& text(const std::string& value) {
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Record& put(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> 8 * i & 0xFF);
    return *this;
  }
  std::string bytes_;
};

uint64_t in_32_bits(uint64_t value) { return std::min(value, kIn64); }

template <typename Take>
void each_piece(int file, const std::stop_token& cancel, const Take& take) {
  std::vector<unsigned char> piece(kPiece);
  for (off_t at = 0;;) {
    throw_if_cancelled(cancel);
    const ssize_t got = ::pread(file, piece.data(), piece.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read a clip"_text, errno);
    if (got == 0) return;
    take(piece.data(), static_cast<size_t>(got));
    at += got;
  }
}

}  // namespace

void ZipFile::write(const void* data, size_t bytes) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::pwrite(output_, from, bytes, size_);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw system_error("write a ZIP file"_text, errno);
    from += done;
    size_ += done;
    bytes -= static_cast<size_t>(done);
  }
}

void ZipFile::add(const std::string& name, int from, const std::stop_token& cancel) {
  Entry entry{name, 0, 0, static_cast<uint64_t>(size_)};
  // The checksum stands in front of the bytes, so that no program has to look for their end.
  each_piece(from, cancel, [&](const unsigned char* bytes, size_t count) {
    entry.crc = static_cast<uint32_t>(::crc32_z(entry.crc, bytes, count));
    entry.size += count;
  });
  const bool large = entry.size >= zip64_from_;
  Record header;
  header.u32(0x04034B50).u16(large ? kVersion64 : kVersion).u16(kUtf8Names).u16(0).u16(0);
  header.u16(kFirstDay).u32(entry.crc);
  header.u32(large ? kIn64 : entry.size).u32(large ? kIn64 : entry.size);
  header.u16(name.size()).u16(large ? 20 : 0).text(name);
  if (large) header.u16(1).u16(16).u64(entry.size).u64(entry.size);
  write(header.bytes());
  each_piece(from, cancel, [&](const unsigned char* bytes, size_t count) { write(bytes, count); });
  entries_.push_back(std::move(entry));
}

void ZipFile::finish() {
  const auto directory = static_cast<uint64_t>(size_);
  for (const Entry& entry : entries_) {
    const bool large = entry.size >= zip64_from_ || entry.offset >= zip64_from_;
    Record header;
    header.u32(0x02014B50).u16(large ? kVersion64 : kVersion).u16(large ? kVersion64 : kVersion);
    header.u16(kUtf8Names).u16(0).u16(0).u16(kFirstDay).u32(entry.crc);
    header.u32(large ? kIn64 : entry.size).u32(large ? kIn64 : entry.size);
    header.u16(entry.name.size()).u16(large ? 28 : 0).u16(0).u16(0).u16(0).u32(0);
    header.u32(large ? kIn64 : entry.offset).text(entry.name);
    if (large) header.u16(1).u16(24).u64(entry.size).u64(entry.size).u64(entry.offset);
    write(header.bytes());
  }
  const auto end = static_cast<uint64_t>(size_);
  const uint64_t count = entries_.size();
  Record tail;
  if (count >= kCountIn64 || end >= zip64_from_) {
    tail.u32(0x06064B50).u64(44).u16(kVersion64).u16(kVersion64).u32(0).u32(0);
    tail.u64(count).u64(count).u64(end - directory).u64(directory);
    tail.u32(0x07064B50).u32(0).u64(end).u32(1);
  }
  tail.u32(0x06054B50).u16(0).u16(0).u16(std::min(count, kCountIn64));
  tail.u16(std::min(count, kCountIn64)).u32(in_32_bits(end - directory));
  tail.u32(in_32_bits(directory)).u16(0);
  write(tail.bytes());
}

}  // namespace shijian::server
