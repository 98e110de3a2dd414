#include "app/serve_command.h"

#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/config_file.h"
#include "app/flags.h"
#include "app/interrupt.h"
#include "base/crash_note.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text_file.h"
#include "i18n/translate.h"
#include "jobs/history.h"
#include "server/routes.h"
#include "server/webhooks.h"
#include "server/worker.h"
#include "video/sandbox.h"

namespace shijian::app {
namespace {

constexpr const char* kServeFooter = R"(
Examples:
  shijian serve                              the page at http://localhost:7860
  shijian serve --videos ~/Videos --model models/Qwen3-VL-4B-Instruct
  shijian serve --host 0.0.0.0 --api-key-file keys.txt --name video.example.org

Every setting may stand in a TOML file (--config serve.toml, keys as the long names below) and in
the environment (SHIJIAN_PORT=8000). The command line goes first, then the environment.)";

struct ServeFlags {
  std::string config;
  std::string host = "127.0.0.1";
  int port = 7860;
  std::string videos = "videos";
  std::string data = "data";
  std::string key_file;
  bool no_auth = false;
  std::vector<std::string> names;
  std::string tls_certificate, tls_key;
  int64_t max_upload = int64_t{8} << 30;
  int64_t quota = int64_t{100} << 30;
  int64_t queue = 1000;
  jobs::HistoryOptions history;
  int64_t decode_memory = int64_t{4} << 30;
  int64_t prefix_memory = engine::CacheOptions().prefix_bytes;
  int prefix_bits = 32;
  double rate = 200;
  std::vector<std::string> fetch_hosts, webhook_hosts;
  std::string log_format = "text", log_level = "info";
  ModelFlags model;
};

bool is_loopback(const std::string& host) {
  return host == "127.0.0.1" || host == "::1" || host == "localhost";
}

std::vector<std::string> read_keys(const std::string& file) {
  std::vector<std::string> keys;
  // No client could send the white space around a key: its header would lose it.
  for (std::string& line : filled_lines(read_text_file(file, size_t{1} << 20))) {
    if (!line.starts_with('#')) keys.push_back(std::move(line));
  }
  if (keys.empty()) {
    throw Error(ErrorCode::kUsage, "{}: it holds no key"_text(file),
                "write one key a line, such as the output of: openssl rand -hex 24"_text);
  }
  return keys;
}

http::HttpOptions http_options(const ServeFlags& flags) {
  http::HttpOptions options;
  options.host = flags.host;
  options.port = flags.port;
  options.names = flags.names;
  options.tls_certificate = flags.tls_certificate;
  options.tls_key = flags.tls_key;
  options.max_upload = static_cast<size_t>(flags.max_upload);
  options.requests_per_second = flags.rate;
  if (!flags.key_file.empty()) options.keys = read_keys(flags.key_file);
  if (options.keys.empty() && !flags.no_auth && !is_loopback(flags.host)) {
    throw Error(
        ErrorCode::kUsage,
        "serve: {} can be reached from other machines, and no key is asked for"_text(flags.host),
        "give --api-key-file FILE, or --no-auth if everyone may use it"_text);
  }
  return options;
}

void log_request(const http::AccessRecord& record) {
  OrderedJson fields = {{"id", record.id},
                        {"client", record.client},
                        {"method", record.method},
                        {"path", record.path},
                        {"status", record.status},
                        {"bytes", record.bytes},
                        {"seconds", thousandths(record.seconds)}};
  if (record.disconnected) fields["gone"] = true;
  if (!record.problem.empty()) fields["problem"] = record.problem;
  log_event(record.status >= 500                           ? LogLevel::kError
            : record.status == 401 || record.status == 403 ? LogLevel::kWarning
                                                           : LogLevel::kInfo,
            "request", fields);
}

int64_t count_parameters(const checkpoint::Checkpoint& checkpoint) {
  int64_t count = 0;
  for (const auto& [dtype, bytes] : checkpoint.bytes_by_dtype()) {
    count += static_cast<int64_t>(bytes / tensor::dtype_size(dtype));
  }
  return count;
}

void serve(ServeFlags& flags, const char* version) {
  namespace fs = std::filesystem;
  interrupt_token();  // from now on a signal ends it in order
  set_log({flags.log_format == "json", *parse_log_level(flags.log_level)});
  video::SandboxOptions sandbox;
  sandbox.limits.memory_bytes = sandbox.encoder_memory_bytes = flags.decode_memory;
  video::start_decode_sandbox(sandbox);
  server::Metrics metrics;
  http::HttpOptions options = http_options(flags);
  options.log = [&metrics](const http::AccessRecord& record) {
    metrics.request(record);
    log_request(record);
  };
  std::error_code error;
  fs::create_directories(flags.data, error);
  if (error) throw system_error("create the directory {}"_text(flags.data), error.value());
  jobs::Store store(fs::path(flags.data) / "shijian.db");
  if (!store.notice().empty()) {
    log_event(LogLevel::kWarning, "database_replaced", {{"message", store.notice().english()}});
  }
  CrashNote crash_note(fs::path(flags.data) / "crash-note");
  jobs::JobQueue queue(store, {flags.queue, 16, crash_note.found()});
  crash_note.arm();
  if (const jobs::Store::Recovery& found = queue.recovery(); found.requeued + found.failed > 0) {
    log_event(LogLevel::kWarning, "jobs_recovered",
              {{"requeued", found.requeued}, {"failed", found.failed}});
  }
  server::Library library({flags.videos, flags.quota}, store);
  engine::EngineOptions engine_options = flags.model.engine_options();
  engine_options.cache.prefix_bytes = flags.prefix_memory;
  engine_options.cache.prefix_packed = flags.prefix_bits == 8;
  engine::Engine engine(engine_options);
  warn_of_memory(engine);
  server::Executor executor;
  server::EngineCalls calls(100, [&queue] { queue.wake(); });
  server::RouteContext context{engine,
                               store,
                               queue,
                               calls,
                               library,
                               executor,
                               metrics,
                               version,
                               engine::read_model_profile(engine_options.model),
                               count_parameters(engine.checkpoint()),
                               flags.max_upload,
                               {http::AllowedHosts(flags.fetch_hosts), flags.max_upload},
                               http::AllowedHosts(flags.webhook_hosts),
                               flags.data};
  if (const std::string weakness = video::sandbox_weakness(); !weakness.empty()) {
    log_event(LogLevel::kWarning, "system_calls_not_filtered", {{"message", weakness}});
  }
  http::HttpServer http(std::move(options));  // its routes use all of the above to their end
  server::add_routes(http, context);
  executor.files.run([&library] { library.refresh(); });  // so that the first list finds all
  http.start();
  const server::Worker worker(
      engine, queue, calls, library,
      [&metrics](const grounding::Timing& timing, const grounding::Usage& usage,
                 const grounding::Reuse& reuse) { metrics.answered(timing, usage, reuse); },
      &crash_note);
  const server::Webhooks webhooks(store, context.webhook_hosts);
  const jobs::History history(store, flags.history);
  const Text where = "http{}://{}:{}  videos in {}, model {}"_text(
      flags.tls_certificate.empty() ? "" : "s", is_loopback(flags.host) ? "localhost" : flags.host,
      http.port(), flags.videos, engine.model_name());
  fmt::print("shijian: {}\n", i18n::translate(where, i18n::reader_language()));
  std::fflush(stdout);
  wait_for_interrupt();
  log_event(LogLevel::kInfo, "stopping", {{"queued", queue.statistics().queued}});
  http.stop();
}

}  // namespace

