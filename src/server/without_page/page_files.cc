// The page of a build that has none (SHIJIAN_PAGE=OFF).
#include "server/page.h"

namespace shijian::server {

std::span<const PageFile> page_files() { return {}; }

}  // namespace shijian::server
