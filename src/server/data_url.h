// Reads files that a request embeds as data URLs (RFC 2397), as browsers and clients write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shijian::server {

struct DataUrl {
  std::string type;                // "video/mp4" in small letters, without parameters; may be empty
  std::vector<std::string> files;  // their bytes: one, or the frames of "A,B,C"; none is empty
};

// Whether it begins with "data:" in any letters, after white space.
bool is_data_url(std::string_view url);

// Reads "data:TYPE;base64,…". The type's parameters may hold commas ("codecs=avc1.64,mp4a.40") and
// quotes; the base64 may be folded, percent-encoded, of the URL-safe alphabet and without padding;
// a fragment ("#t=3") is cut off. Throws Error(kUsage) for other encodings, for base64 that is none
// and for a file without bytes.
DataUrl read_data_url(std::string_view url);

}  // namespace shijian::server
