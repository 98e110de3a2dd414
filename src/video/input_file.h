// An open media file and its name: what a call of video/ reads, in whichever process. Internal to
// video/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace shijian {

// Copies share the descriptor.
class InputFile {
 public:
  // Throws Error: kNotFound, kPermission, kInvalid (not a regular file). `what` stands in messages.
  InputFile(const std::filesystem::path& path, std::string_view what);
  // An open regular file; `name` as it is to be shown.
  InputFile(Descriptor file, std::string name);
  // Bytes, copied into memory of the system that has a descriptor.
  InputFile(std::span<const std::byte> bytes, const std::string& name);

  int fd() const { return file_->get(); }
  const std::string& name() const { return name_; }  // one line
  int64_t size() const;                              // in bytes, now

 private:
  std::shared_ptr<Descriptor> file_;
  std::string name_;
};

// The path for a message: one line, whatever the name holds.
std::string printable(std::string text);

}  // namespace shijian
