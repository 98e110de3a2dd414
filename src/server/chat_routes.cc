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

// Who asks, and how the answer comes to them.
struct Caller {
  explicit Caller(const http::HttpRequest& request, std::shared_ptr<http::HttpReply> its_reply)
      : client(request.client),
        request_id(request.id),
        language(request.language()),
        reply(std::move(its_reply)) {}

  std::string client, request_id;
  Language language;
  std::shared_ptr<http::HttpReply> reply;
};

// On the engine's thread.
void answer_chat(RouteContext& context, const ChatRequest& request, const std::stop_token& cancel,
                 const Caller& caller, ChatRecord& record) {
  record.begin();
  const engine::Engine& engine = context.engine;
  ChatAnswer answer(request, {engine.model_name(), context.version, engine.opens_thinking()},
                    caller.reply, caller.request_id, caller.language);
  engine::RunHooks hooks;
  hooks.cancel = cancel;
  hooks.token = [&](const grounding::GeneratedToken& token, std::string_view text) {
    record.token();
    return answer.token(token, text);
  };
  try {
    const engine::Description description = context.engine.describe(request.describe, hooks);
    context.metrics.answered(description.timing, description.usage, description.reuse);
    answer.finish(description);
    record.done(description.usage);
  } catch (...) {
    const Error error = caught_error("the chat"_text, "use fewer or smaller pictures"_text);
    const Error shown = without_folder(error, context.library.folder());
    const Error told = request.files ? without_folder(shown, request.files->path()) : shown;
    answer.fail(told);
    record.failed(told);
  }
}

// Parses a chat and queues it for the engine. Runs on the chat lane.
void accept_chat(RouteContext& context, const std::string& body, const Caller& caller) {
  std::string param;
  std::shared_ptr<ChatRecord> record;
  try {
    const auto request = std::make_shared<const ChatRequest>(read_chat_request(
        body,
        {context.engine.model_name(), context.library, context.fetch, caller.reply->disconnected()},
        param));
    std::stop_source cancel;
    record = std::make_shared<ChatRecord>(caller.request_id, caller.client);
    context.calls.add({caller.client, cancel, [&context, request, cancel, caller, record] {
                         answer_chat(context, *request, cancel.get_token(), caller, *record);
                       }});
    record.reset();
    caller.reply->on_disconnect([cancel]() mutable { cancel.request_stop(); });
  } catch (...) {
    if (record) record->refused();
    caller.reply->send(caught_response(caller.request_id, param));
  }
}

}  // namespace

void add_chat_routes(http::HttpServer& http, RouteContext& context) {
  http.route("POST", "/v1/chat/completions",
             [&context](const http::HttpRequest& request, std::shared_ptr<http::HttpReply> reply) {
               context.executor.chat.run(
                   [&context, body = request.body, caller = Caller(request, std::move(reply))] {
                     if (!caller.reply->disconnected().stop_requested())
                       accept_chat(context, body, caller);
                   });
             },
             {.max_body = kMaxBody});
  const OrderedJson model = {{"id", context.engine.model_name()},
                             {"object", "model"},
                             {"created", std::time(nullptr)},
                             {"owned_by", "shijian"}};
  http.route("GET", "/v1/models", [model](const http::HttpRequest&, auto reply) {
    reply->send(json_response({{"object", "list"}, {"data", OrderedJson::array({model})}}));
  });
  http.route("GET", "/v1/models/{}", [model](const http::HttpRequest& request, auto reply) {
    if (request.captures[0] != model["id"]) {
      throw http::HttpError(404, "there is no model '{}'"_text(request.captures[0]),
                            "GET /v1/models says which there is"_text);
    }
    reply->send(json_response(model));
  });
}

}  // namespace shijian::server
