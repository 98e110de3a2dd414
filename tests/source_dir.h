// Where this source tree lies. Tests alone.
#pragma once

#include <filesystem>

namespace shijian {

std::filesystem::path source_dir();

}  // namespace shijian
