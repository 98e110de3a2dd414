#include "video/input_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace shijian::video {

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  }
  return text;
}

InputFile::InputFile(const std::filesystem::path& path, const Text& what, int stream)
    : InputFile(open_regular_file(path, what), path.string(), stream) {}

InputFile::InputFile(const std::filesystem::path& path, const Text& what, const VideoInfo& info)
    : InputFile(path, what, info.stream) {
  hidden_ = info.hidden;
}

InputFile::InputFile(Descriptor file, std::string name, int stream)
    : file_(std::make_shared<Descriptor>(std::move(file))),
      name_(printable(std::move(name))),
      stream_(stream) {}

InputFile::InputFile(std::span<const std::byte> bytes, const std::string& name)
    : InputFile(Descriptor(::memfd_create("media", MFD_CLOEXEC)), name) {
  while (fd() >= 0 && !bytes.empty()) {
    const ssize_t written = ::write(fd(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  if (fd() < 0 || !bytes.empty()) throw system_error("copy {}"_text(name_), errno);
}

int64_t InputFile::size() const {
  struct stat info {};
  if (::fstat(fd(), &info) != 0) throw system_error("stat {}"_text(name_), errno);
  return info.st_size;
}

}  // namespace shijian::video
