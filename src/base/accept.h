// The lists of what a client takes, in headers such as Accept-Language (RFC 9110, 12.4.2).
#pragma once

#include <string_view>
#include <vector>

namespace shijian {

struct AcceptEntry {
  std::string_view value;  // a view of the header, as it stands there: "zh-CN", "gzip", "*"
  double weight = 1;       // 0: not at all; at most 1
};

// In the header's order. A weight that is no number is 0; entries without a value are left out.
std::vector<AcceptEntry> read_accept(std::string_view header);

// Whether a body in gzip is taken, and not less gladly than one as it is: of an Accept-Encoding.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace shijian
