// Videos of other servers, fetched into the library.
#pragma once

#include <string>

#include "base/cancel.h"
#include "http/outgoing.h"
#include "server/library.h"

namespace shijian::server {

struct FetchOptions {
  http::AllowedHosts hosts;              // none: fetching is off
  int64_t max_bytes = int64_t{8} << 30;  // of one file
};

// The errors of AllowedHosts::check(), and kPermission when fetching is off.
http::AllowedUrl check_fetching(const std::string& url, const FetchOptions& options);

// Downloads `url` and takes it into the library under `name`, or, when that is empty, under the
// last part of the URL's path. Throws the errors of download() and Library::accept(); an incomplete
// file is removed. Blocks on the network: must not run on HTTP threads.
jobs::Video fetch_video(const std::string& url, const std::string& name,
                        const FetchOptions& options, Library& library,
                        const std::stop_token& cancel);

}  // namespace shijian::server
