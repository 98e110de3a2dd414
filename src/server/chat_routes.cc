#include <ctime>

#include "base/error.h"
#include "server/chat_answer.h"
#include "server/chat_record.h"
#include "server/chat_request.h"
#include "server/json_fields.h"
#include "server/routes.h"

namespace shijian::server {
namespace {

// Pictures and videos may stand in the body itself, a third larger in base64 than they are.
constexpr size_t kMaxBody = size_t{64} << 20;

// On the engine's thread.
void answer_chat(Service& service, const ChatRequest& request, const CancelToken& cancel,
                 const std::shared_ptr<http::HttpReply>& reply, const std::string& id,
                 ChatRecord& record) {
  record.begin();
  const engine::Engine& engine = service.engine;
  ChatAnswer answer(request, {engine.model_name(), service.version, engine.opens_thinking()}, reply,
                    id);
  engine::RunHooks hooks;
  hooks.cancel = cancel;
  hooks.token = [&](const grounding::GeneratedToken& token, std::string_view text) {
    record.token();
    return answer.token(token, text);
  };
  try {
    const engine::Description description = service.engine.describe(request.describe, hooks);
    service.metrics.answered(description.timing, description.usage, description.reuse);
    answer.finish(description);
    record.done(description.usage);
  } catch (...) {
    const Error error = caught_error("the chat", "use fewer or smaller pictures");
    const Error shown = without_folder(error, service.library.folder());
    const Error told = request.files ? without_folder(shown, request.files->path()) : shown;
    answer.fail(told);
    record.failed(told);
  }
}

// On one of the threads for what arrives.
void accept_chat(Service& service, const std::string& body, const std::string& client,
                 const std::shared_ptr<http::HttpReply>& reply, const std::string& id) {
  std::string param;
  std::shared_ptr<ChatRecord> record;
  try {
    const auto request = std::make_shared<const ChatRequest>(read_chat_request(
        body, {service.engine.model_name(), service.library, service.fetch, reply->gone()}, param));
    CancelSource cancel;
    record = std::make_shared<ChatRecord>(id, client);
    service.calls.add({client, cancel, [&service, request, cancel, reply, id, record] {
                         answer_chat(service, *request, cancel.token(), reply, id, *record);
                       }});
    record.reset();
    reply->on_gone([cancel]() mutable { cancel.cancel(); });
  } catch (...) {
    if (record) record->refused();
    reply->send(caught_response(id, param));
  }
}

}  // namespace

void add_chat_routes(http::HttpServer& http, Service& service) {
  http.route("POST", "/v1/chat/completions",
             [&service](const http::HttpRequest& request, std::shared_ptr<http::HttpReply> reply) {
               service.executor.chat.run([&service, reply = std::move(reply), id = request.id,
                                          body = request.body, client = request.client] {
                 if (!reply->gone().cancelled()) accept_chat(service, body, client, reply, id);
               });
             },
             {.max_body = kMaxBody});
  const OrderedJson model = {{"id", service.engine.model_name()},
                             {"object", "model"},
                             {"created", std::time(nullptr)},
                             {"owned_by", "shijian"}};
  http.route("GET", "/v1/models", [model](const http::HttpRequest&, auto reply) {
    reply->send(json_response({{"object", "list"}, {"data", OrderedJson::array({model})}}));
  });
  http.route("GET", "/v1/models/{}", [model](const http::HttpRequest& request, auto reply) {
    if (request.captures[0] != model["id"]) {
      throw http::HttpError(404, fmt::format("there is no model '{}'", request.captures[0]),
                      "GET /v1/models says which there is");
    }
    reply->send(json_response(model));
  });
}

}  // namespace shijian::server