void add_serve_command(CLI::App& app, const char* version) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command =
      app.add_subcommand("serve", "Serve the web page and the HTTP API on port 7860");
  command->footer(kServeFooter);
  command->add_option("--config", flags->config, "Read settings from this TOML file")
      ->envname("SHIJIAN_CONFIG")
      ->type_name("FILE");
  const auto option = [&](const char* names, auto& value, const char* text, const char* variable) {
    return command->add_option(names, value, text)->envname(variable);
  };
  option("--host", flags->host, "Address to listen on", "SHIJIAN_HOST")->capture_default_str();
  option("--port", flags->port, "Port; 0: any free one", "SHIJIAN_PORT")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  option("--videos", flags->videos, "Folder of the video library", "SHIJIAN_VIDEOS")
      ->capture_default_str()
      ->type_name("DIR");
  option("--data", flags->data, "Folder of the database", "SHIJIAN_DATA")
      ->capture_default_str()
      ->type_name("DIR");
  flags->model.add_to(*command);
  // Of a server alone: other commands take these, --model apart, from their command line only.
  for (const auto& [name, variable] : {std::pair("--model", "SHIJIAN_MODEL"),
                                       {"--threads", "SHIJIAN_THREADS"},
                                       {"--reference", "SHIJIAN_REFERENCE"},
                                       {"--cache-dir", "SHIJIAN_CACHE_DIR"},
                                       {"--cache-size", "SHIJIAN_CACHE_SIZE"},
                                       {"--no-cache", "SHIJIAN_NO_CACHE"}}) {
    command->get_option(name)->envname(variable);
  }
  const char* access = "Who may use it";
  option("--api-key-file", flags->key_file, "Ask for one of the keys in this file, one a line",
         "SHIJIAN_API_KEY_FILE")
      ->type_name("FILE")
      ->group(access);
  command->add_flag("--no-auth", flags->no_auth, "Ask for no key, even from other machines")
      ->envname("SHIJIAN_NO_AUTH")
      ->group(access);
  option("--name", flags->names, "A name that other machines call this server by", "SHIJIAN_NAME")
      ->group(access);
  option("--tls-certificate", flags->tls_certificate, "Serve HTTPS with this PEM file",
         "SHIJIAN_TLS_CERTIFICATE")
      ->type_name("FILE")
      ->group(access);
  option("--tls-key", flags->tls_key, "The certificate's key, PEM", "SHIJIAN_TLS_KEY")
      ->type_name("FILE")
      ->group(access);
  const char* others = "Other servers";
  option("--fetch-hosts", flags->fetch_hosts,
         "Hosts that videos may be fetched from, such as example.org or *.example.org",
         "SHIJIAN_FETCH_HOSTS")
      ->delimiter(',')
      ->group(others);
  option("--webhook-hosts", flags->webhook_hosts, "Hosts that ended jobs may be posted to",
         "SHIJIAN_WEBHOOK_HOSTS")
      ->delimiter(',')
      ->group(others);
  const char* limits = "Limits";
  const auto size = CLI::AsSizeValue(false);
  option("--max-upload", flags->max_upload, "Largest file taken (default 8GB)",
         "SHIJIAN_MAX_UPLOAD")
      ->transform(size)
      ->group(limits);
  option("--quota", flags->quota, "Size that uploads may fill the library to (default 100GB)",
         "SHIJIAN_QUOTA")
      ->transform(size)
      ->group(limits);
  option("--queue", flags->queue, "Jobs that may wait", "SHIJIAN_QUEUE")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str()
      ->group(limits);
  option("--keep-jobs", flags->history.jobs, "Ended jobs that are kept with their results; 0: all",
         "SHIJIAN_KEEP_JOBS")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40))
      ->capture_default_str()
      ->group(limits);
  option("--keep-days", flags->history.days, "Days that an ended job is kept; 0: for ever",
         "SHIJIAN_KEEP_DAYS")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str()
      ->group(limits);
  option("--decode-memory", flags->decode_memory,
         "Memory that decoding one video may take, and cutting twice (default 4GB)",
         "SHIJIAN_DECODE_MEMORY")
      ->transform(size)
      ->check(CLI::Range(int64_t{1} << 28, int64_t{1} << 40))
      ->group(limits);
  option("--prefix-memory", flags->prefix_memory,
         "Memory for prompts that were read, such as 2GB (default a quarter of what is free)",
         "SHIJIAN_PREFIX_MEMORY")
      ->transform(size)
      ->group(limits);
  option("--prefix-bits", flags->prefix_bits,
         "Bits of their keys and values: 32 gives the same answers to the bit, 8 holds 3.5 times "
         "as many prompts",
         "SHIJIAN_PREFIX_BITS")
      ->check(CLI::IsMember({8, 32}))
      ->capture_default_str()
      ->group(limits);
  option("--rate", flags->rate, "Requests a second of one client", "SHIJIAN_RATE")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(limits);
  const char* log = "Log, on standard error";
  option("--log-format", flags->log_format, "text or json", "SHIJIAN_LOG_FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str()
      ->group(log);
  option("--log-level", flags->log_level, "debug, info, warning or error; warning: no requests",
         "SHIJIAN_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str()
      ->group(log);
  command->callback([flags, command, version] {
    if (!flags->config.empty()) apply_config_file(*command, flags->config);
    serve(*flags, version);
  });
}

}  // namespace shijian::app
