#include "cache/cache_folder.h"

#include <cstdlib>

namespace shijian::cache {
namespace fs = std::filesystem;

fs::path default_cache_folder() {
  const auto absolute = [](const char* variable) {
    const char* value = std::getenv(variable);
    const fs::path path = value == nullptr ? "" : value;
    return path.is_absolute() ? path : fs::path();
  };
  if (const fs::path folder = absolute("XDG_CACHE_HOME"); !folder.empty()) {
    return folder / "shijian";
  }
  const fs::path home = absolute("HOME");
  return home.empty() ? home : home / ".cache" / "shijian";
}

}  // namespace shijian::cache
