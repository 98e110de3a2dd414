#include "server/fetch.h"

#include "base/error.h"
#include "http/text.h"
#include "server/uploads.h"

namespace shijian {
namespace {

std::string name_of(const std::string& url) {
  std::string path = url.substr(0, url.find_first_of("?#"));
  const size_t host = path.find("://");
  const size_t slash = path.rfind('/');
  if (host == std::string::npos || slash < host + 3) return "video";
  const std::string last = http::percent_decode(path.substr(slash + 1)).value_or("");
  return last.empty() || last.find('/') != std::string::npos ? "video" : last;
}

}  // namespace

void check_fetching(const std::string& url, const FetchOptions& options) {
  if (options.hosts.empty()) {
    throw Error(ErrorCode::kPermission, "this server fetches nothing from other servers",
                "send the file itself, or start the server with --fetch-hosts");
  }
  options.hosts.check(url);
}

Video fetch_video(const std::string& url, const std::string& name, const FetchOptions& options,
                  Library& library, const CancelToken& cancel) {
  check_fetching(url, options);
  const std::string into = library_name(name.empty() ? name_of(url) : name);
  PartialFile file(fresh_upload_path(library.partial_folder()), false);
  library.check_quota(0);
  download(
      url, options.hosts, options.max_bytes,
      [&file](std::span<const std::byte> bytes) { file.write(bytes); }, cancel);
  return library.accept(file.release(), into);
}

}  // namespace shijian
