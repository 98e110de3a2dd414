#include "cache/content_hashes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.h"

namespace shijian::cache {
namespace {

namespace fs = std::filesystem;

class ContentHashesTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/shijian-hash-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path file(const std::string& name, const std::string& bytes) const {
    std::ofstream(root_ / name, std::ios::binary | std::ios::trunc) << bytes;
    return root_ / name;
  }
  static std::string hash_of(const std::string& bytes) {
    ContentHasher hasher;
    hasher.update(std::as_bytes(std::span(bytes)));
    return hasher.digest();
  }
  fs::path root_;
};

TEST_F(ContentHashesTest, IsTheHashOfTheBytes) {
  ContentHashes hashes;
  for (const size_t size : {0u, 1u, 240u, 1000u, (1u << 20), (1u << 20) + 1, 3'000'000u}) {
    const std::string bytes(size, 'q');
    EXPECT_EQ(hashes.of(file("a", bytes)), hash_of(bytes)) << size;
  }
}

TEST_F(ContentHashesTest, ReadsAFileOnceUntilItChanges) {
  ContentHashes hashes;
  const fs::path path = file("a", "one");
  EXPECT_EQ(hashes.of(path), hash_of("one"));
  fs::rename(path, root_ / "b");  // changes the inode's time, so it is read again
  fs::create_hard_link(root_ / "b", root_ / "c");
  EXPECT_EQ(hashes.of(root_ / "b"), hash_of("one"));
  const int64_t read = hashes.files_read();
  EXPECT_EQ(hashes.of(root_ / "c"), hash_of("one"));
  EXPECT_EQ(hashes.of(root_ / "b"), hash_of("one"));
  EXPECT_EQ(hashes.files_read(), read);

  // Changed in place, the old time of content put back.
  struct stat info {};
  ASSERT_EQ(::stat((root_ / "b").c_str(), &info), 0);
  file("b", "two");
  const timespec times[2] = {info.st_atim, info.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "b").c_str(), times, 0), 0);
  EXPECT_EQ(hashes.of(root_ / "b"), hash_of("two"));
  // Another file under the name.
  fs::rename(file("d", "three"), root_ / "b");
  EXPECT_EQ(hashes.of(root_ / "b"), hash_of("three"));
}

TEST_F(ContentHashesTest, StateFollowsTheFile) {
  const fs::path path = file("a", "one");
  const std::string before = file_state(path);
  EXPECT_NE(before, "");
  EXPECT_EQ(file_state(path), before);
  fs::rename(file("b", "one"), path);
  EXPECT_NE(file_state(path), before);
  EXPECT_EQ(file_state(root_ / "missing"), "");
}

TEST_F(ContentHashesTest, Refuses) {
  ContentHashes hashes;
  EXPECT_THROW(hashes.of(root_ / "missing"), Error);
  EXPECT_THROW(hashes.of(root_), Error);
  ASSERT_EQ(::mkfifo((root_ / "fifo").c_str(), 0600), 0);
  EXPECT_THROW(hashes.of(root_ / "fifo"), Error);
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(hashes.of(file("a", "x"), source.get_token()), Error);
}

// The hash of "abc" is FIPS 180-4's own example.
TEST(ContentHasher, IsSha256) {
  ContentHasher hasher;
  for (const char c : {'a', 'b', 'c'}) hasher.update(std::as_bytes(std::span(&c, 1)));
  EXPECT_EQ(hasher.digest(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace shijian::cache
