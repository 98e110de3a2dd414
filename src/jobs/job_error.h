// Why a job failed, as its row keeps it.
#pragma once

#include <string>

#include "base/error.h"

namespace shijian::jobs {

// JSON: code, message and hint in English, and as texts for who reads another language.
std::string write_job_error(const Error& error);

// Rows of older programs hold English alone; other readers get that, except for sentences without
// values. Never throws for what a row says: what is no error of ours is {kInternal, {}}.
Error read_job_error(const std::string& json);

}  // namespace shijian::jobs
