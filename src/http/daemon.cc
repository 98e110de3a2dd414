#include "http/daemon.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "base/splitmix.h"
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

// Connections beyond the limit, each of which has another one cut.
constexpr size_t kSpareConnections = 8;
// Descriptors that are left for files, sockets and processes of what the server does: a call
// in a decoding child alone holds three, and several run at once.
constexpr rlim_t kTaskDescriptors = 48;

// As many connections as `wanted` and the process's descriptors allow; more are asked for.
size_t allowed_connections(size_t wanted) {
  rlim_t open = 0;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at("/proc/self/fd", ignored), end; at != end;
       at.increment(ignored)) {
    ++open;
  }
  const rlim_t others = open + kTaskDescriptors + kSpareConnections;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < others + wanted && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::min<rlim_t>(others + wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlim_t left = limit.rlim_cur > others ? limit.rlim_cur - others : 0;
  return std::clamp<size_t>(left, 4, std::max<size_t>(wanted, 4));
}

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

struct Daemon::Connection {
  uint64_t id = 0;  // in the watcher
  int socket = -1;
  std::string address;
};

// One request, from its first line to the end of its answer.
struct Daemon::RequestState {
  std::string target;
  std::shared_ptr<Exchange> exchange;
  RequestReader reader;
  std::string method = {};  // "" until the head is complete
  bool at_head = false;     // it is complete, and the request not yet accepted or refused
  Clock::time_point start = Clock::now();
};

Daemon::Daemon(ServerContext& context)
    : context_(context),
      id_seed_(uint64_t{std::random_device{}()} << 32 | std::random_device{}()) {}

void Daemon::start(Descriptor listener, const std::string& tls_certificate,
                   const std::string& tls_key) {
  const std::lock_guard lock(life_);
  CHECK(!daemon_);
  const HttpOptions& options = context_.options;
  max_connections_ = allowed_connections(static_cast<size_t>(options.max_connections));
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
  std::vector<MHD_OptionItem> items = {
      {MHD_OPTION_LISTEN_SOCKET, listener.release(), nullptr},
      {MHD_OPTION_THREAD_POOL_SIZE, kThreads, nullptr},
      // Each thread has its half of this, and one of them may have all.
      {MHD_OPTION_CONNECTION_LIMIT,
       static_cast<intptr_t>(kThreads * (max_connections_ + kSpareConnections)), nullptr},
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
      throw Error(ErrorCode::kInternal, "start HTTP server: libmicrohttpd refuses"_text);
    throw Error(ErrorCode::kUsage,
                "start HTTP server: {} and {} are no certificate and its key"_text(
                    options.tls_certificate.string(), options.tls_key.string()),
                "both are PEM files; the key is not encrypted and belongs to the certificate"_text);
  }
}

// Libmicrohttpd's own way to stop listening (MHD_quiesce_daemon) can abort the process when a
// connection comes in at that moment, so connections are turned away one by one instead.
void Daemon::stop(double seconds) {
  const std::lock_guard lock(life_);
  if (!daemon_) return;
  context_.stopping = true;
  for_each_exchange([](Exchange& exchange) { exchange.close_stream(); });
  if (!wait_until_idle(seconds)) {
    const HttpError stopping(503, "the server is stopping"_text, "try again later"_text, 5);
    for_each_exchange([&](Exchange& exchange) { exchange.send_error(stopping); });
    wait_until_idle(kLastAnswerSeconds);
  }
  abandoning_ = true;
  for_each_exchange([](Exchange& exchange) { exchange.abandon(); });
  MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
}

HttpServer::Statistics Daemon::statistics() const {
  return {.connections = static_cast<int64_t>(watcher_.size()),
          .requests = static_cast<int64_t>(requests_),
          .errors = static_cast<int64_t>(errors_)};
}

MHD_Result Daemon::on_accept(void* self, const sockaddr*, socklen_t) {
  auto& daemon = *static_cast<Daemon*>(self);
  if (daemon.context_.stopping) return MHD_NO;
  const size_t open = daemon.watcher_.size();
  if (open < daemon.max_connections_) return MHD_YES;
  // Closes an inactive connection for this one; a few spare ones remain when all are active.
  daemon.watcher_.cut_one();
  return open < daemon.max_connections_ + kSpareConnections ? MHD_YES : MHD_NO;
}

void Daemon::on_connection(void* self, MHD_Connection* connection, void** context,
                           MHD_ConnectionNotificationCode code) {
  auto& daemon = *static_cast<Daemon*>(self);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    auto* peer = new Connection;
    peer->socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    peer->address = peer_address(
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    peer->id = daemon.watcher_.opened(peer->socket, daemon.idle_deadline());
    *context = peer;
  } else {
    const std::unique_ptr<Connection> peer(static_cast<Connection*>(*context));
    daemon.watcher_.closed(peer->id);
  }
}

Daemon::Connection& Daemon::connection_of(MHD_Connection* connection) {
  return *static_cast<Connection*>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
}

