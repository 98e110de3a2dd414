// The history of the job database's schema.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace shijian::jobs {

inline constexpr int32_t kJobDatabaseMark = 0x5348494a;  // "SHIJ"

// Step i is the SQL that leads from version i to i + 1; see prepare_database(). A step that was
// released is never edited: a change is a new step.
std::span<const std::string_view> job_schema();

}  // namespace shijian::jobs
