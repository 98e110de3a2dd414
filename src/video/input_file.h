// An open media file, its name and which of its video streams is meant: what a call of video/
// reads, in whichever process. Internal to video/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "video/probe.h"

namespace shijian::video {

// Copies share the descriptor.
class InputFile {
 public:
  // Throws Error: kNotFound, kPermission, kInvalid (not a regular file). `what` stands in messages.
  InputFile(const std::filesystem::path& path, const Text& what, int stream = kMainStream);
  // The file and the stream that `info` is about.
  InputFile(const std::filesystem::path& path, const Text& what, const VideoInfo& info);
  // An open regular file; `name` as it is to be shown.
  InputFile(Descriptor file, std::string name, int stream = kMainStream);
  // Bytes, copied into memory of the system that has a descriptor.
  InputFile(std::span<const std::byte> bytes, const std::string& name);

  int fd() const { return file_->get(); }
  const std::string& name() const { return name_; }  // one line
  int stream() const { return stream_; }  // an index as VideoInfo::tracks has it, or kMainStream
  // VideoInfo::hidden, once that is known; empty before.
  const std::vector<Hidden>& hidden() const { return hidden_; }
  void set_hidden(std::vector<Hidden> hidden) { hidden_ = std::move(hidden); }
  int64_t size() const;  // in bytes, now

 private:
  std::shared_ptr<Descriptor> file_;
  std::string name_;
  int stream_ = kMainStream;
  std::vector<Hidden> hidden_;
};

// The path for a message: one line, whatever the name holds.
std::string printable(std::string text);

}  // namespace shijian::video
