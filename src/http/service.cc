#include "http/service.h"

#include <random>
#include <span>
#include <utility>
#include <vector>

#include "http/listen.h"
#include "http/request.h"

namespace shijian::http {

namespace {

constexpr unsigned kThreads = 2;
// Memory of one connection: its head with the table of its headers, then pieces of bodies.
constexpr size_t kConnectionMemory = 64 << 10;
// A body may take the idle time, and a second more for each of these.
constexpr uint64_t kSlowestBytesPerSecond = 8 << 10;
// How long stop() waits for its last answers to reach their clients.
constexpr double kLastAnswerSeconds = 1;

RequestHead head_of(MHD_Connection* connection, const char* method, const std::string& target) {
  RequestHead head{method, target, {}, 0};
  MHD_get_connection_values_n(
      connection, MHD_HEADER_KIND,
      [](void* self, MHD_ValueKind, const char* name, size_t name_size, const char* value,
         size_t value_size) {
        static_cast<RequestHead*>(self)->headers.emplace_back(
            std::string(name, name_size), value ? std::string(value, value_size) : std::string());
        return MHD_YES;
      },
      &head);
  head.bytes =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
  return head;
}

}  // namespace

struct Service::Connection {
  uint64_t id = 0;  // in the watch
  int socket = -1;
  std::string address;
};

// One request, from its first line to the end of its answer.
struct Service::Visit {
  std::string target;
  std::shared_ptr<Exchange> exchange;
  Intake intake;
  std::string method = {};  // "" until the head is complete
  Clock::time_point start = Clock::now();
};

Service::Service(House& house)
    : house_(house), id_seed_(uint64_t{std::random_device{}()} << 32 | std::random_device{}()) {}

void Service::start(Descriptor listener, const std::string& tls_certificate,
                    const std::string& tls_key) {
  const std::lock_guard lock(life_);
  CHECK(!daemon_);
  const HttpOptions& options = house_.options;
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
  std::vector<MHD_OptionItem> items = {
      {MHD_OPTION_LISTEN_SOCKET, listener.release(), nullptr},
      {MHD_OPTION_THREAD_POOL_SIZE, kThreads, nullptr},
      {MHD_OPTION_CONNECTION_LIMIT, options.max_connections, nullptr},
      {MHD_OPTION_PER_IP_CONNECTION_LIMIT, options.max_connections_per_client, nullptr},
      {MHD_OPTION_CONNECTION_TIMEOUT, options.idle_seconds, nullptr},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, nullptr},
      {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<intptr_t>(&on_connection), this},
      {MHD_OPTION_URI_LOG_CALLBACK, reinterpret_cast<intptr_t>(&on_request_line), this},
      {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<intptr_t>(&on_completed), this},
  };
  if (!tls_certificate.empty()) {
    flags |= MHD_USE_TLS;
    items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(tls_certificate.c_str())});
    items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(tls_key.c_str())});
  }
  items.push_back({MHD_OPTION_END, 0, nullptr});
  daemon_ = MHD_start_daemon(flags, 0, &on_accept, this, &on_request, this, MHD_OPTION_ARRAY,
                             items.data(), MHD_OPTION_END);
  if (!daemon_) {
    if (tls_certificate.empty())
      throw Error(ErrorCode::kInternal, "start HTTP server: libmicrohttpd refuses");
    throw Error(ErrorCode::kUsage,
                fmt::format("start HTTP server: {} and {} are no certificate and its key",
                            options.tls_certificate.string(), options.tls_key.string()),
                "both are PEM files; the key is not encrypted and belongs to the certificate");
  }
}

// Libmicrohttpd's own way to stop listening (MHD_quiesce_daemon) can abort the process when a
// connection comes in at that moment, so connections are turned away one by one instead.
void Service::stop(double seconds) {
  const std::lock_guard lock(life_);
  if (!daemon_) return;
  house_.stopping = true;
  for_each_exchange([](Exchange& exchange) { exchange.close_stream(); });
  if (!wait_until_idle(seconds)) {
    const HttpError stopping(503, "the server is stopping", "try again later", 5);
    for_each_exchange([&](Exchange& exchange) { exchange.send_error(stopping); });
    wait_until_idle(kLastAnswerSeconds);
  }
  abandoning_ = true;
  for_each_exchange([](Exchange& exchange) { exchange.abandon(); });
  MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
}

HttpServer::Statistics Service::statistics() const {
  return {.connections = static_cast<int64_t>(watch_.size()),
          .requests = static_cast<int64_t>(requests_),
          .errors = static_cast<int64_t>(errors_)};
}

MHD_Result Service::on_accept(void* self, const sockaddr*, socklen_t) {
  return static_cast<Service*>(self)->house_.stopping ? MHD_NO : MHD_YES;
}

