#include "cache/disk_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/error.h"
#include "base/hash.h"

namespace shijian::cache {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string key_of(int number) { return content_hash(std::as_bytes(std::span(&number, 1))); }

// Bytes that do not pack, the same for the same seed.
std::string noise(size_t count, uint32_t seed = 1) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

class DiskStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/shijian-cache-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path folder() const { return root_ / "new" / "cache"; }
  DiskStore store(int64_t max_bytes = 1 << 30) const { return DiskStore({folder(), max_bytes}); }
  fs::path file_of(int number) const {
    const std::string key = key_of(number);
    return folder() / key.substr(0, 2) / (key + ".cache");
  }
  static std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void spill(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Sets the time of last use, `seconds` after a fixed moment.
  void set_used(int number, int seconds) const {
    const timespec time{1'700'000'000 + seconds, 0};
    const std::array<timespec, 2> times = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, file_of(number).c_str(), times.data(), 0), 0);
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (entry.is_regular_file()) all.push_back(entry.path().filename());
    }
    return all;
  }

  fs::path root_;
};

constexpr size_t kEnough = 1 << 20;

TEST_F(DiskStoreTest, GivesBackWhatWasStored) {
  DiskStore first = store();
  EXPECT_FALSE(first.get(key_of(1), kEnough));
  EXPECT_FALSE(fs::exists(folder()));
  const std::string plain(100'000, 'x');
  ASSERT_TRUE(first.put(key_of(1), plain));
  ASSERT_TRUE(first.put(key_of(2), noise(100'000)));
  ASSERT_TRUE(first.put(key_of(3), ""));
  EXPECT_EQ(first.get(key_of(1), kEnough), plain);
  DiskStore second = store();
  EXPECT_EQ(second.get(key_of(2), kEnough), noise(100'000));
  EXPECT_EQ(second.get(key_of(3), 0), "");
  ASSERT_TRUE(second.put(key_of(1), "other"));
  EXPECT_EQ(first.get(key_of(1), kEnough), "other");
  EXPECT_EQ(first.counters().hits, 2);
  EXPECT_EQ(first.counters().misses, 1);
  EXPECT_EQ(first.usage().entries, 3);
}

TEST_F(DiskStoreTest, PacksWherePackingPays) {
  DiskStore cache = store();
  cache.put(key_of(1), std::string(1 << 20, 'x'));
  cache.put(key_of(2), noise(100'000));
  EXPECT_LT(fs::file_size(file_of(1)), 1000u);
  EXPECT_EQ(fs::file_size(file_of(2)), 100'064u);
}

TEST_F(DiskStoreTest, IsPrivateAndMarked) {
  ASSERT_TRUE(store().put(key_of(1), "x"));
  struct stat info {};
  ASSERT_EQ(::stat(folder().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_THAT(slurp(folder() / "CACHEDIR.TAG"), testing::StartsWith("Signature: 8a477f597d28d172"));
}

TEST_F(DiskStoreTest, TornFilesAreRemovedAndCounted) {
  DiskStore cache = store();
  int64_t damaged = 0;
  for (const std::string& bytes : {noise(3000), std::string(300'000, 'x') + noise(500)}) {
    ASSERT_TRUE(cache.put(key_of(1), bytes));
    const std::string whole = slurp(file_of(1));
    for (size_t length = 0; length < whole.size(); length += 64) {
      spill(file_of(1), whole.substr(0, length));
      ASSERT_FALSE(cache.get(key_of(1), kEnough)) << length;
      ASSERT_EQ(cache.counters().damaged, ++damaged);
      ASSERT_FALSE(fs::exists(file_of(1))) << length;
    }
    spill(file_of(1), whole + "x");
    EXPECT_FALSE(cache.get(key_of(1), kEnough));
    ++damaged;
    spill(file_of(1), whole);
    EXPECT_EQ(cache.get(key_of(1), kEnough), bytes);
  }
}

TEST_F(DiskStoreTest, EveryFlippedBitIsFound) {
  DiskStore cache = store();
  for (const std::string& bytes : {noise(200), std::string(5000, 'x')}) {
    ASSERT_TRUE(cache.put(key_of(1), bytes));
    const std::string whole = slurp(file_of(1));
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string bent = whole;
      bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << bit % 8));
      spill(file_of(1), bent);
      ASSERT_FALSE(cache.get(key_of(1), kEnough)) << "bit " << bit;
    }
  }
}

// Headers that would ask for much: nothing is allocated for what the file does not hold or the
// caller does not want.
TEST_F(DiskStoreTest, LyingSizesCostNothing) {
  DiskStore cache = store();
  constexpr size_t kStoredAt = 32;
  constexpr size_t kSizeAt = 40;
  for (const std::string& bytes : {noise(1000), std::string(100'000, 'x')}) {
    ASSERT_TRUE(cache.put(key_of(1), bytes));
    const std::string whole = slurp(file_of(1));
    for (const size_t at : {kStoredAt, kSizeAt}) {
      for (const uint64_t lie : {uint64_t{0}, uint64_t{1} << 60, ~uint64_t{0}, uint64_t{999}}) {
        std::string bent = whole;
        bent.replace(at, 8, reinterpret_cast<const char*>(&lie), 8);
        spill(file_of(1), bent);
        EXPECT_FALSE(cache.get(key_of(1), size_t{1} << 62));
      }
    }
  }
  ASSERT_TRUE(cache.put(key_of(2), std::string(1 << 20, 'x')));
  EXPECT_FALSE(cache.get(key_of(2), 1000)) << "longer than asked for";
}

TEST_F(DiskStoreTest, ForeignAndStaleFilesAreRemoved) {
  DiskStore cache = store();
  ASSERT_TRUE(cache.put(key_of(1), noise(1000)));
  ASSERT_TRUE(cache.put(key_of(2), noise(1000)));
  fs::copy_file(file_of(1), file_of(2), fs::copy_options::overwrite_existing);
  EXPECT_FALSE(cache.get(key_of(2), kEnough)) << "another entry's bytes";
  EXPECT_FALSE(fs::exists(file_of(2)));
  std::string older = slurp(file_of(1));
  older[8] = 0;
  spill(file_of(1), older);
  EXPECT_FALSE(cache.get(key_of(1), kEnough));
  fs::create_directories(file_of(1));
  EXPECT_FALSE(cache.get(key_of(1), kEnough));
  EXPECT_FALSE(cache.put(key_of(1), "x"));
  EXPECT_EQ(cache.counters().failed, 1);
  fs::create_directories(file_of(3).parent_path());
  ASSERT_EQ(::mkfifo(file_of(3).c_str(), 0600), 0);
  EXPECT_FALSE(cache.get(key_of(3), kEnough)) << "and it must not wait for a writer";
}

TEST_F(DiskStoreTest, TheLeastRecentlyUsedGoFirst) {
  constexpr int64_t kEntry = 16384;  // with its header, in whole blocks
  DiskStore cache = store(10 * kEntry);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(cache.put(key_of(i), noise(kEntry - 64, static_cast<uint32_t>(i))));
    set_used(i, i);
  }
  EXPECT_EQ(cache.usage().bytes, 10 * kEntry);
  EXPECT_EQ(cache.counters().evicted, 0);
  ASSERT_TRUE(cache.get(key_of(0), kEnough));  // used just now
  ASSERT_TRUE(cache.put(key_of(10), noise(kEntry - 64)));
  // Eleven are too many; nine tenths of ten are left.
  EXPECT_EQ(cache.usage().bytes, 9 * kEntry);
  EXPECT_EQ(cache.counters().evicted, 2);
  for (int i = 0; i <= 10; ++i) {
    EXPECT_EQ(cache.get(key_of(i), kEnough).has_value(), i != 1 && i != 2) << i;
  }
}

TEST_F(DiskStoreTest, AnEntryLargerThanTheStoreIsNotStored) {
  DiskStore cache = store(10'000);
  EXPECT_FALSE(cache.put(key_of(1), noise(20'000)));
  EXPECT_THAT(cache.counters().last_failure.english(), HasSubstr("20064 bytes"));
  EXPECT_FALSE(fs::exists(file_of(1)));
}

TEST_F(DiskStoreTest, OnlyItsOwnFilesGo) {
  DiskStore cache = store();
  ASSERT_TRUE(cache.put(key_of(1), "x"));
  const fs::path shard = file_of(1).parent_path();
  const std::string forgotten = key_of(1) + ".cache.Ab3xYz";
  spill(shard / forgotten, "half");
  spill(shard / "notes.txt", "mine");
  spill(folder() / "letter.cache", "mine");
  fs::create_directories(folder() / "photos");
  spill(folder() / "photos" / (key_of(1) + ".cache"), "mine");
  const DiskUsage gone = cache.clear();
  EXPECT_EQ(gone.entries, 1);
  EXPECT_THAT(files(), testing::UnorderedElementsAre("CACHEDIR.TAG", "notes.txt", "letter.cache",
                                                     key_of(1) + ".cache"));
  EXPECT_EQ(cache.usage().entries, 0);
}

// A writer that was killed leaves its temporary file; a later one clears it away.
TEST_F(DiskStoreTest, ForgottenTemporaryFilesGo) {
  ASSERT_TRUE(store().put(key_of(1), "x"));
  const fs::path shard = file_of(1).parent_path();
  const fs::path old = shard / (key_of(1) + ".cache.Ab3xYz");
  const fs::path fresh = shard / (key_of(1) + ".cache.Ab3xYw");
  spill(old, "half");
  spill(fresh, "half");
  const std::array<timespec, 2> times = {timespec{1'700'000'000, 0}, timespec{1'700'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, old.c_str(), times.data(), 0), 0);
  ASSERT_TRUE(store().put(key_of(2), "x"));
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(fresh));
}

TEST_F(DiskStoreTest, VerifyRemovesWhatIsDamaged) {
  DiskStore cache = store();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(cache.put(key_of(i), noise(3'000'000, static_cast<uint32_t>(i))));
  }
  std::string bent = slurp(file_of(3));
  bent[2'500'000] = static_cast<char>(bent[2'500'000] ^ 1);
  spill(file_of(3), bent);
  const DiskCheck check = cache.verify();
  EXPECT_EQ(check.checked, 5);
  EXPECT_EQ(check.damaged, 1);
  EXPECT_EQ(check.bytes, 4 * 3'000'064);
  EXPECT_FALSE(fs::exists(file_of(3)));
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(cache.verify(source.get_token()), Error);
}

// Runs `body` in a child; its result is the child's exit status.
template <typename Body>
int in_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A write that stops in the middle, as on a full disk, leaves neither entry nor temporary file.
TEST_F(DiskStoreTest, AFailedWriteLeavesNothing) {
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{50'000, 50'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    DiskStore cache = store();
    if (cache.put(key_of(1), noise(100'000))) return 3;
    if (cache.counters().failed != 1 || cache.counters().last_failure.empty()) return 4;
    return cache.put(key_of(2), noise(10'000)) ? 0 : 5;
  });
  EXPECT_EQ(status, 0);
  EXPECT_THAT(files(), testing::UnorderedElementsAre("CACHEDIR.TAG", key_of(2) + ".cache"));
}

TEST_F(DiskStoreTest, AFullDiskIsSurvived) {
  fs::create_directories(folder());
  const int status = in_child([&] {
    // A file system of its own, seen by this child alone.
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 77;
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("none", folder().c_str(), "tmpfs", 0, "size=256k") != 0) return 77;
    DiskStore cache = store();
    int stored = 0;
    for (int i = 0; i < 20; ++i) stored += cache.put(key_of(i), noise(50'000));
    if (stored < 2 || stored > 5) return 2;
    if (cache.counters().failed != 20 - stored) return 3;
    if (cache.counters().last_failure.english().find("No space left") == std::string::npos)
      return 4;
    const DiskCheck check = cache.verify();
    if (check.checked != stored || check.damaged != 0) return 5;
    return cache.usage().bytes <= 256 * 1024 ? 0 : 6;
  });
  if (status == 77) GTEST_SKIP() << "no file system may be mounted here";
  EXPECT_EQ(status, 0);
}

TEST_F(DiskStoreTest, AFolderThatCannotBeWrittenIsSurvived) {
  spill(root_ / "new", "a file where a folder should be");
  DiskStore cache = store();
  EXPECT_FALSE(cache.put(key_of(1), "x"));
  EXPECT_FALSE(cache.get(key_of(1), kEnough));
  EXPECT_THAT(cache.counters().last_failure.english(), HasSubstr("new"));
  EXPECT_EQ(cache.usage().entries, 0);
  EXPECT_EQ(cache.clear().entries, 0);
}

// Two processes write, read and evict in one folder: every answer is right or missing.
TEST_F(DiskStoreTest, TwoProcessesShareAFolder) {
  constexpr int kKeys = 40;
  const auto content = [](int key) {
    return key % 2 == 0 ? noise(8000, static_cast<uint32_t>(key))
                        : std::string(40'000, static_cast<char>(key)) + noise(5000);
  };
  const auto work = [&](uint32_t seed) {
    DiskStore cache = store(150'000);  // about half of what all of them take
    int hits = 0;
    for (int i = 0; i < 600; ++i) {
      seed = seed * 1664525u + 1013904223u;
      const int key = static_cast<int>(seed >> 16) % kKeys;
      if (const auto bytes = cache.get(key_of(key), kEnough)) {
        ++hits;
        if (*bytes != content(key)) return 2;
      } else if (!cache.put(key_of(key), content(key))) {
        return 3;
      }
    }
    const DiskCounters counters = cache.counters();
    if (counters.damaged != 0 || counters.evicted == 0) return 4;
    return hits > 50 ? 0 : 5;
  };
  std::vector<pid_t> children;
  for (uint32_t seed : {1u, 2u}) {
    children.push_back(::fork());
    if (children.back() == 0) ::_exit(work(seed));
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  DiskStore cache = store(150'000);
  EXPECT_EQ(cache.verify().damaged, 0);
  EXPECT_GT(cache.usage().entries, 5);
  EXPECT_LE(cache.usage().bytes, 150'000 * 9 / 8);
  for (const fs::path& file : files()) {
    EXPECT_TRUE(file == "CACHEDIR.TAG" || file.extension() == ".cache") << file;
  }
}

}  // namespace
}  // namespace shijian::cache
