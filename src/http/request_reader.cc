#include "http/request_reader.h"

#include <chrono>
#include <utility>

#include "http/text.h"

namespace shijian::http {

namespace {
// How much of a refused body is read, so that a client that sends all before it listens gets its
// answer and may keep its connection.
constexpr uint64_t kMaxSwallowed = 4 << 20;
}  // namespace

RequestReader::RequestReader(ServerContext& context, std::shared_ptr<Exchange> exchange)
    : context_(context), exchange_(std::move(exchange)) {}

RequestReader::~RequestReader() {
  if (upload_) upload_->drop();
}

void RequestReader::guarded(const std::function<void()>& call) {
  if (!answer_errors(*exchange_, call)) refused_ = true;
}

void RequestReader::begin(const RequestHead& head, const std::string& address) {
  guarded([&] { accept(head, address); });
}

void RequestReader::accept(const RequestHead& head, const std::string& address) {
  HttpRequest& request = exchange_->request;
  request.client = address;
  read_head(head, request);
  framing_ = body_framing(request);
  framed_ = true;
  if (context_.stopping)
    throw HttpError(503, "the server is stopping"_text, "try again later"_text, 5);
  check_host(request, context_.hosts);
  check_origin(request);

  const int key = this->key();
  if (key > 0) request.client = fmt::format("key {}", key);
  if (const int wait = context_.limiter.take(request.client, std::chrono::steady_clock::now())) {
    throw HttpError(429, "too many requests"_text,
                    "at most {} a second"_text(context_.options.requests_per_second), wait);
  }

  Router::Match match = context_.router.match(request.method, request.path);
  if (!match.route) {
    if (match.allowed.empty()) throw HttpError(404, "nothing is at this path"_text);
    HttpResponse response;
    response.status = 204;
    if (request.method != "OPTIONS") {
      response = error_response(HttpError(405, "{} is not possible here"_text(request.method)),
                                request.id);
    }
    response.headers.emplace_back("Allow", match.allowed);
    refused_ = true;
    exchange_->send(std::move(response));
    return;
  }
  route_ = match.route;
  request.captures = std::move(match.captures);
  if (key == 0 && !context_.options.keys.empty() && !route_->options.open) {
    throw HttpError(401, "an API key is needed"_text,
                    "send Authorization: Bearer KEY with a key of the server's key file"_text);
  }

  if (framing_.length.value_or(0) > body_limit()) {
    throw HttpError(413,
                    "the body has {} bytes of at most {}"_text(*framing_.length, body_limit()));
  }
  if (route_->upload) {
    upload_ = std::make_shared<UploadWork>(*route_, exchange_);
    upload_->begin();
  } else if (framing_.present && route_->options.json) {
    check_json(request);
  }
}

// The place of the key that the request shows, itself or by its session, counted from 1; 0: none.
int RequestReader::key() const {
  const HttpRequest& request = exchange_->request;
  const std::string_view authorization = request.header("authorization");
  if (!authorization.empty()) return find_key(authorization, context_.options.keys);
  const int key = context_.sessions.find(session_token(request), std::chrono::steady_clock::now());
  if (key > 0) check_own_page(request);
  return key;
}

uint64_t RequestReader::body_limit() const {
  if (route_->upload) return context_.options.max_upload;
  return route_->options.max_body > 0 ? route_->options.max_body : context_.options.max_body;
}

bool RequestReader::answers_at_once() const {
  if (!refused()) return false;
  return !framed_ || (framing_.present && framing_.expects_continue) ||
         framing_.length.value_or(0) > kMaxSwallowed;
}

bool RequestReader::body(std::span<const std::byte> bytes) {
  received_ += bytes.size();
  if (!refused()) {
    guarded([&] {
      if (received_ > body_limit())
        throw HttpError(413, "the body has more than {} bytes"_text(body_limit()));
      if (upload_) {
        upload_->write(bytes);
      } else {
        exchange_->request.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      }
    });
  }
  if (refused()) swallowed_ += bytes.size();
  return swallowed_ <= kMaxSwallowed;
}

void RequestReader::dispatch() {
  if (refused() || std::exchange(dispatched_, true)) return;
  // Held until an error is answered: a reply that is dropped on the error's way would answer first.
  const auto reply = make_reply(exchange_);
  guarded([&] {
    if (upload_) {
      upload_->finish(reply);
    } else {
      route_->handler(exchange_->request, reply);
    }
  });
}

}  // namespace shijian::http
