// HTTP server: listens, parses, enforces limits and routes. Callers define what a route does.
//
// Handlers run on the server's few threads and must not block: they parse, validate, enqueue, and
// answer at once or later, from any thread, through the Reply. (libmicrohttpd underneath: one
// epoll loop a thread; a connection that waits for its reply or its stream is suspended. What it
// cannot read as HTTP at all, it refuses by itself: 400, 414, 431 or 505 without the JSON of an
// error and without X-Request-Id, and closes.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"

namespace shijian::http {

// Request as a handler receives it. Valid only while the handler runs; copy what is needed later.
struct HttpRequest {
  std::string method;                        // "GET"; HEAD is routed as GET, its body left out
  std::string path;                          // percent-decoded, UTF-8, no NUL, no "." or ".." part
  std::vector<std::string> captures;         // what stood at the route's {} places, decoded
  std::map<std::string, std::string> query;  // decoded; a repeated name is a 400
  std::map<std::string, std::string> headers;  // names in lower case; repeated ones joined by ", "
  std::string body;                            // empty on upload routes
  std::string client;                          // the peer's address, or the name of its API key
  std::string id;                              // stands in X-Request-Id and in the log

  std::string_view header(const std::string& lower_case_name) const;  // empty when absent
  Language language() const;  // that its client reads, by Accept-Language
};

// A body that comes in pieces over time, such as server-sent events. Thread-safe. Shared by the
// connection, which reads, and whoever writes.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  // Queues a piece. Returns false and drops the piece when the client has disconnected or more than
  // 1 MiB would be queued.
  virtual bool write(std::string piece) = 0;
  virtual void close() = 0;  // ends the stream after the queued pieces
};

inline constexpr std::string_view kJsonType = "application/json";

// An error as clients see it, before it is known in which language.
struct ErrorBody {
  std::string code;  // "not_found": the word of docs/api.md for the status
  Text message, hint;
  std::string type;   // by which clients of the OpenAI API tell errors apart
  std::string param;  // the part of the request that is wrong; empty where none is known
  std::string request_id;
};

// {"error": {…}} on one line.
std::string error_json(const ErrorBody& error, Language language);

struct HttpResponse {
  int status = 200;
  std::string content_type = std::string(kJsonType);
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<ErrorBody> error;             // instead of body: JSON in the client's language
  std::optional<std::filesystem::path> file;  // instead of body; ranges are answered from it
  bool stream = false;                        // instead of body: send() returns the stream
  std::string problem = {};                   // what the log says went wrong; clients do not see it
};

// An error with a status of its own, where the code of Error does not say it (409, 413, 415, 429).
class HttpError : public Error {
 public:
  HttpError(int status, const Text& message, Text hint = {}, int retry_after = 0);
  int status() const { return status_; }
  int retry_after() const { return retry_after_; }  // seconds; 0: no such header

 private:
  int status_;
  int retry_after_;
};

// The answer that tells of an error, the status by its code (docs/api.md). `param` is the part of
// the request that is wrong, where that is known. Messages carry no local path: whoever makes the
// Error for a client sees to it. What becomes a 500 is not shown to clients at all; the log has it,
// as it has the message of every error that was an answer.
HttpResponse error_response(const Error& error, const std::string& request_id,
                            const std::string& param = {});

// Answered once; the second send() is ignored. When the last reference goes without an answer the
// client gets a 500. Thread-safe.
class HttpReply {
 public:
  virtual ~HttpReply() = default;
  // A stream, for a response that is one (never null then), which closes when it is dropped.
  virtual std::shared_ptr<HttpStream> send(HttpResponse response) = 0;
  // Returns a token whose stop is requested when the client disconnects before the answer or the
  // stream has ended.
  virtual std::stop_token disconnected() const = 0;
  // Registers a callback for that event. A server thread calls it once, or on_disconnect() itself
  // does when the client has already disconnected. The callback must not throw; it is dropped
  // uncalled when the answer is complete.
  virtual void on_disconnect(std::function<void()> callback) = 0;
};

using HttpHandler = std::function<void(const HttpRequest&, std::shared_ptr<HttpReply>)>;

// Receives a body in pieces. Destroyed without finish() when the upload is interrupted, else after
// it. The route's HttpUploadRunner runs every call, construction included, one after the other on
// threads of its choice; the connection is suspended meanwhile.
class HttpUpload {
 public:
  virtual ~HttpUpload() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;  // an Error ends the upload with it
  virtual void finish(std::shared_ptr<HttpReply> reply) = 0;
};
using HttpUploadHandler = std::function<std::unique_ptr<HttpUpload>(const HttpRequest&)>;
// Runs a task soon, on a thread that may wait for the disk. Throws an Error when too many wait; the
// upload is refused with it.
using HttpUploadRunner = std::function<void(std::function<void()>)>;

// What the log says of one request, when it is over. Called on a server thread; must not throw.
struct AccessRecord {
  std::string id, client, method;
  std::string path;           // as it was sent, without the query
  std::string route;          // the pattern that it belongs to; "" for none
  int status = 0;             // 0: cut before there was an answer
  int64_t bytes = 0;          // of the answer's body
  double seconds = 0;         // from the request's first line to the answer's end
  bool disconnected = false;  // the client did not wait for the end
  std::string problem;  // the message of an Error that was the answer, or of what made it a 500
};

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 7860;                 // 0: any free one
  std::vector<std::string> names;  // further names that a Host header may carry
  std::vector<std::string> keys;   // API keys; empty: none needed
  std::filesystem::path tls_certificate, tls_key;
  size_t max_body = size_t{1} << 20;  // bytes of an ordinary route's body
  size_t max_upload = size_t{8} << 30;
  int max_connections = 1000;
  int max_connections_per_client = 300;
  double requests_per_second = 200;  // of one client, with a burst of twice as many
  int idle_seconds = 30;             // a connection that says nothing; streams are exempt
  std::function<void(const AccessRecord&)> log;
};

// `open`: needs no key (health, the page's own files).
struct HttpRouteOptions {
  bool open = false;
  bool json = true;     // a body must be application/json
  size_t max_body = 0;  // bytes; 0: as HttpOptions has it
};

class HttpServer {
 public:
  using RouteOptions = HttpRouteOptions;

  explicit HttpServer(HttpOptions options);  // Error(kUsage): they make no sense
  ~HttpServer();                             // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Pattern: "/api/v1/jobs/{}/cancel"; {} is one whole part, and a part written out goes before
  // it. Routes are added before start(). A handler that throws an Error answers with it; anything
  // else thrown is a 500 and a line in the log.
  void route(std::string method, std::string_view pattern, HttpHandler handler,
             RouteOptions options = {});
  // Without a runner the server's own threads do it all.
  void upload_route(std::string method, std::string_view pattern, HttpUploadHandler handler,
                    HttpUploadRunner runner = {});
  // For browsers. POST with an API key starts a session: a cookie that counts as the key, for the
  // server's own page alone. DELETE ends it.
  void session_route(const std::string& path);

  // Method and pattern of every route, in the order in which they were added.
  std::vector<std::pair<std::string, std::string>> routes() const;

  // Binds and listens. Error(kUsage) for an address that is taken or not ours, or bad TLS files.
  void start();
  int port() const;
  // Refuses new connections, ends streams, waits up to `seconds` for running replies and answers
  // the others with 503. Not from a handler.
  void stop(double seconds = 5);

  struct Statistics {
    int64_t connections = 0;  // open now
    int64_t requests = 0;     // so far
    int64_t errors = 0;       // answers of 500 and above
  };
  Statistics statistics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shijian::http
