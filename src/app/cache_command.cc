#include "app/cache_command.h"

#include <fmt/chrono.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <ctime>
#include <memory>
#include <string>

#include "app/fact_table.h"
#include "app/flags.h"
#include "app/interrupt.h"
#include "base/error.h"
#include "base/json.h"
#include "cache/cache_folder.h"
#include "cache/disk_store.h"

namespace shijian::app {
namespace {

constexpr const char* kCacheFooter = R"(
Examples:
  shijian cache stats
  shijian cache verify          read every entry, remove what is damaged
  shijian cache clear --cache-dir /data/cache)";

struct CacheCommandFlags {
  std::string folder;
  bool json = false;

  cache::DiskStore store() const {
    cache::DiskStoreOptions options;
    options.folder = folder.empty() ? cache::default_cache_folder() : std::filesystem::path(folder);
    if (options.folder.empty()) {
      throw Error(ErrorCode::kUsage,
                  "cache: HOME is not set, so there is no folder to look at"_text,
                  "name it with --cache-dir"_text);
    }
    return cache::DiskStore(options);
  }
};

std::string date(int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

void print(const OrderedJson& facts, bool json) {
  write_output(json ? write_json(facts, 2) + "\n" : fact_table(facts));
}

void stats(const CacheCommandFlags& flags) {
  const cache::DiskStore store = flags.store();
  const cache::DiskUsage usage = store.usage();
  OrderedJson facts = {{"folder", store.options().folder.string()},
                       {"entries", usage.entries},
                       {"bytes", usage.bytes}};
  if (usage.entries > 0) {
    facts["oldest"] = date(usage.oldest);
    facts["newest"] = date(usage.newest);
  }
  print(facts, flags.json);
}

void clear(const CacheCommandFlags& flags) {
  cache::DiskStore store = flags.store();
  const cache::DiskUsage gone = store.clear();
  print({{"folder", store.options().folder.string()},
         {"removed", gone.entries},
         {"bytes", gone.bytes}},
        flags.json);
}

void verify(const CacheCommandFlags& flags) {
  cache::DiskStore store = flags.store();
  const cache::DiskCheck check = store.verify(interrupt_token());
  print({{"folder", store.options().folder.string()},
         {"checked", check.checked},
         {"damaged", check.damaged},
         {"bytes", check.bytes}},
        flags.json);
}

}  // namespace

void add_cache_command(CLI::App& app) {
  auto flags = std::make_shared<CacheCommandFlags>();
  CLI::App* command = app.add_subcommand("cache", "Look after what is kept on disk between runs");
  command->footer(kCacheFooter);
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* words, void (*run)(const CacheCommandFlags&)) {
    CLI::App* sub = command->add_subcommand(name, words);
    sub->add_option("--cache-dir", flags->folder,
                    "The folder (default: $XDG_CACHE_HOME/shijian or ~/.cache/shijian)")
        ->type_name("DIR");
    sub->add_flag("--json", flags->json, "Print JSON");
    sub->callback([flags, run] { run(*flags); });
  };
  add("stats", "Say how much is kept", stats);
  add("clear", "Remove everything that is kept", clear);
  add("verify", "Check every entry and remove what is damaged", verify);
}

}  // namespace shijian::app
