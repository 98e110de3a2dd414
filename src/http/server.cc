#include "http/server.h"

#include <utility>

#include "base/file.h"
#include "http/daemon.h"
#include "http/listen.h"

namespace shijian::http {

namespace {

constexpr size_t kMaxTlsFile = 1 << 20;

void require(bool condition, const Text& otherwise) {
  if (!condition) throw Error(ErrorCode::kUsage, "set up HTTP server: {}"_text(otherwise));
}

std::string read_tls_file(const std::filesystem::path& path) {
  try {
    return read_file(path, kMaxTlsFile);
  } catch (const Error& error) {
    throw Error(ErrorCode::kUsage, "start HTTP server: {}"_text(error.message_text()),
                error.hint_text());
  }
}

}  // namespace

struct HttpServer::State {
  explicit State(HttpOptions given)
      : options(std::move(given)),
        context{options,
                host_names(options.host, options.names),
                {},
                RateLimiter(options.requests_per_second),
                {}},
        daemon(context) {}

  const HttpOptions options;
  ServerContext context;
  Daemon daemon;
  int port = 0;
};

HttpServer::HttpServer(HttpOptions options) {
  require(options.idle_seconds >= 1, "the idle time is below one second"_text);
  require(options.max_connections >= 2, "fewer than two connections are allowed"_text);
  require(options.max_connections_per_client >= 1, "a client is allowed no connection"_text);
  for (const std::string& key : options.keys) require(!key.empty(), "an API key is empty"_text);
  require(options.tls_certificate.empty() == options.tls_key.empty(),
          "TLS needs a certificate and a key"_text);
  state_ = std::make_unique<State>(std::move(options));
}

HttpServer::~HttpServer() { stop(); }

void HttpServer::route(std::string method, std::string_view pattern, HttpHandler handler,
                       RouteOptions options) {
  state_->context.router.add(std::move(method), pattern, options, std::move(handler), nullptr);
}

void HttpServer::upload_route(std::string method, std::string_view pattern,
                              HttpUploadHandler handler, HttpUploadRunner runner) {
  state_->context.router.add(std::move(method), pattern, {}, nullptr, std::move(handler),
                             std::move(runner));
}

void HttpServer::session_route(const std::string& path) {
  ServerContext& context = state_->context;
  const auto answer = [&context](const HttpRequest& request, std::string_view token) {
    // Behind a proxy that speaks TLS for us, the page's origin tells.
    const bool secure = !context.options.tls_certificate.empty() ||
                        request.header("origin").starts_with("https://");
    HttpResponse response;
    response.status = 204;
    response.headers = {{"Set-Cookie", session_cookie(token, secure)}};
    return response;
  };
  route("POST", path, [&context, answer](const HttpRequest& request, auto reply) {
    if (context.options.keys.empty()) {  // everyone may do everything: there is nothing to open
      HttpResponse nothing;
      nothing.status = 204;
      reply->send(std::move(nothing));
      return;
    }
    const int key = find_key(request.header("authorization"), context.options.keys);
    if (key == 0) {  // a session does not prolong itself
      throw HttpError(401, "open session: this needs an API key of the server's key file"_text,
                      "send Authorization: Bearer KEY"_text);
    }
    const auto now = std::chrono::steady_clock::now();
    reply->send(answer(request, context.sessions.open(key, now)));
  });
  // Open: a session that has expired can be left, too.
  route("DELETE", path,
        [&context, answer](const HttpRequest& request, auto reply) {
          context.sessions.close(session_token(request));
          reply->send(answer(request, ""));
        },
        {.open = true});
}

std::vector<std::pair<std::string, std::string>> HttpServer::routes() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Route& route : state_->context.router.routes()) {
    all.emplace_back(route.method, route.pattern);
  }
  return all;
}

void HttpServer::start() {
  const HttpOptions& options = state_->options;
  std::string certificate, key;
  if (!options.tls_certificate.empty()) {
    certificate = read_tls_file(options.tls_certificate);
    key = read_tls_file(options.tls_key);
  }
  Descriptor listener = listen_on(options.host, options.port);
  state_->port = bound_port(listener);
  state_->daemon.start(std::move(listener), certificate, key);
}

int HttpServer::port() const { return state_->port; }

void HttpServer::stop(double seconds) { state_->daemon.stop(seconds); }

HttpServer::Statistics HttpServer::statistics() const { return state_->daemon.statistics(); }

}  // namespace shijian::http
