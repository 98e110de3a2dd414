// Seeded damage to video files and to requests: the same numbers on every machine.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace shijian {

// The bytes of a media file, hurt once to a few times: flipped bytes, lost ends, lying sizes and
// counts, parts that are gone, doubled or elsewhere, top-level boxes of an MP4 in another order.
std::string damage_file(std::string bytes, std::mt19937& random);

// The bytes of an HTTP request, likewise; some pieces are such as requests are made of.
std::string damage_request(std::string text, std::mt19937& random);

}  // namespace shijian
