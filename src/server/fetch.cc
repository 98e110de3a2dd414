#include "server/fetch.h"

#include "base/error.h"
#include "http/text.h"
#include "server/uploads.h"

namespace shijian::server {
namespace {

std::string name_of(const http::AllowedUrl& url) {
  const std::string last =
      http::percent_decode(url.path.substr(url.path.rfind('/') + 1)).value_or("");
  return last.empty() || last.find('/') != std::string::npos ? "video" : last;
}

}  // namespace

http::AllowedUrl check_fetching(const std::string& url, const FetchOptions& options) {
  if (options.hosts.empty()) {
    throw Error(ErrorCode::kPermission, "this server fetches nothing from other servers"_text,
                "send the file itself, or start the server with --fetch-hosts"_text);
  }
  return options.hosts.check(url);
}

jobs::Video fetch_video(const std::string& url, const std::string& name,
                        const FetchOptions& options, Library& library,
                        const std::stop_token& cancel) {
  const http::AllowedUrl from = check_fetching(url, options);
  const std::string into = upload_name(name.empty() ? name_of(from) : name);
  library.check_upload(into);
  UploadQuota quota(library);
  PartialFile file(fresh_upload_path(library.partial_folder()), false);
  http::download(
      from, options.hosts, options.max_bytes,
      [&](std::span<const std::byte> bytes) {
        file.write(bytes);
        quota.check(file.size());
      },
      cancel);
  const auto path = file.release();
  return library.accept({{into, path, file.hash()}}).front();
}

}  // namespace shijian::server
