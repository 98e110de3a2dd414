#include "base/created_files.h"

#include <system_error>

#include "base/error.h"

namespace shijian {
namespace fs = std::filesystem;

CreatedFiles::~CreatedFiles() {
  std::error_code ignored;
  for (auto path = paths_.rbegin(); path != paths_.rend(); ++path) fs::remove(*path, ignored);
}

void CreatedFiles::make_folder(const fs::path& path) {
  std::error_code error;
  const fs::path parent = path.parent_path();
  if (!parent.empty() && parent != path && !fs::exists(parent, error)) make_folder(parent);
  if (fs::create_directory(path, error)) add(path);
  if (error) throw system_error("create the directory {}"_text(path.string()), error.value());
}

void CreatedFiles::add(const fs::path& path) {
  const std::lock_guard lock(mutex_);
  paths_.push_back(path);
}

void CreatedFiles::keep() { paths_.clear(); }

}  // namespace shijian
