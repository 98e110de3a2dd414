// Server-sent events as text (https://html.spec.whatwg.org/multipage/server-sent-events.html).
#pragma once

#include <string>
#include <string_view>

namespace shijian::http {

inline constexpr std::string_view kEventStreamType = "text/event-stream";

// One event; each line of `data` becomes a line of its own. `event` has no line break; empty: the
// event has no name.
std::string sse_event(std::string_view event, std::string_view data);

// What clients skip: keeps proxies from closing a quiet stream.
std::string sse_comment(std::string_view text);

}  // namespace shijian::http
