// Where caches lie.
#pragma once

#include <filesystem>

namespace shijian::cache {

// $XDG_CACHE_HOME/shijian, else $HOME/.cache/shijian; empty when neither variable is an absolute
// path. Nothing is created.
std::filesystem::path default_cache_folder();

}  // namespace shijian::cache
