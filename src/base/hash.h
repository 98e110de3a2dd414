// Content hashing: XXH3-128, as 32 hexadecimal digits.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace shijian {

std::string content_hash(std::span<const std::byte> bytes);

}  // namespace shijian