void* Daemon::on_request_line(void* self, const char* target, MHD_Connection* connection) {
  auto& daemon = *static_cast<Daemon*>(self);
  const auto exchange = std::make_shared<Exchange>(connection, daemon.next_id());
  {
    const std::lock_guard lock(daemon.mutex_);
    daemon.active_.insert(exchange);
  }
  daemon.watcher_.set_busy(connection_of(connection).id, true);
  if (daemon.abandoning_) exchange->abandon();
  return new RequestState{target ? target : "", exchange, RequestReader(daemon.context_, exchange)};
}

MHD_Result Daemon::on_request(void* self, MHD_Connection* connection, const char*,
                              const char* method, const char* version, const char* piece,
                              size_t* size, void** context) {
  try {
    return static_cast<Daemon*>(self)->advance(connection, method, version, piece, size,
                                               *static_cast<RequestState*>(*context));
  } catch (...) {
    return MHD_NO;  // no memory even for an answer
  }
}

MHD_Result Daemon::advance(MHD_Connection* connection, const char* method, const char* version,
                           const char* piece, size_t* size, RequestState& state) {
  const Connection& peer = connection_of(connection);
  if (state.method.empty()) {
    state.method = method;
    state.exchange->chunks = std::string_view(version) != "HTTP/1.0";
    state.reader.begin(head_of(connection, method, state.target), peer.address);
    state.at_head = true;
  }
  if (state.exchange->waits_for_work()) {  // nothing is taken: it comes again
    watcher_.set_deadline(peer.id, Clock::time_point::max());
    return MHD_YES;
  }
  if (state.exchange->has_ended()) return MHD_NO;
  if (std::exchange(state.at_head, false)) {
    if (state.reader.answers_at_once()) return state.exchange->proceed();
  } else if (*size > 0) {
    const bool more = state.reader.body(std::as_bytes(std::span(piece, *size)));
    *size = 0;
    if (!more) {
      if (context_.options.tls_certificate.empty()) state.exchange->write_answer(peer.socket);
      return MHD_NO;
    }
  } else {
    watcher_.set_deadline(peer.id, Clock::time_point::max());
    state.reader.dispatch();
    // Registers the exchange after dispatch(), so that a client that has already closed its side
    // still receives an answer that is available at once.
    watcher_.set_exchange(peer.id, state.exchange);
    return state.exchange->proceed();
  }
  const auto allowed = std::chrono::seconds(context_.options.idle_seconds +
                                            state.reader.received() / kSlowestBytesPerSecond);
  watcher_.set_deadline(peer.id, state.start + allowed);
  return MHD_YES;
}

void Daemon::on_completed(void* self, MHD_Connection* connection, void** context,
                          MHD_RequestTerminationCode code) {
  auto& daemon = *static_cast<Daemon*>(self);
  const std::unique_ptr<RequestState> state(
      static_cast<RequestState*>(std::exchange(*context, nullptr)));
  if (!state) return;
  const Connection& peer = connection_of(connection);
  daemon.watcher_.set_exchange(peer.id, nullptr);
  daemon.watcher_.set_busy(peer.id, false);
  daemon.watcher_.set_deadline(peer.id, daemon.idle_deadline());
  state->exchange->completed(code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
  Exchange::Outcome outcome = state->exchange->outcome();
  if (outcome.status == 0) {  // what the library refused by itself
    const auto* status = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    if (status) outcome.status = static_cast<int>(status->http_status);
  }
  if (outcome.status >= 500) ++daemon.errors_;
  daemon.log(*state, peer, outcome);
  const std::lock_guard lock(daemon.mutex_);
  daemon.active_.erase(state->exchange);
  if (daemon.active_.empty()) daemon.idle_.notify_all();
}

void Daemon::log(const RequestState& state, const Connection& peer,
                 const Exchange::Outcome& outcome) const {
  if (!context_.options.log) return;
  const HttpRequest& request = state.exchange->request;
  context_.options.log(
      {.id = request.id,
       .client = request.client.empty() ? peer.address : request.client,
       .method = state.method,
       .path = state.target.substr(0, state.target.find('?')),
       .route = state.reader.route() ? state.reader.route()->pattern : "",
       .status = outcome.status,
       .bytes = outcome.bytes,
       .seconds = std::chrono::duration<double>(Clock::now() - state.start).count(),
       .disconnected = outcome.disconnected,
       .problem = outcome.problem});
}

// Sixteen digits that do not repeat (SplitMix64 is a bijection) and tell nobody how many there
// were.
std::string Daemon::next_id() {
  return fmt::format("{:016x}", scatter64(id_seed_ + ++requests_ * kSplitMixStep));
}

Daemon::Clock::time_point Daemon::idle_deadline() const {
  return Clock::now() + std::chrono::seconds(context_.options.idle_seconds);
}

bool Daemon::wait_until_idle(double seconds) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, std::chrono::duration<double>(seconds),
                        [&] { return active_.empty(); });
}

template <typename Act>
void Daemon::for_each_exchange(const Act& act) {
  std::unique_lock lock(mutex_);
  const auto active = active_;
  lock.unlock();
  for (const auto& exchange : active) act(*exchange);
}

}  // namespace shijian::http
