#include "source_dir.h"

namespace shijian {

std::filesystem::path source_dir() { return SHIJIAN_SOURCE_DIR; }

}  // namespace shijian
