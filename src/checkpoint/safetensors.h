// One safetensors file: reading by memory map, and an atomic writer.
//
// Layout: 8 bytes little-endian header length, that many bytes of JSON, then the elements.
// A file is hostile until proven otherwise: the header is checked whole (length, JSON, dtypes,
// shapes, offsets without gap, overlap or rest) before any element is looked at, and nothing is
// allocated in proportion to what the header merely claims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "tensor/tensor.h"

namespace shijian::checkpoint {

struct SafetensorsEntry {
  std::string name;
  tensor::TensorView view;  // points into the bytes that were parsed
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
  std::string_view json;  // the header itself, inside the bytes that were parsed
};

// Parses a whole file that lies at `bytes`; views point into it. `file` stands in messages.
// Throws Error(kInvalid), or kUnsupported for an element type or alignment this build cannot use.
SafetensorsHeader parse_safetensors(std::span<const std::byte> bytes, std::string_view file);

// Owns the map: views stay valid as long as this object (moving it is fine). Safe to read from
// many threads.
class SafetensorsFile {
 public:
  // Throws as MappedFile and parse_safetensors do.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::vector<SafetensorsEntry>& tensors() const { return header_.tensors; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  std::string_view header_json() const { return header_.json; }
  size_t bytes() const { return file_.size(); }

  const tensor::TensorView* find(std::string_view name) const;    // null when absent
  const tensor::TensorView& tensor(std::string_view name) const;  // Error(kInvalid) when absent

 private:
  std::filesystem::path path_;
  MappedFile file_;
  SafetensorsHeader header_;
  std::map<std::string_view, size_t> index_;  // name -> position in header_.tensors
};

// Writes the tensors under their names; readers see the whole file or none of it.
// Throws Error(kIo), its kin and kCancelled; leaves nothing behind on failure.
void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, tensor::TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata = {},
                       const std::stop_token& cancel = {});
// The same into a file that the caller commits.
void write_safetensors(OutputFile& file, const std::map<std::string, tensor::TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata = {},
                       const std::stop_token& cancel = {});

}  // namespace shijian::checkpoint
