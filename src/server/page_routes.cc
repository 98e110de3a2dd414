#include <utility>

#include "base/accept.h"
#include "base/error.h"
#include "i18n/translate.h"
#include "server/page.h"
#include "server/routes.h"

namespace shijian::server {
namespace {

constexpr auto kNoPage =
    "This build of shijian has no web page (SHIJIAN_PAGE=OFF). The API is described at "
    "/api/v1/openapi.json."_text;

void send_file(const PageFile& file, const http::HttpRequest& request, http::HttpReply& reply) {
  http::HttpResponse response;
  response.content_type = file.content_type;
  const bool small = accepts_gzip(request.header("accept-encoding"));
  response.body = small ? file.gzip : file.raw;
  if (small) response.headers.emplace_back("Content-Encoding", "gzip");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  // Names of assets hold a hash of their content; the page itself is asked for anew.
  response.headers.emplace_back("Cache-Control", file.path.starts_with("/assets/")
                                                     ? "public, max-age=31536000, immutable"
                                                     : "no-cache");
  reply.send(std::move(response));
}

}  // namespace

void add_page_routes(http::HttpServer& http) {
  if (page_files().empty()) {
    const auto handler = [](const http::HttpRequest& request,
                            const std::shared_ptr<http::HttpReply>& reply) {
      http::HttpResponse response;
      response.content_type = "text/plain; charset=utf-8";
      response.body = i18n::translate(kNoPage, request.language()) + "\n";
      reply->send(std::move(response));
    };
    http.route("GET", "/", handler, {.open = true});
  }
  for (const PageFile& file : page_files()) {
    const auto handler = [&file](const http::HttpRequest& request,
                                 const std::shared_ptr<http::HttpReply>& reply) {
      send_file(file, request, *reply);
    };
    http.route("GET", std::string(file.path), handler, {.open = true});
    if (file.path == "/index.html") http.route("GET", "/", handler, {.open = true});
  }
}

}  // namespace shijian::server
