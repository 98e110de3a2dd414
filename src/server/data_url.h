// Files that stand in a request themselves (RFC 2397).
#pragma once

#include <string>
#include <string_view>

namespace shijian {

inline bool is_data_url(std::string_view url) { return url.starts_with("data:"); }

// The bytes of "data:TYPE;base64,…"; the type is not looked at, since files are told apart by
// content. Error(kUsage) for other encodings, bad base64 and for no bytes at all.
std::string decode_data_url(std::string_view url);

}  // namespace shijian