void Service::on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code) {
  auto& service = *static_cast<Service*>(self);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    auto* peer = new Connection;
    peer->socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    peer->address = peer_address(
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    peer->id = service.watch_.opened(peer->socket, service.idle_deadline());
    *context = peer;
  } else {
    const std::unique_ptr<Connection> peer(static_cast<Connection*>(*context));
    service.watch_.closed(peer->id);
  }
}

Service::Connection& Service::connection_of(MHD_Connection* connection) {
  return *static_cast<Connection*>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
}

void* Service::on_request_line(void* self, const char* target, MHD_Connection* connection) {
  auto& service = *static_cast<Service*>(self);
  const auto exchange = std::make_shared<Exchange>(connection, service.next_id());
  {
    const std::lock_guard lock(service.mutex_);
    service.active_.insert(exchange);
  }
  if (service.abandoning_) exchange->abandon();
  return new Visit{target ? target : "", exchange, Intake(service.house_, exchange)};
}

MHD_Result Service::on_request(void* self, MHD_Connection* connection, const char*,
                               const char* method, const char* version, const char* piece,
                               size_t* size, void** context) {
  try {
    return static_cast<Service*>(self)->advance(connection, method, version, piece, size,
                                                *static_cast<Visit*>(*context));
  } catch (...) {
    return MHD_NO;  // no memory even for an answer
  }
}

MHD_Result Service::advance(MHD_Connection* connection, const char* method, const char* version,
                            const char* piece, size_t* size, Visit& visit) {
  const Connection& peer = connection_of(connection);
  if (visit.method.empty()) {
    visit.method = method;
    visit.exchange->chunks = std::string_view(version) != "HTTP/1.0";
    visit.intake.begin(head_of(connection, method, visit.target), peer.address);
    if (visit.intake.answers_at_once()) return visit.exchange->proceed();
  } else if (*size > 0) {
    const bool more = visit.intake.body(std::as_bytes(std::span(piece, *size)));
    *size = 0;
    if (!more) {
      if (house_.options.tls_certificate.empty()) visit.exchange->write_answer(peer.socket);
      return MHD_NO;
    }
  } else {
    watch_.set_deadline(peer.id, Clock::time_point::max());
    visit.intake.dispatch();
    // Only now: who has closed its side already still gets an answer that is there at once.
    watch_.set_exchange(peer.id, visit.exchange);
    return visit.exchange->proceed();
  }
  const auto allowed = std::chrono::seconds(house_.options.idle_seconds +
                                            visit.intake.received() / kSlowestBytesPerSecond);
  watch_.set_deadline(peer.id, visit.start + allowed);
  return MHD_YES;
}

void Service::on_completed(void* self, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode code) {
  auto& service = *static_cast<Service*>(self);
  const std::unique_ptr<Visit> visit(static_cast<Visit*>(std::exchange(*context, nullptr)));
  if (!visit) return;
  const Connection& peer = connection_of(connection);
  service.watch_.set_exchange(peer.id, nullptr);
  service.watch_.set_deadline(peer.id, service.idle_deadline());
  visit->exchange->completed(code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
  Exchange::Outcome outcome = visit->exchange->outcome();
  if (outcome.status == 0) {  // what the library refused by itself
    const auto* status = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    if (status) outcome.status = static_cast<int>(status->http_status);
  }
  if (outcome.status >= 500) ++service.errors_;
  service.log(*visit, peer, outcome);
  const std::lock_guard lock(service.mutex_);
  service.active_.erase(visit->exchange);
  if (service.active_.empty()) service.idle_.notify_all();
}

void Service::log(const Visit& visit, const Connection& peer,
                  const Exchange::Outcome& outcome) const {
  if (!house_.options.log) return;
  const HttpRequest& request = visit.exchange->request;
  house_.options.log({.id = request.id,
                      .client = request.client.empty() ? peer.address : request.client,
                      .method = visit.method,
                      .path = visit.target.substr(0, visit.target.find('?')),
                      .route = visit.intake.route() ? visit.intake.route()->pattern : "",
                      .status = outcome.status,
                      .bytes = outcome.bytes,
                      .seconds = std::chrono::duration<double>(Clock::now() - visit.start).count(),
                      .gone = outcome.gone,
                      .problem = outcome.problem});
}

// Sixteen digits that do not repeat (SplitMix64 is a bijection) and tell nobody how many there
// were.
std::string Service::next_id() {
  uint64_t value = id_seed_ + ++requests_ * 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return fmt::format("{:016x}", value ^ value >> 31);
}

Service::Clock::time_point Service::idle_deadline() const {
  return Clock::now() + std::chrono::seconds(house_.options.idle_seconds);
}

bool Service::wait_until_idle(double seconds) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, std::chrono::duration<double>(seconds),
                        [&] { return active_.empty(); });
}

template <typename Act>
void Service::for_each_exchange(const Act& act) {
  std::unique_lock lock(mutex_);
  const auto active = active_;
  lock.unlock();
  for (const auto& exchange : active) act(*exchange);
}

}  // namespace shijian::http
